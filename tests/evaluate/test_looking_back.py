"""Decided tickets of the running product: a labelled file of them, and their runs once more."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.ports import Commit, Versioned
from bot.settings import TENANT
from tests.cli.terminal import ROOT
from tests.evaluate.commands import deskhand, refused
from tests.evaluate.past import QUOTE, Past, answer, answering, everything, past
from tests.live.steps import becomes, form
from tests.standins.anthropic import Request, anthropic_standin
from tests.standins.slack import Message
from tests.store.make import WallClock, open_desk

PROMPT = """---
name: terse
about: Another prompt
---
{% block system %}TERSE: answer in one line. {{ labels|join(", ") }}{% endblock %}
{% block ticket %}{{ subject }}
{{ body }}{% endblock %}
"""


def drafted(request: Request) -> dict[str, Any]:
    return answer(labels=["bug"] if "broken" in request.raw.decode() else ["billing"])


def terse(request: Request) -> dict[str, Any]:
    """Another answer, where the prompt is the other one; the same again for what is broken."""
    if "TERSE" not in request.system_text:
        return drafted(request)
    if "broken" in request.raw.decode():
        return answer(labels=["bug"])
    return answer(labels=["bug"], reply=QUOTE, confidence="medium")


async def decide(desk: Past) -> dict[str, Message]:
    """Five tickets: approved, edited, rejected twice, and one that still waits."""
    cards = {}
    for ident in ("approved", "edited", "tone", "label", "waits"):
        word = "broken" if ident == "edited" else "invoice"
        cards[ident] = await desk.pending(ident, f"Where is my {word} number {ident}?")
    await desk.approve(cards["approved"])
    view = await form(desk.desk, "U0AGENT", cards["edited"], "edit")
    await desk.desk.people.submit(
        view, {"reply": "Please restart it, Ada.", "labels": ["bug", "billing"]}
    )
    await becomes(desk.desk, cards["edited"], "succeeded")
    for ident, reason in (("tone", "wrong_tone"), ("label", "wrong_label")):
        view = await form(desk.desk, "U0AGENT", cards[ident], "reject")
        await desk.desk.people.submit(view, {"reason": reason})
        await becomes(desk.desk, cards[ident], "rejected")
    await desk.still()
    return cards


async def test_a_labelled_file_is_made_from_decisions_and_can_be_evaluated(
    tmp_path: Path, redis_url: str
) -> None:
    async with past(tmp_path, redis_url, answering(drafted)) as desk:
        await decide(desk)
        made = tmp_path / "labelled.jsonl"
        said = await deskhand(
            tmp_path, "eval", "--from-journal", "--out", made.name, environment=desk.environment
        )
        assert said.code == 0, said.stderr
        assert "4 tickets: 1 approved, 1 edited, 2 rejected" in said.stderr
        printed = await deskhand(
            tmp_path, "eval", "--from-journal", "--since", "1d", environment=desk.environment
        )
        scored = await deskhand(
            *(tmp_path, "eval", made.name, "--json"), environment=desk.environment
        )
    text = made.read_text()
    assert printed.stdout == text
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    rows = {
        row["ticket"]["body"].split()[-1].strip("?"): row
        for row in map(json.loads, text.splitlines())
    }
    assert set(rows) == {"approved", "edited", "tone", "label"}
    approved = rows["approved"]
    assert approved["labels"] == ["billing"]
    assert approved["route"] == "billing"
    assert approved["articles"] == ["invoices.md"]
    assert approved["decision"] == "approved"
    assert approved["ticket"]["subject"] == "Invoice"
    assert approved["ticket"]["author"]["name"] == "Ada Byron"
    # The edit took the quoted words out, so its article was not kept.
    assert rows["edited"]["labels"] == ["billing", "bug"]
    assert "articles" not in rows["edited"]
    assert (rows["tone"]["labels"], rows["tone"]["route"]) == (["billing"], "billing")
    assert rows["label"].keys() & {"labels", "route", "articles"} == set()
    assert rows["label"]["reason"] == "wrong_label"
    assert scored.code == 0, scored.stderr
    assert scored.data["cases"] == 4
    assert scored.data["label"]["confusion"] == {
        "billing": {"billing": 2},
        "billing, bug": {"bug": 1},
    }
    assert scored.data["retrieval"] == {"recall": 1.0}


async def test_erased_and_undecided_tickets_are_left_out(tmp_path: Path, redis_url: str) -> None:
    async with past(tmp_path, redis_url, answering(drafted)) as desk:
        cards = [await desk.pending(ident, f"Where is it, {ident}?") for ident in ("one", "two")]
        nobody = await deskhand(tmp_path, "eval", "--from-journal", environment=desk.environment)
        assert (nobody.code, nobody.stdout, nobody.stderr.count("\n")) == (2, "", 1)
        assert "nobody decided a ticket in 30d" in nobody.stderr
        for card in cards:
            await desk.approve(card)
        await desk.still()
        store = desk.desk.product.store
        ticket, _ = await store.resolve(cards[0].payload["proposal"])
        assert ticket is not None
        await erase(desk, ticket)
        said = await deskhand(tmp_path, "eval", "--from-journal", environment=desk.environment)
        found = await store.proposal(cards[0].payload["proposal"])
        assert found is not None
        run = found.value.run.id
        named = await deskhand(tmp_path, "replay", run, environment=desk.environment)
        window = await deskhand(
            *(tmp_path, "replay", "--since", "1h", "--json"), environment=desk.environment
        )
    assert [row["ticket"]["body"] for row in said.rows] == ["Where is it, two?"]
    assert "1 skipped, their texts are erased" in said.stderr
    assert (named.code, named.stderr) == (
        2,
        f"{run}: its ticket's text is erased; name another\n",
    )
    assert (window.code, len(window.data["runs"])) == (0, 1)
    assert "1 run is left out: its text is erased" in window.stderr


async def test_reports_go_with_the_words_that_they_hold(tmp_path: Path, redis_url: str) -> None:
    async with past(tmp_path, redis_url, answering(drafted)) as desk:
        card = await desk.pending("one", "Where is my xyzzyplugh?")
        await desk.approve(card)
        await desk.still()
        made = tmp_path / "data" / "eval" / "labelled.jsonl"
        made.parent.mkdir(parents=True, exist_ok=True)
        for command in (
            ("eval", "--from-journal", "--out", str(made)),
            ("eval", str(made)),
            ("replay", "--since", "1h"),
        ):
            said = await deskhand(tmp_path, *command, environment=desk.environment)
            assert said.code == 0, said.stderr
        held = [path.name for path in made.parent.iterdir() if "xyzzyplugh" in path.read_text()]
        assert {"labelled.jsonl", "replay.html"} <= set(held)
        email = "ada@customer.example"
        gone = await deskhand(
            *(tmp_path, "erase", "--person", email, "--json"), environment=desk.environment
        )
    assert (gone.code, gone.data["tickets"]) == (0, 1), gone.stderr
    assert gone.stderr == "3 reports that held their words are removed\n"
    assert [path.name for path in made.parent.iterdir()] == ["eval.json"]


async def test_a_report_of_words_that_were_erased_meanwhile_is_not_kept(
    tmp_path: Path, redis_url: str
) -> None:
    """The erasure comes while the run is made again, after its ticket was read."""
    env: dict[str, str] = {}
    gone: list[int] = []

    def slow(request: Request) -> dict[str, Any]:
        if env and not gone:
            gone.append(
                subprocess.run(
                    (sys.executable, "-m", "bot", "erase", "--person", "ada@customer.example"),
                    cwd=tmp_path,
                    env=env,
                    check=False,
                ).returncode
            )
        return drafted(request)

    async with past(tmp_path, redis_url, answering(drafted)) as desk:
        await desk.approve(await desk.pending("one", "Where is my xyzzyplugh?"))
        await desk.still()
        async with anthropic_standin(brain=answering(slow)) as model:
            env |= {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "DESKHAND_DATA": str(tmp_path / "data"),
                **desk.environment,
            }
            said = await deskhand(
                *(tmp_path, "replay", "--since", "1h"),
                environment={**desk.environment, **model.environment},
            )
    assert gone == [0]
    assert said.code == 2
    assert "texts were erased while it ran" in said.stderr
    assert not (tmp_path / "data" / "eval" / "replay.html").exists()


async def erase(desk: Past, ticket_id: str) -> None:
    """Take the customer's words out of a ticket, as a deletion or an erasure does."""
    store = desk.desk.product.store
    while True:
        found = await store.ticket(ticket_id)
        assert found is not None
        bare = found.value.model_copy(update={"messages": (), "subject": ""})
        if await store.commit(Commit(tickets=(Versioned(bare, found.version),))) == "committed":
            return
        await asyncio.sleep(0)


