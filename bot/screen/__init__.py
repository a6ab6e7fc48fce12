"""The screen in front of every approval card: what must not go out unseen, found without a model.

Each recogniser is a pure function from a text to the passages that it knows. ``numbers``: cards and
accounts; ``national``: identity numbers; ``keys``: secrets; ``contacts``: other people's addresses
and numbers; ``links``: links away; ``promises``: promises and advice that no source gives;
``policy``: the customer's own words. ``look`` puts them together; ``masks`` takes cards and secrets
out of what comes in.
"""

from bot.screen.look import Known, Sieve, look, ruled
from bot.screen.masks import masked, masked_run, masked_ticket
from bot.screen.policy import NO_POLICY, Policy, Rule, read_policy

__all__ = [
    "NO_POLICY",
    "Known",
    "Policy",
    "Rule",
    "Sieve",
    "look",
    "masked",
    "masked_run",
    "masked_ticket",
    "read_policy",
    "ruled",
]
