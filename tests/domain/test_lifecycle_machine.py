"""No sequence of commands and crashes acts without an approval, or twice, or after its deadline.

The machine plays people, workers that crash or stall at any point, and a remote that remembers
what reached it. It checks the lifecycle against that memory, not against itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.commands import (
    Approve,
    Claim,
    Command,
    Edit,
    Expire,
    Lapse,
    Moved,
    Overdue,
    Refused,
    Reject,
    Report,
    Resend,
    Retry,
    Revise,
    SettleDone,
    SettleRetry,
    Succeeded,
    Supersede,
    Uncertain,
)
from bot.domain import Actor, Hit, Notice, OnHit, Proposal
from bot.lifecycle import digest, next_action, transition
from tests.domain.make import START, content, decision, pending, person, reply_action

HITS = (Hit(name="secret", start=0, end=1),)
ON_HIT: st.SearchStrategy[OnHit] = st.sampled_from(["reason", "second"])
PEOPLE = [person(name) for name in ("U0AGENT", "U0AGENT2", "U0AGENT3")]


@dataclass
class Worker:
    """One that holds a claim: alive or stalled, until it reports or dies."""

    index: int
    key: str
    digest: str
    deadline: float
    sent: bool = False


class Life(RuleBasedStateMachine):
    """``self.now`` is seconds since the start, by the store's own clock."""

    @initialize(
        actions=st.integers(0, 3),
        needed=st.integers(1, 2),
        honours=st.booleans(),
        found=st.booleans(),
        on_hit=ON_HIT,
    )
    def begin(self, actions: int, needed: int, honours: bool, found: bool, on_hit: OnHit) -> None:
        self.now = 1.0
        self.honours = honours
        plan = tuple(reply_action(f"text {n}", tool=f"tool_{n}") for n in range(actions))
        self.proposal = pending(plan, needed, HITS if found else (), on_hit)
        self.shown = [digest(self.proposal)]
        self.approved: dict[str, set[str]] = {}
        self.asks_why: dict[str, OnHit] = {}
        self.reasons: dict[str, set[str]] = {}
        self.note_hits()
        self.workers: list[Worker] = []
        self.arrived: list[tuple[str, int, str]] = []  # key, index, digest
        self.person_said_again = 0

    def apply(self, command: Command) -> bool:
        moved = transition(self.proposal, command)
        if not isinstance(moved, Moved):
            return False
        assert moved.proposal.revision >= self.proposal.revision
        self.proposal = moved.proposal
        self.note_hits()
        return True

    def note_hits(self) -> None:
        """What the screen asks of who approves what is shown now, by the machine's own book."""
        if self.proposal.hits:
            self.asks_why[digest(self.proposal)] = self.proposal.on_hit

    def at(self) -> timedelta:
        return timedelta(seconds=self.now)

    @rule(seconds=st.sampled_from([0.1, 1.0, 7.0, 9.0, 11.0, 400.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        who=st.sampled_from(PEOPLE),
        old=st.booleans(),
        words=st.sampled_from([None, "no", "Their own number."]),
    )
    def approve(self, who: Actor, old: bool, words: str | None) -> None:
        revision = self.proposal.revision - 1 if old else self.proposal.revision
        given = decision(self.proposal, by=who, at=START + self.at(), revision=revision)
        given = given.model_copy(update={"words": words})
        earlier = {approval.actor.id for approval in self.proposal.approvals}
        persons = "first" if not earlier else "same" if who.id in earlier else "different"
        if self.apply(Approve(given, persons)):
            assert not old
            if words is not None and len(words) > 2:
                self.reasons.setdefault(digest(self.proposal), set()).add(who.id)
            self.approved.setdefault(digest(self.proposal), set()).add(who.id)

    @rule(
        who=st.sampled_from(PEOPLE),
        now=st.booleans(),
        text=st.text(min_size=1, max_size=5),
        found=st.booleans(),
        on_hit=ON_HIT,
    )
    def edit(self, who: Actor, now: bool, text: str, found: bool, on_hit: OnHit) -> None:
        before = self.proposal.content
        assert before is not None
        actions = tuple(
            action
            if index < len(self.proposal.progress)
            and self.proposal.progress[index].status == "succeeded"
            else action.model_copy(update={"args": {"text": text}})
            for index, action in enumerate(before.actions)
        )
        command = Edit(
            decision=decision(self.proposal, "edit", by=who, at=START + self.at()),
            content=content(*actions, reply=text),
            marks=(),
            changes=(),
            approve=now,
            approvals_needed=self.proposal.approvals_needed,
            hits=HITS if found else (),
            on_hit=on_hit,
        )
        if self.apply(command):
            assert digest(self.proposal) not in self.shown
            self.shown.append(digest(self.proposal))
            assert not found or self.proposal.state == "pending"
            if self.proposal.state in ("approved", "succeeded"):
                self.approved.setdefault(digest(self.proposal), set()).add(who.id)

    @rule()
    def revise(self) -> None:
        if self.apply(Revise(START + self.at(), Notice(kind="retry", text="x"))):
            self.shown.append(digest(self.proposal))

    @rule(kind=st.sampled_from(["reject", "expire", "supersede", "lapse"]))
    def end_it(self, kind: str) -> None:
        at = START + self.at()
        commands: dict[str, Command] = {
            "reject": Reject(decision(self.proposal, "reject", at=at)),
            "expire": Expire(at),
            "supersede": Supersede(at, "p_b"),
            "lapse": Lapse(at),
        }
        if kind in ("reject", "expire", "supersede") and self.now < 300:
            return  # let most lives be long enough to be interesting
        if self.apply(commands[kind]):
            self.shown.append(digest(self.proposal))

    @rule()
    def claim(self) -> None:
        index = next_action(self.proposal)
        if index is None:
            return
        if self.apply(Claim(START + self.at(), index)):
            key = self.proposal.progress[index].keys[-1]
            self.workers.append(Worker(index, key, digest(self.proposal), self.now + 8))

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_sends(self, data: st.DataObject) -> None:
        """A worker, however long it stalled, sends only before its deadline."""
        worker = data.draw(st.sampled_from(self.workers))
        if worker.sent or self.now >= worker.deadline:
            return
        worker.sent = True
        self.arrived.append((worker.key, worker.index, worker.digest))

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), seen=st.sampled_from(["truth", "lost"]))
    def a_worker_reports(self, data: st.DataObject, seen: str) -> None:
        worker = data.draw(st.sampled_from(self.workers))
        self.workers.remove(worker)
        if seen == "lost":
            outcome = Uncertain("the answer was lost")
        else:
            outcome = Succeeded("ok") if worker.sent else Refused("not sent")
        self.apply(Report(START + self.at(), worker.index, worker.key, outcome))

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        self.workers.remove(data.draw(st.sampled_from(self.workers)))

    @rule()
    def overdue(self) -> None:
        if self.honours and self.apply(Resend(START + self.at(), START + timedelta(days=9))):
            return
        self.apply(Overdue(START + self.at()))

    @rule(who=st.sampled_from(PEOPLE), needed=st.integers(1, 2))
    def retry(self, who: Actor, needed: int) -> None:
        given = decision(self.proposal, "retry", by=who, at=START + self.at())
        if self.apply(Retry(given, needed)):
            assert self.proposal.approvals_needed >= needed

    @rule(
        who=st.sampled_from(PEOPLE),
        arrived=st.booleans(),
        needed=st.integers(1, 2),
        overtaken=st.booleans(),
    )
    def settle(self, who: Actor, arrived: bool, needed: int, overtaken: bool) -> None:
        at = START + self.at()
        if arrived:
            self.apply(SettleDone(decision(self.proposal, "settle_done", by=who, at=at), needed))
            return
        given = decision(self.proposal, "settle_retry", by=who, at=at)
        kept = START + timedelta(days=9) if self.honours else None
        if self.apply(SettleRetry(given, kept, needed, overtaken=overtaken)):
            self.person_said_again += 1
            assert not overtaken or self.proposal.state == "pending"
            assert self.proposal.approvals_needed >= needed

    @invariant()
    def executing_only_under_an_approval_of_what_was_shown(self) -> None:
        if not hasattr(self, "proposal") or self.proposal.state != "executing":
            return
        shown = digest(self.proposal)
        assert len(self.approved.get(shown, ())) >= self.proposal.approvals_needed

    @invariant()
    def everything_that_arrived_was_approved_as_shown(self) -> None:
        for _, _, sent in getattr(self, "arrived", ()):
            assert len(self.approved.get(sent, ())) >= 1

    @invariant()
    def what_the_screen_found_arrives_with_a_reason_or_by_two(self) -> None:
        for _, _, sent in getattr(self, "arrived", ()):
            match self.asks_why.get(sent):
                case "reason":
                    assert self.reasons.get(sent)
                case "second":
                    assert len(self.approved.get(sent, ())) >= 2
                case None:
                    pass

    @invariant()
    def nothing_arrives_twice_unless_a_person_or_the_key_makes_it_right(self) -> None:
        if not hasattr(self, "arrived"):
            return
        by_index: dict[int, list[str]] = {}
        for key, index, _ in self.arrived:
            by_index.setdefault(index, []).append(key)
        for keys in by_index.values():
            distinct = set(keys)
            if not self.honours:
                # One send a claim; a second only because a person said: send again.
                assert len(keys) == len(distinct)
            assert len(distinct) <= 1 + self.person_said_again

    @invariant()
    def at_most_one_claim_is_alive(self) -> None:
        if not hasattr(self, "workers"):
            return
        able = [worker for worker in self.workers if self.now < worker.deadline and not worker.sent]
        assert len(able) <= 1


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase


def test_the_machine_can_reach_every_state() -> None:
    """The rules are worth nothing if they never get far: the same steps by hand, once."""
    proposal: Proposal = pending()
    for command in (
        Approve(decision(proposal)),
        Claim(START + timedelta(minutes=2), 0),
        Overdue(START + timedelta(minutes=3)),
    ):
        moved = transition(proposal, command)
        assert isinstance(moved, Moved)
        proposal = moved.proposal
    assert proposal.state == "unknown"
