"""``Chat`` in Teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

from bot.app import Running
from tests.live.contract.chat import (
    Card,
    Chat,
    Form,
    Reply,
    ReplyFault,
    Room,
    Said,
    Value,
    View,
    Who,
)
from tests.live.steps import QUESTION
from tests.standins.anthropic import AnthropicStandin
from tests.standins.teams.connector import TeamsStandin
from tests.standins.teams.driver import Sent, TeamsDriver
from tests.standins.teams.world import BILLING, REFUNDS, SUPPORT, TRIAGE, Shown, executes, words_in
from tests.standins.wire import DropBefore, DropReply, Fault, HttpFailure, RateLimited

ROOMS: Final = {"support": SUPPORT, "billing": BILLING, "refunds": REFUNDS, "triage": TRIAGE}
_LOOK_UP_FAULTS: Final[tuple[Fault, ...]] = (HttpFailure(404), HttpFailure(500), DropReply())
_REPLY_FAULTS: Final[dict[ReplyFault, Fault]] = {
    "limited": RateLimited(1),
    "refused": HttpFailure(403),
    "never came": DropBefore(),
    "answer lost": DropReply(),
}
_ONLY_READS: Final = {"deskhand.refresh", "deskhand.show"}


class TeamsChat(Chat):
    """People in Teams."""

    name = "teams"
    outsiders: ClassVar[Mapping[Who, str]] = {
        "manager": "may not decide",
        "nobody": "may not decide",
        "customer": "You wrote this ticket",
        "guest": "Guests",
        "invited": "Guests",
        "roleless": "Guests",
        "external": "other organisations",
    }
    # A bot cannot look.
    lost_reply = "unknown"
    lost_card = 2

    def __init__(
        self, teams: TeamsStandin, people: TeamsDriver, product: Running, model: AnthropicStandin
    ) -> None:
        super().__init__(product, model, teams.signal)
        self.teams = teams
        self.world = teams.world
        self.people = people
        self._told: defaultdict[Who, list[str]] = defaultdict(list)

    # --- writing ------------------------------------------------------------------------------

    async def says(
        self, text: str = QUESTION, who: Who = "customer", *, under: Said | None = None
    ) -> Said:
        thread = {} if under is None else {"root": under.shown["id"]}
        more = {**thread, **({"replyToId": thread["root"]} if thread else {})}
        sent = await self.people.message(text, who, **more)
        assert sent.status == 200, sent
        return Said(who, "support", sent.activity)

    async def edits(self, said: Said, text: str) -> None:
        await self._change(said, "messageUpdate", "editMessage", text=text)

    async def touches(self, said: Said) -> None:
        text = said.shown["text"]
        await self._change(said, "messageUpdate", "editMessage", text=text)
        await self._change(said, "messageUpdate", "undeleteMessage", text=text)

    async def deletes(self, said: Said) -> None:
        await self._change(said, "messageDelete", "softDeleteMessage")

    async def _change(self, said: Said, kind: str, event: str, **more: Any) -> None:
        made = self.people.activity(said.who, id=said.shown["id"], type=kind, **more)
        made["channelData"]["eventType"] = event
        assert (await self.people.send(made)).status == 200

    async def redelivers(self, said: Said) -> None:
        for _ in range(2):
            assert (await self.people.send(said.shown)).status == 200

    def id_of(self, said: Said) -> str:
        return str(said.shown["id"])

    async def command(self, text: str, who: Who) -> str:
        return await self.asks_privately(f"agent {text}", who)

    async def asks_privately(self, text: str, who: Who) -> str:
        since, chat = len(self.world.posted), self.world.chat_with(self.world.people[who])
        assert (await self.people.personal(text, who)).status == 200
        answer = await self.world.posted.wait_for(
            lambda m: m.conversation == chat, since=since, timeout=30
        )
        return str(answer.activity["summary"])

    # --- seeing -------------------------------------------------------------------------------

    def cards(self, state: str | None = None) -> list[Card]:
        shown = [self._card(one) for one in self.world.cards() if one.id not in self.world.deleted]
        return [one for one in shown if state in (None, one.state)]

    def _card(self, shown: Shown) -> Card:
        about, state = shown.about, shown.about["state"]
        assert shown.activity["summary"].startswith(state)
        assert shown.card["fallbackText"].startswith(state)
        assert {one["verb"] for one in executes(shown.card)} <= _ONLY_READS, "it is everybody's"
        if self.world.conversations[shown.conversation] == "channel":
            assert shown.thread == shown.id, "a card is a new post, in no customer's thread"
        return Card(
            shown.id, about["proposal"], about["revision"], state,
            self._room(shown.conversation), " ".join(shown.words.split()),
            any(one["verb"] == "deskhand.refresh" for one in executes(shown.card)), shown,
        )  # fmt: skip

    def _room(self, conversation: str) -> Room:
        named = {ident: room for room, ident in ROOMS.items()}
        for who, person in self.world.people.items():
            named[f"a:chat-with-{person.id[3:]}"] = f"private:{who}"
        return named[conversation]

    async def opens(self, who: Who, card: Card) -> View:
        now = self.now(card)
        if not now.open:
            return View(who, now, frozenset(), now.shown.card)
        answer = await self.people.opened(who, now.shown)
        while "cannot show the card just now" in answer.words:
            answer = await self.people.opened(who, now.shown)
        assert (answer.status, answer.code) == (200, 200), answer
        verbs = {verb.removeprefix("deskhand.") for verb in answer.verbs if verb not in _ONLY_READS}
        return View(who, now, frozenset(verbs), answer.card)

    def all_told(self, who: Who) -> list[str]:
        return self._told[who]

    def replies(self) -> list[Reply]:
        return [self._reply(one) for one in self.world.replies()]

    def _reply(self, shown: Shown) -> Reply:
        marks = dict(shown.about)
        assert marks.pop("kind") == "reply"
        assert shown.activity["textFormat"] == "plain", "no markup, no mention"
        assert shown.thread == shown.reply_to == shown.activity["replyToId"]
        room, text = self._room(shown.conversation), shown.activity["text"]
        return Reply(room, text, shown.reply_to or "", marks, "entities" in shown.activity)

    def reminders(self, card: Card) -> list[str]:
        return [one.words for one in self.world.posted if one.reply_to == card.id]

    def called(self, who: Who) -> str:
        return self.world.people[who].name

    def names(self, card: Card, who: Who) -> bool:
        return self.called(who) in card.words

    def links_to(self, card: Card, other: Card) -> bool:
        return f"/{other.id}?tenantId=" in str(self.now(card).shown.card)

    # --- deciding -----------------------------------------------------------------------------

    async def press(self, view: View, verb: str, who: Who | None = None) -> Sent:
        shown, name = view.card.shown, f"deskhand.{verb}"
        must = {"reason": "other"} if verb == "reject" else {}  # no client sends it without
        sent, _ = await self._until_saved(
            who or view.who,
            lambda: self.people.submit(who or view.who, shown, view.shown, name, **must),
        )
        return sent

    async def _until_saved(
        self, who: Who, press: Callable[[], Awaitable[Sent]]
    ) -> tuple[Sent, str]:
        """Press, and again where that took too long to be saved, as the answer says. The answer,
        and what it says beside the card."""
        while True:
            sent = await press()
            if "was not saved" not in sent.words:
                return sent, self._answered(who, sent)

    def _answered(self, who: Who, sent: Sent) -> str:
        """What the answer to a press says beside the card; empty where it says nothing."""
        assert (sent.status, sent.code) == (200, 200), sent
        said = ""
        if sent.body["type"] == "application/vnd.microsoft.activity.message":
            said = sent.words
        elif (first := sent.card["body"][0])["type"] == "Container":
            said = words_in(first)
        if said:
            self._told[who].append(said)
            self.signal.notify()
        return said

    async def again(self, press: Any) -> None:
        who = next(w for w, p in self.world.people.items() if p.id == press.activity["from"]["id"])
        await self._until_saved(who, lambda: self.people.send(press.activity))

    async def form(self, who: Who, card: Card, verb: str) -> Form:
        view = await self.opens(who, card)
        assert verb in view.buttons
        return Form(view, verb, view.shown)

    async def submit(self, form: Form, **values: Value) -> str:
        who, shown = form.view.who, form.view.card.shown
        given = {name: _typed(value) for name, value in values.items()}
        name = f"deskhand.{form.verb}"
        _, said = await self._until_saved(
            who, lambda: self.people.submit(who, shown, form.shown, name, **given)
        )
        return said

    def forms_opened(self) -> int:
        return 0  # they lie inside the card

    # --- what fails ---------------------------------------------------------------------------

    def nobody_can_be_looked_up(self) -> list[Callable[[], Callable[[], None]]]:
        return [self._failing("member", fault) for fault in _LOOK_UP_FAULTS]

    def no_group_can_be_looked_up(self) -> Callable[[], None]:
        return self._failing("groups", HttpFailure(503))()

    def _failing(self, name: str, fault: Fault) -> Callable[[], Callable[[], None]]:
        def begin() -> Callable[[], None]:
            rule = self.teams.faults.add(name, fault, times=None)

            def end() -> None:
                rule.times = 0

            return end

        return begin

    def lose_reply(self, how: ReplyFault) -> None:
        self.teams.faults.add("post", _REPLY_FAULTS[how], when=lambda args: "textFormat" in args)

    def lose_card(self) -> None:
        self.teams.faults.add("post", DropReply(), when=lambda args: "attachments" in args)

    def refuse_cards_in(self, *rooms: Room) -> None:
        self.world.removed_from |= {ROOMS[room] for room in rooms}

    def delete_card(self, card: Card) -> None:
        self.world.deleted.add(card.id)

    async def meets(self, who: Who) -> None:
        """A bot may write to those alone who have written to it."""
        await self.asks_privately("help", who)


def _typed(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ",".join(value)
