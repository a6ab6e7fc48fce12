"""The Slack side that calls the app: people typing, clicking, submitting.

A driver changes the workspace as the person would (their message is there before the
event leaves) and delivers the payload, over signed HTTP or over Socket Mode.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from tests.standins.slack import events
from tests.standins.slack.events import Overrides
from tests.standins.slack.methods_write import checked_blocks, checked_view
from tests.standins.slack.model import Channel, Ephemeral, JsonObject, Message, SlackError, View
from tests.standins.slack.socket_mode import EnvelopeKind
from tests.standins.slack.state import Workspace
from tests.standins.slack.transport import Sent, Transport
from tests.standins.wire import NotSeenError


@dataclass(frozen=True)
class Delivery:
    """One payload sent to the app and what came back.

    `status` is the HTTP status (Socket Mode: 200 for an acknowledgement), 0 when nothing
    came: then `error` says why (`timeout`, `connection`). `seconds` is until the answer.
    """

    kind: EnvelopeKind
    payload: JsonObject
    sent: Sent
    message: Message | None = None
    """What the person wrote, for message events."""
    trigger_id: str = ""
    response_url: str = ""
    refusals: dict[str, str] = field(default_factory=dict)
    """response_action `errors`: field -> words."""
    faults: tuple[str, ...] = ()
    """Slack's complaints about the app's answer, such as invalid blocks in it."""

    @property
    def status(self) -> int:
        return self.sent.status

    @property
    def ok(self) -> bool:
        """Whether Slack takes the payload for delivered."""
        return 200 <= self.sent.status < 300

    @property
    def body(self) -> JsonObject:
        """The answer as JSON; empty if it was none."""
        return self.sent.body

    @property
    def seconds(self) -> float:
        return self.sent.seconds

    @property
    def event_id(self) -> str:
        return str(self.payload.get("event_id", ""))


class Driver:
    """People in Slack, as the app meets them."""

    def __init__(self, space: Workspace, transport: Transport, *, base_url: str) -> None:
        self.space = space
        self.transport = transport
        self._base_url = base_url

    # ---- events ----------------------------------------------------------------------

    async def event(
        self, event: JsonObject, *, message: Message | None = None, event_id: str | None = None
    ) -> Delivery:
        """Deliver any event."""
        payload = events.event_callback(self.space, event, event_id=event_id)
        sent = await self.transport.deliver("events_api", payload)
        return Delivery("events_api", payload, sent, message=message)

    async def redeliver(
        self, delivery: Delivery, *, retry: int = 1, reason: str = "http_timeout"
    ) -> Delivery:
        """The same event again, with x-slack-retry-num and x-slack-retry-reason."""
        sent = await self.transport.deliver(
            delivery.kind, delivery.payload, retry=retry, reason=reason
        )
        return replace(delivery, sent=sent)

    async def insist(
        self, delivery: Delivery, *, every_s: float = 0.05, timeout: float = 30.0
    ) -> Delivery:
        """Deliver again until it is accepted, as Slack does while an app is away (but faster,
        and without giving up after three times). Raises NotSeenError after `timeout` seconds
        or when the app said not to retry."""
        deadline = time.monotonic() + timeout
        retry = 0
        while not delivery.ok:
            if delivery.sent.no_retry or time.monotonic() > deadline:
                raise NotSeenError(f"{delivery.event_id} was not accepted: {delivery.sent}")
            await asyncio.sleep(every_s)
            retry += 1
            reason = "http_timeout" if delivery.status == 0 else "http_error"
            delivery = await self.redeliver(delivery, retry=retry, reason=reason)
        return delivery

    def write(
        self,
        text: str,
        *,
        user: str = "U0CUSTOMER",
        channel: str = "C0SUPPORT",
        thread_ts: str | None = None,
        files: Sequence[JsonObject] = (),
        blocks: list[JsonObject] | None = None,
        mention: str | None = None,
        markup: bool = False,
    ) -> Message:
        """Put a person's message into the channel without telling the app.

        `text` is what they typed: the message holds it as Slack does, with & < > escaped and
        links in angle brackets; with `markup` it is that text already, tokens such as
        `<@U0AGENT>` included. `mention` (a user id) stands before it.
        """
        person = self.space.users[user]
        held = text if markup else events.typed(text)
        return self.space.post(
            Message(
                channel=channel,
                ts=self.space.new_ts(),
                user=user,
                text=f"<@{mention}> {held}".rstrip() if mention else held,
                team=person.team_id,
                blocks=events.rich_text(text, mention=mention) if blocks is None else blocks,
                thread_ts=thread_ts,
                files=list(files),
                subtype="file_share" if files else None,
            )
        )

    async def message(
        self,
        text: str,
        *,
        user: str = "U0CUSTOMER",
        channel: str = "C0SUPPORT",
        thread_ts: str | None = None,
        files: Sequence[JsonObject] = (),
        blocks: list[JsonObject] | None = None,
        markup: bool = False,
    ) -> Delivery:
        """A person writes; with `files` the event has subtype file_share. See `write`."""
        message = self.write(
            text,
            user=user,
            channel=channel,
            thread_ts=thread_ts,
            files=files,
            blocks=blocks,
            markup=markup,
        )
        return await self.event(events.message_event(self.space, message), message=message)

    async def mention(
        self,
        text: str,
        *,
        user: str = "U0AGENT",
        channel: str = "C0SUPPORT",
        thread_ts: str | None = None,
        also_message: bool = True,
    ) -> tuple[Delivery, ...]:
        """A person mentions the app. Slack sends app_mention and, to an app that listens
        to messages (`also_message`), the message event as well, with another event_id."""
        message = self.write(
            text, user=user, channel=channel, thread_ts=thread_ts, mention=self.space.bot_user
        )
        mention = await self.event(events.app_mention(message), message=message)
        if not also_message:
            return (mention,)
        return mention, await self.event(events.message_event(self.space, message), message=message)

    async def edit(self, message: Message, text: str, *, markup: bool = False) -> Delivery:
        """The author changes the text; `markup` as in `write`."""
        before = self.space.current(message)
        after = self.space.update(
            replace(
                before,
                text=text if markup else events.typed(text),
                blocks=events.rich_text(text),
                edited={"user": before.user, "ts": self.space.new_ts()},
            )
        )
        return await self.event(events.message_changed(self.space, before, after), message=after)

    async def unfurl(self, message: Message) -> Delivery:
        """A link's preview arrives as an edit: attachments new, text the same."""
        before = self.space.current(message)
        preview = {"from_url": "https://example.com/", "title": "Example", "id": 1}
        after = self.space.update(replace(before, attachments=[preview]))
        return await self.event(events.message_changed(self.space, before, after), message=after)

    async def delete(self, message: Message) -> Delivery:
        """A message is deleted (by its author or an administrator).

        With replies it leaves a tombstone, of which the app hears as message_changed.
        """
        gone = self.space.current(message)
        tombstone = self.space.delete(gone)
        if tombstone is not None:
            event = events.message_changed(self.space, gone, tombstone)
        else:
            event = events.message_deleted(self.space, gone)
        return await self.event(event, message=gone)

    async def bot_message(self, text: str, *, channel: str = "C0SUPPORT") -> Delivery:
        """Another app writes."""
        message = self.space.post(
            Message(
                channel=channel,
                ts=self.space.new_ts(),
                user="U0BOT",
                text=text,
                bot_id="B0OTHER",
                app_id="A0OTHER",
                subtype="bot_message",
            )
        )
        return await self.event(events.message_event(self.space, message), message=message)

    async def notice(
        self,
        subtype: Literal["channel_join", "channel_leave", "channel_topic", "channel_purpose"],
        *,
        user: str = "U0CUSTOMER",
        channel: str = "C0SUPPORT",
    ) -> Delivery:
        """Slack's own message about the channel."""
        words = {
            "channel_join": f"<@{user}> has joined the channel",
            "channel_leave": f"<@{user}> has left the channel",
            "channel_topic": f"<@{user}> set the channel topic: Support",
            "channel_purpose": f"<@{user}> set the channel purpose: Support",
        }
        message = self.space.post(
            Message(
                channel=channel,
                ts=self.space.new_ts(),
                user=user,
                text=words[subtype],
                subtype=subtype,
            )
        )
        return await self.event(events.message_event(self.space, message), message=message)

    async def echo(self, message: Message) -> Delivery:
        """The app's own message comes back as an event, as Slack does for each."""
        return await self.event(events.message_event(self.space, message), message=message)

    @asynccontextmanager
    async def echoing(self) -> AsyncIterator[None]:
        """While the block runs, each message and update of the app's own comes back to it as
        an event, as at Slack for an app that listens to its channels."""

        async def posted() -> None:
            position = len(self.space.posted)
            while True:
                message = await self.space.posted.wait_for(since=position, timeout=3600)
                position += 1
                if message.bot_id == self.space.bot_id:
                    await self.echo(message)

        async def updated() -> None:
            position = len(self.space.updated)
            while True:
                message = await self.space.updated.wait_for(since=position, timeout=3600)
                position += 1
                if message.bot_id == self.space.bot_id:
                    await self.event(events.message_changed(self.space, message, message))

        echoes = [asyncio.create_task(posted()), asyncio.create_task(updated())]
        try:
            yield
        finally:
            for echo in echoes:
                echo.cancel()
            await asyncio.gather(*echoes, return_exceptions=True)

    async def home_opened(self, user: str) -> Delivery:
        """A person opens the app's Home tab."""
        channel: Channel = self.space.direct_channel(user)
        return await self.event(
            {
                "type": "app_home_opened",
                "user": user,
                "channel": channel.id,
                "tab": "home",
                "event_ts": self.space.new_ts(),
            }
        )

    # ---- interactions ----------------------------------------------------------------

    async def click(
        self,
        user: str,
        shown: Message | Ephemeral | View,
        action_id: str,
        *,
        block_id: str | None = None,
        chosen: object = None,
        inputs: Overrides | None = None,
    ) -> Delivery:
        """Press a button (or choose `chosen` in a select) on what the person sees.

        An old snapshot is a stale click: the button as it was then, on the message's ts.
        `inputs` are values of the message's own input blocks. Raises LookupError when the
        element is not there.
        """
        block, element = shown.element(action_id, block_id=block_id)
        values = events.state_values(shown.blocks, inputs)
        in_view = isinstance(shown, View)
        trigger_id = self.space.new_trigger(user, shown.id if isinstance(shown, View) else None)
        response_url = ""
        if isinstance(shown, Message | Ephemeral):
            response_url = self._base_url + self.space.new_response_url(
                user, shown.channel, shown.ts if isinstance(shown, Message) else None
            )
        payload = events.block_actions(
            self.space,
            user,
            shown,
            events.action_of(self.space, block, element, chosen),
            trigger_id=trigger_id,
            response_url=None if in_view else response_url,
            values=values,
        )
        sent = await self.transport.deliver("interactive", payload)
        return Delivery(
            "interactive", payload, sent, trigger_id=trigger_id, response_url=response_url
        )

    async def shortcut(
        self, user: str, message: Message, callback_id: str = "deskhand.triage"
    ) -> Delivery:
        """Use a message shortcut."""
        trigger_id = self.space.new_trigger(user)
        response_url = self._base_url + self.space.new_response_url(
            user, message.channel, message.ts
        )
        payload = events.message_shortcut(
            self.space,
            user,
            self.space.current(message),
            callback_id,
            trigger_id=trigger_id,
            response_url=response_url,
        )
        sent = await self.transport.deliver("interactive", payload)
        return Delivery(
            "interactive", payload, sent, trigger_id=trigger_id, response_url=response_url
        )

    async def submit(
        self, view: View, inputs: Overrides | None = None, *, user: str | None = None
    ) -> Delivery:
        """Submit a modal with its initial values, changed by `inputs` (block_id -> value).

        Selects take an option's value, checkboxes and multi-selects a list of values, `None`
        empties. Raises CannotSubmit where Slack's client would not let the person submit.
        """
        person = user or view.user
        values = events.state_values(view.blocks, inputs, submitting=True)
        trigger_id = self.space.new_trigger(person, view.id)
        payload = events.view_submission(self.space, person, view, values, trigger_id=trigger_id)
        sent = await self.transport.deliver("interactive", payload)
        delivery = Delivery("interactive", payload, sent, trigger_id=trigger_id)
        if not delivery.ok:
            return delivery
        try:
            return replace(delivery, refusals=self._follow(view, delivery.body))
        except SlackError as error:
            # Slack shows "We had some trouble connecting" and keeps the modal open.
            return replace(delivery, faults=(error.code, *map(str, error.extra.get("errors", ()))))

    def _follow(self, view: View, body: JsonObject) -> dict[str, str]:
        """Do what the answer to a view_submission says (surfaces/modals)."""
        action = body.get("response_action")
        if action is None:
            self.space.close_view(view, whole_stack=False)
            return {}
        if action == "errors":
            errors = {str(key): str(words) for key, words in body.get("errors", {}).items()}
            if not errors:
                raise SlackError("invalid_errors")
            self.space.show_errors(view, errors)
            return errors
        if action == "clear":
            self.space.close_view(view, whole_stack=True)
            return {}
        if action in ("update", "push"):
            payload = checked_view(body.get("view"), "modal", frozenset())
            if action == "update":
                self.space.update_view(view, payload)
            else:
                trigger = self.space.use_trigger(self.space.new_trigger(view.user, view.id))
                self.space.open_view(trigger, payload, push=True)
            return {}
        raise SlackError("invalid_response_action")

    async def close_view(self, view: View) -> Delivery | None:
        """Cancel a modal; the app hears of it only with notify_on_close."""
        self.space.close_view(view, whole_stack=False)
        if not view.payload.get("notify_on_close"):
            return None
        payload = events.view_closed(self.space, view.user, view, is_cleared=False)
        return Delivery(
            "interactive", payload, await self.transport.deliver("interactive", payload)
        )

    async def command(
        self,
        text: str,
        *,
        user: str = "U0AGENT",
        channel: str = "C0TRIAGE",
        command: str = "/agent",
    ) -> Delivery:
        """Type a slash command. A text or blocks in the answer's body is shown to the person."""
        trigger_id = self.space.new_trigger(user)
        response_url = self._base_url + self.space.new_response_url(user, channel, None)
        payload = events.slash_command(
            self.space,
            user,
            command,
            text,
            channel,
            trigger_id=trigger_id,
            response_url=response_url,
        )
        sent = await self.transport.deliver("slash_commands", payload)
        delivery = Delivery(
            "slash_commands", payload, sent, trigger_id=trigger_id, response_url=response_url
        )
        body = delivery.body if delivery.ok else {}
        if not body.get("text") and not body.get("blocks"):
            return delivery
        try:
            blocks = checked_blocks(body.get("blocks"), frozenset())
        except SlackError as error:
            return replace(delivery, faults=(error.code, *map(str, error.extra.get("errors", ()))))
        self.space.ephemerals.push(
            Ephemeral(
                channel=channel,
                user=user,
                ts=self.space.new_ts(),
                text=str(body.get("text") or ""),
                via="command",
                blocks=self.space.with_block_ids(blocks),
                response_type=str(body.get("response_type") or "ephemeral"),
            )
        )
        return delivery

    async def url_verification(self, challenge: str = "challenge-1") -> Delivery:
        """Slack checks the request URL."""
        payload: JsonObject = {
            "token": events.VERIFICATION_TOKEN,
            "challenge": challenge,
            "type": "url_verification",
        }
        return Delivery("events_api", payload, await self.transport.deliver("events_api", payload))
