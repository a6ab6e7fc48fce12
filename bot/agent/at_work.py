"""Whether a found value is contact data at work, and a value that may be stored. Pure.

What a stranger's page says goes into a CRM, so that personal data, mailboxes that are not the
company's and what a spreadsheet would run are struck before anybody sees them on a card.
"""

from __future__ import annotations

import re
import unicodedata

from tools.crm.records import normal_email

OF_PEOPLE = frozenset({"person", "role", "email", "phone", "contacts"})
"""Fields that name people."""

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_AT = re.compile(
    r"\s*[(\[{<]\s*(?:at|ät|a)\s*[)\]}>]\s*|\s+at\s+(?=[\w-]+\s*(?:[(\[{]|\bdot\b))", re.IGNORECASE
)
_DOT = re.compile(
    r"\s*[(\[{<]\s*(?:dot|punkt|\.)\s*[)\]}>]\s*|(?<=[\w-])\s+dot\s+(?=[\w-])", re.IGNORECASE
)
_FREE = re.compile(r"\b(?:gmail|googlemail|hotmail|icloud|protonmail|yahoo|gmx)\b", re.IGNORECASE)
_PRIVATE = re.compile(
    r"\b(?:date of birth|birth ?(?:date|day|place)|dob\b|born (?:on|in|\d)|"
    r"home (?:address|phone|number)|private (?:address|phone|number|e-?mail)|"
    r"lives (?:at|with) |marital|married to|divorced|religio\w*|passport|social security|"
    r"geburts(?:datum|tag|ort)|geboren|wohnhaft|privat(?:adresse|nummer|telefon)|verheiratet|"
    r"date de naissance|née? le|fecha de nacimiento|nacid[oa] el)",
    re.IGNORECASE,
)
_MONTH = r"(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zé]*\.?"
_DATE = re.compile(
    rf"\b(?:\d{{1,2}}[./-]\d{{1,2}}[./-](?:19|20)?\d{{2}}|(?:19|20)\d{{2}}-\d{{2}}-\d{{2}}"
    rf"|\d{{1,2}}\.? {_MONTH} (?:19|20)\d{{2}}|{_MONTH} \d{{1,2}},? (?:19|20)\d{{2}})\b",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"[=@]|[+-].*(?:[|!]|[A-Za-z]\()")


def addresses(text: str) -> list[str]:
    """The e-mail addresses in a text, those among them that are spelled out or in other signs."""
    plain = unicodedata.normalize("NFKC", text)
    return _EMAIL.findall(_DOT.sub(".", _AT.sub("@", plain)))


def not_at_work(name: str, value: str, quote: str, domain: str) -> str | None:
    """Why the field is personal beyond contact data at work of the company at ``domain``, or is
    nothing to store. ``quote`` stands on the card beside it."""
    if _FORMULA.match(value):
        return "begins like a formula"
    if _PRIVATE.search(value) or _PRIVATE.search(quote):
        return "is personal data beyond contact at work"
    if name in OF_PEOPLE and (_DATE.search(value) or _FREE.search(value)):
        return "is personal data beyond contact at work"
    if name == "email" and normal_email(value) is None:
        return "is no e-mail address"
    if name == "phone" and not 6 <= len(digits(value)) <= 16:
        return "is no phone number"
    if any(not _of(address, domain) for address in addresses(value)):
        return "is a mailbox outside the company's domain"
    return None


def digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def _of(address: str, domain: str) -> bool:
    """Whether a mailbox is the company's: of its domain, or below it."""
    host = (normal_email(address) or address).rpartition("@")[2].casefold()
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
