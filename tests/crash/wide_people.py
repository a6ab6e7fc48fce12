"""What people in Slack and Teams do in a wide loop, and what must have come of it in the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.crash.wide import ENDED, GUESTS, LEAD, LETTER, ROOM, World
from tests.standins.slack import Delivery, Ephemeral, Message
from tests.standins.teams.world import ELSEWHERE, SUPPORT, Shown, executes
from tests.standins.wire import NotSeenError

ON_SLACK, ON_TEAMS = "Where do I find my invoice?", "When does a refund reach my card?"
OVERTAKEN, NEWER = "On which day are invoices made?", "And when will the next invoice be made?"
QUESTION, FOUND = "When is interest due on overdue invoices?", "Interest of 9 percent"
PROPOSALS = 12
"""One for each of what is said, one more for the newer words, and one for the share."""
DONE = ("succeeded", "unknown")


@dataclass
class People:
    """They write once, Slack and Teams deliver until it is taken, and they press what they see."""

    world: World
    slack: dict[str, list[Delivery]] = field(default_factory=dict)
    teams: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Activities, by what they are about."""
    taken: set[str] = field(default_factory=set)
    """Those of ``teams`` that were answered with 200."""

    async def write(self) -> None:
        """Everything at once."""
        people, root = self.world.people, "When do we ship?"
        asked = {
            "research": ("research " + QUESTION, ROOM, None),
            "shared": ("research " + QUESTION, GUESTS, None),
            "summary": ("summarize", ROOM, people.write(root, user="U0AGENT", channel=ROOM).ts),
            "screen": ("screen", ROOM, people.write("On Monday.", user="U0AGENT", channel=ROOM).ts),
            "lead": (f"enrich {LEAD}", ROOM, None),
            "letter": (f"enrich {LETTER}", ROOM, None),
        }
        driver = self.world.teams_people
        self.teams = {
            "teams": driver.activity("customer", SUPPORT, text=ON_TEAMS),
            "overtaken": driver.activity("customer2", SUPPORT, text=OVERTAKEN),
            "asked": self._mention(f"research {QUESTION}"),
        }

        async def ask(name: str, words: str, channel: str, thread: str | None) -> None:
            sent = await people.mention(words, user="U0AGENT", channel=channel, thread_ts=thread)
            self.slack[name] = list(sent)

        async def ticket() -> None:
            self.slack["ticket"] = [await people.message(ON_SLACK)]

        asks = [ask(name, *how) for name, how in asked.items()]
        await asyncio.gather(ticket(), *asks, *(self._send(name) for name in self.teams))

    def _mention(self, words: str) -> dict[str, Any]:
        bot = self.world.teams_people.activity(None)["recipient"]
        entity = {"type": "mention", "mentioned": bot, "text": "<at>Deskhand</at>"}
        return self.world.teams_people.activity(
            "agent", ELSEWHERE, text=f"<at>Deskhand</at> {words}", entities=[entity]
        )

    async def again(self) -> None:
        """All that was taken is delivered once more, for nobody knows whether its 2xx arrived."""
        for sent in self.slack.values():
            for one in sent:
                if one.ok:
                    await self.world.people.redeliver(one)
        for name in tuple(self.taken):
            await self._send(name)

    async def _send(self, name: str) -> None:
        try:
            sent = await self.world.teams_people.send(self.teams[name])
        except aiohttp.ClientError:
            return
        if sent.status == 200:
            self.taken.add(name)

    async def act(self) -> None:
        """Until everything has ended."""
        while self.left():
            for sent in self.slack.values():
                for place, one in enumerate(sent):
                    if not one.ok:
                        sent[place] = await self.world.people.redeliver(one)
            for name in self.teams.keys() - self.taken:
                await self._send(name)
            for card in newest(self.world).values():
                await self._decide(card)
            await self._share()
            await asyncio.sleep(0.1)

    async def _decide(self, card: Message) -> None:
        people, words = self.world.people, card.block_text
        if card.card_state != "pending":
            return
        if OVERTAKEN in words and NEWER not in words:
            if "newer" not in self.teams:
                root = self.teams["overtaken"]["id"]
                self.teams["newer"] = self.world.teams_people.activity(
                    "customer2", SUPPORT, text=NEWER, root=root, replyToId=root
                )
        elif ON_TEAMS in words:
            await self._on_teams(card.payload["proposal"])
        elif LETTER in words:
            await self._letter(card)
        elif "deskhand.approve" in card.action_ids:
            who = "U0AGENT2" if FOUND in words else "U0AGENT"
            await people.click(who, card, "deskhand.approve")

    async def _on_teams(self, proposal: str) -> None:
        driver = self.world.teams_people
        for card in self.world.teams.world.cards("pending"):
            if card.about["proposal"] != proposal or not _verbs(card.card, "deskhand.refresh"):
                continue
            try:
                view = await driver.opened("agent", card)
                tokens = _verbs(view.body, "deskhand.approve") if view.status == 200 else []
                if tokens:
                    await driver.press("agent", card, "deskhand.approve", tokens[0])
            except aiohttp.ClientError:
                pass

    async def _letter(self, card: Message) -> None:
        """The letter alone: its box is ticked, and that of the CRM is not."""
        changes = self.world.slack.space.view_changes
        since = len(changes)
        if "deskhand.edit" not in card.action_ids:
            return
        if not (await self.world.people.click("U0AGENT", card, "deskhand.edit")).ok:
            return
        try:
            view = await changes.wait_for(
                lambda one: one.callback_id == "deskhand.edit" and one.is_open,
                since=since,
                timeout=3,
            )
        except NotSeenError:
            return
        typed = {"include": ["1"], "action.1.text": "May we call?", "approve_now": ["approve_now"]}
        await self.world.people.submit(view, typed)

    async def _share(self) -> None:
        if any(FOUND in card.block_text for card in newest(self.world).values()):
            return
        for line in self.world.slack.space.ephemerals:
            if line.channel == GUESTS and FOUND in line.block_text and _shareable(line):
                await self.world.people.click("U0AGENT", line, "deskhand.share")
                return

    # --- what has come of it ------------------------------------------------------------------

    def left(self) -> list[str]:
        """What has not ended yet."""
        cards = newest(self.world)
        missing = [
            name
            for name, words in (
                ("ticket", ON_SLACK), ("teams", ON_TEAMS), ("newer", NEWER), ("lead", LEAD),
                ("letter", LETTER), ("shared", FOUND),
            )
            if not any(words in c.block_text and c.card_state in DONE for c in cards.values())
        ]  # fmt: skip
        missing += [name for name in ("research", "summary", "screen") if not answers(self, name)]
        if not self._told():
            missing.append("asked in Teams")
        for card in self.world.slack.space.cards():
            newer = cards[card.payload["proposal"]]
            if card.card_state not in ENDED or card.card_state != newer.card_state:
                missing.append(f"{card.payload['proposal']} is {card.card_state}")
        # A bot cannot look for a message in Teams: a card whose post was cut off stays as it was.
        for shown in {
            one.about["proposal"]: one for one in self.world.teams.world.cards()
        }.values():
            beside = cards.get(shown.about["proposal"])
            if shown.state != "answered" and (beside is None or beside.card_state != shown.state):
                state = beside and beside.card_state
                missing.append(f"{shown.about['proposal']}: {shown.state}, in Slack {state}")
        undelivered = [name for name, sent in self.slack.items() if not all(s.ok for s in sent)]
        return missing + undelivered + sorted(self.teams.keys() - self.taken)

    def _told(self) -> list[Shown]:
        """The answers in Teams: all who read that channel are members."""
        posted = self.world.teams.world.posted
        return [
            one for one in posted if "deskhand_answer" in (one.activity.get("channelData") or {})
        ]

    async def faults(self, cut_off: bool) -> list[str]:
        """What is wrong in the end; nothing, if the claims hold. ``cut_off``: a process was, so
        that what nobody can look for was perhaps posted once more."""
        wrong = [f"not ended: {one}" for one in self.left()]
        cards = newest(self.world)
        sent = effects(self)
        for (ident, what), number in sent.items():
            if number > 1:
                wrong.append(f"twice: {what} of {ident}, {number} times")
        for ident, card in cards.items():
            done = [what for (of, what), number in sent.items() if of == ident and number]
            if card.card_state == "succeeded" and not done:
                wrong.append(f"succeeded without an effect: {ident}")
            if card.card_state == "superseded" and done:
                wrong.append(f"superseded, and done all the same: {ident}")
        for name in ("research", "summary", "screen", "shared"):
            if len(answers(self, name)) > 1:
                wrong.append(f"twice: the answer to {name}")
        copies = Counter(one.about["proposal"] for one in self.world.teams.world.cards())
        if any(number > 1 + cut_off for number in copies.values()):
            wrong.append(f"cards in Teams: {copies}")
        if len(self._told()) > 1 + cut_off:
            wrong.append(f"told {len(self._told())} times in Teams")
        kept = await self.world.proposals()
        wrong += [f"{one.id} stays {one.state}" for one in kept if one.state not in ENDED]
        if len(kept) != PROPOSALS:
            found = Counter((one.playbook, one.state) for one in kept)
            wrong.append(f"{len(kept)} proposals, not {PROPOSALS}: {dict(found)}")
        if self.unknown() > self.world.open_claims():
            wrong.append(f"{self.unknown()} unknown, {self.world.open_claims()} claims were open")
        return wrong

    def unknown(self) -> int:
        return sum(card.card_state == "unknown" for card in newest(self.world).values())


