"""A ticket's way as spans of one trace: their names and attributes, which are the interface.

The trace id is made at delivery and kept with the ticket, so whoever works on the ticket, in
whatever process, adds to the same trace. The names follow OpenTelemetry's GenAI semantic
conventions (opentelemetry.io/docs/specs/semconv/gen-ai) and ours begin with ``deskhand.``.

Nothing here knows an SDK. Without a tracer nothing is recorded and next to nothing is done; the
log lines know all the same what they are about. No attribute holds a secret, a person or their
words; the words of prompts and tools only where ``captures_content`` says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bot.domain import Delivery, Proposal, Run, SurfaceName, Ticket, Verb
from bot.forms import Decided, FieldErrors, NotDecided
from bot.logs import about, known
from bot.ports.model import Prompt, ToolCall
from bot.ports.span_ends import Acting, Chat, Looked, Worked
from bot.ports.tracer import NOTHING, Kind, Parent, Root, Span, Tracer, Under, Value
from tools.spec import Grant

log = logging.getLogger("deskhand.way")

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}\Z")
_CALL_ID = re.compile(r"[\w-]{1,64}\Z", re.ASCII)
"""The name is from our own list; the id is whatever the model's side sent."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")


def traceparent_of(header: str | None) -> str | None:
    """A ``traceparent`` header (w3.org/TR/trace-context) that is one."""
    return header if header is not None and _TRACEPARENT.match(header) else None


def trace_of(ticket: Ticket) -> str:
    """The trace that a ticket belongs to: 32 hexadecimal digits."""
    if _TRACE_ID.match(ticket.trace_id):
        return ticket.trace_id
    return hashlib.sha256(ticket.id.encode()).hexdigest()[:32]


@dataclass
class Request:
    """An HTTP request that may turn out to be a decision; only then it has a span."""

    method: str
    route: str
    """A template: no id, no person."""
    traceparent: str | None
    started_ns: int
    status: int = 0
    span: Span | None = None


_request: ContextVar[Request | None] = ContextVar("deskhand_request", default=None)


def incoming_link() -> str | None:
    """The ``traceparent`` of the request that is being answered."""
    request = _request.get()
    return request.traceparent if request is not None else None


