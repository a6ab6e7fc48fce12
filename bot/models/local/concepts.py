"""A small thesaurus of support desks: different words for one thing.

With ten examples a label most of a customer's words have never been seen; *robbed* must be known
to be near *stolen* all the same. Each line names a concept and, after the colon, its words and
phrases, parted by commas. Written by hand for this project, for desks in general: money, orders,
accounts, devices, software. A word may stand under several concepts.
"""

from __future__ import annotations

from functools import lru_cache

from bot.models.local.words import stems

_THESAURUS = """
negation: not, no, never, cannot, unable, without, nothing, none, neither, nor
failure: fail, failed, failure, unsuccessful, reject, rejected, deny, denied, decline, declined,
  refuse, refused, bounce, bounced, unsuccessfully
broken: broken, break, broke, defective, faulty, damaged, cracked, malfunction, bug, buggy, crash,
  crashed, glitch, error, issue, problem, trouble, wrong
not_working: not work, not working, stop working, stopped working, no longer work, no longer
  works, not function, out of order, does nothing, not respond, not load
arrival: arrive, arrived, arrival, come, came, deliver, delivered, delivery, receive, received,
  get, got, show up, turn up
sending: send, sent, mail, mailed, ship, shipped, shipment, post, posted, dispatch, dispatched,
  courier, package, parcel, track, tracking, carrier
waiting: wait, waiting, waited, pending, delay, delayed, late, slow, hold, process, processing,
  stuck, outstanding, not yet, still not, still have not, still has not, taking so long
duration: how long, how soon, how many days, how much time, time frame, timeframe, when will, how
  quickly, how fast, when can, when do, when should, estimate, eta, duration, day, week, hour,
  minute
lost: lost, lose, missing, misplace, misplaced, disappear, disappeared, gone, vanish, vanished,
  not find, left behind
stolen: stolen, steal, stole, theft, thief, rob, robbed, mug, mugged, pickpocket, snatch,
  snatched, burgled
fraud: fraud, fraudulent, scam, scammed, hack, hacked, hacker, compromise, compromised,
  unauthorized, unauthorised, suspicious, phishing, stranger, someone else, somebody else, did not
  make, did not do, not recognize, not recognise, never made, not mine, was not me, without my
  permission, without my knowledge, identity theft
unfamiliar: recognize, recognise, unrecognized, unrecognised, unfamiliar, unknown, strange, weird,
  odd, do not know, do not remember, no idea, never bought, never authorized, never authorised
freezing: freeze, froze, frozen, block, blocked, lock, locked, suspend, suspended, disable,
  disabled, deactivate, deactivated, put a hold
unblocking: unblock, unlock, unfreeze, reactivate, reactivation, restore, get back into
activation: activate, activated, activation, enable, enabled, start, verify, set up, setup, turn
  on, switch on
cancelling: cancel, cancelled, canceled, cancellation, revert, reverse, reversed, undo, stop, call
  off, take back
closing: close, closed, terminate, end, delete, deleted, remove, removed, shut down, get rid, no
  longer want, unsubscribe, quit, leave, erase
refund: refund, refunded, reimburse, reimbursed, reimbursement, return, returned, money back, get
  my money, give me back, paid back, credited back, chargeback
dispute: dispute, disputed, complain, complaint, contest, challenge, report, reported, claim
charge: charge, charged, fee, cost, surcharge, commission, price, pricing, expensive, rate, levy,
  penalty, deduct, deducted, deduction, billed, tax
extra: extra, additional, unexpected, hidden, surprise, more, too much, more than, higher than,
  overcharge, overcharged
twice: twice, duplicate, duplicated, double, doubled, repeat, repeated, multiple, two times,
  second time, same transaction, more than once, again
free: free, complimentary, gratis, no charge, no cost, no fee, without charge, without fee
paying: pay, paid, payment, purchase, purchased, buy, bought, spend, spent, order, checkout,
  store, shop, shopping, merchant, retailer
transaction: transaction, transfer, payment, statement, entry, activity, history
transfer: transfer, transferred, wire, wired, send, sent, remit, remittance, move, moved, money
  order
recipient: recipient, beneficiary, payee, receiver, friend, family, person, landlord, someone,
  somebody else, other person
deposit: deposit, deposited, cheque, check, credited, pay in, paid in, put money, put cash
top_up: topup, top up, topped up, topping up, reload, load, loaded, recharge, refill, add money,
  adding money, add fund, adding fund, add cash, put money, put fund, fund, auto top
withdrawal: withdraw, withdrawal, withdrew, withdrawn, take out, took out, taking out, get cash,
  get money out, getting cash, cash out, pull out
cash: cash, banknote, note, coin, bill, paper money
cash_machine: atm, cashpoint, cash machine, the machine, hole in the wall, teller machine
retained: swallow, swallowed, ate, eaten, eat, retain, retained, kept, captured, took, suck,
  sucked, give back, gave back, not give, stuck in, got stuck
conversion: exchange, exchanged, conversion, convert, converted, forex, fx, exchange rate, rate
currency: currency, foreign, fiat, dollar, usd, euro, eur, pound, gbp, sterling, aud, yen, franc,
  crypto, bitcoin
abroad: abroad, foreign, overseas, international, internationally, travel, holiday, vacation,
  trip, country, outside, europe, eu, uk, us, usa, america, world, worldwide, global
balance: balance, amount, fund, total, available, account balance, my money
updating: update, updated, reflect, reflected, change, changed, show, shown, appear, appeared,
  visible, see in
pin: pin, pincode, passcode, pin number, pin code, secret code, security code, 4 digit
sign_in: password, login, signin, credential, log in, sign in, logged in, log into, sign into,
  passcode, forgot, reset, authenticate, authenticator
forgetting: forget, forgot, forgotten, remember, do not know my, not remember
attempts: attempt, try, tried, too many, wrong pin, wrong password, incorrect, incorrectly
phone: phone, mobile, cell, cellphone, smartphone, iphone, android, handset, device, sim,
  telephone
wallet: apple, google, samsung, wallet, watch, apple pay, google pay, apple watch
contactless: contactless, tap, nfc, tap to pay, touch, wireless
virtual: virtual, digital, online, electronic, one time, single use, temporary, disposable,
  throwaway
physical: physical, plastic, actual, real, tangible
card_scheme: visa, mastercard, maestro, amex, american express, credit card, debit card, brand
limit: limit, maximum, max, minimum, min, cap, restriction, restricted, how many, how much, up to,
  at most, allowed, quota
expiry: expire, expired, expiration, expiry, renew, renewal, due, about to, run out, out of date,
  end date, valid until
replacement: replace, replaced, replacement, reissue, new card, another card, new one, second
  card, spare, swap
ordering: order, ordered, request, requested, apply, application, applied, obtain, sign up, signup
identity: identity, id, identification, passport, proof, prove, verification, verify, verified,
  licence, license, document, kyc, selfie
why: why, reason, explain, explanation, cause, purpose, how come, what happened
address: address, postcode, zip, residence, live, move, moved, relocate, new house, new home, new
  place
details: detail, information, info, personal, name, surname, lastname, data, email, last name,
  married, marriage, profile
age: age, old, young, child, kid, son, daughter, teen, teenager, minor, birthday
opening: open, opened, create, created, register, registration, join, sign up, set up, start
acceptance: accept, accepted, support, supported, use, used, usable, usage, work, take my card, be
  used
where: where, location, place, which shop, which store, which places
availability_by_country: country, nation, region, location, available, which countries, what
  countries, operate
direct_debit: direct debit, standing order, subscription, recurring, automatic payment, regular
  payment, monthly
salary: salary, wage, paycheck, payroll, employer, job, income, earning
origin: source, origin, come from, came from, where from, where does, where did, get its, get
  their
linking: link, linked, connect, connected, connection, add, adding, pair, attach, integrate,
  integration, sync
software: app, application, site, website, web, webpage, page, portal, dashboard, interface,
  screen, browser
bank: bank, institution, account
billing: bill, billing, invoice, receipt, statement, accounting, vat
discount: discount, coupon, promo, promotion, voucher, offer, deal, sale
plan: upgrade, downgrade, plan, tier, subscription, premium, package, trial
help: help, assist, assistance, guide, advice, advise, what can i do, what do i do, what should i
  do, what are the steps, how do i, how can i, how to
speaking: speak, talk, call, chat, contact, human, agent, representative, operator, customer
  service, customer support
urgency: urgent, urgently, asap, immediately, quickly, fast, emergency, hurry, now, right away,
  right now, as soon as possible, express, expedite, rush, priority
mismatch: wrong, incorrect, incorrectly, mistaken, mistake, mismatch, not right, not correct,
  different amount, less than, not match, lower than, short of
export: download, downloaded, export, save, file, csv, pdf, spreadsheet
upload: upload, uploaded, attach, attachment, image, photo, picture, import
outage: down, outage, offline, unavailable, unreachable, not load, disconnected, disconnect,
  dropped, no connection
size: size, fit, small, large, big, smaller, bigger, measurement
often: often, frequently, every, always, constantly, repeatedly, keep, continually
recently: yesterday, today, ago, recent, recently, earlier, previous, last, past
weekend: weekend, saturday, sunday, holiday, business day, working day
stock: availability, stock, in stock, sold out, out of stock
access: permission, access, role, admin, invite, invited, user, member, team, share, shared,
  colleague
notice: notification, notify, alert, email, message, sms, text, code, reminder
booking: book, booked, booking, reserve, reserved, reservation, appointment, schedule, reschedule
warranty: warranty, guarantee, repair, repaired, fix, fixed, replace, service
gratitude: thank, thanks, great, awesome, love, perfect, appreciate
"""


@lru_cache(maxsize=1)
def _thesaurus() -> dict[str, tuple[tuple[tuple[str, ...], str], ...]]:
    """By its first stem: every word and phrase that begins so, with its concept."""
    begins: dict[str, dict[tuple[tuple[str, ...], str], None]] = {}
    for line in _THESAURUS.replace("\n  ", " ").strip().splitlines():
        concept, _, listed = line.partition(":")
        for phrase in listed.split(","):
            said = tuple(stems(phrase))
            begins.setdefault(said[0], {})[said, concept] = None
    return {first: tuple(entries) for first, entries in begins.items()}


def concepts(said: list[str]) -> list[str]:
    """The concepts of a text given as stems, one for each word or phrase that names one."""
    thesaurus = _thesaurus()
    found: list[str] = []
    for place, first in enumerate(said):
        for phrase, concept in thesaurus.get(first, ()):
            if len(phrase) == 1 or tuple(said[place : place + len(phrase)]) == phrase:
                found.append(concept)
    return found
