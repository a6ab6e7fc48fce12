"""The guard against real servers on loopback: which connections are made, and which never."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from aiohttp import web

from bot.clock import SystemClock
from tests.research.fetch.net import connections, dns_server, site
from tools.research.fetch.fetcher import Fetcher, Visit, visit_of
from tools.research.fetch.pace import Pace
from tools.research.fetch.resolver import Dns
from tools.research.fetch.urls import NotFetched
from tools.research.fetch.web import PublicWeb

CLOCK = SystemClock()
HOME = """<html><head><title>Acme &amp; Sons</title>
<meta property="article:published_time" content="2026-03-04T10:00:00Z"></head>
<body><nav>Menu</nav><p>Acme makes <b>rockets</b> in Köln.</p><script>secret()</script>
<a href="/about">About</a> <a href="https://jobs.acme.example/open?x=1#top">Jobs</a>
<a href="https://other.example/">Partner</a> <a href="javascript:x()">x</a></body></html>"""


async def at_once(seconds: float) -> None:
    """A wait that a test need not sit through."""


def fetcher(**fixed: str) -> Fetcher:
    hosts = {name.replace("_", "."): address for name, address in fixed.items()}
    return Fetcher(CLOCK, PublicWeb(Dns("127.0.0.1:1"), fixed=hosts), pace=Pace(CLOCK, at_once))


def redirect(location: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


async def refusal(guard: Fetcher, visit: Visit, url: str) -> str:
    with pytest.raises(NotFetched) as missed:
        await guard.fetch(visit, url)
    assert visit.missed[-1].said == missed.value.said
    return missed.value.said


async def test_a_page_is_read_with_its_title_date_and_links() -> None:
    async with site({"/": HOME}) as acme:
        visit = visit_of("acme.example")
        page = await fetcher(acme_example=acme.address).fetch(visit, "acme.example")
    assert page.url == "https://acme.example/"
    assert (page.title, page.date, page.truncated) == ("Acme & Sons", "2026-03-04", False)
    assert "Acme makes rockets in Köln." in page.text
    assert "secret" not in page.text
    assert page.links == ("https://acme.example/about", "https://jobs.acme.example/open?x=1")
    assert acme.paths == ["/robots.txt", "/"]
    assert {host for host, _, _ in acme.requests} == {"acme.example"}
    assert not any("Cookie" in headers for headers in acme.headers)


async def test_a_subdomain_only_where_a_page_linked_to_it() -> None:
    async with site({"/": HOME, "/open?x=1": "jobs", "/open?x=2": "no"}) as acme:
        guard = fetcher(acme_example=acme.address, jobs_acme_example=acme.address)
        visit = visit_of("acme.example")
        assert (
            await refusal(guard, visit, "https://jobs.acme.example/open?x=1") == "refused: off_host"
        )
        await guard.fetch(visit, "https://acme.example/")
        assert (await guard.fetch(visit, "https://jobs.acme.example/open?x=1")).text == "jobs"
        assert (
            await refusal(guard, visit, "https://jobs.acme.example/open?x=2") == "refused: off_host"
        )
        # On the page, and still not the company's.
        assert await refusal(guard, visit, "https://other.example/") == "refused: off_host"
        # Another run has seen no page.
        assert (
            await refusal(guard, visit_of("acme.example"), "https://jobs.acme.example/open?x=1")
            == "refused: off_host"
        )


async def test_hosts_of_fetch_also_and_runs_without_a_domain() -> None:
    async with site({"/": "register"}) as register:
        guard = fetcher(register_example=register.address)
        visit = visit_of(None, also=("register.example",))
        assert (await guard.fetch(visit, "https://register.example/")).text == "register"
        assert await refusal(guard, visit, "https://acme.example/") == "refused: off_host"


ELSEWHERE = {
    "http://127.0.0.1:{port}/": "private_address",
    "http://2130706433/": "private_address",
    "http://[::ffff:127.0.0.1]/": "private_address",
    "http://169.254.169.254/latest": "private_address",
    "http://localhost/": "private_address",
    "//0x7f.1/": "private_address",
    "http://8.8.8.8/": "off_host",
    "https://evil.example/": "off_host",
    "https://acme.example.evil.example/": "off_host",
    "https://evilacme.example/": "off_host",
    "https://jobs.acme.example/": "off_host",
    "http://acme.example:{port}/": "port",
    "file:///etc/passwd": "scheme",
    "ftp://acme.example/": "scheme",
    "http://user@acme.example/": "scheme",
}


@pytest.mark.parametrize("location", ELSEWHERE)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_obeys_what_the_first_url_did(location: str, status: int) -> None:
    async with site({}) as acme, site({"/": "inner"}) as inner:
        acme.pages["/"] = redirect(location.format(port=inner.port), status)
        guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")
        with connections() as made:
            said = await refusal(guard, visit, "https://acme.example/")
        assert said == f"refused: {ELSEWHERE[location]}"
        assert set(made) == {("127.0.0.1", acme.port)}
        assert inner.requests == []


async def test_five_redirects_and_no_sixth() -> None:
    async with site({f"/{n}": redirect(f"/{n + 1}") for n in range(9)}) as acme:
        guard = fetcher(acme_example=acme.address)
        assert await refusal(guard, visit_of("acme.example"), "https://acme.example/0") == (
            "refused: redirects"
        )
        assert acme.paths == ["/robots.txt", *(f"/{n}" for n in range(6))]
        acme.pages["/5"] = "there"
        page = await guard.fetch(visit_of("acme.example"), "https://acme.example/0")
        assert page.url == "https://acme.example/5"


PRIVATE = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.9", "0.0.0.0", "224.0.0.1"]
PRIVATE_6 = ["::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00::1", "fe80::1"]


@pytest.mark.parametrize("address", PRIVATE + PRIVATE_6)
@pytest.mark.parametrize("beside", [[], ["93.184.215.14"]])
async def test_a_name_that_leads_to_a_private_address(address: str, beside: list[str]) -> None:
    kind = "AAAA" if ":" in address else "A"
    zone = {("acme.example", "A"): [beside]}
    zone[("acme.example", kind)] = [[address, *(beside if kind == "A" else [])]]
    async with dns_server(zone) as (server, place):
        guard = Fetcher(CLOCK, PublicWeb(Dns(place)), pace=Pace(CLOCK, interval=0))
        with connections() as made:
            said = await refusal(guard, visit_of("acme.example"), "http://acme.example/")
    assert said == "refused: private_address"
    assert ("acme.example", "A") in server.asked
    assert {f"{host}:{port}" for host, port in made} <= {place}


async def test_rebinding_between_two_look_ups_gets_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is public when it is checked and private when asked again: what was checked is what
    is connected to, and the next request checks again."""
    public, private = ["203.0.114.9"], ["127.0.0.1"]
    zone = {("acme.example", "A"): [public, private]}
    begun: list[str] = []

    async def unreachable(self: object, sock: object, address: tuple[str, int]) -> None:
        begun.append(address[0])
        raise ConnectionRefusedError("nobody is there")

    # The event loop's own connect, below every library: no packet leaves this machine in a test.
    async with dns_server(zone) as (server, place):
        guard = Fetcher(CLOCK, PublicWeb(Dns(place)), pace=Pace(CLOCK, interval=0))
        visit = visit_of("acme.example")
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(type(loop), "sock_connect", unreachable)
        first = await refusal(guard, visit, "http://acme.example/")
        second = await refusal(guard, visit, "http://acme.example/")
    assert first == "failed: it cannot be reached"
    assert second == "refused: private_address"
    assert begun == public
    assert [kind for _, kind in server.asked].count("A") == 2


