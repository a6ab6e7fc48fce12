"""Signed intake over HTTP, and everything that is not signed intake."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from bot.domain import Place
from handlers.webhooks import ACCEPT_SECONDS, BadSecret, secret_bytes
from tests.fixtures_redis import STRICT, ServerProcess
from tests.handlers.rig import HOOK_SECRET, Rig, running_rig
from tests.patience import BUSY_SECONDS
from tests.standins.slack import SlackStandin

RAW_SECRET = "a secret without a prefix"
TICKET: dict[str, Any] = {"id": "T-1", "body": "I was charged twice"}


def key_of(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def signed(
    body: bytes, *, ident: str = "msg_1", when: str | None = None, secret: str = HOOK_SECRET
) -> dict[str, str]:
    """Headers by the scheme's own text, written without the library."""
    stamp = str(int(time.time())) if when is None else when
    digest = hmac.new(key_of(secret), f"{ident}.{stamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": ident,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(digest.digest()).decode(),
        "content-type": "application/json",
    }


async def post(
    rig: Rig,
    body: bytes | dict[str, Any],
    headers: dict[str, str] | None = None,
    *,
    name: str = "helpdesk",
    **given: Any,
) -> tuple[int, str]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = signed(raw, **given) if headers is None else headers
    async with rig.http.post(
        f"{rig.url}/webhooks/{name}", data=io.BytesIO(raw), headers=sent
    ) as answer:
        return answer.status, await answer.text()


async def test_a_signed_ticket_is_durable_and_answered(rig: Rig) -> None:
    whole = {
        "id": "T-1",
        "subject": "Charged twice",
        "body": "I was charged twice",
        "author": {"id": "42", "name": "Dana", "email": "dana@customer.example"},
        "url": "https://helpdesk.example/T-1",
        "thread": [
            "an earlier line",
            {"id": "m1", "author": {"name": "Ann"}, "body": "Hello", "at": "2026-11-02T10:00:00Z"},
            {"text": "more", "author": "Bob"},
            {"nothing": "of use"},
            7,
            None,
        ],
        "unknown": {"keys": ["are", "fine"]},
    }
    assert await post(rig, whole) == (200, '{"ok":true}')
    saved = await rig.only()
    assert saved.id == "webhook:helpdesk:msg_1"
    assert (saved.kind, saved.playbook) == ("message", "support")
    assert saved.origin == Place(surface="webhook", place="helpdesk", thread="T-1", message="msg_1")
    assert saved.author.key == "webhook:helpdesk:42"
    assert (saved.author.name, saved.author.email) == ("Dana", "dana@customer.example")
    assert (saved.subject, saved.text) == ("Charged twice", "I was charged twice")
    assert saved.url == "https://helpdesk.example/T-1"
    assert [(said.author.name, said.text) for said in saved.thread] == [
        ("", "an earlier line"),
        ("Ann", "Hello"),
        ("Bob", "more"),
    ]
    assert len(saved.trace_id) == 32


async def test_the_library_signs_what_is_taken(rig: Rig) -> None:
    from datetime import UTC, datetime

    body = json.dumps(TICKET)
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_9",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(HOOK_SECRET).sign("msg_9", now, body),
    }
    assert (await post(rig, body.encode(), headers))[0] == 200


async def test_a_secret_without_the_prefix_is_raw_bytes(rig: Rig) -> None:
    assert (await post(rig, TICKET, name="rawdesk", secret=RAW_SECRET))[0] == 200
    assert (await post(rig, TICKET, name="rawdesk", ident="b"))[0] == 401


async def test_the_same_webhook_id_is_one_delivery_and_a_new_one_another(rig: Rig) -> None:
    for ident in ("msg_1", "msg_1", "msg_2"):
        assert (await post(rig, TICKET, ident=ident))[0] == 200
    saved = await rig.inbox()
    assert [(one.id, one.origin.thread) for one in saved] == [
        ("webhook:helpdesk:msg_1", "T-1"),
        ("webhook:helpdesk:msg_2", "T-1"),
    ]


