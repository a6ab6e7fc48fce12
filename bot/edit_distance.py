"""How much of one text is left in another: by the edit distance, for drafts of any language.

Levenshtein's distance by the bit vectors of Myers (1999) in the form of Hyyrö (2003): one long
integer holds a whole column of the table, so two texts of 3,000 characters take a few milliseconds.
"""

from __future__ import annotations


def distance(first: str, second: str) -> int:
    """Insertions, deletions and replacements of a character that make one text of the other."""
    same = _shared(first, second)
    first, second = first[same:][::-1], second[same:][::-1]
    same = _shared(first, second)
    first, second = first[same:], second[same:]
    if not first or not second:
        return len(first) or len(second)
    places: dict[str, int] = {}
    for place, character in enumerate(first):
        places[character] = places.get(character, 0) | 1 << place
    mask, last = (1 << len(first)) - 1, 1 << len(first) - 1
    # Column by column: where the table grows (up) and shrinks (down) by one from row to row.
    up, down, score = mask, 0, len(first)
    for character in second:
        equal = places.get(character, 0)
        zero = (((equal & up) + up) ^ up) | equal | down
        right, left = down | ~(zero | up) & mask, up & zero
        score += bool(right & last) - bool(left & last)
        right, left = right << 1 | 1, left << 1
        up, down = (left | ~(zero | right)) & mask, right & zero & mask
    return score


def _shared(first: str, second: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(second)))


def kept_permille(draft: str, final: str) -> int:
    """How much of ``draft`` is kept in ``final``: a thousand less the edit distance over the longer
    text's length. Two empty texts: all of it."""
    longer = max(len(draft), len(final))
    return 1000 if not longer else round(1000 * (1 - distance(draft, final) / longer))
