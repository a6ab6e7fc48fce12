"""Messages that ask for nothing: automatic replies, thanks, advertisements, phishing."""

from __future__ import annotations

import re

from bot.models.local.patterns import any_of
from bot.models.local.reading import asks, clean, sentences, to_a_machine

THANKS_WORDS = 80
"""A longer message that thanks has something to say besides."""

_AUTOMATIC = any_of(
    *("out of (?:the )?office", "automatic reply", "auto(?:matic)?[- ]?(?:reply|response)"),
    *("abwesenheitsnotiz", "automatische antwort", "réponse automatique", "respuesta automática"),
    *("delivery status notification", "mail delivery (?:failed|subsystem)", "undelivered mail"),
    *("this is an automat(?:ed|ic) (?:message|e-?mail|reply)", "will be (?:back|out) (?:on|until)"),
    *("(?:limited|no) access to (?:my )?e-?mail", "on (?:annual |parental |sick )?leave until"),
)
_THANKS = any_of(
    *("thanks?", "thank you", "many thanks", "much appreciated", "made my day", "well done"),
    *(
        "works (?:perfectly|great|fine|again|now)",
        "problem solved",
        "great (?:job|service|support)",
    ),
    *("(?:all|it['’]s|it is) (?:solved|resolved|sorted|fixed)", "(?:vielen|herzlichen) dank"),
    *("merci", "gracias", "grazie"),
)
_TROUBLE = any_of(
    *("but", "however", "still", "again", "not", "never", "problem", "error", "issue", "wrong"),
    *("broken", r"fail\w*", "refund", "missing", "unfortunately", "aber", "leider", "nicht"),
    *("mais", "pas", "pero", "no", r"\w+n['’]t"),
)
_SELLING = (
    any_of(r"(?:we|i) help (?:\w+ ){0,3}(?:brands?|compan(?:y|ies)|business(?:es)?|stores?)"),
    any_of(
        "(?:came across|visited|checked out|found) your (?:web)?site",
        "love what you(?:['’]re| are) doing",
    ),
    any_of(
        *("seo", "backlinks?", "guest posts?", "page one", "first page of google"),
        *("lead generation", "web design services?", "outsourcing", "app development"),
    ),
    any_of(r"\d{2}[- ]min(?:ute)?s? (?:call|chat|demo)", "quick (?:call|chat)"),
    any_of("free (?:audit|demo|consultation|website review)"),
    any_of("no strings attached", "guaranteed? (?:results?|traffic)", "days, guaranteed"),
    any_of("(?:boost|increase|grow|double) your (?:sales|traffic|revenue|rankings?)"),
    any_of("unsubscribe", "opt out", "special offer", "limited[- ]time offer", "exclusive deal"),
    any_of("growth partner", "partnership opportunity", "would you be open to"),
)
_BAIT = any_of(
    r"(?:verify|confirm|validate|restore) (?:your|their|the) (?:sign-?in|login|account|workspace"
    r"|identity|password|mailbox|payment details|wallet)",
)
_THREAT = any_of(
    "(?:suspended|terminated|deactivated|locked|closed|expires?) (?:in|within|today)",
    *(r"(?:in|within) \d{1,2} (?:hours?|hrs)", "action required", "loses? access"),
)
_LINK = re.compile(r"https?://|www\.|\]\(|<\S+\|", re.IGNORECASE)
_GREETING = any_of(
    *("hi", "hello", "hey", "hiya", "yo", "good (?:morning|afternoon|evening|day)", "greetings"),
    *("hallo", "moin", "servus", "guten (?:tag|morgen|abend)", "bonjour", "salut", "hola", "ciao"),
    *("buen[oa]s? (?:d[ií]as?|tardes|noches)", "there", "all", "everyone", "team", "anyone"),
    *("anybody", "is", "test", "testing", "ping", "help", "please", "support", "you"),
)
_WORD = re.compile(r"[^\W\d_]+")
_POLITE = any_of("please (?:pass|give|tell|say|thank|keep up)")


def no_request(subject: str, body: str) -> str | None:
    """Why this message asks for nothing, in words; None: it may well ask for something."""
    whole = f"{subject}\n{body}"
    if not whole.strip():
        return "It is empty."
    if _AUTOMATIC.search(f"{subject}\n{body[:600]}"):
        return "It reads like an automatic reply."
    if sum(bool(pattern.search(whole)) for pattern in _SELLING) >= 2:
        return "It reads like an advertisement."
    if _BAIT.search(whole) and _THREAT.search(whole) and _LINK.search(whole):
        return "It reads like phishing: a threat, a link, and a demand to sign in."
    text = clean(body) or subject
    short = len(text.split()) <= THANKS_WORDS
    if short and _THANKS.search(whole) and not any(map(_wants, sentences(text))):
        return "It says thanks and asks for nothing."
    return None


def says_nothing(subject: str, body: str) -> str | None:
    """Why nobody can tell what this message is about, in words; None: it says something.

    It may be the first line of more, so a person has to look at it.
    """
    whole = f"{subject}\n{body}"
    if not _WORD.search(whole):
        return "It has no words."
    if not _WORD.search(_GREETING.sub(" ", whole)):
        return "It greets or calls for help, and does not say what it is about."
    begins = to_a_machine(whole)
    if begins is not None and len(_WORD.findall(_GREETING.sub(" ", whole[:begins]))) < 3:
        return "It gives orders to a machine and asks the desk for nothing."
    return None


def _wants(sentence: str) -> bool:
    if _POLITE.search(sentence):
        return "?" in sentence
    return asks(sentence) or bool(_TROUBLE.search(sentence))
