"""``/agent`` answers in private, shares what everybody may see; the Home tab shows one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from handlers.slack import COMMAND_SECONDS
from tests.live.product import Live, live
from tests.live.steps import QUESTION, card_that, config, says
from tests.patience import BUSY_SECONDS, WAIT_SECONDS
from tests.standins.slack import Ephemeral
from tests.standins.wire import HttpFailure, RateLimited

SECRET_WORDS = "Where do I find my invoice? It is about project Nightingale."


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    file = config(budget={"usd_per_day": 20, "usd_per_playbook": {"support": 3}})
    async with live(tmp_path, redis_url, config=file) as running:
        yield running


async def asked(desk: Live, text: str, user: str = "U0MANAGER") -> Ephemeral:
    """The private answer as the person sees it."""
    since = len(desk.slack.space.ephemerals)
    answer = await desk.people.command(text, user=user)
    assert answer.ok, answer.faults
    assert answer.sent.seconds < COMMAND_SECONDS + BUSY_SECONDS
    seen = next(e for e in desk.slack.space.ephemerals[since:] if e.via == "command")
    assert (seen.user, seen.response_type) == (user, "ephemeral")
    return seen


async def followed(desk: Live, since: int, kind: str = "ephemeral") -> Ephemeral:
    """What came by the interaction's own address, after so many."""
    return await desk.slack.space.ephemerals.wait_for(
        lambda e: e.via == "response_url" and e.response_type == kind, since=since
    )


def figure(text: str, word: str) -> str:
    """What stands after a word at the beginning of a line."""
    (line,) = (one for one in text.splitlines() if one.startswith(f"{word}: "))
    return line.removeprefix(f"{word}: ")


async def test_status_is_lines_then_a_chart_and_can_be_shared(desk: Live) -> None:
    await says(desk, SECRET_WORDS)
    card = await card_that(desk, "pending")
    since = len(desk.slack.space.ephemerals)
    seen = await asked(desk, "status 7d support", user="U0NOBODY")
    for word in ("waiting", "approved", "edited", "rejected", "handoff", "unknown"):
        assert figure(seen.text, word)[0] in "01", word
        assert f"\n{word}: " in seen.block_text, word
    assert figure(seen.text, "waiting").startswith("1, 0 over")
    assert figure(seen.text, "tickets").startswith("1, 0 before")
    assert figure(seen.text, "oldest")[0].isdigit()
    assert figure(seen.text, "cost").startswith("$0.00")
    charted = await followed(desk, since)
    (block,) = charted.blocks
    assert block["type"] == "data_visualization"
    series = block["chart"]["series"]
    labels = block["chart"]["axis_config"]["categories"]
    assert len(labels) <= 20
    assert all([point["label"] for point in one["data"]] == labels for one in series)
    tickets = next(one for one in series if one["name"] == "tickets")
    assert sum(point["value"] for point in tickets["data"]) == 1

    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await card_that(desk, "succeeded")
    since = len(desk.slack.space.ephemerals)
    await desk.people.click("U0NOBODY", seen, "deskhand.share_answer")
    shared = await followed(desk, since, "in_channel")
    # Answered anew: it is approved by now.
    assert figure(shared.text, "approved").startswith("1 as drafted")
    assert "<@U0NOBODY>" in shared.block_text
    assert "deskhand.share_answer" not in str(shared.blocks)
    assert any(block["type"] == "data_visualization" for block in shared.blocks)


async def test_a_workspace_without_charts_gets_a_table(desk: Live) -> None:
    desk.slack.web_api.refused_blocks = frozenset({"data_visualization"})
    await says(desk, QUESTION)
    await card_that(desk, "pending")
    since = len(desk.slack.space.ephemerals)
    seen = await asked(desk, "status")
    table = await followed(desk, since)
    assert "tickets  approved  edited  rejected  handoff" in table.block_text
    since = len(desk.slack.space.ephemerals)
    await desk.people.click("U0MANAGER", seen, "deskhand.share_answer")
    shared = await followed(desk, since, "in_channel")
    assert "tickets  approved" in shared.block_text