async def test_names_that_nobody_knows_and_dns_that_is_away() -> None:
    async with dns_server({}) as (_, place):
        guard = Fetcher(CLOCK, PublicWeb(Dns(place)), pace=Pace(CLOCK, interval=0))
        assert await refusal(guard, visit_of("acme.example"), "acme.example") == (
            "failed: no such host"
        )


async def test_the_fixed_address_itself_is_refused_as_ever() -> None:
    async with site({"/": HOME}) as acme:
        guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")
        with connections() as made:
            assert await refusal(guard, visit, f"{acme.address}/") == "refused: private_address"
            assert await refusal(guard, visit, "http://acme.example:443/") == "refused: port"
        assert [path for path in acme.paths if path != "/robots.txt"] == []
        assert made == []


ROBOTS = "User-agent: *\nDisallow: /\n\nUser-agent: Deskhand\nDisallow: /private\nCrawl-delay: 3"


async def test_robots_speaks_to_us_by_name() -> None:
    async with site({"/robots.txt": ROBOTS, "/": HOME, "/private/x": "no"}) as acme:
        guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")
        await guard.fetch(visit, "https://acme.example/")
        # However it is spelled: a server would answer all of these with the same page.
        for path in ("private/x", "a/../private/x", "%70rivate/x", "a/%2e%2e/private/x"):
            assert await refusal(guard, visit, f"https://acme.example/{path}") == "refused: robots"
        assert visit.left == 4
        acme.pages["/old"] = redirect("/private/x")
        assert await refusal(guard, visit, "https://acme.example/old") == "refused: robots"
    assert acme.paths == ["/robots.txt", "/", "/old"]


