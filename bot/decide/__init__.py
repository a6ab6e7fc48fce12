"""A person's decision on one revision: verified, authorised, saved; then acknowledged.

``decisions``: what each button and form asks for. ``asked``: the card behind a token, and whether
this person may decide it now. ``saving``: one compare-and-swap, and what became of it when its
answer is lost. ``record``: the journal's entry. ``words``: what people are told.
"""

from bot.decide.decisions import Decide, approvals_needed
from bot.decide.saving import DECIDE_SECONDS

__all__ = ["DECIDE_SECONDS", "Decide", "approvals_needed"]