class Spans:
    """Every span of a ticket's way. ``tracer`` None: none is recorded."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer

    # --- deliveries -------------------------------------------------------------------------------

    def delivered(self, delivery: Delivery, ticket: Ticket) -> None:
        """A delivery is worked into its ticket, durably: from its receipt until now. The first one
        begins the ticket's trace; a later one stands in it too."""
        trace = trace_of(ticket)
        run = ticket.proposal and run_of(ticket.proposal)
        with about(trace_id=trace, ticket=ticket.id, run=run, proposal=ticket.proposal):
            log.info("deskhand: %s is ticket %s", delivery.kind, ticket.id)
            if self._tracer is None:
                return
            self._tracer.begin(
                "deskhand.delivery",
                "consumer",
                {
                    **_about(),
                    "deskhand.playbook": ticket.playbook,
                    "deskhand.surface": delivery.origin.surface,
                    "deskhand.delivery.kind": delivery.kind,
                },
                parent=Root(trace) if delivery.trace_id == trace else Under(trace),
                started_ns=int(delivery.received_at.timestamp() * 1_000_000) * 1_000,
                link=delivery.link,
            ).end()

    # --- runs -------------------------------------------------------------------------------------

    @contextmanager
    def agent(self, ticket: Ticket, run: Run, prompt: str, prompt_version: str) -> Iterator[Worked]:
        """One run of a playbook's agent."""
        trace, playbook = trace_of(ticket), ticket.playbook
        with (
            about(trace_id=trace, ticket=ticket.id, run=run.id, proposal=proposal_of(run.id)),
            self._open(
                f"invoke_agent {playbook}",
                "internal",
                {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": playbook,
                    "deskhand.prompt.name": prompt,
                    "deskhand.prompt.version": prompt_version,
                    "deskhand.playbook": playbook,
                },
                Under(trace),
            ) as span,
        ):
            yield Worked(span)

    @contextmanager
    def chat(self, prompt: Prompt, provider: str, step: int, attempt: int) -> Iterator[Chat]:
        """One model call: one request, never resent."""
        model = prompt.model if provider == "anthropic" else provider
        with self._open(
            f"chat {model}",
            "client",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": provider,
                "gen_ai.request.model": model,
                "gen_ai.request.max_tokens": prompt.max_tokens,
                "gen_ai.agent.name": prompt.playbook,
                "deskhand.prompt.name": prompt.prompt_name,
                "deskhand.prompt.version": prompt.prompt_version,
                "deskhand.step": step,
                "deskhand.attempt": attempt,
            },
        ) as span:
            yield Chat(span, prompt, provider, self._captures)

    @contextmanager
    def tool(self, call: ToolCall, arguments: str) -> Iterator[Looked]:
        """One research tool's reading. ``arguments``: as JSON."""
        attributes: dict[str, Value] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.type": "function",
        }
        if _CALL_ID.match(call.id):
            attributes["gen_ai.tool.call.id"] = call.id
        if self._captures:
            attributes["gen_ai.tool.call.arguments"] = arguments
        with self._open(f"execute_tool {call.name}", "internal", attributes) as span:
            yield Looked(span, self._captures)

    # --- cards and decisions ----------------------------------------------------------------------

    @contextmanager
    def card(
        self, ticket: Ticket, proposal: Proposal, surface: SurfaceName, what: str
    ) -> Iterator[Span]:
        """One call that shows a card. ``what``: post or update."""
        attributes: dict[str, Value] = {
            "deskhand.surface": surface,
            "deskhand.card.what": what,
            "deskhand.state": proposal.state,
            "deskhand.revision": proposal.revision,
        }
        with (
            _of(ticket, proposal),
            self._open("deskhand.card", "client", attributes, Under(trace_of(ticket))) as span,
        ):
            yield span

    @contextmanager
    def request(self, method: str, route: str, traceparent: str | None) -> Iterator[Request]:
        """The HTTP request in which a person may decide. It gets a span once a ticket is known:
        in that ticket's trace, around the decision."""
        asked = Request(method, route, traceparent_of(traceparent), time.time_ns())
        token = _request.set(asked)
        try:
            yield asked
        finally:
            _request.reset(token)
            if asked.span is not None:
                asked.span.set("http.response.status_code", asked.status)
                if asked.status >= 500:
                    asked.span.failed(str(asked.status))
                asked.span.end()

    @contextmanager
    def decision(self, verb: Verb) -> Iterator[Deciding]:
        """A person decides, or tries to: from the press to what is saved, or why it is not."""
        with ExitStack() as until_the_end:
            yield Deciding(self, until_the_end, verb)

    @contextmanager
    def _decision(
        self, ticket: Ticket, proposal: Proposal, verb: Verb, started_ns: int
    ) -> Iterator[Span]:
        trace = trace_of(ticket)
        with _of(ticket, proposal):
            request, parent = _request.get(), Under(trace)
            above: Span | Under = parent
            if self._tracer is not None and request is not None:
                if request.span is None:
                    request.span = self._tracer.begin(
                        f"{request.method} {request.route}",
                        "server",
                        {
                            **_about(),
                            "http.request.method": request.method,
                            "http.route": request.route,
                        },
                        parent=parent,
                        started_ns=request.started_ns,
                        link=request.traceparent,
                    )
                above = request.span
            attributes: dict[str, Value] = {
                "deskhand.decision.verb": verb,
                "deskhand.revision": proposal.revision,
                "deskhand.playbook": proposal.playbook,
            }
            with self._open("deskhand.decision", "internal", attributes, above, started_ns) as span:
                yield span

    # --- effects ----------------------------------------------------------------------------------

    @contextmanager
    def execution(self, ticket: Ticket, proposal: Proposal) -> Iterator[Span]:
        """What a claim allows, until its outcome is saved."""
        with (
            _of(ticket, proposal),
            self._open(
                "deskhand.execute",
                "internal",
                {"deskhand.playbook": proposal.playbook, "deskhand.revision": proposal.revision},
                Under(trace_of(ticket)),
            ) as span,
        ):
            yield span

    @contextmanager
    def action(self, grant: Grant) -> Iterator[Acting]:
        """The one dispatch of an action."""
        tool = grant.tool
        attributes: dict[str, Value] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.type": "function",
            "deskhand.attempt": grant.attempt,
        }
        if self._captures:
            arguments = dict(grant.content.actions[grant.index].args)
            attributes["gen_ai.tool.call.arguments"] = json.dumps(arguments, ensure_ascii=False)
        with self._open(f"execute_tool {tool}", "internal", attributes) as span:
            yield Acting(span, tool)

    # --- all of them ------------------------------------------------------------------------------

    @property
    def _captures(self) -> bool:
        return self._tracer is not None and self._tracer.captures_content

    @contextmanager
    def _open(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        parent: Parent = None,
        started_ns: int | None = None,
    ) -> Iterator[Span]:
        if self._tracer is None:
            yield NOTHING
            return
        said = {**_about(), **attributes}
        span = self._tracer.begin(name, kind, said, parent=parent, started_ns=started_ns)
        try:
            with self._tracer.current(span):
                yield span
        except asyncio.CancelledError:
            span.set("deskhand.cancelled", True)
            raise
        except Exception as fault:
            # Its words may be anybody's; its kind is ours or a library's.
            span.failed(type(fault).__name__)
            raise
        finally:
            span.end()