async def test_a_replay_shows_what_differs_and_writes_nothing(
    tmp_path: Path, redis_url: str
) -> None:
    async with past(tmp_path, redis_url, answering(drafted)) as desk:
        cards = await decide(desk)
        replies = len(desk.desk.slack.space.posted)
        environment = desk.environment
        found = await desk.desk.product.store.proposal(cards["approved"].payload["proposal"])
        assert found is not None
        run = found.value.run.id
    prompt = tmp_path / "terse.md.j2"
    prompt.write_text(PROMPT)
    async with open_desk(redis_url, tenant=TENANT, clock=WallClock()) as there:
        spent_before = (await there.store.spending()).spent
    before = await everything(redis_url)
    assert len(before) > 10
    async with anthropic_standin(brain=answering(terse)) as api:
        environment |= api.environment
        every = await deskhand(
            *(tmp_path, "replay", "--since", "1d", "--prompt", prompt.name, "--json"),
            environment=environment,
        )
        calls = len(api.requests)
        same = await deskhand(tmp_path, "replay", run, "--json", environment=environment)
        local = await deskhand(tmp_path, "replay", run, "--model", "local", environment=environment)
        assert len(api.requests) == calls + 2
    after = await everything(redis_url)
    # What expires by itself may be gone; but for money nothing is new and nothing is another.
    money = {key for key in after if re.search(rb":(m:|mr:x_)", key)}
    assert {key.rpartition(b":")[2].partition(b"-")[2].decode() for key in money} >= {run}
    assert set(after) - money <= set(before)
    assert all(before[key] == value for key, value in after.items() if key not in money)
    assert len(after) > 10
    async with open_desk(redis_url, tenant=TENANT, clock=WallClock()) as there:
        spent_after = (await there.store.spending()).spent
    cost = Decimal(str(every.data["cost_usd"])) + Decimal(str(same.data["cost_usd"]))
    assert spent_after - spent_before == pytest.approx(cost)
    assert replies == len(desk.desk.slack.space.posted)

    assert every.code == 0, every.stderr
    assert set(every.data) == {"runs", "cost_usd"}
    assert every.data["cost_usd"] > 0
    assert "replay (claude-haiku-5-5, claude-sonnet-5-5): 5 of 5" in every.stderr
    rows = every.data["runs"]
    assert len(rows) == 5
    assert all(set(row) == {"run", "before", "after", "differs"} for row in rows)
    changed = [row for row in rows if row["before"]["labels"] == ["billing"]]
    assert len(changed) == 4
    for row in changed:
        assert row["differs"] == ["labels", "reply", "confidence"]
        assert row["after"]["labels"] == ["bug"]
        assert row["before"]["prompt_version"] != row["after"]["prompt_version"]
    # The person's edit of labels and reply is not what the run had given.
    (unchanged,) = [row for row in rows if row["before"]["labels"] == ["bug"]]
    assert unchanged["differs"] == []
    assert QUOTE in unchanged["before"]["reply"]
    page = (tmp_path / "data" / "eval" / "replay.html").read_text()
    assert page.count("<h3>Before</h3>") == 1  # of the last replay, which had one run

    assert same.code == 0, same.stderr
    assert [row["run"] for row in same.data["runs"]] == [run]
    assert same.data["runs"][0]["differs"] == []
    assert local.code == 0, local.stderr
    assert "differ" in local.stdout


