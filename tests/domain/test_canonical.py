"""What an approval approves, to the last field; and what makes one sending's key its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain import Content, Hit, Proposal
from bot.lifecycle import digest, idempotency_key
from tests.domain.make import pending, reply_action

HIT = Hit(name="iban", field="reply", start=0, end=5)
ACTIONS = (reply_action("One."), reply_action("Two.", tool="update_crm"))


def shown(**changes: Any) -> Proposal:
    """A card with two labels, two actions and a hit, of which something is changed."""
    made = pending(ACTIONS, hits=(HIT,))
    assert made.content is not None
    content = made.content.model_copy(update={"labels": ("billing", "bug")})
    same = {"id": "p_" + "a" * 16, "content": content}
    return made.model_copy(update={**same, **changes})


def with_content(**changes: Any) -> Callable[[Content], Proposal]:
    return lambda content: shown(content=content.model_copy(update=changes))


def with_action(**changes: Any) -> Callable[[Content], Proposal]:
    return with_content(actions=(ACTIONS[0].model_copy(update=changes), ACTIONS[1]))


CHANGES: dict[str, Callable[[Content], Proposal]] = {
    "tenant": lambda _: shown(tenant="other"),
    "proposal": lambda _: shown(id="p_" + "b" * 16),
    "revision": lambda _: shown(revision=2),
    "playbook version": lambda _: shown(playbook_version="v2"),
    "labels": with_content(labels=("billing",)),
    "the labels' order": with_content(labels=("bug", "billing")),
    "priority": with_content(priority="high"),
    "route": with_content(route="other"),
    "reply": with_content(reply="Something else."),
    "no reply": with_content(reply=None),
    "tool": with_action(tool="post_answer"),
    "arguments": with_action(args={"text": "One. "}),
    "target": with_action(target="somebody else's thread"),
    "left out": with_action(included=False),
    "the actions' order": with_content(actions=ACTIONS[::-1]),
    "an action more": with_content(actions=(*ACTIONS, ACTIONS[0])),
    "what a hit asks for": lambda _: shown(on_hit="second"),
    "a hit's name": lambda _: shown(hits=(HIT.model_copy(update={"name": "secret"}),)),
    "a hit's field": lambda _: shown(hits=(HIT.model_copy(update={"field": "action.0.text"}),)),
    "a hit's beginning": lambda _: shown(hits=(HIT.model_copy(update={"start": 1}),)),
    "a hit's end": lambda _: shown(hits=(HIT.model_copy(update={"end": 6}),)),
    "no hit": lambda _: shown(hits=()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_a_card_shows_is_what_its_approval_approves(what: str) -> None:
    before = shown()
    assert before.content is not None
    assert digest(CHANGES[what](before.content)) != digest(before)


def test_what_is_left_out_is_not_done_and_not_covered() -> None:
    left_out = ACTIONS[1].model_copy(update={"included": False})
    other = left_out.model_copy(update={"args": {"text": "Else."}})
    before = shown().content
    assert before is not None
    one, two = (
        digest(with_content(actions=(ACTIONS[0], action))(before)) for action in (left_out, other)
    )
    assert one == two


def test_a_key_is_of_one_attempt_at_one_action_of_one_revision() -> None:
    proposal = shown()
    keys = [
        idempotency_key(one, index, attempt)
        for one in (proposal, shown(revision=2), shown(id="p_" + "b" * 16))
        for index in (0, 1)
        for attempt in (0, 1)
    ]
    assert len(set(keys)) == 12
    # A remote keeps it for days: another version of Deskhand must make the same of it.
    assert keys[1] == "3d70f50e83307c5d60fc0dca58f535032e31e87a988d560127a60548510b9d15"
