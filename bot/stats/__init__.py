"""Figures: folded from the journal entry by entry, kept in buckets of time, summed when asked."""

from bot.stats.fold import asks, fold, may_go_back

__all__ = ["asks", "fold", "may_go_back"]
