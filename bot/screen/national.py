"""National identity numbers: written as their country writes them, and their check digits right.

A number whose form and check leave little to chance is enough by itself; of the others a word
nearby must say what they are (``named``). The rules are those that each authority publishes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.screen.checksums import (
    is_date,
    luhn,
    mod_11_10,
    short_date,
    verhoeff,
    weighted,
)
from bot.screen.found import Found, levelled

_NEAR = 60
"""Characters before a number within which its name may stand."""
_LETTERS = re.compile(r"[^0-9A-Z]")
_NAMED = re.compile(
    r"\b(?:ssn|social[ -]security|sin|social insurance|bsn|burgerservicenummer|sofi|aadhaar|aadhar"
    r"|nif|contribuinte|oib|pps(?:n)?|personal public service|tax(?:payer)? (?:id|number|file)"
    r"|steuer\w*|identification number|(?:national|personal) (?:id|identity|identification)\w*"
    r"|id(?:entity)? (?:card )?(?:no|nr|number)|sozialversicherung\w*|tfn|pesel|cpf"
    r"|personnummer)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Kind:
    """One country's number. ``form`` is matched in capitals; ``check`` gets letters and digits."""

    country: str
    form: re.Pattern[str]
    check: Callable[[str], bool]
    named: bool = False
    """It counts only where a word nearby says what it is."""


def national_id(text: str) -> Iterator[Found]:
    """Identity numbers of persons, in their order; where two kinds fit, the longer passage."""
    # Not ``upper``: of some letters that makes two, and places would move.
    plain = "".join(char.upper() if len(char.upper()) == 1 else char for char in levelled(text))
    hits = {
        Found(*found.span())
        for kind in KINDS
        for found in kind.form.finditer(plain)
        if kind.check(_LETTERS.sub("", found[0]))
        and (not kind.named or _NAMED.search(plain, max(0, found.start() - _NEAR), found.start()))
    }
    end = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= end:
            yield hit
            end = hit.end


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w])(?<!\d[-./])(?:{pattern})(?![\w]|[-./ ]\d)")


# --- the checks -------------------------------------------------------------------------------


def us_ssn(digits: str) -> bool:
    """Social Security Administration: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    never = area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000"
    return not never and digits not in ("078051120", "219099999", "123456789")


def gb_nino(chars: str) -> bool:
    """HMRC, NIM39110: letters that are never given out."""
    return chars[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def de_steuer_id(digits: str) -> bool:
    """Bundeszentralamt für Steuern: one digit twice or thrice among ten; ISO 7064 MOD 11,10."""
    often = sorted((digits[:10].count(char) for char in set(digits[:10])), reverse=True)
    return digits[0] != "0" and often[0] in (2, 3) and often[1] == 1 and mod_11_10(digits)


def fr_nir(chars: str) -> bool:
    """INSEE: 97 less the number's remainder; 2A and 2B stand for Corsica."""
    body = chars[:13].replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(chars[13:])


def nl_bsn(digits: str) -> bool:
    """Rijksdienst voor Identiteitsgegevens: the eleven test."""
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(digits) > 0


def es_dni(chars: str) -> bool:
    """Ministerio del Interior: the letter of the remainder by 23; X, Y, Z are 0, 1, 2 in a NIE."""
    digits = chars[:-1].translate(str.maketrans("XYZ", "012"))
    return chars[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23]


_ODD_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_ODD_LETTERS = (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (*_ODD_DIGITS, *_ODD_DIGITS, *_ODD_LETTERS),
        strict=True,
    )
)


def it_codice_fiscale(chars: str) -> bool:
    """Decreto ministeriale 23 dicembre 1976: odd and even places count differently."""
    total = 0
    for place, char in enumerate(chars[:15]):
        even = int(char) if char.isdigit() else ord(char) - ord("A")
        total += even if place % 2 else _ODD[char]
    return chr(ord("A") + total % 26) == chars[15]


_CENTURIES = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}


def pl_pesel(digits: str) -> bool:
    """Ustawa o ewidencji ludności: a date whose month tells the century, and a check digit."""
    century, month = _CENTURIES[int(digits[2:4]) // 20], int(digits[2:4]) % 20
    born = is_date(century + int(digits[:2]), month, int(digits[4:6]))
    return born and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def se_personnummer(digits: str) -> bool:
    """Skatteverket: a date (its day raised by 60 in a samordningsnummer) and Luhn."""
    digits = digits[-10:]
    day = int(digits[4:6])
    born = short_date(digits[:2], digits[2:4], str(day - 60 if day > 60 else day))
    return born and luhn(digits)


def fi_hetu(chars: str) -> bool:
    """Digi- ja väestötietovirasto: a date and the letter of the remainder by 31."""
    digits = chars[:6] + chars[-4:-1]
    born = short_date(chars[4:6], chars[2:4], chars[:2])
    return born and chars[-1] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31]


def no_fodselsnummer(digits: str) -> bool:
    """Skatteetaten: a date (its day raised by 40 in a D-nummer) and two check digits."""
    day = int(digits[:2])
    born = short_date(digits[4:6], digits[2:4], str(day - 40 if day > 40 else day))
    first = weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
    return born and first and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def dk_cpr(digits: str) -> bool:
    """CPR-kontoret: a date; its check digit is no longer kept since 2007."""
    return short_date(digits[4:6], digits[2:4], digits[:2])


def be_national(digits: str) -> bool:
    """Rijksregister: a date and 97 less the remainder, with a 2 before it from 2000 on."""
    born = short_date(digits[:2], digits[2:4], digits[4:6])
    check = int(digits[9:])
    return born and check in (97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97)