def newest(world: World) -> dict[str, Message]:
    """The newest copy of each proposal's card, as it is now."""
    return {card.payload["proposal"]: card for card in world.slack.space.cards()}


def answers(people: People, name: str) -> list[Message]:
    """The answers in the thread of an ask."""
    sent = people.slack.get(name)
    message = sent[0].message if sent else None
    if message is None:
        return []
    thread = message.thread_ts or message.ts
    return [
        one
        for one in people.world.slack.space.posted
        if one.event_type == "deskhand_answer" and one.thread_ts == thread
    ]


def effects(people: People) -> Counter[tuple[str, str]]:
    """How often each proposal did something, by proposal and what."""
    world, done = people.world, Counter[tuple[str, str]]()
    for message in world.slack.space.posted:
        if message.event_type == "deskhand_reply":
            done[message.payload["proposal"], "reply"] += 1
    for reply in world.teams.world.replies():
        done[reply.about["proposal"], "reply in Teams"] += 1
    for letter in (world.folder / "data" / "outbox").glob("*.eml"):
        text = letter.read_text()
        done[text.split("X-Deskhand-Proposal: ")[1].split()[0], "letter"] += 1
    shares = [c for c in newest(world).values() if FOUND in c.block_text]
    for card in shares:
        done[card.payload["proposal"], "share"] += len(answers(people, "shared"))
    lead = next((i for i, card in newest(world).items() if LEAD in card.block_text), "")
    if world.salesforce is not None:
        written = [one for one in world.salesforce.log.calls("upsert") if one.answer.get("effect")]
        done[lead, "crm"] += len(written)
    elif world.crm_file.exists():
        with sqlite3.connect(world.crm_file) as crm:
            for proposal, field_name, number in crm.execute(
                "SELECT proposal, field, COUNT(*) FROM history GROUP BY proposal, field"
            ):
                done[str(proposal), f"crm {field_name}"] += number
    return done


def _verbs(shown: Any, verb: str) -> list[str]:
    """The tokens of a card's buttons of one verb."""
    return [one["data"]["token"] for one in executes(shown) if one["verb"] == verb]


def _shareable(line: Ephemeral) -> bool:
    return any(
        element.get("action_id") == "deskhand.share"
        for block in line.blocks
        for element in block.get("elements", ())
    )
