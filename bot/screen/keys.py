"""Secrets: keys and tokens by what they begin with, by their shape, or by the words before them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from bot.screen.found import Found

_KNOWN = re.compile(
    r"""
    -----BEGIN\ (?:[A-Z0-9]+\ )*PRIVATE\ KEY(?:\ BLOCK)?-----
        (?:[\s\S]{0,8000}?-----END\ (?:[A-Z0-9]+\ )*PRIVATE\ KEY(?:\ BLOCK)?-----)?
  | \beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}     # JSON Web Token
  | \b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b                             # Amazon Web Services
  | \bgh[opsur]_[A-Za-z0-9]{30,255}\b | \bgithub_pat_[A-Za-z0-9_]{22,255}\b
  | \bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_-]{20,}
  | \bxox[abceoprs]-[A-Za-z0-9-]{10,} | \bxapp-\d-[A-Za-z0-9-]{10,}     # Slack
  | \bhooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}
  | \b[sr]k_(?:live|test)_[A-Za-z0-9]{16,} | \bwhsec_[A-Za-z0-9+/=]{16,} # Stripe and its like
  | \bsk-ant-[A-Za-z0-9_-]{16,} | \bsk-(?:proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,}
  | \bAIza[A-Za-z0-9_-]{35} | \bya29\.[A-Za-z0-9_-]{20,} | \bGOCSPX-[A-Za-z0-9_-]{20,}
  | \bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}                        # SendGrid
  | \bSK[0-9a-f]{32}\b                                                  # Twilio
  | \bnpm_[A-Za-z0-9]{36}\b | \bpypi-[A-Za-z0-9_-]{40,} | \bhf_[A-Za-z0-9]{30,}
  | \bdo[por]_v1_[0-9a-f]{64}\b | \bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b
  | \bpat-[a-z]{2,3}\d-[0-9a-f]{8}-[0-9a-f-]{27}                        # HubSpot
  | \bdapi[0-9a-f]{32}\b | \bkey-[0-9a-f]{32}\b | \b\d{8,10}:AA[A-Za-z0-9_-]{33}\b
  | \bAccountKey=[A-Za-z0-9+/]{40,}={0,2} | \bSharedAccessSignature=?[^\s"']{20,}
  | \bAGE-SECRET-KEY-1[A-Z0-9]{50,}
  | \b[a-z][a-z0-9+.-]{1,20}://[^\s/:@"'<>]{0,100}:[^\s/@"'<>]{3,100}@[^\s/"'<>]+ # user:password@
    """,
    re.VERBOSE,
)
_SAID = re.compile(
    r"""
    (?<![a-z0-9])(?:pass(?:word|wd|phrase|code|wort)|pwd
      |secret(?:[ _-]?(?:access[ _-]?)?key)?|kennwort
      |contraseña|mot\ de\ passe|api[ _-]?(?:key|token)|(?:access|auth|bearer|refresh)[ _-]?token
      |client[ _-]?secret|private[ _-]?key|credentials?|token|(?:recovery|backup)[ _-]?code)s?
    (?:\ (?:for|of|zu|für)\ [\w.@-]{1,40})?
    ["']?\s{0,3}(?P<link>:|=|=>|\b(?:is|was|ist|lautet|est|es)\b(?:\ now)?:?)\s{0,3}
    (?P<quote>["'`“„«]?)(?P<value>[^\s"'`“”«»<>]{6,200})
    """,
    re.VERBOSE | re.IGNORECASE,
)
_QUERY = re.compile(
    r"[?&](?:token|key|sig|signature|secret|password|api_?key|access_token|auth|code)="
    r"(?P<value>[A-Za-z0-9%._~+/-]{16,})",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\b(?:Bearer|Basic)[ ]+(?P<value>[A-Za-z0-9._~+/-]{12,}={0,2})")
_LONG = re.compile(r"(?<![\w/.+@:=-])[A-Za-z0-9_+/-]{28,200}={0,2}(?![\w/@])")
_PLACEHOLDER = re.compile(
    r"(?:your|my|the|new|some|example|sample|dummy|test|x{3,}|\*{3,}|•{3,}|\.{3,}|<|\[|\{|\$\{|%)"
    r"|.*(?:\*{3,}|x{4,}|•{3,}|_here\b|placeholder|redacted|masked)",
    re.IGNORECASE,
)
_TRAIL = ".,;:!?)]}"
_BITS = 4.1
"""Shannon bits a character of a bare secret: words and ids in a row have fewer."""


def secret(text: str) -> Iterator[Found]:
    """Keys, tokens and passwords, in their order."""
    hits = [Found(*_trimmed(text, *found.span())) for found in _KNOWN.finditer(text)]
    for found in (*_SAID.finditer(text), *_QUERY.finditer(text), *_HEADER.finditer(text)):
        start, end = _trimmed(text, *found.span("value"))
        link = found.groupdict().get("link") or "="
        quoted = bool(found.groupdict().get("quote"))
        if _is_value(text[start:end], strict=link[0].isalpha() and not quoted):
            hits.append(Found(start, end))
    hits += [Found(*found.span()) for found in _LONG.finditer(text) if _is_random(found[0])]
    end = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= end:
            yield hit
            end = hit.end


def entropy(text: str) -> float:
    """Shannon bits a character, by the text's own frequencies."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while end > start and text[end - 1] in _TRAIL:
        end -= 1
    return start, end


def _is_value(value: str, *, strict: bool) -> bool:
    """Whether this may be a password: no word, no placeholder. ``strict``: *is* stands before it,
    which stands before anything."""
    if len(value) < 6 or _PLACEHOLDER.match(value) or value.startswith(("http://", "https://")):
        return False
    digit = any(char.isdigit() for char in value)
    letter = any(char.isalpha() for char in value)
    odd = any(not char.isalnum() and char not in "-'’./" for char in value)
    mixed = any(char.islower() for char in value) and any(char.isupper() for char in value[1:])
    if strict:
        return letter and digit
    return (letter and digit) or (odd and letter) or (mixed and len(value) >= 10)


def _is_random(value: str) -> bool:
    """A long run of capitals, small letters and digits in no order. Hexadecimal is none: it is what
    commits, check sums and ids are written in."""
    body = value.rstrip("=")
    kinds = (str.islower, str.isupper, str.isdigit)
    if not all(sum(map(kind, body)) >= 3 for kind in kinds):
        return False
    if re.fullmatch(r"[0-9a-fA-F-]+", body) or "//" in body or body.count("/") > len(body) / 12:
        return False
    return entropy(body) >= _BITS
