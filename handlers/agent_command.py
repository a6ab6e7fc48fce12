"""``agent …`` on every surface, from the same figures that the shell and ``/metrics`` have.

Full members see counts; texts, traces and steering are the managers' (and a route's approvers').
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from bot.authority import NotAllowed, listed, look_up, may_read, may_read_anything, ticket_route
from bot.context import Context
from bot.domain import Actor, Person
from bot.journal import Entry
from bot.overview import Overview, Waits, Window, why_it_waits, window_of
from bot.ports import Case, LookUpFailed
from bot.projection import ERASED, draft_of
from bot.tracing import TraceLine, kind_of, seconds_between, sum_of, total_cost, words_of
from handlers.agent_answer import CommandAnswer
from handlers.figures import age, budget_lines, paused_name
from handlers.slack_figures import chart, status_blocks, status_text, table
from handlers.slack_inert import escape

COMMANDS: Final = {
    "status": "`status [24h|7d|30d] [playbook]`: what waits, what was decided, what it costs",
    "queue": "`queue [playbook]`: what waits for a person or for money, oldest first",
    "show": "`show ID`: one proposal, for its approvers and the managers",
    "trace": "`trace ID`: one run with its times, tokens and cost (managers)",
    "budget": "`budget`: what is spent and left today, and what happens at a cap",
    "tools": "`tools`: what each playbook may look up and do",
    "pause": "`pause [playbook]`: tickets are kept, nothing runs or acts (managers)",
    "resume": "`resume [playbook]`: go on (managers)",
    "console": "`console`: a link to the web console, for you alone",
    "help": "`help`: this list",
}

_MOST_WORDS: Final = {
    **{"status": 2, "queue": 1, "pause": 1, "resume": 1},
    **{"budget": 0, "tools": 0, "console": 0, "help": 0},
}
"""Words after a command; of the others, each says itself what it needs."""
_IDS = "a ticket, run or proposal id, or a message's link"
_TRACE_ROOM = 3_500
_LONGEST_LINE = 300
_QUEUED = 20
_UNANSWERED = 10


class AgentCommand:
    """Answers ``/agent``. Everything it changes is in the journal."""

    def __init__(
        self,
        context: Context,
        overview: Overview,
        console: Callable[[Actor], Awaitable[str]] | None = None,
    ) -> None:
        """``console`` makes the address that signs somebody in to the web console."""
        self._context = context
        self._overview = overview
        self._console_link = console

    async def answer(self, text: str, actor: Actor) -> CommandAnswer:
        """The private answer to ``/agent <text>`` by a verified person."""
        return await self._answer(text, actor, everybody=False)

    async def share(self, text: str, actor: Actor) -> CommandAnswer:
        """The same for a whole channel: only what every full member may see. Without ``share`` in
        the answer it is for the one who pressed: why there is nothing to share."""
        return await self._answer(text, actor, everybody=True)

    async def _answer(self, text: str, actor: Actor, *, everybody: bool) -> CommandAnswer:
        person = await look_up(self._context, actor)
        if isinstance(person, NotAllowed):
            plain = "".join(word if isinstance(word, str) else word.name for word in person.words)
            return CommandAnswer(f"You may not use this. {escape(plain)}")
        words = text.split()
        name, rest = (words[0].lower(), words[1:]) if words else ("help", [])
        if surplus := rest[_MOST_WORDS.get(name, len(rest)) :]:
            return _too_much(name, surplus[0])
        match name:
            case "status":
                return await self._status(rest)
            case "queue":
                return await self._queue(rest, None if everybody else actor)
            case "show":
                return await self._show(rest, None if everybody else actor)
            case "trace":
                return await self._trace(rest, person, everybody=everybody)
            case "budget":
                return await self._budget()
            case "tools":
                return self._tools()
            case "pause" | "resume" if everybody:
                return await self._paused()
            case "pause" | "resume":
                return await self._steer(name, rest, person)
            case "console" if not everybody:
                return await self._console(actor)
            case "help":
                return CommandAnswer("\n".join(COMMANDS.values()), share="help")
            case _:
                near = difflib.get_close_matches(name, COMMANDS, 1)
                hint = f" Did you mean `{near[0]}`?" if near else ""
                return CommandAnswer(f"I do not know that command.{hint} `/agent help` lists them.")

    async def _status(self, rest: list[str]) -> CommandAnswer:
        asked: Window | None = None
        playbook: str | None = None
        for word in rest:
            named = window_of(word.lower())
            if named is not None and asked is None:
                asked = named
            elif named is None and word in self._context.playbooks and playbook is None:
                playbook = word
            elif named is not None or word in self._context.playbooks:
                return _too_much("status", word)
            else:
                return CommandAnswer(self._no_such(word, ("24h", "7d", "30d"), "window or"))
        window: Window = asked or "24h"
        figures, steps = await self._overview.report(window, playbook)
        return CommandAnswer(
            status_text(figures, playbook),
            tuple(status_blocks(figures, playbook)),
            share=" ".join(("status", window, *((playbook,) if playbook else ()))),
            chart=chart(window, steps),
            table=table(window, steps),
            figures=figures,
            playbook=playbook,
        )

    async def _queue(self, rest: list[str], actor: Actor | None) -> CommandAnswer:
        """For ``actor``, with the customers' words where they may see them; None: for all."""
        if rest and rest[0] not in self._context.playbooks:
            return CommandAnswer(self._no_such(rest[0]))
        playbook = rest[0] if rest else None
        found = (await self._overview.queue(playbook, limit=_QUEUED + 1)).lines
        lines = [await self._queued(waits, actor) for waits in found[:_QUEUED]]
        if len(found) > _QUEUED:
            lines.append(f"These are the {_QUEUED} oldest; `deskhand queue` lists them all.")
        lines = lines or ["Nothing waits for a person."]
        total, ignored = await self._overview.unanswered(playbook, limit=_UNANSWERED)
        if ignored:
            lines.append(f"Expired, and nobody answered: {total}")
            lines += [await self._queued(waits, actor) for waits in ignored]
        if total > len(ignored):
            lines.append(f"These are the {len(ignored)} oldest; `deskhand queue` lists them all.")
        return CommandAnswer("\n".join(lines), share=" ".join(("queue", *rest[:1])))

    async def _queued(self, waits: Waits, actor: Actor | None) -> str:
        """Its line, with the customer's words where this person may see them."""
        book = self._context.playbook(waits.playbook)
        if actor is None or not await may_read(self._context, actor, book, waits.route):
            return queue_line(waits)
        return f"{queue_line(waits)} “{escape(waits.subject)}”"

    async def _show(self, rest: list[str], actor: Actor | None) -> CommandAnswer:
        if len(rest) != 1:
            return CommandAnswer(f"Usage: `show ID`, with {_IDS}.")
        _, proposal_id = await self._overview.named(_bare(rest[0]))
        found = await self._context.store.case(proposal_id) if proposal_id else None
        if found is None:
            return CommandAnswer(f"I know nothing under {escape(rest[0])[:60]}.")
        proposal, ticket = found[0].value, found[1].value
        route = proposal.content.route if proposal.content else "default"
        lines = [
            f"*{proposal.id}*: {proposal.state}, revision {proposal.revision}",
            f"ticket {ticket.id}, playbook {escape(ticket.playbook)}, route {escape(route)}",
        ]
        if why := why_it_waits(proposal):
            lines.append(f"why: {escape(why)}")
        if actor is not None and await self._may_read_ticket(actor, found):
            body = ERASED if ticket.erased else " ".join(ticket.body.split())[:500]
            lines.append(f"> {escape(body)}")
            if draft := draft_of(proposal):
                name = "Answer" if proposal.state == "answered" else "Draft"
                lines.append(f"{name}: {escape(' '.join(draft.split())[:1000])}")
        else:
            lines.append("Its texts are for the approvers of the ticket's route and the managers.")
        return CommandAnswer("\n".join(lines), share=f"show {proposal.id}")

    async def _may_read_ticket(self, actor: Actor, case: Case) -> bool:
        return await may_read(self._context, actor, *await ticket_route(self._context, case))

    async def _trace(
        self, rest: list[str], person: Person, *, everybody: bool = False
    ) -> CommandAnswer:
        if refused := await self._not_a_manager("trace", person):
            return await self._traced_elsewhere(refused, rest, person)
        if len(rest) != 1:
            return CommandAnswer(f"Usage: `trace ID`, with {_IDS}.")
        found = await self._overview.trace(_bare(rest[0]))
        if found is None:
            return CommandAnswer(f"I know nothing under {escape(rest[0])[:60]}.")
        share = f"trace {found[0]}"
        if everybody:
            # A trace is the managers'; what it cost is a figure, which everybody may see.
            return CommandAnswer(cost_text(*found), share=share)
        return CommandAnswer(trace_text(*found), share=share)

    async def _traced_elsewhere(
        self, refused: CommandAnswer, rest: list[str], person: Person
    ) -> CommandAnswer:
        """An approver of its route reads a ticket's trace in the console; here it is the
        managers'."""
        if self._console_link is None or len(rest) != 1:
            return refused
        _, proposal_id = await self._overview.named(_bare(rest[0]))
        found = await self._context.store.case(proposal_id) if proposal_id else None
        if found is None or not await self._may_read_ticket(person.actor, found):
            return refused
        where = "As an approver of its route you read its trace in the console: `/agent console`."
        return CommandAnswer(f"{refused.text} {where}")

    async def _budget(self) -> CommandAnswer:
        budget = (await self._overview.figures())["budget"]
        return CommandAnswer("\n".join(map(escape, budget_lines(budget))), share="budget")

    def _tools(self) -> CommandAnswer:
        lines = [
            f"*{escape(name)}*: looks up {', '.join(book.research) or 'nothing'}; "
            f"acts, after approval, by {', '.join(use.tool for use in book.actions) or 'nothing'}"
            for name, book in self._context.playbooks.items()
        ]
        return CommandAnswer("\n".join(lines), share="tools")

    async def _console(self, actor: Actor) -> CommandAnswer:
        """A sign-in link, for everybody with a card to see."""
        if self._console_link is None:
            return CommandAnswer("There is no web console here.")
        if not await may_read_anything(self._context, actor):
            return CommandAnswer(
                "You may not use the console: it is for the approvers of a route and the managers."
            )
        link = await self._console_link(actor)
        # Our own address: nothing in it is anybody's text.
        return CommandAnswer(
            f"Your sign-in to the console: <{link}>\n"
            "It works once, within two minutes. Do not pass it on."
        )

    async def _steer(self, name: str, rest: list[str], person: Person) -> CommandAnswer:
        if refused := await self._not_a_manager(name, person):
            return refused
        playbook = rest[0] if rest else None
        if playbook is not None and playbook not in self._context.playbooks:
            return CommandAnswer(self._no_such(playbook))
        entry = Entry(
            kind="operator",
            actor=person.actor.key,
            playbook=playbook,
            data={"what": name, "playbook": playbook},
        )
        store = self._context.store
        await (store.pause if name == "pause" else store.resume)(playbook, entry)
        if name == "pause":
            what = f"The playbook {escape(playbook)}" if playbook else "Everything"
            text = f"{what} is paused: tickets are kept, nothing runs or acts."
        else:
            text = _resumed(playbook, await store.paused())
        return CommandAnswer(text, share=name)

    async def _paused(self) -> CommandAnswer:
        """What is paused now, for all."""
        paused = sorted(await self._context.store.paused())
        if not paused:
            return CommandAnswer("Nothing is paused: everything goes on.", share="pause")
        names = escape(", ".join(map(paused_name, paused)))
        return CommandAnswer(
            f"Paused: {names}. Tickets are kept, nothing runs or acts.", share="pause"
        )

    def _no_such(self, word: str, others: Sequence[str] = (), kinds: str = "") -> str:
        """A clear line about a word that names nothing."""
        known = (*others, *self._context.playbooks)
        near = difflib.get_close_matches(word.lower(), known, 1, cutoff=0.5)
        hint = f" Did you mean `{escape(near[0])}`?" if near else ""
        names = ", ".join(map(escape, known))
        what = f"{kinds} playbook".lstrip()
        return f"There is no such {what} as `{_quoted(word)}`.{hint} I know: {names}."

    async def _not_a_manager(self, name: str, person: Person) -> CommandAnswer | None:
        """Why this person may not; None: a manager, who may."""
        try:
            if not await listed(self._context, person.actor, self._context.managers):
                return CommandAnswer(f"You may not {name}: only managers may.")
        except LookUpFailed:
            return CommandAnswer("I could not look you up just now. Please try again.")
        return None