async def test_a_replay_keeps_to_its_own_cap(tmp_path: Path, redis_url: str) -> None:
    async with past(tmp_path, redis_url, answering(drafted)) as desk:
        for n in range(6):
            await desk.pending(str(n), f"Where is my invoice {n}?")
        await desk.still()
        environment = desk.environment
    async with anthropic_standin(brain=answering(drafted)) as api:
        environment |= api.environment
        nothing = await deskhand(
            *(tmp_path, "replay", "--since", "1d", "--usd", "0.0001", "--json"),
            environment=environment,
        )
        assert list(api.requests) == []
        some = await deskhand(
            *(tmp_path, "replay", "--since", "1d", "--usd", "0.06", "--json"),
            environment=environment,
        )
        unpriced = await deskhand(
            *(tmp_path, "replay", "--since", "1d", "--model", "gpt-99"), environment=environment
        )
        assert not {request.model for request in api.requests} & {"gpt-99"}
    assert nothing.code == 1, nothing.stderr
    assert nothing.data["runs"] == []
    assert "its money is spent ($0.0001): 6 of 6 runs are not made" in nothing.stderr
    assert some.data["cost_usd"] <= 0.06
    assert len(some.data["runs"]) <= 6
    assert all(row["after"]["model"] != "local" for row in some.data["runs"])
    assert (unpriced.code, unpriced.stdout) == (2, "")
    assert "nobody knows what 'gpt-99' costs" in unpriced.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "replay: name runs, or a window with --since 24h"),
        (["r_1", "--since", "1h"], "replay: name runs, or a window"),
        (["--since", "yesterday"], "--since: 'yesterday' is no length of time"),
        (["r_1", "--prompt", "nowhere.md"], "nowhere.md: cannot read the prompt file"),
        (["r_1", "--prompt", "bad.md.j2"], "bad.md.j2:1: begin the prompt with front matter"),
        (["r_1", "--playbook", "sales"], "--playbook: 'sales' is no triage playbook"),
        (["r_1", "--model", "claude-haiku-5-5"], "ANTHROPIC_API_KEY: not set"),
    ],
)
def test_what_cannot_be_replayed_is_2(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    (at_home / "bad.md.j2").write_text("no front matter")
    assert refused(["replay", *arguments], capsys).startswith(line)


async def test_a_run_that_is_not_there_is_2(tmp_path: Path, redis_url: str) -> None:
    environment = {"REDIS_URL": redis_url}
    for arguments, line in (
        (["--since", "1h"], "--since: no run has ended in 1h; name a longer one\n"),
        (["r_nowhere"], "r_nowhere: there is no such run; `deskhand trace ID` names"),
    ):
        said = await deskhand(tmp_path, "replay", *arguments, environment=environment)
        assert (said.code, said.stdout, said.stderr.count("\n")) == (2, "", 1)
        assert said.stderr.startswith(line)
