"""When spans are recorded, and that nothing ever waits for a collector."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from bot.domain import Author, Delivery, Place
from bot.ports.spans import NO_SPANS, Spans, incoming_link
from bot.ports.tracer import Under
from bot.telemetry import FLUSH_SECONDS, Telemetry, open_telemetry, wanted
from bot.telemetry.complaints import Rarely, speak_rarely
from tests.domain.make import ticket as a_ticket
from tests.fixtures_redis import free_port
from tests.standins.otlp import PATH, otlp_standin
from tests.standins.wire import Hang, HttpFailure
from tests.telemetry.way import ROOT, only, send_there, traceparent, variables

NAMES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def delivered(spans: Spans, trace: str = TRACE, link: str | None = None) -> None:
    """A ticket's beginning."""
    ticket = a_ticket().model_copy(update={"trace_id": trace})
    origin = Place(surface="webhook", place="helpdesk", thread="1", message="1")
    author = Author(surface="webhook", team="helpdesk", id="c-7")
    now = datetime.now(UTC)
    delivery = Delivery(
        id="webhook:helpdesk:1", kind="message", playbook="support", origin=origin, author=author,
        received_at=now, trace_id=trace, link=link,
    )  # fmt: skip
    spans.delivered(delivery, ticket)


async def test_the_trace_and_its_first_span_have_the_ids_of_the_ticket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    header, trace, span = traceparent()
    async with otlp_standin() as collector:
        send_there(monkeypatch, collector)
        async with open_telemetry(variables(collector)) as telemetry:
            delivered(telemetry.spans, link=header)
            delivered(telemetry.spans, "0" * 31 + "1", link=f"00-{'0' * 32}-{'0' * 16}-00")
        first, other = collector.spans
        assert (first.trace, first.id, first.parent) == (TRACE, TRACE[16:], "")
        assert first.links == ((trace, span),)
        assert not other.links


async def test_samplers_of_the_environment_are_obeyed_by_every_process_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with otlp_standin() as collector:
        sampled = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
        send_there(monkeypatch, collector, **sampled, OTEL_TRACES_SAMPLER_ARG="0.5")
        traces = [
            f"{one * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}" for one in range(1, 99)
        ]
        async with (
            open_telemetry(variables(collector)) as web,
            open_telemetry(variables(collector)) as worker,
        ):
            for trace in traces:
                delivered(web.spans, trace)
                ticket = a_ticket().model_copy(update={"trace_id": trace})
                with worker.spans._open(  # a bare span of another process
                    "bare", "internal", {}, Under(ticket.trace_id)
                ):
                    pass
        by_name = {
            name: {one.trace for one in collector.spans if one.name == name}
            for name in (ROOT, "bare")
        }
        assert by_name[ROOT] == by_name["bare"]
        assert 0 < len(by_name[ROOT]) < len(traces)


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ({}, False),
        ({NAMES[0]: " "}, False),
        ({NAMES[0]: "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({NAMES[0]: "http://127.0.0.1:4318", NAMES[1]: "http/protobuf"}, True),
        ({NAMES[0]: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({NAMES[0]: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({NAMES[0]: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "console,otlp"}, True),
    ],
)
def test_the_environment_says_whether(given: dict[str, str], recorded: bool) -> None:
    assert wanted(given) is recorded


def test_a_protocol_that_is_not_spoken_is_named(caplog: pytest.LogCaptureFixture) -> None:
    given = {NAMES[0]: "http://127.0.0.1:4317", NAMES[1]: "grpc"}
    assert not wanted(given)
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in caplog.text
    assert "http/protobuf" in caplog.text


def test_without_an_endpoint_the_sdk_is_not_imported() -> None:
    script = """
import asyncio, sys
import bot.app
from bot.telemetry import open_telemetry

async def main():
    async with open_telemetry({}) as telemetry:
        assert telemetry.tracer is None
        assert telemetry.of_the_model_sdk is False
        with telemetry.spans.decision("approve"):
            pass

asyncio.run(main())
print([name for name in sys.modules if name.startswith("opentelemetry.") and
       name.split(".")[1] in ("sdk", "exporter", "proto")])
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert said.stdout.decode().strip() == "[]"


def test_without_a_tracer_a_span_costs_next_to_nothing() -> None:
    telemetry, ticket = Telemetry(), a_ticket()
    began = time.process_time()
    for _ in range(1_000):
        with telemetry.spans._open("bare", "internal", {}, Under(ticket.trace_id)):
            pass
    assert time.process_time() - began < 0.5  # 100 us each, where one takes 1


@pytest.mark.parametrize("collector_is", ["away", "hanging", "failing"])
async def test_a_collector_that_does_not_take_spans_holds_up_nothing(
    collector_is: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with otlp_standin() as collector:
        if collector_is == "away":
            collector.url = f"http://127.0.0.1:{free_port()}"
        elif collector_is == "hanging":
            collector.faults.add(PATH, Hang(), times=None)
        else:
            collector.faults.add(PATH, HttpFailure(503), times=None)
        send_there(monkeypatch, collector)
        monkeypatch.setattr(logging.getLogger("opentelemetry"), "handlers", [])
        async with open_telemetry(variables(collector)) as telemetry:
            began = time.monotonic()
            for number in range(5_000):
                delivered(telemetry.spans, f"{number + 1:032x}")
            assert time.monotonic() - began < 20, "a millisecond each at most, and no network in it"
            if collector_is != "away":
                await collector.requests.wait_for()
            ending = time.monotonic()
        assert time.monotonic() - ending < FLUSH_SECONDS + 5
        complaints = [one for one in caplog.records if "deskhand: telemetry:" in one.getMessage()]
        assert len(complaints) <= 1
        assert not collector.spans


def test_complaints_are_rare_and_say_how_many_were_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    rarely = Rarely(600.0, lambda: now[0])
    record = logging.LogRecord("opentelemetry.x", logging.ERROR, "f", 1, "no\nway", (), None)
    for now[0] in (0.0, 1.0, 599.0, 601.0):
        rarely.emit(record)
    first, second = [one.getMessage() for one in caplog.records]
    assert first == "deskhand: telemetry: no way"
    assert second == "deskhand: telemetry: no way (2 lines like it were left out)"
    speak_rarely()
    speak_rarely()
    theirs = logging.getLogger("opentelemetry")
    assert sum(isinstance(one, Rarely) for one in theirs.handlers) == 1


async def test_a_failure_is_named_by_its_kind_and_not_by_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with otlp_standin() as collector:
        send_there(monkeypatch, collector)
        async with open_telemetry(variables(collector)) as telemetry:
            with (
                pytest.raises(ValueError, match="zebra"),
                telemetry.spans._open("bare", "internal", {}, Under(TRACE)),
            ):
                raise ValueError("the zebra's own words")
        failed = only(list(collector.spans), "bare")
        assert failed.error
        assert failed.attributes == {"error.type": "ValueError"}
        assert "zebra" not in failed.texts


def test_a_request_passes_on_the_traceparent_that_it_came_with() -> None:
    header, *_ = traceparent()
    assert incoming_link() is None
    with NO_SPANS.request("POST", "/slack/events", header):
        assert incoming_link() == header
    for wrong in ("", "00-zebra", header.upper(), header + "-1", header + "\n"):
        with NO_SPANS.request("POST", "/slack/events", wrong):
            assert incoming_link() is None
