"""``Chat`` in Slack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from tests.standins.slack import CannotSubmit, Delivery, Driver, Message, SlackStandin
from tests.standins.wire import DropBefore, DropReply, Fault, HttpFailure, RateLimited, Refusal

PEOPLE: Final = {
    "customer": "U0CUSTOMER",
    "customer2": "U0CUSTOMER2",
    "agent": "U0AGENT",
    "agent2": "U0AGENT2",
    "manager": "U0MANAGER",
    "guest": "U0GUEST",
    "external": "U0STRANGER",
    "gone": "U0GONE",
    "a bot": "U0BOT",
}
ROOMS: Final = {
    "support": "C0SUPPORT",
    "billing": "C0BILLING",
    "refunds": "C0SALES",
    "triage": "C0TRIAGE",
}
_LOOK_UP_FAULTS: Final[tuple[Fault, ...]] = (
    Refusal("internal_error"),
    HttpFailure(500),
    DropReply(),
    RateLimited(30),
)
_REPLY_FAULTS: Final[dict[ReplyFault, Fault]] = {
    "limited": RateLimited(1),
    "refused": Refusal("channel_not_found"),
    "never came": DropBefore(),
    "answer lost": DropReply(),
}


class SlackChat(Chat):
    """People in Slack."""

    name = "slack"
    outsiders: ClassVar[Mapping[Who, str]] = {
        "manager": "may not",
        "guest": "Guests",
        "external": "other organisations",
        "customer": "wrote this ticket",
        "gone": "deactivated",
        "a bot": "Bots",
    }
    # It is looked up.
    lost_reply = "succeeded"
    lost_card = 1

    def __init__(
        self, slack: SlackStandin, people: Driver, product: Running, model: AnthropicStandin
    ) -> None:
        super().__init__(product, model, slack.signal)
        self.slack = slack
        self.space = slack.space
        self.people = people

    # --- writing ------------------------------------------------------------------------------

    async def says(
        self, text: str = QUESTION, who: Who = "customer", *, under: Said | None = None
    ) -> Said:
        thread = under.shown.message.ts if under is not None else None
        sent = await self.people.message(text, user=PEOPLE[who], thread_ts=thread)
        assert sent.ok, sent
        return Said(who, "support", sent)

    async def edits(self, said: Said, text: str) -> None:
        assert (await self.people.edit(said.shown.message, text)).ok

    async def touches(self, said: Said) -> None:
        assert (await self.people.unfurl(said.shown.message)).ok

    async def deletes(self, said: Said) -> None:
        assert (await self.people.delete(said.shown.message)).ok

    async def redelivers(self, said: Said) -> None:
        for retry in (1, 2):
            assert (await self.people.redeliver(said.shown, retry=retry)).ok

    def id_of(self, said: Said) -> str:
        return str(said.shown.message.ts)

    async def command(self, text: str, who: Who) -> str:
        return str((await self.people.command(text, user=PEOPLE[who])).body)

    async def asks_privately(self, text: str, who: Who) -> str:
        home, since = self.space.direct_channel(PEOPLE[who]), len(self.space.posted)
        assert (await self.people.message(text, user=PEOPLE[who], channel=home.id)).ok
        answer = await self.space.posted.wait_for(
            lambda m: m.channel == home.id and m.bot_id is not None, since=since, timeout=30
        )
        return answer.text

    # --- seeing -------------------------------------------------------------------------------

    def cards(self, state: str | None = None) -> list[Card]:
        shown = [self._card(one) for one in self.space.cards()]
        return [one for one in shown if state in (None, one.state)]

    def _card(self, message: Message) -> Card:
        state, about = message.card_state, message.payload
        assert state is not None
        assert state in message.text, "notifications and screen readers read the state"
        return Card(
            message.ts, about["proposal"], about["revision"], state,
            _room(message.channel), " ".join(message.block_text.split()),
            bool(message.action_ids), message,
        )  # fmt: skip

    async def opens(self, who: Who, card: Card) -> View:
        now = self.now(card)
        verbs = (action.removeprefix("deskhand.") for action in now.shown.action_ids)
        return View(who, now, frozenset(verbs), now.shown)

    def all_told(self, who: Who) -> list[str]:
        return [
            seen.text + seen.block_text
            for seen in self.space.ephemerals
            if seen.user == PEOPLE[who] and seen.via != "command"
        ]

    def replies(self) -> list[Reply]:
        found = [one for one in self.space.posted if one.event_type == "deskhand_reply"]
        return [
            Reply(_room(m.channel), m.text + m.block_text, m.thread_ts or "", m.payload, None)
            for m in found
        ]

    def reminders(self, card: Card) -> list[str]:
        thread = self.space.thread(card.shown.channel, card.id)[1:]
        said = [str(m.blocks) + m.text for m in thread]
        assert all(PEOPLE["agent"] in words for words in said), "who may decide is notified"
        return said

    def called(self, who: Who) -> str:
        return f"<@{PEOPLE[who]}>"

    def names(self, card: Card, who: Who) -> bool:
        return PEOPLE[who] in str(card.shown.blocks)

    def links_to(self, card: Card, other: Card) -> bool:
        return f"p{other.id.replace('.', '')}" in str(self.now(card).shown.blocks)

    # --- deciding -----------------------------------------------------------------------------

    async def press(self, view: View, verb: str, who: Who | None = None) -> Delivery:
        user = PEOPLE[who or view.who]
        sent = await self.people.click(user, view.shown, f"deskhand.{verb}")
        assert sent.status == 200, sent
        return sent

    async def again(self, press: Any) -> None:
        assert (await self.people.redeliver(press)).ok

    async def form(self, who: Who, card: Card, verb: str) -> Form:
        view, since = await self.opens(who, card), len(self.space.view_changes)
        await self.press(view, verb)
        modal = await self.space.view_changes.wait_for(
            lambda v: v.callback_id == f"deskhand.{verb}" and v.is_open and v.user == PEOPLE[who],
            since=since,
            timeout=30,
        )
        return Form(view, verb, modal)

    async def submit(self, form: Form, **values: Value) -> str:
        given: dict[str, Any] = {
            name: ([name] if value else []) if isinstance(value, bool) else value
            for name, value in values.items()
        }
        try:
            sent = await self.people.submit(form.shown, given)
        except CannotSubmit as refused:
            return str(refused)
        assert sent.ok, sent
        assert not sent.faults
        return " ".join(sent.refusals.values())

    def forms_opened(self) -> int:
        return len(self.space.view_changes)

    # --- what fails ---------------------------------------------------------------------------

    def nobody_can_be_looked_up(self) -> list[Callable[[], Callable[[], None]]]:
        return [self._failing("users.info", fault) for fault in _LOOK_UP_FAULTS]

    def no_group_can_be_looked_up(self) -> Callable[[], None]:
        return self._failing("usergroups.users.list", HttpFailure(503))()

    def _failing(self, method: str, fault: Fault) -> Callable[[], Callable[[], None]]:
        def begin() -> Callable[[], None]:
            rule = self.slack.faults.add(method, fault, times=None)

            def end() -> None:
                rule.times = 0

            return end

        return begin

    def lose_reply(self, how: ReplyFault) -> None:
        self.slack.faults.add(
            "chat.postMessage",
            _REPLY_FAULTS[how],
            when=lambda args: "deskhand_reply" in str(args.get("metadata")),
        )

    def lose_card(self) -> None:
        self.slack.faults.add(
            "chat.postMessage",
            DropReply(),
            when=lambda args: "deskhand_card" in str(args.get("metadata")),
        )

    def refuse_cards_in(self, *rooms: Room) -> None:
        channels = [ROOMS[room] for room in rooms]
        self.slack.faults.add(
            "chat.postMessage",
            Refusal("not_in_channel"),
            times=None,
            when=lambda args: args.get("channel") in channels,
        )

    def delete_card(self, card: Card) -> None:
        self.space.delete(self.now(card).shown)

    async def meets(self, who: Who) -> None:
        """An app may write to every member."""


def _room(channel: str) -> Room:
    named = {**{ident: room for room, ident in ROOMS.items()}}
    for who, user in PEOPLE.items():
        named[f"D{user[1:]}"] = f"private:{who}"
    return named[channel]
