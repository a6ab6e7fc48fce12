"""Which language a text is in, by its commonest words or its script."""

from __future__ import annotations

import re

SAMPLE = 4_000
"""Characters that are looked at."""

_FUNCTION_WORDS = {
    "en": """the and is are was to of my i you we it for with have has not this that can do how
        what please in on from your our me be would will an at when if""",
    "de": """der die das und ist sind nicht ich wir sie mein meine ein eine zu mit auf für den dem
        haben habe wie kann bitte von auch es im noch wird oder aber dass""",
    "fr": """le la les et est sont je nous vous mon ma mes une un des du de pour avec pas que qui
        sur comment dans ne au votre merci ce cette""",
    "es": """el la los las y es son yo mi mis una un de para con no que cómo por en se su al del
        está pero puedo quiero gracias cuánto""",
    "it": """il lo la i gli le e è sono io mio mia una un di per con non che come in mi si del
        della posso grazie ma""",
    "pt": """o a os as e é são eu meu minha uma um de para com não que como em por do da no na se
        posso obrigado mas""",
    "nl": """de het een en is zijn niet ik wij mijn met voor op van te dat kan hoe er maar naar
        bij graag wordt heb""",
}
_KNOWN_WORDS = {code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()}
FUNCTION_WORDS: frozenset[str] = frozenset().union(*_KNOWN_WORDS.values())
"""The commonest words of all these languages: they say nothing of what a text is about."""

_SCRIPTS = (
    ("cjk", re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")),
    ("cyrillic", re.compile("[\u0400-\u052f]")),
    ("arabic", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("other", re.compile("[\u0370-\u03ff\u0530-\u05ff\u0900-\u109f\u1780-\u17ff]")),
)
_WORD = re.compile(r"[^\W\d_]+")


def language(text: str) -> str | None:
    """``en``, ``de``, ``fr``, ``es``, ``it``, ``pt`` or ``nl``; of what is not in Latin letters the
    script: ``cjk``, ``cyrillic``, ``arabic``, ``other``. None: too little to tell."""
    sample = text[:SAMPLE]
    letters = sum(char.isalpha() for char in sample)
    for script, pattern in _SCRIPTS:
        if letters and len(pattern.findall(sample)) > 0.3 * letters:
            return script
    said = _WORD.findall(sample.casefold())
    counts = {code: sum(word in known for word in said) for code, known in _KNOWN_WORDS.items()}
    best, second = sorted(counts, key=lambda code: (-counts[code], code))[:2]
    if counts[best] < 2 or counts[best] < 0.08 * len(said) or counts[best] == counts[second]:
        return None
    return best