async def test_strangers_do_not_share_an_author(rig: Rig) -> None:
    await post(rig, TICKET, ident="a")
    await post(rig, TICKET | {"id": "T-2", "author": None}, ident="b")
    await post(rig, TICKET | {"id": "T-3", "author": {"email": "d@x.example"}}, ident="c")
    authors = [delivery.author.id for delivery in await rig.inbox()]
    assert authors == ["ticket:T-1", "ticket:T-2", "d@x.example"]


async def test_a_number_is_an_id_like_any_other(rig: Rig) -> None:
    assert (await post(rig, {"id": 17, "body": "Hello", "author": {"id": 4}}))[0] == 200
    saved = await rig.only()
    assert (saved.origin.thread, saved.author.id) == ("17", "4")


async def test_a_refusal_names_the_field(rig: Rig) -> None:
    assert (await post(rig, {"id": "T"}))[1].count("body: is missing") == 1
    assert (await post(rig, {"id": "T", "body": " "}))[1].count("body: is empty") == 1


async def test_an_incoming_trace_is_kept_as_a_link(rig: Rig) -> None:
    body = json.dumps(TICKET).encode()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await post(rig, body, signed(body) | {"traceparent": parent})
    other = signed(body, ident="x") | {"traceparent": "not a traceparent"}
    await post(rig, body, other)
    assert [delivery.link for delivery in await rig.inbox()] == [parent, None]


async def test_a_link_that_is_no_web_address_is_left_out(rig: Rig) -> None:
    await post(rig, TICKET | {"url": "javascript:alert(1)"})
    assert (await rig.only()).url is None


def forged() -> list[tuple[str, dict[str, str]]]:
    body = json.dumps(TICKET).encode()
    good = signed(body)
    now = time.time()
    return [
        ("nothing", {}),
        ("another secret", signed(body, secret="whsec_" + base64.b64encode(b"x" * 24).decode())),
        ("another body", signed(b"{}")),
        ("another id", good | {"webhook-id": "msg_2"}),
        ("no id", {k: v for k, v in good.items() if k != "webhook-id"}),
        ("no time", {k: v for k, v in good.items() if k != "webhook-timestamp"}),
        ("no signature", {k: v for k, v in good.items() if k != "webhook-signature"}),
        ("old", signed(body, when=str(int(now - 301)))),
        ("ahead", signed(body, when=str(int(now + 310)))),
        ("no number", signed(body, when="yesterday")),
        ("nan", signed(body, when="nan")),
        ("inf", signed(body, when="inf")),
        ("huge", signed(body, when="9" * 300)),
        ("no comma", good | {"webhook-signature": "v1"}),
        ("two commas", good | {"webhook-signature": good["webhook-signature"] + ",x"}),
        ("no base64", good | {"webhook-signature": "v1,é"}),
        ("another version", good | {"webhook-signature": good["webhook-signature"][1:]}),
        ("an empty signature", good | {"webhook-signature": "v1,"}),
        ("a long id", signed(body, ident="m" * 257)),
        ("a strange id", good | {"webhook-id": "é"}),
    ]


@pytest.mark.parametrize("case", range(len(forged())))
async def test_what_is_not_signed_well_is_401(rig: Rig, case: int) -> None:
    why, headers = forged()[case]
    status, _ = await post(rig, json.dumps(TICKET).encode(), headers)
    assert (why, status) == (why, 401)
    assert await rig.inbox() == []