def br_cpf(digits: str) -> bool:
    """Receita Federal: two check digits, each a weighted sum by 11."""

    def check(count: int) -> int:
        return weighted(digits[:count], range(count + 1, 1, -1)) * 10 % 11 % 10

    same = len(set(digits)) == 1
    return not same and check(9) == int(digits[9]) and check(10) == int(digits[10])


def ch_ahv(digits: str) -> bool:
    """Zentrale Ausgleichsstelle: 756 and the check digit of EAN-13."""
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def cn_resident(chars: str) -> bool:
    """GB 11643-1999: a date and ISO 7064 MOD 11-2."""
    born = is_date(int(chars[6:10]), int(chars[10:12]), int(chars[12:14]))
    total = weighted(chars[:17], [2**power % 11 for power in range(17, 0, -1)])
    return born and "10X98765432"[total % 11] == chars[17]


def tr_kimlik(digits: str) -> bool:
    """Nüfus ve Vatandaşlık İşleri: two check digits."""
    odd, even = sum(map(int, digits[:9:2])), sum(map(int, digits[1:8:2]))
    tenth = (odd * 7 - even) % 10 == int(digits[9])
    return tenth and sum(map(int, digits[:10])) % 10 == int(digits[10])


def ro_cnp(digits: str) -> bool:
    """Direcția pentru Evidența Persoanelor: a date and a weighted sum by 11."""
    remainder = weighted(digits, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    born = short_date(digits[1:3], digits[3:5], digits[5:7])
    return born and int(digits[12]) == (1 if remainder == 10 else remainder)


def za_id(digits: str) -> bool:
    """Department of Home Affairs: a date, citizenship 0 to 2, and Luhn."""
    return short_date(digits[:2], digits[2:4], digits[4:6]) and digits[10] in "012" and luhn(digits)


def ie_pps(chars: str) -> bool:
    """Department of Social Protection: the letter of a weighted sum by 23."""
    extra = (ord(chars[8]) - 64) * 9 if len(chars) == 9 and chars[8] != "W" else 0
    letter = (weighted(chars[:7], range(8, 1, -1)) + extra) % 23
    return chars[7] == "WABCDEFGHIJKLMNOPQRSTUV"[letter]


def pt_nif(digits: str) -> bool:
    """Autoridade Tributária: a weighted sum by 11."""
    check = 11 - weighted(digits[:8], range(9, 1, -1)) % 11
    return int(digits[8]) == (0 if check > 9 else check)


KINDS = (
    Kind("US", _form(r"\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4}"), us_ssn),
    Kind("US", _form(r"\d{9}|\d{3}\.\d{2}\.\d{4}"), us_ssn, named=True),
    Kind(
        "GB",
        _form(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D]"),
        gb_nino,
    ),
    Kind("DE", _form(r"\d{11}|\d{2} \d{3} \d{3} \d{3}"), de_steuer_id),
    Kind(
        "FR",
        _form(r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}"),
        fr_nir,
    ),
    Kind("NL", _form(r"\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3}"), nl_bsn, named=True),
    Kind("ES", _form(r"\d{2}\.?\d{3}\.?\d{3}[ -]?[A-Z]|[XYZ][ -]?\d{7}[ -]?[A-Z]"), es_dni),
    Kind(
        "IT",
        _form(
            r"[A-Z]{6} ?[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3} ?[A-Z]"
            r"|[A-Z]{3} [A-Z]{3} [0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2} [A-Z][0-9LMNP-V]{3}"
            r" ?[A-Z]"
        ),
        it_codice_fiscale,
    ),
    Kind("PL", _form(r"\d{11}"), pl_pesel),
    Kind("SE", _form(r"(?:19|20)?\d{6}[-+]\d{4}|(?:19|20)\d{10}"), se_personnummer),
    Kind("SE", _form(r"\d{10}"), se_personnummer, named=True),
    Kind("FI", _form(r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]"), fi_hetu),
    Kind("NO", _form(r"\d{6} ?\d{5}"), no_fodselsnummer),
    Kind("DK", _form(r"\d{6}-\d{4}"), dk_cpr, named=True),
    Kind("BE", _form(r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}|\d{11}"), be_national),
    Kind("BR", _form(r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11}"), br_cpf),
    Kind("CH", _form(r"756\.?\d{4}\.?\d{4}\.?\d{2}"), ch_ahv),
    Kind("CN", _form(r"[1-9]\d{5}(?:19|20)\d{9}[0-9X]"), cn_resident),
    Kind("IN", _form(r"[2-9]\d{3} \d{4} \d{4}|[2-9]\d{3}-\d{4}-\d{4}"), verhoeff),
    Kind("IN", _form(r"[2-9]\d{11}"), verhoeff, named=True),
    Kind("CA", _form(r"\d{3}[ -]?\d{3}[ -]?\d{3}"), luhn, named=True),
    Kind("TR", _form(r"[1-9]\d{10}"), tr_kimlik),
    Kind("RO", _form(r"[1-9]\d{12}"), ro_cnp),
    Kind("ZA", _form(r"\d{13}|\d{6} \d{4} \d{3}"), za_id),
    Kind("IE", _form(r"\d{7}[A-W][A-IW]?"), ie_pps, named=True),
    Kind("HR", _form(r"\d{11}"), mod_11_10, named=True),
    Kind("PT", _form(r"[1-35689]\d{2} ?\d{3} ?\d{3}"), pt_nif, named=True),
)
"""Every kind that is known."""
