"""Servers that mean harm: each ends in a reason, in bounded time and memory."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
import time
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import SystemClock
from tests.research.fetch.net import Serve, connections, raw_server
from tools.research.fetch import reading
from tools.research.fetch.exchange import BODY_LIMIT, Pinned, exchange
from tools.research.fetch.fetcher import Fetcher, Page, visit_of
from tools.research.fetch.pace import Pace
from tools.research.fetch.resolver import Dns
from tools.research.fetch.urls import NotFetched, parse
from tools.research.fetch.web import PublicWeb

CLOCK = SystemClock()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain"


def says(*pieces: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return serve


async def fetched(serve: Serve, seconds: float = 5.0) -> Page | str:
    async with raw_server(serve) as address:
        guard = Fetcher(
            CLOCK,
            PublicWeb(Dns("127.0.0.1:1"), fixed={"acme.example": address}),
            pace=Pace(CLOCK, interval=0),
            seconds=seconds,
        )
        try:
            return await guard.fetch(visit_of("acme.example"), "http://acme.example/")
        except NotFetched as missed:
            return missed.said


async def test_a_slow_drip() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert await fetched(drip, seconds=0.3) == "refused: time"


async def test_a_drip_of_headers_and_silence() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for n in range(1000):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" if n % 2 else b"")
            await writer.drain()
            await asyncio.sleep(0.02)

    assert await fetched(drip, seconds=0.3) == "refused: time"


@pytest.mark.parametrize("packing", ["gzip", "deflate", "x-gzip"])
async def test_a_bomb_is_never_unpacked_whole(packing: str) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31 if "gzip" in packing else 15)
    packed = b"".join(bomb.compress(b"a" * 1_000_000) for _ in range(400)) + bomb.flush()
    head = (
        HEAD + f"\r\nContent-Encoding: {packing}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    )
    page = await fetched(says(head, packed))
    assert isinstance(page, Page)
    assert page.truncated
    assert len(page.text) <= reading.TEXT_LIMIT


@pytest.mark.parametrize(
    "packing", ["br", "zstd", "gzip, gzip", "deflate, gzip", "compress", "gzip;q=1"]
)
async def test_packings_that_nobody_asked_for(packing: str) -> None:
    head = HEAD + f"\r\nContent-Encoding: {packing}\r\nContent-Length: 1\r\n\r\n".encode()
    assert await fetched(says(head, b"x")) == "refused: type"


async def test_gzip_in_members_and_broken_gzip() -> None:
    whole = gzip.compress(b"one ") + gzip.compress(b"two")
    head = HEAD + b"\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    page = await fetched(says(head, whole))
    assert isinstance(page, Page)
    assert (page.text, page.truncated) == ("one two", False)
    cut = await fetched(says(head, gzip.compress(b"one two three" * 100)[:-9]))
    assert isinstance(cut, Page)
    assert cut.truncated
    assert await fetched(says(head, b"this is no gzip")) == "failed: its answer cannot be unpacked"
    empty = await fetched(says(head, gzip.compress(b"") * 100_000))
    assert isinstance(empty, Page)
    assert empty.text == ""


async def test_more_than_two_megabytes_are_cut_off() -> None:
    head = HEAD + b"\r\nContent-Length: 900000000\r\n\r\n"
    page = await fetched(says(head, *[b"word " * 20_000] * 40))
    assert isinstance(page, Page)
    assert page.truncated


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 50_000,
        b"HTTP/1.1 200 OK\r\nX-Filler: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"y" * 1_000_000 + b"\r\n\r\n",
    ],
)
async def test_endless_headers(head: bytes) -> None:
    assert await fetched(says(head)) == "refused: size"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\x00" * 5_000,
        HEAD + b"\r\nContent-Length: -1\r\n\r\n",
        HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        HEAD + b"\r\nContent-Length: 50\r\n\r\ntoo short",
        HEAD + b"\r\nContent-Length: 4\r\n\r\nfourFIVE",
    ],
)
async def test_answers_that_are_none(answer: bytes) -> None:
    said = await fetched(says(answer))
    assert isinstance(said, str)
    assert said.startswith("failed: ")


@pytest.mark.parametrize(
    ("body", "header", "text"),
    [
        ("Köln".encode(), "text/html; charset=utf-8", "Köln"),
        ("Köln".encode("latin-1"), "text/html; charset=ISO-8859-1", "Köln"),
        ("Köln € 5".encode("cp1252"), "text/html; charset=iso-8859-1", "Köln € 5"),
        ("Köln € 5".encode("cp1252"), "text/html", "Köln € 5"),
        ("Привет".encode("koi8-r"), "text/html; charset=koi8-r", "Привет"),
        (b"<meta charset=koi8-r>" + "Привет".encode("koi8-r"), "text/html", "Привет"),
        ("東京".encode("shift_jis"), 'text/html; charset="Shift_JIS"', "東京"),
        (b"\xef\xbb\xbf" + "Köln".encode(), "text/html", "Köln"),
        ("Köln".encode("utf-16"), "text/html", "Köln"),
        (b"<meta charset=utf-16>" + "Köln".encode(), "text/html", "Köln"),
        ("Köln".encode(), "text/html; charset=no-such-charset", "Köln"),
        ("Köln".encode(), "text/html; charset=rot13", "Köln"),
        (b"+ADw-script+AD4-", "text/html; charset=utf-7", "+ADw-script+AD4-"),
        (b"\\u003cb\\u003e", "text/html; charset=unicode_escape", "\\u003cb\\u003e"),
        ("Köln".encode("latin-1"), "text/html; charset=utf-8", "K�ln"),
    ],
)
def test_charsets_that_tell_the_truth_and_that_lie(body: bytes, header: str, text: str) -> None:
    assert reading.read(body, {"content-type": header}).text == text


@given(
    st.binary(max_size=3_000), st.sampled_from(["", "utf-8", "utf-16", "gbk", "hex", "x", "idna"])
)
def test_reading_never_raises(body: bytes, charset: str) -> None:
    for kind in reading.TYPES:
        found = reading.read(body, {"content-type": f"{kind}; charset={charset}"})
        found.text.encode()


@given(
    st.lists(
        st.sampled_from(
            [
                "<a href='/x'>",
                "</a>",
                "<!--",
                "-->",
                "<script>",
                "</script>",
                "<p",
                ">",
                "<title>",
                "</title>",
                "x",
                '"',
                "'",
                "<",
                "&amp;",
                "<meta ",
                "=",
            ]
        )
    )
)
def test_any_soup_of_tags_is_read(pieces: list[str]) -> None:
    reading.read("".join(pieces).encode(), {"content-type": "text/html"})


@pytest.mark.parametrize(
    "piece",
    [
        "<div>",
        "<",
        "<!--",
        "<!-->",
        "<a ",
        "</",
        "<script>",
        "<title>a</title>",
        "&#1",
        " \n",
        "<a href=/x>",
        "<a " + "x=\"'" * 990 + ">",
        "<meta " + "x" * 3900 + ">",
        '<script type="application/ld+json">[',
        "<?",
    ],
)
def test_two_megabytes_of_anything_are_read_in_seconds(piece: str) -> None:
    body = (piece * (BODY_LIMIT // len(piece))).encode()
    started = time.process_time()
    reading.read(body, {"content-type": "text/html"})
    assert time.process_time() - started < 5


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for ``name``, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "both.pem").write_bytes(secret + pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_the_pinned_address_with_the_urls_own_name_in_tls_and_host(tmp_path: Path) -> None:
    server_side, client_side = certificate(tmp_path, "acme.example")
    names: list[str] = []
    heads: list[bytes] = []

    def sni(
        _socket: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext
    ) -> None:
        names.append(name or "")

    server_side.sni_callback = sni

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(HEAD + b"\r\nContent-Length: 2\r\n\r\nhi")
            await writer.drain()
        except asyncio.IncompleteReadError:
            return  # its certificate was not accepted
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
    port = server.sockets[0].getsockname()[1]
    pinned = Pinned((ipaddress.ip_address("127.0.0.1"),), port)
    with connections() as made:
        answer = await exchange(parse("https://acme.example/x"), pinned, client_side)
        assert answer.body == b"hi"
        with pytest.raises(NotFetched, match="cannot be reached"):
            await exchange(parse("https://other.example/x"), pinned, client_side)
    server.close()
    assert names == ["acme.example", "other.example"]
    assert b"\r\nHost: acme.example\r\n" in heads[0]
    assert set(made) == {("127.0.0.1", port)}