async def test_one_good_signature_among_several_is_enough(rig: Rig) -> None:
    body = json.dumps(TICKET).encode()
    headers = signed(body)
    other = signed(body, secret="another")["webhook-signature"]
    headers["webhook-signature"] = f"v1a,xyz {other} {headers['webhook-signature']}"
    assert (await post(rig, body, headers))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b"\xff\xfe",
        b'{"id": "T", "body": "\xff"}',
        b'{"id": "T", "id": "U", "body": "x"}',
        b'{"id": "T", "body": NaN}',
        b'{"id": "T", "body": "\\ud800"}',
        b'{"id": "T", "body": "x", "deep": ' + b"[" * 64 + b"]" * 64 + b"}",
        b"[" * 300_000,
        b'{"body": "x"}',
        b'{"id": "T"}',
        b'{"id": "", "body": "x"}',
        b'{"id": "T", "body": " \\n"}',
        b'{"id": null, "body": "x"}',
        b'{"id": "T", "body": ["x"]}',
        b'{"id": "T", "body": "x", "url": {}}',
        b'{"id": "T", "body": "x", "author": "Dana"}',
        b'{"id": true, "body": "x"}',
        b'{"id": "T", "body": "x", "subject": ["x"]}',
        b'{"id": "T", "body": "x", "author": {"id": []}}',
        b'{"id": "T", "body": "x", "thread": {}}',
        b'{"id": "' + b"i" * 257 + b'", "body": "x"}',
    ],
)
async def test_what_is_signed_but_malformed_is_400(rig: Rig, body: bytes) -> None:
    assert (await post(rig, body))[0] == 400
    # Unsigned, the same is 401: the signature comes before the body.
    assert (await post(rig, body, {}))[0] == 401
    assert await rig.inbox() == []


async def test_an_old_signature_over_no_text_is_401_too(rig: Rig) -> None:
    body = b"\xff"
    assert (await post(rig, body, when=str(int(time.time()) - 301)))[0] == 401
    assert (await post(rig, body, when="nan"))[0] == 401
    for when in ("inf", "1e300", "9" * 30):
        assert (await post(rig, body, when=when))[0] == 401


async def test_the_order_is_name_then_size_then_signature(rig: Rig) -> None:
    large = b"x" * (1024 * 1024 + 1)
    assert (await post(rig, large, {}, name="nobody"))[0] == 404
    assert (await post(rig, large, {}))[0] == 413
    fits = json.dumps(TICKET | {"body": "x" * (1024 * 1024 - 30)}).encode()
    fits += b" " * (1024 * 1024 - len(fits))
    assert (await post(rig, fits))[0] == 200


async def test_other_methods_and_names(rig: Rig) -> None:
    for method, path, status in (
        ("GET", "/webhooks/helpdesk", 405),
        ("POST", "/webhooks", 404),
        ("POST", "/webhooks/", 404),
        ("POST", "/webhooks/helpdesk/x", 404),
        ("POST", "/webhooks/HELPDESK", 404),
        ("POST", "/webhooks/%2e%2e", 404),
    ):
        async with rig.http.request(method, rig.url + path, allow_redirects=False) as answer:
            assert (path, answer.status) == (path, status)


async def test_a_store_that_hangs_is_503_within_two_seconds_and_nothing_is_lost(
    slack: SlackStandin, short_path: Path
) -> None:
    server = ServerProcess(short_path, *STRICT).start()
    try:
        async with running_rig(slack, server.url) as rig:
            server.freeze()
            before = time.monotonic()
            status, _ = await post(rig, TICKET)
            assert status == 503
            assert time.monotonic() - before < ACCEPT_SECONDS + BUSY_SECONDS
            sent = await rig.people.message("while it hangs")
            assert (sent.status, sent.seconds < ACCEPT_SECONDS + BUSY_SECONDS) == (503, True)
            asked = await rig.people.shortcut("U0AGENT", rig.people.write("ask", channel="C0SALES"))
            assert (asked.status, asked.seconds < ACCEPT_SECONDS + BUSY_SECONDS) == (503, True)
            # Slack does not send a shortcut again, so its presser has to.
            assert "try again" in (await slack.space.ephemerals.next()).text
            server.thaw()
            assert (await post(rig, TICKET))[0] == 200
            assert (await rig.people.redeliver(sent)).status == 200
            assert {one.text for one in await rig.inbox()} == {
                "I was charged twice",
                "while it hangs",
            }
    finally:
        server.stop()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!!", "whsec_a", "whsec_é"])
def test_a_mistyped_secret_is_refused_at_the_start(secret: str) -> None:
    with pytest.raises(BadSecret):
        secret_bytes(secret)


def test_an_unpadded_secret_is_read() -> None:
    assert secret_bytes("whsec_" + base64.b64encode(b"1234567").decode().rstrip("=")) == b"1234567"
