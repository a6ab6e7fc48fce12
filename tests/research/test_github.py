"""Pull requests read for a summary, on a loopback GitHub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from bot.ports.conversations import Conversation, NotShown
from tests.standins.github import TOKEN, GithubStandin, Pull, github_standin
from tests.standins.wire import DropReply, HttpFailure, RateLimited
from tools.crm.vendor import vendor_session
from tools.research.github import GithubPulls

PULL = Pull(
    "Slow the pump",
    "It ran hot.",
    merged=True,
    commits=[("octavia", "Halve the speed", "2026-11-02T08:00:00Z")],
    reviews=[
        ("rui", "Who tells support?", "2026-11-03T10:00:00Z", "CHANGES_REQUESTED"),
        ("rui", "", "2026-11-04T10:00:00Z", "COMMENTED"),
        ("rui", "", "2026-11-05T10:00:00Z", "APPROVED"),
    ],
    remarks=[("rui", "Why 40?", "2026-11-03T09:00:00Z")],
    comments=[("octavia", "I write the note.", "2026-11-04T09:00:00Z")],
)


@pytest.fixture
async def github() -> AsyncIterator[GithubStandin]:
    async with github_standin() as running:
        yield running
        assert running.violations == []


async def read(
    github: GithubStandin,
    url: str,
    repositories: Sequence[str] = ("org/pumps",),
    token: str | None = TOKEN,
) -> Conversation | NotShown:
    async with vendor_session() as session:
        return await GithubPulls(session, github.url, repositories, token).read(url)


def words(found: Conversation | NotShown) -> str:
    assert isinstance(found, NotShown), found
    return found.words


async def test_a_pull_request_is_read_whole_in_the_order_of_time(github: GithubStandin) -> None:
    url = github.add("org/pumps", 12, PULL, private=True)
    found = await read(github, url + "/files")
    assert isinstance(found, Conversation)
    assert [(one.author, one.text, one.link) for one in found.said] == [
        ("octavia", "Opened: Slow the pump (now merged)\nIt ran hot.", url),
        ("octavia", "Commit: Halve the speed", f"https://github.com/org/pumps/commit/{1:040x}"),
        ("rui", "On pump.py: Why 40?", f"{url}#discussion_r1"),
        ("rui", "Requested changes: Who tells support?", f"{url}#pullrequestreview-1"),
        ("octavia", "I write the note.", f"{url}#issuecomment-1"),
        ("rui", "Approved", f"{url}#pullrequestreview-3"),
    ]
    assert found.title == "the pull request org/pumps#12"
    assert {entry.args["token"] for entry in github.log} == {TOKEN}


async def test_a_public_one_of_others_is_asked_for_without_the_token(
    github: GithubStandin,
) -> None:
    url = github.add("other/lib", 3, PULL)
    assert isinstance(await read(github, url), Conversation)
    assert {entry.args["token"] for entry in github.log} == {""}


async def test_a_private_one_of_others_is_not_shown_though_the_token_could(
    github: GithubStandin,
) -> None:
    private = github.add("other/secret", 3, PULL, private=True)
    said = words(await read(github, private))
    missing = words(await read(github, "https://github.com/other/nothing/pull/3"))
    assert said == missing
    assert {entry.args["token"] for entry in github.log} == {""}


async def test_names_know_no_case(github: GithubStandin) -> None:
    url = github.add("org/pumps", 12, PULL, private=True)
    assert isinstance(await read(github, url, ["Org/Pumps"]), Conversation)


async def test_pages_are_read_to_a_bound_and_what_is_left_out_is_named(
    github: GithubStandin,
) -> None:
    many = [("rui", f"Point {n}", "2026-11-04T09:00:00Z") for n in range(350)]
    url = github.add("org/pumps", 12, Pull("T", None, user=None, comments=many[:250]))
    found = await read(github, url)
    assert isinstance(found, Conversation)
    assert len(found.said) == 251
    assert found.said[0].author == "ghost"
    assert found.notes == ()
    github.pulls["org/pumps", 12].comments = many
    found = await read(github, url)
    assert isinstance(found, Conversation)
    assert found.notes == ("not read: comments after the first 300",)


@pytest.mark.parametrize("where", ["pull", "comments"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (RateLimited(7), "takes no more requests now. Please ask again in 7 s"),
        (HttpFailure(401, "{}"), "does not take my token"),
        (HttpFailure(500, "oops"), "has a fault (500)"),
        (HttpFailure(422, "{}"), "refused the question (422)"),
        (HttpFailure(200, "<html>"), "something else than JSON"),
        (HttpFailure(200, '"text"'), "something else than"),
        (HttpFailure(200, f'"{"x" * 4_100_000}"'), "too large"),
        (DropReply(), "cannot be reached"),
    ],
)
async def test_each_failure_has_its_line(
    github: GithubStandin, where: str, fault: RateLimited | HttpFailure | DropReply, said: str
) -> None:
    url = github.add("org/pumps", 12, PULL)
    github.faults.add(where, fault, times=None)
    assert said in words(await read(github, url))


@pytest.mark.parametrize("status", [403, 404])
async def test_what_github_withholds_is_named(github: GithubStandin, status: int) -> None:
    url = github.add("org/pumps", 12, PULL)
    github.faults.add("reviews", HttpFailure(status, "{}"), times=None)
    found = await read(github, url)
    assert isinstance(found, Conversation)
    assert found.notes == ("not read: reviews (GitHub does not show them)",)
    assert len(found.said) == 4
    github.faults.add("pull", HttpFailure(status, "{}"), times=None)
    assert "neither public nor in a repository" in words(await read(github, url))


async def test_nobody_is_there(github: GithubStandin) -> None:
    async with vendor_session() as session:
        found = await GithubPulls(session, "http://127.0.0.1:1", ()).read(
            "https://github.com/org/pumps/pull/12"
        )
    assert "cannot be reached" in words(found)


async def test_a_redirect_is_not_followed(github: GithubStandin) -> None:
    async with github_standin() as elsewhere:
        elsewhere.add("org/pumps", 12, PULL)
        url = github.add("org/pumps", 12, PULL)
        github.moved["org/pumps"] = f"{elsewhere.url}/repos/org/pumps/pulls/12"
        assert "has moved" in words(await read(github, url))
        assert not len(elsewhere.log)


@pytest.mark.parametrize(
    ("api_url", "url", "known"),
    [
        ("https://api.github.com", "https://github.com/org/name/pull/1", True),
        ("https://api.github.com", "https://github.com/org/name/pull/1/commits/abc", True),
        ("https://api.github.com", "https://github.com/org/name/issues/1", False),
        ("https://api.github.com", "http://github.com/org/name/pull/1", False),
        ("https://api.github.com", "https://github.com.evil.example/org/name/pull/1", False),
        ("https://api.github.com", "https://github.com/../user/pull/1", False),
        ("https://api.github.com", "https://github.com/org/name/pull/1x", False),
        ("https://api.github.com", "https://[github.com/org/name/pull/1", False),
        ("https://api.github.com", "https://github.com\u2100/org/name/pull/1", False),
        ("https://git.acme.example/api/v3", "https://git.acme.example/org/name/pull/1", True),
        ("https://git.acme.example/api/v3", "https://github.com/org/name/pull/1", False),
        ("https://api.acme.ghe.com", "https://acme.ghe.com/org/name/pull/1", True),
    ],
)
async def test_which_addresses_are_pull_requests(api_url: str, url: str, known: bool) -> None:
    async with vendor_session() as session:
        assert GithubPulls(session, api_url, ()).recognises(url) is known


async def test_a_link_that_leads_elsewhere_is_not_taken(github: GithubStandin) -> None:
    url = github.add("org/pumps", 12, Pull("T", "B"))
    row = '[{"html_url": "https://evil.example/x", "user": {"login": "rui"}, "body": "Hi", '
    row += '"created_at": "yesterday"}]'
    github.faults.add("comments", HttpFailure(200, row))
    found = await read(github, url)
    assert isinstance(found, Conversation)
    assert [one.link for one in found.said] == [url, url]
