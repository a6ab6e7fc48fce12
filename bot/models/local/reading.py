"""A ticket as a careful reader takes it: without its wrapping, and cut into what is asked."""

from __future__ import annotations

import re

from bot.models.local.patterns import any_of

LONG_WORDS = 60
"""Of a longer ticket the paragraphs that ask something are looked up besides the whole."""

MOST_PARTS = 3
MOST_ASKS = 4
"""Of a ticket, the items and the asking sentences that are answered apart."""

_HISTORY = re.compile(
    r"^[ \t]*(?:on .{4,80} wrote:|am .{4,80} schrieb.*:|le .{4,80} a écrit\s?:|"
    r"-{2,} ?(?:original message|forwarded message|ursprüngliche nachricht))",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)
_CLOSINGS = (
    *(r"(?:kind|best|warm|many|with)\b.{0,20}\b(?:regards|wishes|thanks)", "regards", "best"),
    *("sincerely", "cheers", "yours.{0,12}", "thanks(?: a lot| so much| in advance)?"),
    *("thank you(?: very much| so much| in advance)?", "mit freundlichen grüßen", "danke"),
    *("(?:viele|beste|liebe) grüße", "vielen dank", "cordialement", "merci.{0,12}"),
    *("saludos.{0,12}", "(?:muchas )?gracias", "よろしくお願い.*"),
)
_CLOSING = re.compile(
    rf"^[ \t]*(?:{'|'.join(_CLOSINGS)})[ \t]*[,.!]?[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_GREETINGS = (
    *("hi", "hello", "hey", "dear", "good (?:morning|afternoon|evening|day)", "greetings", "hallo"),
    *("guten (?:tag|morgen|abend)", "sehr geehrte[rs]?", "liebe[rs]?", "bonjour", "hola"),
    "buen[oa]s? (?:d[ií]as?|tardes)",
)
_GREETING = re.compile(
    rf"\A\s*(?:{'|'.join(_GREETINGS)})\b[^\n.!?]{{0,40}}(?:[,!.:]|\n)\s*", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.!?…。！？\n]+(?:[.!?…](?!\s|$)[^.!?…。！？\n]*)*[.!?…。！？]*")
_ITEM = re.compile(r"^[ \t]*(?:\d{1,2}[.)]|\(\d{1,2}\)|[-*•])[ \t]+", re.MULTILINE)
_BREAK = re.compile(r"\n[ \t]*\n")

_CANNOT = r"(?:can['’]?t|cannot|won['’]?t|doesn['’]?t|does not|isn['’]?t|not)"
_ASKING = any_of(
    *("how (?:do|can|could|should|to|long|much|many|often)", "where (?:do|can|is|are)"),
    *("what (?:do|does|should|can|is|are|will|happens?)", "when (?:will|do|does|can|is|are)"),
    *("why (?:is|are|do|does|did|was|has|have)", "can (?:i|you|we)", "(?:would|will|do) you"),
    *("could (?:i|you|we|someone)", "(?:is|are) there", "please", "(?:i|we)['’]d like"),
    *("i (?:want|need|wish|demand|expect|would like|request)", "tell me", "let me know"),
    *("we (?:want|need|expect|would like|request)", "help me", "advise", "explain", "unable to"),
    rf"{_CANNOT} (?:work|open|log|sign|load|connect|start|find|get|see|pay|working)",
    *("bitte", "möchte", "wie kann", "wo kann", "kann ich", "por favor", "quiero", "quisiera"),
    *("cómo", "s['’]il vous pla[iî]t", "je voudrais", "comment"),
)
_AND_ASKS = re.compile(
    r",?\s+(?:and|but|or)\s+(?=(?:also\s+)?(?:how|what|when|where|why|who|which|can|could|does|do|is"
    r"|are|will|would|should)\b)",
    re.IGNORECASE,
)
_TO_A_MACHINE = any_of(
    r"(?:ignore|disregard|forget|override) (?:all |any |the |your |my )*(?:previous|prior|above"
    r"|earlier|preceding|system|existing)(?: \w+)? (?:instructions?|rules?|prompts?|messages?"
    r"|guidelines?|directives?)",
    r"(?:ignore|disregard|forget) (?:all |any |the )*(?:your )?(?:instructions|rules|guidelines)",
    r"(?:reveal|print|show|repeat|send)(?: \w+){0,3} system prompt",
    r"you are now (?:a|an|in|the|my)\b",
    r"(?:developer|maintenance|debug|god|dan) mode",
    r"note (?:for|to) (?:the |any )?(?:\w+ )?(?:assistant|ai|bot|model|agent)",
)
_MARKUP = re.compile(r"</?\s*(?:system|assistant|ticket|user|user_message|untrusted\w*)\b", re.I)
_TELL = any_of("please", "tell me", "let me know", "bitte", "por favor")
_ASKING_MARKS = re.compile("[?？]|ください|いただけ")