async def test_what_is_shared_holds_no_words_of_customers(desk: Live) -> None:
    await says(desk, SECRET_WORDS)
    card = await card_that(desk, "pending")
    for command in ("queue", f"show {card.payload['proposal']}"):
        seen = await asked(desk, command, user="U0AGENT")
        assert "Nightingale" in seen.text, command
        nobody = await asked(desk, command, user="U0NOBODY")
        assert "Nightingale" not in nobody.text + nobody.block_text
        since = len(desk.slack.space.ephemerals)
        await desk.people.click("U0AGENT", seen, "deskhand.share_answer")
        shared = await followed(desk, since, "in_channel")
        assert card.payload["proposal"] in shared.text
        assert "Nightingale" not in shared.text + shared.block_text
    trace = await asked(desk, f"trace {card.payload['proposal']}")
    since = len(desk.slack.space.ephemerals)
    await desk.people.click("U0MANAGER", trace, "deskhand.share_answer")
    shared = await followed(desk, since, "in_channel")
    assert "model calls" in shared.text
    assert "```" not in shared.text
    # A guest who gets hold of the button shares nothing.
    since = len(desk.slack.space.ephemerals)
    await desk.people.click("U0GUEST", trace, "deskhand.share_answer")
    refused = await followed(desk, since)
    assert "may not" in refused.text
    assert "$" not in refused.text


async def test_nothing_is_shared_where_another_organisation_would_read_it(desk: Live) -> None:
    """Its people may not see figures. Of guests of our own, the button itself warns."""
    seen = await asked(desk, "budget")
    assert "guests among them" in str(seen.blocks[-1]["elements"][0]["confirm"])
    channel = desk.slack.space.channels[seen.channel]

    async def refused() -> str:
        since = len(desk.slack.space.ephemerals)
        await desk.people.click("U0MANAGER", seen, "deskhand.share_answer")
        told = await followed(desk, since)
        shown = [e.response_type for e in desk.slack.space.ephemerals[since:]]
        assert shown == ["ephemeral"], "and nothing for the channel"
        assert "$" not in told.text
        return told.text

    channel.is_ext_shared = True
    assert "another organisation shares this channel" in await refused()
    channel.is_ext_shared = False
    for fault in (RateLimited(), HttpFailure(500)):
        desk.slack.faults.add("conversations.info", fault)
        assert "did not say whether others share this channel" in await refused()
    channel.is_private = True
    channel.members.discard(desk.slack.space.bot_user)
    assert "Invite me to it" in await refused()
    channel.members.add(desk.slack.space.bot_user)
    since = len(desk.slack.space.ephemerals)
    await desk.people.click("U0MANAGER", seen, "deskhand.share_answer")
    assert "$" in (await followed(desk, since, "in_channel")).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("statsu", "Did you mean `status`?"),
        ("status 8d", "There is no such window or playbook as `8d`. Did you mean `7d`?"),
        ("status suport", "Did you mean `support`?"),
        ("queue suport", "There is no such playbook as `suport`. Did you mean `support`?"),
        ("pause suport", "There is no such playbook as `suport`. Did you mean `support`?"),
        ("show p_nothing", "I know nothing under p_nothing."),
        ("status <!channel>", "There is no such window or playbook as `&lt;!channel&gt;`."),
        ("status 24h 7d", "I do not understand `7d` there. Usage: `status [24h|7d|30d]"),
        ("status support support", "I do not understand `support` there."),
        ("status 24h support x", "I do not understand `x` there."),
        ("queue support extra", "I do not understand `extra` there. Usage: `queue [playbook]`"),
        ("pause support `x`", "I do not understand `'x'` there. Usage: `pause [playbook]`"),
        ("resume support extra", "I do not understand `extra` there."),
        ("budget x", "I do not understand `x` there. Usage: `budget`"),
        ("tools x", "I do not understand `x` there."),
        ("help statsu", "I do not understand `statsu` there. Usage: `help`: this list. Did you"),
        ("help pause", "Did you mean `pause [playbook]`: tickets are kept"),
        ("help me", "I do not understand `me` there. Usage: `help`"),
        ("console x", "I do not understand `x` there."),
        ("", "`status [24h|7d|30d] [playbook]`"),
    ],
)
async def test_wrong_words_get_a_clear_private_line(desk: Live, text: str, expected: str) -> None:
    seen = await asked(desk, text)
    assert expected in seen.text
    assert "<!" not in seen.text
    assert await desk.product.store.paused() == frozenset()


