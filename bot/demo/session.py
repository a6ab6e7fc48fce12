"""One sitting at the demo: card after card, a letter and Enter for each.

Nothing about the sitting is kept: what is decided is in the store, so a demo that was stopped, or
killed, goes on with the first card that nobody has decided.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Sequence
from typing import Literal, assert_never

from pydantic import TypeAdapter
from rich.console import Console
from rich.text import Text

from bot.card import CardView
from bot.demo.desk import YOU, DemoDesk, DemoTicket
from bot.demo.form_text import as_text, choices_of, from_text, with_boxes
from bot.demo.keyboard import EditorFailed, Keyboard, edit_in
from bot.demo.letters import LETTERS, NEXT_LEAD, hint_for, possible
from bot.demo.screen import money, show_card, show_outcome, words_text
from bot.demo.tally import Tally
from bot.domain import RejectReason, Verb
from bot.forms import (
    ApproveInput,
    Decided,
    EditForm,
    FieldErrors,
    NotDecided,
    ReasonForm,
    RejectForm,
    RejectInput,
)
from bot.terminal_text import inert_line

PROMPT = "[a]pprove [e]dit [r]eject [s]kip [q]uit"
AHEAD = 3
"""Tickets that are being drafted while the person reads; more could cost money for nothing."""

Step = Literal["next", "again", "lead", "quit"]
"""next: on to the next ticket. again: show this ticket's card anew. lead: the next lead first, then
this one again. quit: the sitting is over."""


class Session:
    """The tickets of one sitting, and the person who decides."""

    def __init__(
        self,
        desk: DemoDesk,
        tickets: Sequence[DemoTicket],
        leads: Sequence[DemoTicket],
        console: Console,
        keyboard: Keyboard | None,
        editor: Sequence[str],
        monotonic: Callable[[], float],
        deskhand: str,
    ) -> None:
        """``keyboard`` None: nobody is there; the first card is shown and that is all.
        ``editor`` empty: a reply is typed line by line. ``deskhand``: how this program is called
        here."""
        self._desk = desk
        self._tickets = tickets
        self._leads = leads
        self._left = [*tickets, *leads]
        self._console = console
        self._keyboard = keyboard
        self._editor = editor
        self._monotonic = monotonic
        self._deskhand = deskhand
        self._key = ""
        self._shown_at = 0.0
        self._of_tickets, self._of_leads = Tally(), Tally()
        self.tally = self._of_tickets
        """Of what is shown now: leads are counted apart."""

    async def run(self) -> None:
        """Go through the tickets until they end, or the person does."""
        try:
            await self._go_through()
        except asyncio.CancelledError:
            # Ctrl-C: what was decided is saved, so this ends like `q`.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            self._console.print()
        if self._keyboard is not None:
            self._figures(await self._waiting(self._tickets), await self._waiting(self._leads))

    async def _go_through(self) -> None:
        await self._tell_of_leads()
        while self._left:
            for ahead in self._left[:AHEAD]:
                await self._desk.take_in(ahead)
            ticket = self._left[0]
            self._key = ticket.key
            self.tally = self._of_leads if ticket.kind == "lead" else self._of_tickets
            step: Step = "again"
            while step == "again":
                card = await self._settled()
                step = await self._one(card, self._place(ticket)) if _undecided(card) else "next"
            if step == "quit":
                return
            if step == "next":
                self._left.remove(ticket)
        if not (self._of_tickets.seen or self._of_leads.seen):
            self._say(
                "Every ticket is decided. Remove the folder "
                f"{self._desk.outbox.parent} to begin again."
            )

    async def _tell_of_leads(self) -> None:
        if self._keyboard is None or not await self._waiting(self._tickets):
            return
        if count := await self._waiting(self._leads):
            come = "comes a lead" if count == 1 else f"come {count} leads"
            now = f"{NEXT_LEAD} and Enter shows one now"
            self._say(f"After the tickets {come} for the CRM; {now}.")

    async def _lead_first(self) -> bool:
        """Put the next lead that waits before everything else; False: none does."""
        for lead in [one for one in self._left[1:] if one.kind == "lead"]:
            if await self._waiting([lead]):
                self._left.remove(lead)
                self._left.insert(0, lead)
                return True
        return False

    async def _waiting(self, some: Sequence[DemoTicket]) -> int:
        return await self._desk.waiting([one.key for one in some])

    def _place(self, ticket: DemoTicket) -> str:
        if ticket.kind == "lead":
            return f"lead {self._leads.index(ticket) + 1} of {len(self._leads)}"
        return f"{self._tickets.index(ticket) + 1} of {len(self._tickets)}"

    async def _one(self, card: CardView, place: str) -> Step:
        self.tally.saw(card)
        show_card(self._console, card, place)
        if hint := hint_for(card, of_a_lead=self._left[0].kind == "lead"):
            self._console.print(Text(hint))
        if self._keyboard is None:
            self._console.print(Text(PROMPT))
            return "quit"
        self._shown_at = self._monotonic()
        while True:
            letter = await self._ask_or_moved(card)
            if isinstance(letter, CardView):
                return await self._elsewhere(letter)
            if letter is None or letter == "q":
                return "quit"
            if letter == "s":
                self.tally.skipped += 1
                return "next"
            if letter == NEXT_LEAD and await self._lead_first():
                return "lead"
            verb = LETTERS.get(letter)
            button = next((each for each in card.buttons if each.verb == verb), None)
            if button is None:
                nothing = "There is nothing to approve here yet. " if letter == "a" else ""
                more = any(one.kind == "lead" for one in self._left[1:])
                lead = f", {NEXT_LEAD} shows a lead" if more else ""
                words = possible(card, of_a_lead=self._left[0].kind == "lead")
                self._console.print(Text(f"{nothing}Possible here: {words}{lead}."))
                continue
            step = await self._press(card, button.verb, button.token)
            if step is not None:
                return step

    async def _press(self, card: CardView, verb: Verb, token: str) -> Step | None:
        """Press a button; None: nothing was decided, and the card still stands."""
        pressed = await self._desk.decisions.press(token, verb, YOU)
        match pressed:
            case Decided():
                if verb == "approve":
                    self._count_approval(card, edited_now=False)
                return await self._outcome()
            case NotDecided(words=words):
                self._console.print(words_text(words))
                return "again"
            case EditForm():
                return await self._edit(card, pressed)
            case RejectForm():
                return await self._reject(card, pressed)
            case ReasonForm():
                return await self._say_why(card, pressed)
            case _:
                assert_never(pressed)

    async def _ask_or_moved(self, card: CardView) -> str | CardView | None:
        """A letter; or the card as it is by now, if somebody decided it elsewhere meanwhile."""
        typed = asyncio.create_task(self._ask(f"{PROMPT} > "))
        moved = asyncio.create_task(self._desk.moved(card))
        try:
            await asyncio.wait((typed, moved), return_when=asyncio.FIRST_COMPLETED)
            # What was typed counts, where both came at once: the gate says what has become of it.
            return typed.result() if typed.done() else moved.result()
        finally:
            typed.cancel()
            moved.cancel()
            await asyncio.gather(typed, moved, return_exceptions=True)

    async def _elsewhere(self, card: CardView) -> Step:
        """The card was decided or changed by somebody else: in the web console, in another
        terminal."""
        self._console.print()
        if _undecided(card):
            self._say("Changed elsewhere:")
            return "again"
        self._say("Decided elsewhere:")
        if card.state == "rejected":
            self._count_decision()
            self.tally.rejected += 1
        elif card.state in ("approved", "executing", "succeeded"):
            self._count_approval(card, edited_now=False)
        return await self._outcome()

    # --- edit ---

    async def _edit(self, card: CardView, form: EditForm) -> Step | None:
        before = text = as_text(form)
        while True:
            try:
                written = await self._written(form, text)
            except EditorFailed as failed:
                self._say(f"{failed}. Nothing is changed.")
                return None
            if written is None or written.strip() == before.strip():
                self._say("Nothing is changed.")
                return None
            text = written
            given = from_text(form, written)
            if not isinstance(given, FieldErrors):
                submitted = await self._desk.decisions.submit_edit(form.token, YOU, given)
                match submitted:
                    case Decided(proposal=proposal):
                        if proposal.state == "pending":
                            return "again"
                        self._count_approval(card, edited_now=True)
                        return await self._outcome()
                    case NotDecided(words=words):
                        self._console.print(words_text(words))
                        return "again"
                    case FieldErrors():
                        given = submitted
                    case _:
                        assert_never(submitted)
            for name, error in given.errors.items():
                self._say(f"{inert_line(name)}: {inert_line(error)}")
            if await self._ask("Enter: correct it. Any other letter: leave it as it was. > ") != "":
                return None

    async def _written(self, form: EditForm, text: str) -> str | None:
        if self._editor:
            return await edit_in(self._editor, text)
        if not form.replies:
            return await self._ticked(form, text)
        self._say(
            "Type the new reply. A line with only a dot ends it; an empty reply changes none."
        )
        lines: list[str] = []
        while (line := await self._line("")) is not None and line.strip() != ".":
            lines.append(line)
        return "\n".join(lines).strip() or None

    async def _ticked(self, form: EditForm, text: str) -> str | None:
        """``text`` with the boxes ticked whose numbers are typed."""
        for number, choice in enumerate(choices_of(form), start=1):
            self._say(f"  {number}  {inert_line(choice.text)}")
        while given := await self._line("Which fields? [as 1 3 4, Enter: go back] > "):
            ticked = with_boxes(form, text, given)
            if ticked is not None:
                return ticked
            self._say("Their numbers, with spaces between them.")
        return None

    # --- reject ---

    async def _reject(self, card: CardView, form: RejectForm) -> Step | None:
        for number, option in enumerate(form.reasons, start=1):
            self._say(f"  {number}  {option.text}")
        while True:
            given = await self._ask(f"Why? [1-{len(form.reasons)}, Enter: go back] > ")
            if given is None:
                return "quit"
            if given == "":
                return None
            if given.isascii() and given.isdigit() and 0 < int(given) <= len(form.reasons):
                break
            self._say(f"A number from 1 to {len(form.reasons)}.")
        reason = _REASON.validate_python(form.reasons[int(given) - 1].value)
        words = await self._line("In words, if you like > ") or ""
        again = False
        if form.may_draft_again and card.state != "handoff":
            again = await self._ask("Draft again with this? [y/N] > ") in ("y", "yes")
        submitted = await self._desk.decisions.submit_reject(
            form.token, YOU, RejectInput(reason, words.strip(), draft_again=again)
        )
        match submitted:
            case Decided():
                self._count_decision()
                self.tally.rejected += 1
                return "again" if again else await self._outcome()
            case NotDecided(words=said):
                self._console.print(words_text(said))
                return "again"
            case FieldErrors(errors=errors):
                for name, error in errors.items():
                    self._say(f"{inert_line(name)}: {inert_line(error)}")
                return None
            case _:
                assert_never(submitted)

    # --- why what the screen has found may go out ---

    async def _say_why(self, card: CardView, form: ReasonForm) -> Step | None:
        while True:
            reason = await self._line("Why may it go out? [3 to 500 characters, Enter: go back] > ")
            if reason is None:
                return "quit"
            if not reason.strip():
                return None
            submitted = await self._desk.decisions.submit_approve(
                form.token, YOU, ApproveInput(reason)
            )
            match submitted:
                case Decided():
                    self._count_approval(card, edited_now=False)
                    return await self._outcome()
                case NotDecided(words=words):
                    self._console.print(words_text(words))
                    return "again"
                case FieldErrors(errors=errors):
                    for error in errors.values():
                        self._say(inert_line(error))
                case _:
                    assert_never(submitted)

    # --- around a card ---

    async def _settled(self, doing: str = "Reading, looking things up, drafting") -> CardView:
        settled = self._desk.settled(self._key)
        if not self._console.is_terminal:
            return await settled
        with self._console.status(doing):
            return await settled

    async def _outcome(self) -> Step:
        """Show what the decision came to; a refused or unknown effect wants another decision."""
        card = await self._settled("Carrying it out")
        show_outcome(self._console, card)
        if card.lead is not None and card.state == "succeeded" and card.lead.chosen:
            self._say(f"  Written into {self._desk.crm}")
            self._say(f"  To read it: {self._deskhand} crm show {card.lead.key} --demo")
        return "again" if _undecided(card) else "next"

    def _count_decision(self) -> None:
        self.tally.seconds.append(self._monotonic() - self._shown_at)

    def _count_approval(self, card: CardView, *, edited_now: bool) -> None:
        self._count_decision()
        if edited_now or card.changes:
            self.tally.edited += 1
        else:
            self.tally.approved += 1

    async def _line(self, prompt: str) -> str | None:
        return None if self._keyboard is None else await self._keyboard.line(prompt)

    async def _ask(self, prompt: str) -> str | None:
        """One answer in small letters; None: there are no more."""
        given = await self._line(prompt)
        if given is None:
            self._console.print()
        return None if given is None else given.strip().lower()

    def _say(self, words: str) -> None:
        self._console.print(Text(words), soft_wrap=True)

    def _figures(self, waiting: int, leads_waiting: int) -> None:
        tickets, leads = self._of_tickets, self._of_leads
        self._console.print()
        self._say(f"This session: {tickets.words}, waiting {waiting}")
        if leads.seen:
            self._say(f"Leads: {leads.words}, waiting {leads_waiting}")
        if seconds := tickets.seconds + leads.seconds:
            middle, longest = statistics.median(seconds), max(seconds)
            self._say(f"Time to decision: {middle:.0f} s (median), {longest:.0f} s (longest)")
        self._say(f"Cost: {money(tickets.cost_usd + leads.cost_usd)} ({self._desk.model})")
        if leads.seen:
            self._say(f"CRM: {self._desk.crm}")
        self._say(f"Replies: {self._desk.outbox}")


_REASON: TypeAdapter[RejectReason] = TypeAdapter(RejectReason)


def _undecided(card: CardView) -> bool:
    return card.state in ("pending", "handoff", "failed", "unknown")
