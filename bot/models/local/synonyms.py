"""Words that help desks and their customers use for one thing, close enough to look up for another.

Narrower than the thesaurus of ``concepts``, which only has to tell labels apart: whoever asks for a
*sensor's values* is answered by an article on a *probe's readings*. A line is a group; its words
and phrases are parted by commas. Written by hand for this project.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.models.local.words import stem, stems

_GROUPS = """
cancel, cancelling, cancelled, canceling, canceled, cancellation, unsubscribe, terminate, quit
plan, subscription, subscribe, membership, tier
probe, sensor, detector, gauge
reading, value, measurement, data point
wrong, incorrect, inaccurate, false, not right, not correct, mistaken
delivery, deliver, delivering, delivered, shipping, ship, shipped, shipment, dispatch
parcel, package, packet, shipment, my order, the order, an order
return, returning, returned, send back, sending back, sent back, bring back
refund, refunding, refunded, money back, reimburse, reimbursement, pay back, paid back
renew, renewal, renewed, renews, another year
password, passcode, passphrase
sign in, signing in, signed in, log in, login, logging in, logged in, log on, logon, sign on
e mail, email
e mail, address
address, street, postcode, zip code
invoice, bill, receipt
card, credit card, debit card
charge, charged, charging, billed, debited, deducted
twice, double, duplicate, two times, two charges
wi fi, wifi, wlan, wireless
customs, import tax, import duty, duty, tariff
damaged, damage, broken, cracked, crushed, smashed
faulty, defective, fault, dead
warranty, guarantee, broke, defective, faulty, replacement
two step, two factor, 2fa, mfa, second factor, authenticator, authentication
code, digit code, one time code
upgrade, upgrading, larger plan, bigger plan, move up, moving up, larger, bigger
downgrade, downgrading, smaller plan, move down, moving down, smaller
upgrade, downgrade, change plan, change the plan
cost, price, pricing, fee, how much
invite, inviting, invitation, add someone, add my, give access, share access, give someone access
people, person, someone, somebody, colleague, coworker, employee, member, team, user, friend, wife,
  husband, partner, neighbour, neighbor, staff
owner, ownership
csv, spreadsheet, excel, table
export, exporting, exported, download, downloading
delete, deleting, deleted, erase, erasing, erased, erasure
app, application
crash, crashes, crashing, closes by itself, close by itself, shuts down
slow, slowly, laggy
blank, empty, not load, not show
alert, notification, warning, warn, alarm, notify
text message, sms, texts
watering, water, irrigate, irrigation
automatic, automatically, automate
rain, rains, raining, rainy
offline, disconnected, no connection, unreachable, not connected, lost connection, not online
offline, not work, stopped working, stop working, out of order, does nothing
stopped reporting, not report, no data, no readings, no longer reports, stopped sending, not sending
locked, locked out, lock, too many attempts, blocked
forgot, forgotten, forget, lost, reset, resetting
phone, mobile, smartphone, cell, cellphone, handset
pay, paying, paid, payment
failed, fail, declined, rejected, refused, bounced, not accepted, not accept
expired, expire, expiry
change, changing, changed, update, updating, updated, replace, edit, modify, switch
set up, setting up, configure, new
connect, connecting, pair, pairing
track, tracking, locate
where is my parcel, where is my order, where my order, where my parcel, where is my package,
  where my package, where is my delivery, track parcel, track order, track my order
parcel, not arrived, has not arrived, not received, not there, not come
missing, lacking, left out
how long, how fast, how quickly, how soon, how many days, business days
calibrate, calibrating, calibration
switch it on, turn on, turning on, switch on, enable, activate
switch it off, turn off, switch off, disable, deactivate
country, countries, abroad, overseas, international
"""

# *send the hub back* is *send back*.
_APART = re.compile(
    r"\b(send|sending|sent|bring|give|pay|take|turn|switch|switched) ((?:\w+ ){1,3})"
    r"(back|on|off)\b",
    re.IGNORECASE,
)
_ENDINGS = ("", "s", "e", "es", "ing", "ed", "ation")


def root(word: str) -> str:
    """A word's stem, a doubled last letter single: the same for *cancel* and *cancelling*."""
    return _single(stem(word))


def roots(text: str) -> list[str]:
    """The roots of a text's words in their order."""
    return [_single(short) for short in stems(_APART.sub(r"\1 \3 \2", text))]


def _single(short: str) -> str:
    return short[:-1] if len(short) > 3 and short[-1] == short[-2] and short[-1] in "lst" else short


@lru_cache(maxsize=1)
def _groups() -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(phrase.strip() for phrase in line.split(","))
        for line in _GROUPS.replace("\n  ", " ").strip().splitlines()
    )


@lru_cache(maxsize=1)
def _begins() -> dict[str, tuple[tuple[tuple[str, ...], int], ...]]:
    """By its first root: each word and phrase that begins so, with its group's number."""
    begins: dict[str, dict[tuple[tuple[str, ...], int], None]] = {}
    for number, group in enumerate(_groups()):
        for phrase in group:
            said = tuple(roots(phrase))
            begins.setdefault(said[0], {})[said, number] = None
    return {first: tuple(entries) for first, entries in begins.items()}


def groups_at(said: list[str]) -> list[tuple[int, int, int]]:
    """Where a text given as roots names a group: (first place, place after the last, group)."""
    begins = _begins()
    return [
        (place, place + len(phrase), number)
        for place, first in enumerate(said)
        for phrase, number in begins.get(first, ())
        if tuple(said[place : place + len(phrase)]) == phrase
    ]


def words_of(group: int) -> tuple[str, ...]:
    """The words and phrases of a group."""
    return _groups()[group]


def forms(word: str) -> tuple[str, ...]:
    """Other forms that an English word may have; some of them are no words, which does no harm."""
    short = stem(word.casefold())
    single = [short + ending for ending in _ENDINGS]
    return (*single, *(short + short[-1] + ending for ending in ("ing", "ed")))
