"""What a desk must not say on its own: promises that no source makes, legal and medical advice.

A promise is a sentence that commits (we will, you will receive, we guarantee) to money, a refund o
  r
a time. Advice is a sentence that tells somebody their rights in law, or how to treat themselves. A
sentence counts only if no source says the same: its figures, its days and what it is about, close
together in one source. Heuristics on words, in English and the commonest turns of German, French
and Spanish.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from bot.screen.found import Found
from bot.wording import (
    figures_in,
    in_digits,
    number_of,
    plain_word,
    sentences,
    share_of,
    stems_of,
)


def _turns(pattern: str) -> re.Pattern[str]:
    """A pattern over several lines in which ``_`` stands for a blank."""
    return re.compile(pattern.replace("_", "[ ]"), re.IGNORECASE | re.VERBOSE)


_WILL = r"(?:'ll|_will|_shall|'re_going_to|_are_going_to|_am_going_to|'m_going_to|'d_be_happy_to)"
_COMMITS = _turns(
    rf"""
    \b(?:we|i|our_team|the_team|my_colleagues?|a_colleague|billing|finance|support){_WILL}\b
  | \byou(?:'ll|_will|_are_going_to|'re_going_to)_(?:also_|then_|soon_|certainly_)?
      (?:get|receive|have|see|be_(?:refunded|credited|compensated|reimbursed|paid|given|sent
        |upgraded|contacted|moved)|not_be_charged|pay_nothing|find_the_(?:money|refund|credit))
  | \b(?:refund|credit|money|payment|amount|replacement|compensation|voucher|discount|fix|parcel
      |order|package|account|data|issue|problem|it|this|that|everything)s?(?:_[^\s,;]+){{0,4}}_will
      _(?:be|arrive|reach|come|show|appear|land|get)\b
  | \b(?:we|i)(?:'re|_are|'m|_am)_(?:now_|hereby_|already_|happy_to_)?(?:refund|credit
      |reimburs|compensat|waiv|issu|grant|giv|offer|sending|extend|cancel)\w*
  | \b(?:we|i)(?:'ve|_have)_(?:now_|just_|already_|therefore_)?(?:approved|granted|issued
      |credited|refunded|waived|initiated|authori[sz]ed)\b
  | \b(?:refund|credit|compensation|voucher|discount|replacement)(?:_[^\s,;]+){{0,4}}
      _(?:has|have)_been_(?:approved|issued|granted|processed|sent|initiated|authori[sz]ed)\b
  | \byou(?:'re|_are)_entitled_to\b | \b(?:we|i)_can_(?:offer|give|refund|credit|grant)\b
  | \b(?:we|i)_(?:refund|reimburse|compensate|credit|waive)_(?:you|your|it|the|this|that|every)\b
  | \b(?:will|shall)_be_(?:refunded|credited|reimbursed|compensated|waived
      |paid_(?:back|out|to_you))\b
  | \b(?:we|i)_(?:hereby_|can_|do_|fully_)*(?:guarantee|promise|commit|pledge|assure|undertake
      |vow|confirm_(?:a|the|your)_(?:full_)?refund)\b
  | \b(?:is|are|it's|that's)_guaranteed\b | \bguaranteed_(?:to|by|within) | \byou_have_(?:my|our)
      _word\b | \brest_assured\b | \b(?:on|at)_(?:us|our_(?:cost|expense))\b
  | \b(?:wir|ich)_(?:werden?|erstatten?|garantieren?|versprechen?|zahlen?|überweisen?|schicken?
      |senden?|liefern?|schreiben?_ihnen|erlassen?)\b | \bsie_(?:erhalten|bekommen)\b
  | \b(?:werde[nt]?|wird)\b.{{0,80}}\b(?:erstatte|gutgeschrieben|überwiesen|zurück)
  | \bnous_(?:allons|vous_(?:rembourser|garanti|promet|verser)\w*|garantissons|promettons)\b
  | \bvous_(?:recevrez|serez_rembours\w+|aurez)\b | \bje_vous_(?:promets|garantis|rembourse)
  | \b(?:le|les|te)_(?:reembolsaremos|devolveremos|abonaremos|enviaremos|garantizamos|prometemos)
  | \b(?:recibirá|se_le_reembolsará)\b | \b(?:garantizamos|prometemos)\b
    """
)
_UNITS: dict[str, str] = {
    "usd": r"us\$|[$]|usd\b|dollars?\b|bucks?\b",
    "eur": r"€|eur\b|euros?\b",
    "gbp": r"£|gbp\b|pounds?\b(?!\sof)",
    "chf": r"chf\b|francs?\b|franken\b",
    "cent": r"cents?\b",
    "else": r"[¥₹₽₩₺₴₪]|(?:cad|aud|nzd|jpy|cny|inr|rs|pln|sek|nok|dkk|czk|huf|kr|zł|yen|rupees?)\b",
    "percent": r"%|percent\b|prozent\b|pour\scent\b|por\sciento\b",
    "minute": r"min(?:ute[ns]?|utos?|s)?\b",
    "hour": r"h(?:ours?|rs?|eures?|oras?)?\b|stunden?\b",
    "day": r"days?\b|tage?n?\b|werktage?n?\b|jours?\b|días?\b",
    "week": r"weeks?\b|wochen?\b|semain(?:es?)\b|semanas?\b",
    "month": r"months?\b|monate?n?\b|mois\b|mes(?:es)?\b",
    "year": r"years?\b|jahre?n?\b|ans?\b|années?\b|años?\b",
}
"""What figures of a promise count, by how it is written: $40 and 40 € are not the same, nor are 5
hours and 5 days. Before a figure or after it."""
_MONIES = "|".join(_UNITS[name] for name in ("usd", "eur", "gbp", "chf", "cent", "else", "percent"))
_FIGURE = r"\d[\d.,]*(?<![.,])"
_SOME = rf"(?:{_FIGURE}\s?(?:-|–|to|or|and|bis|à|a)\s?)?{_FIGURE}"
_BEFORE = re.compile(rf"(?P<unit>(?<!\w)(?:{_MONIES}))\s?(?P<some>{_SOME})", re.IGNORECASE)
_AFTER = re.compile(
    rf"(?<![\w.,])(?P<some>{_SOME})[\s-]?(?:(?:business|working|calendar|full|more)\s)?"
    rf"(?P<unit>{'|'.join(_UNITS.values())})",
    re.IGNORECASE,
)
_NAMES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _UNITS.items()}
_MONEY = re.compile(
    rf"(?<!\w)(?:{_MONIES})\s?\d|\b{_FIGURE}\s?(?:{_MONIES})"
    r"|\b(?:one|two|three|six|twelve|a|\d+)\s(?:\w+\s)?months?\s(?:for\s)?free\b"
    r"|\bfree\s(?:of\scharge|month|year|upgrade|replacement|shipping)|\bat\sno\s(?:extra\s)?c(?:ost|harge)\b"
    r"|\b(?:half|full)\s(?:the\s)?(?:price|amount)\b",
    re.IGNORECASE,
)
_REFUND = re.compile(
    r"\b(?:refund\w*|reimburs\w*|money\sback|compensat\w*|credit(?:s|ed|ing)?\s(?:note|to|on|your|you|the)"
    r"|(?:a|the|your|full|account|store)\scredit|waiv\w+|voucher\w*|chargeback|discount\w*"
    r"|erstatt\w*|gutschrift\w*|gutgeschrieben|zurückzahl\w*|gutschein\w*|rabatt\w*"
    r"|rembours\w*|avoir|reembols\w*|devolv\w*|abon(?:o|aremos)|pay\syou)\b",
    re.IGNORECASE,
)
_DAYS = (
    r"today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january"
    r"|february|march|april|may|june|july|august|september|october|november|december|noon|midnight"
    r"|heute|morgen|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|januar|februar|märz"
    r"|mai|juni|juli|oktober|dezember|aujourd'hui|demain|lundi|mardi|mercredi|jeudi|vendredi|samedi"
    r"|dimanche|hoy|mañana|lunes|martes|miércoles|jueves|viernes|sábado|domingo|end of (?:the )?"
    r"(?:day|week|month|year|business)|next (?:week|month|day|year)|this (?:week|month|afternoon"
    r"|evening|morning)|nächste\w? woche|ende der woche"
)
_DAY = re.compile(rf"\b(?:{_DAYS})\b", re.IGNORECASE)
_MAY = re.compile(r"(?<!\d\s)\bmay\b(?!\s\d)", re.IGNORECASE)
_UNIT = (
    r"(?:(?:business|working|calendar|full|more)\s)?(?:minutes?|hours?|days?|weeks?|months?|years?"
    r"|stunden?|tage[n]?|werktage[n]?|wochen?|monate[n]?|jours?|heures?|semaines?|mois|días?|horas?"
    r"|semanas?|meses)"
)
_SPAN = re.compile(
    rf"\b(?:\d+(?:\s?(?:-|–|to|or|bis)\s?\d+)?|an?|one|few|couple\sof)[\s-]{_UNIT}\b"
    r"|\b\d+\s?(?:h|hrs?|mins?)\b|\b(?:fortnight|weekend|q[1-4])\b"
    r"|\b\d{1,2}[./]\d{1,2}[./](?:\d{2}|\d{4})\b|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}:\d{2}\b"
    r"|\b\d{1,2}\s?(?:am|pm|uhr)\b|\b(?:immediately|right away|sofort|immédiatement)\b",
    re.IGNORECASE,
)
_UNDOES = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|won't|will not|unable to|not able to"
    r"|not (?:be )?"
    r"(?:able|possible|refundable|eligible)|never|no longer|unfortunately|leider|nicht|kein\w*"
    r"|malheureusement|ne \w+ pas|lamentablemente|no podemos)\b",
    re.IGNORECASE,
)
_LAW = _turns(
    r"""
    \b(?:you|your_\w+)_(?:are|is|have|has|would_be|may_be|were)\b.{0,40}
      \b(?:legally_(?:entitled|bound|obliged|required|liable|protected)|liable|a_(?:strong|good
        |valid|solid)?_?(?:legal_)?(?:claim|case)\b|(?:the|a)_(?:legal|statutory)_right|in_breach
        |entitled_to_damages|infring\w+|violating_the_law|breaking_the_law)
  | \byou_(?:should|could|can|may|must|ought_to|might_want_to|need_to)\b.{0,40}
      \b(?:sue|su(?:e|ing)_\w+|file_(?:a|an)_(?:law_?suit|claim_in_court|injunction|police_report
        |complaint_with_the_(?:court|authorit\w+|regulator))|take_\w+_to_court|legal_action
        |press_charges|withhold_(?:rent|payment)|terminate_(?:the|your)_(?:contract|lease
        |employment)
        _without_notice)
  | \b(?:we|i)_(?:would_)?(?:advise|recommend|suggest)\b.{0,40}\b(?:su(?:e|ing)\b|law_?suit
      |legal_action|claim_damages|withhold\w*)
  | \b(?:legally|under_(?:the_)?(?:\w+_){0,3}(?:law|act|code|directive|regulation|gdpr)),?_
      (?:you|your|they|this|it|the_\w+)\b.{0,60}\b(?:can|may|must|are|is|have|has|entitle\w*|void
        |liable|owe\w*)\b
  | \b(?:this|that|it|which|the_\w+|their_\w+|what_\w+_(?:did|do))_(?:is|was|would_be)_
      (?:clearly_|perfectly_|completely_|probably_|not_)?(?:(?:il)?legal|(?:un)?lawful)\b
  | \b(?:contract|clause|agreement|lease|term|termination|dismissal)\b.{0,30}\b(?:is|are)_
      (?:legally_)?(?:not_)?(?:void|invalid|unenforceable|binding|enforceable|null)
  | \bstatute_of_limitations\b | \byou(?:'d|_would|'ll|_will)_(?:likely_|probably_|surely_)?win\b
      .{0,20}\b(?:case|court|claim) | \bhold_up_in_court\b
  | \bsie_(?:haben|hätten)\b.{0,30}\b(?:anspruch_auf_schadens|einen_rechtsanspruch|ein_recht_auf
      _schadens) | \bsie_(?:sollten|können)\b.{0,30}\b(?:klage|verklagen|anzeige_erstatten)
  | \bvous_(?:devriez|pouvez)\b.{0,30}\b(?:porter_plainte|poursuivre)
    """
)
_MEDICINE = _turns(
    r"""
    \btake_(?:an?|one|two|three|four|\d+)_(?:\w+_)?(?:aspirins?|ibuprofen|paracetamol|pills?
      |tablets?|capsules?)\b
  | \b(?:take|taking|increase|reduce|lower|double|halve|inject|apply|dose_of|up_to|nehmen|prenez)\b
      .{0,40}\b\d[\d.,]*_?(?:mg|mcg|µg|ml|milligram\w*|tablets?|pills?|drops|units?_of_insulin
        |tabletten?|comprimés?)\b
  | \b(?:stop|start|continue|avoid|try|keep|safe_to|skip|begin)\b(?:_to)?_(?:tak\w+
    |us\w+)\b.{0,40}\b
      (?:medic\w+|antibiotic\w*|ibuprofen|aspirin|paracetamol|acetaminophen|insulin|antidepress\w+
        |painkillers?|pills?|tablets?|steroid\w*|blood_thinners?|statins?|supplements?)
  | \b(?:increase|reduce|lower|double|halve|change|adjust|stop|skip)_(?:your|the)_(?:next_)?(?:dose
      |dosage|medication|insulin|treatment)\b
  | \b(?:you|your_(?:child|son|daughter|\w+))_(?:probably|likely|may|might|could|clearly|must
    |almost
      _certainly)?_?(?:have|has|suffers?_from|are_suffering_from|is_suffering_from|got)\b.{0,25}\b
      (?:infection|diabetes|allerg\w+|depression|flu|migraine|asthma|fracture|concussion|eczema
        |anxiety
        |adhd|pneumonia|appendicitis|hypertension|concussed|covid|burnout|anaemia|anemia|ulcer)\b
  | \b(?:your_)?symptoms?_(?:suggest|indicate|point_to|sound_like|are_(?:typical|consistent))
  | \b(?:sounds|looks)_like\b.{0,25}\b(?:infection|allergic_reaction|concussion|fracture
    |heart_attack
      |stroke|migraine|depression|eczema)
  | \bno_need_to_(?:see|consult|visit)_(?:a|your)_(?:doctor|gp|physician)\b
  | \b(?:treat|cure|heal)s?_(?:your|the|a)\b.{0,25}\b(?:infection|rash|wound|burn|condition|illness
      |disease|pain|fever)\b
  | \bsie_(?:sollten|können)\b.{0,40}\b(?:medikament\w*|ibuprofen|antibiotik\w*|dosis)\b.{0,30}
      \b(?:nehmen|absetzen|erhöhen|verringern)
    """
)
_SENDS_AWAY = re.compile(
    r"\b(?:consult|ask|see|speak to|speak with|talk to|talk with|contact|seek|call)\b.{0,30}"
    r"\b(?:lawyer"
    r"|attorney|solicitor|doctor|physician|pharmacist|gp|professional|legal counsel|legal advice"
    r"|medical advice|consumer (?:centre|center|advice)|anwalt|arzt|apotheker\w*|médecin|avocat)\b"
    r"|\b(?:not|cannot|can't|unable to|never|don't|do not) (?:be able to )?(?:give|offer|provide"
    r"|constitute|replace|be taken as)?\b.{0,20}\b(?:legal|medical)\b.{0,20}\badvice\b",
    re.IGNORECASE,
)
_SPARES = re.compile(r"\b(?:not|never) be (?:charged|billed)\b", re.IGNORECASE)
_NO_NEED = re.compile(r"\bno need to\b", re.IGNORECASE)
_SHARED = 0.4
"""The part of an advising sentence's content words that a source's passage must hold."""
_PASSAGE = 3
"""Sentences of a source that are read together."""


def promise(text: str, sources: Collection[str]) -> Iterator[Found]:
    """Sentences that commit to money, a refund or a time, which no source does."""
    passages: list[str] | None = None
    for start, end in sentences(text):
        sentence = _straight(text[start:end])
        if sentence.rstrip().endswith("?") or not _COMMITS.search(sentence):
            continue
        kinds = _kinds(sentence)
        if not kinds or (_refuses(sentence) and "money" not in kinds):
            continue
        passages = _passages(sources) if passages is None else passages
        if not any(_promises(passage, sentence, kinds) for passage in passages):
            yield Found(start, end)


def advice(text: str, sources: Collection[str]) -> Iterator[Found]:
    """Sentences of legal or medical advice that stand in no source."""
    passages: list[str] | None = None
    for start, end in sentences(text):
        sentence = _straight(text[start:end])
        if not (_LAW.search(sentence) or _MEDICINE.search(sentence)):
            continue
        sent_away = _SENDS_AWAY.search(sentence) and not _NO_NEED.search(sentence)
        if sentence.rstrip().endswith("?") or sent_away:
            continue
        passages = _passages(sources) if passages is None else passages
        stems, figures = stems_of(sentence), figures_in(sentence)
        if not any(
            figures <= figures_in(passage) and share_of(stems, stems_of(passage)) >= _SHARED
            for passage in passages
        ):
            yield Found(start, end)


def _kinds(sentence: str) -> frozenset[str]:
    plain = in_digits(sentence)
    kinds = {
        "money": _MONEY.search(plain),
        "refund": _REFUND.search(plain),
        "time": _days(plain) or _SPAN.search(plain),
    }
    return frozenset(kind for kind, found in kinds.items() if found)


def _refuses(sentence: str) -> bool:
    """A *not* takes a promise back, but for the promise not to take money."""
    return bool(_UNDOES.search(sentence)) and not _SPARES.search(sentence)


def _days(text: str) -> frozenset[str]:
    # The month, and not the verb.
    return frozenset(plain_word(day) for day in _DAY.findall(_MAY.sub(" ", text)))


def _promises(passage: str, sentence: str, kinds: frozenset[str]) -> bool:
    """Whether a source's passage is about the same, with the same figures of the same units, and
    the same days."""
    return (
        kinds <= _kinds(passage)
        and figures_in(sentence) <= figures_in(passage)
        and _measured(sentence) <= _measured(passage)
        and _days(sentence) <= _days(passage)
    )


def _measured(text: str) -> frozenset[tuple[str, str]]:
    """Each figure that has a unit, with it."""
    plain = in_digits(text)
    return frozenset(
        (number_of(figure), name)
        for found in (*_BEFORE.finditer(plain), *_AFTER.finditer(plain))
        for name, pattern in _NAMES.items()
        if pattern.fullmatch(found["unit"])
        for figure in re.findall(_FIGURE, found["some"])
    )


def _passages(sources: Collection[str]) -> list[str]:
    made = []
    for source in sources:
        straight = _straight(source)
        spans: Sequence[tuple[int, int]] = sentences(straight)
        for at in range(len(spans)):
            last = min(at + _PASSAGE, len(spans)) - 1
            made.append(straight[spans[at][0] : spans[last][1]])
    return made


def _straight(text: str) -> str:
    return text.replace("’", "'").replace("\u00a0", " ").replace("\n", " ")
