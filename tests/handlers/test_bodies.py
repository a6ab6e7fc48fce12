"""Bodies as a server hands them over: none is read beyond its limit; and who signed them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from handlers.guard import Disconnected, Refused, check_slack_signature, read_body

LIMIT = 10


class Body:
    """A request's body in these chunks."""

    def __init__(self, *chunks: bytes, declared: bytes | None = None, ends: bool = True) -> None:
        self._messages = self._of(chunks, ends)
        headers = [] if declared is None else [(b"content-length", declared)]
        self.scope: dict[str, Any] = {"type": "http", "headers": headers}
        self.handed = 0

    @staticmethod
    def _of(chunks: tuple[bytes, ...], ends: bool) -> Iterator[Mapping[str, Any]]:
        for number, chunk in enumerate(chunks, 1):
            more = number < len(chunks) or not ends
            yield {"type": "http.request", "body": chunk, "more_body": more}
        yield {"type": "http.disconnect"}

    async def receive(self) -> Any:
        self.handed += 1
        return next(self._messages)

    async def read(self) -> bytes:
        return await read_body(self.scope, self.receive, LIMIT)


@pytest.mark.parametrize("chunks", [(b"0123456789",), (b"01234", b"", b"56789"), (b"",)])
async def test_a_body_up_to_its_limit_is_whole(chunks: tuple[bytes, ...]) -> None:
    assert await Body(*chunks).read() == b"".join(chunks)


@pytest.mark.parametrize(
    ("body", "handed"),
    [
        (Body(b"x", declared=b"11"), 0),
        (Body(b"x", declared=b"+1"), 0),
        (Body(b"x", declared=b"9" * 5000), 0),
        (Body(b"x" * 11), 1),
        (Body(b"x" * 11, declared=b"1"), 1),
        (Body(b"x" * 5, b"x" * 6, b"x"), 2),
    ],
    ids=["declared", "no number", "a number without end", "at once", "understated", "in pieces"],
)
async def test_a_longer_one_is_413_and_read_no_further(body: Body, handed: int) -> None:
    with pytest.raises(Refused) as refused:
        await body.read()
    assert (refused.value.status, body.handed) == (413, handed)


async def test_a_client_that_goes_away_has_nobody_to_be_answered() -> None:
    with pytest.raises(Disconnected):
        await Body(b"x", ends=False).read()


@pytest.mark.parametrize("twice", ["x-slack-signature", "x-slack-request-timestamp"])
def test_a_header_that_stands_twice_is_none(twice: str) -> None:
    body, stamp = b'{"type":"event_callback"}', b"1700000000"
    digest = hmac.new(b"secret", b"v0:" + stamp + b":" + body, hashlib.sha256).hexdigest()
    once = [
        (b"x-slack-request-timestamp", stamp),
        (b"x-slack-signature", b"v0=" + digest.encode()),
    ]
    check_slack_signature(b"secret", once, body, float(stamp))
    doubled = [*once, *((name, value) for name, value in once if name == twice.encode())]
    with pytest.raises(Refused) as refused:
        check_slack_signature(b"secret", doubled, body, float(stamp))
    assert refused.value.status == 401
