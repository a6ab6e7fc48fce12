"""What the store and a worker in the same process tell each other, to save each other the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.ports import Wake


class Hands(Protocol):
    """A worker in this process. All of it returns at once."""

    def offer(self, wake: Wake) -> str | None:
        """Keep a hand for this wake and answer the token of its lease; None: no hand is free."""
        ...

    def begun(self, wake: Wake, token: str) -> None:
        """It is saved, and its job taken up under ``token``: work on it."""
        ...

    def withdrawn(self, wake: Wake) -> None:
        """It was not saved, or somebody is at it already: the hand is free again."""
        ...

    def lost(self, wake: Wake, token: str) -> None:
        """Nobody knows whether it was saved and taken up: the hand is free, the lease may stand."""
        ...

    def cleared(self, wakes: Sequence[Wake]) -> None:
        """These were cleared, leases and all: there is nothing left to finish."""
        ...


class Offers:
    """The wakes of one step, as far as this process would take them up itself."""

    def __init__(self, hands: Hands | None, wakes: Sequence[Wake]) -> None:
        self._hands = hands
        self.tokens: dict[Wake, str] = {}
        self.others: list[Wake] = []
        """For which no hand is free here."""
        for wake in dict.fromkeys(wakes):
            token = None if hands is None else hands.offer(wake)
            if token is None:
                self.others.append(wake)
            else:
                self.tokens[wake] = token

    def taken(self, wakes: frozenset[Wake]) -> None:
        """The step is done, or did nothing: begin these, and free the hands kept for the rest."""
        if self._hands is not None:
            for wake, token in self.tokens.items():
                if wake in wakes:
                    self._hands.begun(wake, token)
                else:
                    self._hands.withdrawn(wake)

    def lost(self) -> None:
        """Nobody knows what became of the step."""
        if self._hands is not None:
            for wake, token in self.tokens.items():
                self._hands.lost(wake, token)