def clean(body: str) -> str:
    """``body`` without greeting, closing, signature, and what is quoted of earlier messages."""
    text = body.replace("\r\n", "\n")
    for cut in (_HISTORY, _SIGNATURE):
        found = cut.search(text)
        if found and text[: found.start()].strip():
            text = text[: found.start()]
    text = _QUOTED.sub("", text)
    closings = list(_CLOSING.finditer(text))
    # A closing ends the letter: after it stand names, not requests.
    if closings and closings[-1].start() > 0 and len(text) - closings[-1].end() <= 120:
        text = text[: closings[-1].start()]
    return _GREETING.sub("", text, count=1).strip()


def to_a_machine(text: str) -> int | None:
    """Where ``text`` begins to instruct whoever automates the desk; None: nowhere."""
    found = [match.start() for match in (_TO_A_MACHINE.search(text), _MARKUP.search(text)) if match]
    return min(found, default=None)


def sentences(text: str) -> list[str]:
    """The sentences of ``text``; a line break ends one too."""
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]


def asks(sentence: str) -> bool:
    """Whether a sentence asks for something, or says that something does not work."""
    return bool(_ASKING.search(sentence) or _ASKING_MARKS.search(sentence))


def questions(subject: str, body: str) -> tuple[str, ...]:
    """What to look up, one text for each thing asked; none only where the ticket is empty.

    The items of a list are things apart. Otherwise it is one: the ticket, or of a long one what
    it asks, with the sentences before.
    """
    text = clean(body)
    subject = " ".join(subject.split())
    whole = f"{subject}\n{text}".strip()
    if not whole:
        return ()
    items = [item for item in _items(text) if len(item.split()) >= 5]
    if len(items) >= 2:
        return tuple(items[:MOST_PARTS])
    if len(text.split()) <= LONG_WORDS:
        return (whole,)
    asking = [block for block in _BREAK.split(text) if any(map(asks, sentences(block)))]
    asked = "\n\n".join(map(_around_questions, asking))
    return (f"{subject}\n{asked}".strip(),) if asked else (whole,)


def asked_parts(text: str) -> tuple[str, ...]:
    """The sentences of ``text`` that ask something, two questions in one sentence apart."""
    parts: list[str] = []
    asking = [sentence for sentence in sentences(text) if asks(sentence)]
    # Where there are questions, wishes and complaints beside them are their reason.
    clear = [one for one in asking if _ASKING_MARKS.search(one) or _TELL.search(one)]
    for sentence in clear or asking:
        cut = _AND_ASKS.split(sentence)
        whole = len(cut) > 1 and all(len(piece.split()) >= 3 for piece in cut)
        parts += cut if whole else [sentence]
    return tuple(dict.fromkeys(part.strip() for part in parts))[:MOST_ASKS]


def _items(text: str) -> list[str]:
    """The items of a numbered or marked list, each without its mark."""
    marks = list(_ITEM.finditer(text))
    if len(marks) < 2:
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    items = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    # What follows the last item's paragraph belongs to the letter again.
    items[-1] = _BREAK.split(items[-1])[0]
    return items


def _around_questions(block: str) -> str:
    """The asking sentences of a paragraph, each with the one before it."""
    said = sentences(block)
    kept = [
        place
        for place in range(len(said))
        if asks(said[place]) or (place + 1 < len(said) and asks(said[place + 1]))
    ]
    return " ".join(said[place] for place in kept)
