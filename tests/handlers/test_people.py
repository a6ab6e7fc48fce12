"""Who may be believed: standing, groups, how old an answer may be, and what a failure means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain import Actor
from bot.ports import LookUpFailed
from handlers.recent import Recent
from handlers.slack_client import SlackIdentity, slack_client, slack_session
from handlers.slack_people import SlackPeople
from tests.patience import WAIT_SECONDS
from tests.standins.slack import SlackStandin
from tests.standins.wire import DropReply, Fault, Hang, HttpFailure, RateLimited, Refusal


class Watch:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def people(slack: SlackStandin, watch: Watch) -> AsyncIterator[SlackPeople]:
    async with slack_session() as session:
        client = slack_client(slack.bot_token, slack.api_url, session)
        yield SlackPeople(client, SlackIdentity(client), watch)


def actor(user: str, team: str = "T0TEAM") -> Actor:
    return Actor(surface="slack", team=team, id=user)


@pytest.mark.parametrize(
    ("user", "standing"),
    [
        ("U0AGENT", "member"),
        ("U0MANAGER", "member"),
        ("U0GUEST", "guest"),
        ("U0STRANGER", "external"),
        ("U0BOT", "bot"),
        ("U0GONE", "deleted"),
    ],
)
async def test_standing(people: SlackPeople, user: str, standing: str) -> None:
    person = await people.person(actor(user))
    assert person.standing == standing
    assert person.actor == actor(user)


async def test_name_and_address(people: SlackPeople) -> None:
    person = await people.person(actor("U0AGENT"))
    assert (person.name, person.email) == ("Alex Agent", "alex@deskhand.example")


async def test_single_channel_guest_is_a_guest(slack: SlackStandin, people: SlackPeople) -> None:
    slack.space.users["U0AGENT"].is_ultra_restricted = True
    assert (await people.person(actor("U0AGENT"))).standing == "guest"


async def test_another_team_is_external_by_either_sign(
    slack: SlackStandin, people: SlackPeople
) -> None:
    assert (await people.person(actor("U0AGENT", "T0OTHER"))).standing == "external"
    slack.space.users["U0AGENT2"].team_id = "T0OTHER"
    assert (await people.person(actor("U0AGENT2"))).standing == "external"


async def test_an_answer_is_never_older_than_five_seconds(
    slack: SlackStandin, people: SlackPeople, watch: Watch
) -> None:
    assert (await people.person(actor("U0AGENT"))).standing == "member"
    slack.space.users["U0AGENT"].deleted = True
    watch.seconds += 5.0
    assert (await people.person(actor("U0AGENT"))).standing == "deleted"


async def test_fifty_clicks_ask_once(slack: SlackStandin, people: SlackPeople) -> None:
    found = await asyncio.gather(*(people.person(actor("U0AGENT")) for _ in range(50)))
    assert {person.standing for person in found} == {"member"}
    assert len(slack.log.calls("users.info")) == 1


async def test_giving_one_click_up_leaves_the_others_their_answer(
    slack: SlackStandin, people: SlackPeople
) -> None:
    from tests.standins.wire import Hold

    hold = Hold()
    slack.faults.add("users.info", hold)
    first = asyncio.create_task(people.person(actor("U0AGENT")))
    await hold.reached.wait()
    second = asyncio.create_task(people.person(actor("U0AGENT")))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    hold.gate.set()
    assert (await second).standing == "member"


@pytest.mark.parametrize(
    "fault",
    [
        HttpFailure(500),
        HttpFailure(200, "{}", "application/json"),
        HttpFailure(200, '{"ok": true, "user": {"id": "U0MANAGER"}}', "application/json"),
        RateLimited(30),
        DropReply(),
        Refusal("user_not_found"),
        Hang(),
    ],
    ids=str,
)
async def test_a_failed_look_up_vouches_for_nobody_and_is_not_kept(
    slack: SlackStandin, people: SlackPeople, fault: Fault
) -> None:
    slack.faults.add("users.info", fault, times=None)
    with pytest.raises(LookUpFailed):
        async with asyncio.timeout(WAIT_SECONDS):
            await people.person(actor("U0AGENT"))
    slack.faults.clear()
    assert (await people.person(actor("U0AGENT"))).standing == "member"


async def test_without_our_own_team_nobody_is_vouched_for(
    slack: SlackStandin, people: SlackPeople
) -> None:
    slack.faults.add("auth.test", HttpFailure(500))
    with pytest.raises(LookUpFailed):
        await people.person(actor("U0AGENT"))
    assert (await people.person(actor("U0AGENT"))).standing == "member"


async def test_groups(slack: SlackStandin, people: SlackPeople, watch: Watch) -> None:
    assert await people.in_groups(actor("U0AGENT2"), ["S0BILLING"])
    assert not await people.in_groups(actor("U0AGENT"), ["S0BILLING"])
    assert not await people.in_groups(actor("U0AGENT"), [])
    assert len(slack.log.calls("usergroups.users.list")) == 1
    slack.space.groups["S0BILLING"].users = ["U0AGENT"]
    watch.seconds += 60.0
    assert await people.in_groups(actor("U0AGENT"), ["S0BILLING", "S0BILLING"])
    assert not await people.in_groups(actor("U0AGENT2"), ["S0BILLING"])
    assert len(slack.log.calls("usergroups.users.list")) == 2


async def test_a_group_that_is_gone_has_nobody(slack: SlackStandin, people: SlackPeople) -> None:
    assert not await people.in_groups(actor("U0AGENT2"), ["S0GONE"])
    slack.space.groups["S0BILLING"].disabled = True
    assert not await people.in_groups(actor("U0AGENT2"), ["S0BILLING"])


async def test_a_group_that_cannot_be_asked(slack: SlackStandin, people: SlackPeople) -> None:
    slack.faults.add(
        "usergroups.users.list",
        HttpFailure(500),
        times=None,
        when=lambda args: args.get("usergroup") == "S0AWAY",
    )
    # One group that says yes is enough; otherwise nobody knows.
    assert await people.in_groups(actor("U0AGENT2"), ["S0AWAY", "S0BILLING"])
    with pytest.raises(LookUpFailed):
        await people.in_groups(actor("U0AGENT"), ["S0AWAY", "S0BILLING"])
    slack.faults.add("usergroups.users.list", Refusal("missing_scope"))
    with pytest.raises(LookUpFailed):
        await people.in_groups(actor("U0AGENT"), ["S0OTHER"])


async def test_names_for_reading_may_be_older(
    slack: SlackStandin, people: SlackPeople, watch: Watch
) -> None:
    await people.named(actor("U0AGENT"))
    watch.seconds += 300.0
    await people.named(actor("U0AGENT"))
    assert len(slack.log.calls("users.info")) == 1


async def test_old_answers_are_forgotten_so_that_they_do_not_pile_up(watch: Watch) -> None:
    recent: Recent[str] = Recent(5.0, watch, most=3)
    asked: list[str] = []

    async def ask() -> str:
        asked.append("once")
        return "answer"

    for key in ("a", "b", "c"):
        await recent.get(key, ask)
    watch.seconds += 6.0
    for key in ("d", "e", "f", "g", "h"):
        await recent.get(key, ask)
    assert recent.held <= 4
    assert len(asked) == 8