async def test_guests_get_no_figures(desk: Live) -> None:
    for user in ("U0GUEST", "U0STRANGER"):
        for command in ("status", "queue", "budget", "tools", "help"):
            seen = await asked(desk, command, user=user)
            assert "may not" in seen.text
            assert not seen.blocks
            assert ":" not in seen.text.replace("You may not use this.", "")


async def test_budget_says_the_numbers_of_status(desk: Live) -> None:
    await says(desk, QUESTION)
    await card_that(desk, "pending")
    seen = await asked(desk, "budget", user="U0NOBODY")
    spending = await desk.product.store.spending()
    assert figure(seen.text, "spent today").startswith(f"${spending.spent:.4f}")
    assert f"playbook support: ${spending.spent:.4f} spent" in seen.text
    assert "left of $3.00" in seen.text
    assert "at the cap: the local model drafts" in seen.text


async def test_pause_is_the_managers_and_journaled(desk: Live) -> None:
    assert "may not" in (await asked(desk, "pause", user="U0AGENT")).text
    paused = await asked(desk, "pause support")
    assert paused.text.startswith("The playbook support is paused")
    assert "paused: support" in (await asked(desk, "status")).text
    since = len(desk.slack.space.ephemerals)
    await desk.people.click("U0MANAGER", paused, "deskhand.share_answer")
    assert "Paused: support." in (await followed(desk, since, "in_channel")).text
    await asked(desk, "resume support")
    assert "paused:" not in (await asked(desk, "status")).text


async def test_resume_says_what_is_paused_still(desk: Live) -> None:
    for command, expected in (
        ("pause support", "The playbook support is paused"),
        ("pause", "Everything is paused"),
        ("resume support", "waits still: everything is paused. `/agent resume` lets"),
        ("pause support", "The playbook support is paused"),
        ("resume", "Still paused: support. To go on there: `/agent resume support`."),
        ("resume support", "The playbook support goes on."),
        ("resume", "Everything goes on."),
    ):
        assert expected in (await asked(desk, command)).text, command
    assert await desk.product.store.paused() == frozenset()


async def home(desk: Live, user: str) -> str:
    """The Home tab as it is drawn when they open it."""
    since = len(desk.slack.space.view_changes)
    assert (await desk.people.home_opened(user)).ok
    view = await desk.slack.space.view_changes.wait_for(
        lambda v: v.kind == "home" and v.user == user, since=since
    )
    return view.block_text + str(view.blocks)


async def test_the_home_tab_shows_ones_own_cards_and_the_figures(desk: Live) -> None:
    await says(desk, SECRET_WORDS)
    card = await card_that(desk, "pending")
    mine = await home(desk, "U0AGENT")
    assert "Nightingale" in mine
    assert card.ts.replace(".", "") in mine
    assert "\nwaiting: 1" in mine
    for other in ("U0NOBODY", "U0MANAGER"):
        theirs = await home(desk, other)
        assert "Nothing waits for you." in theirs
        assert "Nightingale" not in theirs
        assert "\nwaiting: 1" in theirs
    guest = await home(desk, "U0GUEST")
    assert "may not" in guest
    assert "waiting" not in guest


async def test_an_impatient_person_costs_one_drawing(desk: Live) -> None:
    def drawn() -> int:
        return sum(view.kind == "home" for view in desk.slack.space.view_changes)

    await asyncio.gather(*(desk.people.home_opened("U0AGENT") for _ in range(5)))
    await desk.slack.signal.until(
        lambda: drawn() or None, timeout=WAIT_SECONDS, what=lambda: "a Home tab"
    )
    await asked(desk, "status")
    assert drawn() == 1


def test_a_long_answer_is_cut_into_sections_with_whole_code_blocks() -> None:
    from handlers.slack_figures import sections

    text = "head\n```\n" + "\n".join(f"line {n} " + "x" * 90 for n in range(100)) + "\n```\ntail"
    made: list[dict[str, Any]] = sections(text)
    assert len(made) > 2
    for block in made:
        assert len(block["text"]["text"]) <= 3000
        assert block["text"]["text"].count("```") % 2 == 0