class Deciding:
    """A decision's span, from the press on. A press that opens a form has none: what comes of the
    form is a decision of its own."""

    def __init__(self, spans: Spans, until_the_end: ExitStack, verb: Verb) -> None:
        self._spans = spans
        self._until_the_end = until_the_end
        self._verb = verb
        self._started_ns = time.time_ns()
        self._about: tuple[Ticket, Proposal] | None = None
        self._span: Span | None = None

    def about(self, ticket: Ticket, proposal: Proposal) -> None:
        """What is pressed; told again, nothing changes."""
        self._about = self._about or (ticket, proposal)

    def begin(self) -> Span | None:
        """The span, from now on around what is done; None: nobody knows what it is about."""
        if self._span is None and self._about is not None:
            decision = self._spans._decision(*self._about, self._verb, self._started_ns)
            self._span = self._until_the_end.enter_context(decision)
        return self._span

    def ended(
        self, outcome: Decided | NotDecided | FieldErrors
    ) -> Decided | NotDecided | FieldErrors:
        """The same outcome."""
        span = self.begin()
        if span is None:
            return outcome
        word: str
        match outcome:
            case Decided(proposal):
                word = proposal.state
                log.info("deskhand: %s: %s is %s", self._verb, proposal.id, word)
            case NotDecided(kind):
                word = kind
            case FieldErrors():
                word = "field_errors"
        span.set("deskhand.outcome", word)
        return outcome


NO_SPANS = Spans()


def proposal_of(run: str) -> str:
    """The proposal that a run is of: they share the random part of their ids."""
    return "p" + run.removeprefix("r")


def run_of(proposal: str) -> str:
    """The run of a proposal."""
    return "r" + proposal.removeprefix("p")


def _of(ticket: Ticket, proposal: Proposal) -> AbstractContextManager[None]:
    return about(
        trace_id=trace_of(ticket), ticket=ticket.id, run=proposal.run.id, proposal=proposal.id
    )


def _about() -> dict[str, Value]:
    return {f"deskhand.{name}": value for name, value in known().items() if name != "trace_id"}