def cost_text(ticket: str, lines: Sequence[TraceLine]) -> str:
    """What a ticket's runs came to, without what happened in them."""
    runs = dict.fromkeys(line.entry.run for line in lines if line.entry.run is not None)
    sums = [f"run {run}: {sum_of(run, lines)}" for run in runs]
    return "\n".join((f"*{ticket}*: ${total_cost(lines):.4f}", *sums))


def trace_text(ticket: str, lines: Sequence[TraceLine]) -> str:
    """A trace as one message: its newest lines where not all of them have room."""
    head = f"*{ticket}*: ${total_cost(lines):.4f}"
    last, shown = (lines[0].at if lines else None), []
    runs: set[str] = set()
    for line in lines:
        run = line.entry.run
        if run is not None and run not in runs:
            runs.add(run)
            shown.append(f"run {run}  {sum_of(run, lines)}")
        span = seconds_between(last or line.at, line.at)
        actor = f"  by {line.entry.actor}" if line.entry.actor else ""
        text = f"{line.at:%H:%M:%S} +{span}  {kind_of(line)}  {words_of(line)}{actor}"
        # A code block, which only a backtick could end.
        shown.append(escape(" ".join(text.split())[:_LONGEST_LINE]).replace("`", "'"))
        last = line.at
    kept: list[str] = []
    room = _TRACE_ROOM
    for text in reversed(shown):
        room -= len(text) + 1
        if room < 0:
            break
        kept.insert(0, text)
    parts = [head]
    if not lines:
        return f"{head}\nIts entries are archived: `deskhand journal verify` reads the files."
    if left := len(shown) - len(kept):
        parts.append(f"{left} earlier lines: `deskhand trace {ticket}`")
    body = "\n".join(kept)
    return "\n".join([*parts, f"```\n{body}\n```"])