async def test_a_robots_that_names_us_as_the_log_does() -> None:
    for agent in ("Deskhand/1.0", "deskhand/1.0 (research)", "DESKHAND/2"):
        async with site({"/robots.txt": f"User-agent: {agent}\nDisallow: /", "/": HOME}) as acme:
            guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")
            assert await refusal(guard, visit, "https://acme.example/") == "refused: robots"


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(404, True), (403, True), (410, True), (429, False), (500, False), (503, False)],
)
async def test_what_an_unreadable_robots_means(status: int, allowed: bool) -> None:
    async with site({"/robots.txt": web.Response(status=status), "/": HOME}) as acme:
        guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")
        if allowed:
            assert (await guard.fetch(visit, "https://acme.example/")).title
        else:
            assert await refusal(guard, visit, "https://acme.example/") == "refused: robots"
            assert acme.paths == ["/robots.txt"]


async def test_five_pages_also_for_calls_at_once() -> None:
    async with site({f"/{n}": f"page {n}" for n in range(8)}) as acme:
        guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")

        async def one(n: int) -> str:
            try:
                return (await guard.fetch(visit, f"https://acme.example/{n}")).text
            except NotFetched as missed:
                return missed.said

        said = await asyncio.gather(*map(one, range(8)))
    assert said.count("refused: pages") == 3
    assert len(visit.pages) == 5
    assert len(acme.paths) == 6


async def test_one_request_a_second_and_the_delay_that_a_site_asks_for() -> None:
    waits: list[float] = []

    class Still(SystemClock):
        def monotonic(self) -> float:
            return 100.0

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pace = Pace(Still(), sleep)
    for _ in range(3):
        await pace.turn("acme.example")
    await pace.turn("other.example")
    assert waits == [1.0, 2.0]
    await pace.turn("acme.example", 60)
    await pace.turn("acme.example")
    assert waits == [1.0, 2.0, 3.0, 13.0]


async def test_a_real_host_is_asked_once_a_second() -> None:
    async with site({"/": HOME, "/about": "about"}) as acme:
        guard = Fetcher(
            CLOCK,
            PublicWeb(Dns("127.0.0.1:1"), fixed={"acme.example": acme.address}),
            pace=Pace(CLOCK, interval=0.2),
        )
        visit = visit_of("acme.example")
        await asyncio.gather(
            *(guard.fetch(visit, f"https://acme.example/{path}") for path in ("", "about"))
        )
    times = [at for _, _, at in acme.requests]
    assert all(later - earlier >= 0.15 for earlier, later in itertools.pairwise(times))


@pytest.mark.parametrize(
    "kind", ["application/pdf", "image/png", "text/css", "text/xml", "", "text/htmlx"]
)
async def test_only_text_types(kind: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x", headers={"Content-Type": kind} if kind else {})

    async with site({"/": answer}) as acme:
        guard = fetcher(acme_example=acme.address)
        assert await refusal(guard, visit_of("acme.example"), "acme.example") == "refused: type"


@pytest.mark.parametrize("status", [204, 206, 304, 400, 404, 410, 500, 503])
async def test_any_other_status_than_200(status: int) -> None:
    async with site({"/": web.Response(status=status)}) as acme:
        guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")
        assert await refusal(guard, visit, "https://acme.example/") == "refused: status"
        assert visit.left == 4


async def test_no_proxy_and_no_cookies(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.Response(text="hi", content_type="text/html")
        response.set_cookie("id", "1")
        return response

    async with site({"/": answer}) as acme, site({}) as proxy:
        for name in (
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ):
            monkeypatch.setenv(name, proxy.address)
        guard, visit = fetcher(acme_example=acme.address), visit_of("acme.example")
        await guard.fetch(visit, "https://acme.example/")
        await guard.fetch(visit, "https://acme.example/")
        assert proxy.requests == []
        assert not any("Cookie" in headers for headers in acme.headers)


async def test_a_bare_domain_falls_back_to_http_where_nobody_speaks_https(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[int] = []

    async def unreachable(self: object, sock: object, address: tuple[str, int]) -> None:
        begun.append(address[1])
        raise ConnectionRefusedError("nobody is there")

    async with dns_server({("acme.example", "A"): [["203.0.114.9"]]}) as (_, place):
        guard, visit = (
            Fetcher(CLOCK, PublicWeb(Dns(place)), pace=Pace(CLOCK, interval=0)),
            visit_of("acme.example"),
        )
        monkeypatch.setattr(type(asyncio.get_running_loop()), "sock_connect", unreachable)
        said = await refusal(guard, visit, "acme.example")
        await refusal(guard, visit, "https://acme.example/")
    assert said == "failed: it cannot be reached"
    assert begun == [443, 80, 443]
    assert visit.left == 5


async def test_a_dns_server_that_never_answers_for_ipv6() -> None:
    async with dns_server({("acme.example", "A"): [["203.0.114.9"]]}) as (server, place):
        server.silent.add("AAAA")
        started = CLOCK.monotonic()
        assert [str(one) for one in await Dns(place).addresses("acme.example")] == ["203.0.114.9"]
        assert CLOCK.monotonic() - started < 4