def _bare(ident: str) -> str:
    """An id without what Slack puts around a pasted link."""
    return ident.removeprefix("<").removesuffix(">").partition("|")[0].replace("&amp;", "&")


def _too_much(name: str, word: str) -> CommandAnswer:
    """Nothing is done by halves: what is not understood may have been meant."""
    said = f"I do not understand `{_quoted(word)}` there. Usage: {COMMANDS[name]}"
    # Who asks for help with a command means that command.
    near = difflib.get_close_matches(word.lower(), COMMANDS, 1) if name == "help" else []
    return CommandAnswer(f"{said}. Did you mean {COMMANDS[near[0]]}?" if near else said)


def _quoted(word: str) -> str:
    """A person's word between backticks."""
    return escape(word)[:60].replace("`", "'")


def _resumed(playbook: str | None, paused: frozenset[str]) -> str:
    """What goes on after a resume, and what does not, with the words that resume it."""
    name = f"The playbook {escape(playbook)}" if playbook else ""
    if "*" in paused:
        what = name or "It"
        return f"{what} waits still: everything is paused. `/agent resume` lets everything go on."
    if playbook is not None or not paused:
        return f"{name or 'Everything'} goes on."
    left = sorted(paused)
    names = ", ".join(map(escape, left))
    resume = " and ".join(f"`/agent resume {escape(one)}`" for one in left)
    return f"Everything else goes on. Still paused: {names}. To go on there: {resume}."


def queue_line(waits: Waits) -> str:
    """One line of the queue, without anybody's words."""
    reason = f" ({escape(waits.reason)})" if waits.reason else ""
    owner = f", taken by {escape(waits.owner)}" if waits.owner else ""
    return (
        f"`{waits.proposal}` {waits.state}{reason}, {age(waits.age_s)}, "
        f"route {escape(waits.route)}{owner}"
    )
