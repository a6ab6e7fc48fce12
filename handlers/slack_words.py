"""What Deskhand says in private about mentions: help, usage, what is not set up, who may not."""

from __future__ import annotations

from typing import assert_never

from bot.mentions import USAGE, VERB_OF, MentionVerb
from bot.playbook import Kind
from handlers.slack_events import Whisper
from handlers.slack_inert import escape

_FIRST = {
    True: "I triage tickets: I label them, route them and draft a reply, and a person approves it. "
    "In a thread, mention me with `triage` to have it drafted; or use the message shortcut.",
    False: "I answer what is asked for by a mention.",
}
_ABOUT: dict[Kind, str] = {
    "lead": "sourced facts about a company or a person at work, on a card to approve",
    "screen": "a thread or text against a checklist, rule by rule",
    "research": "the passages of our files that answer a question",
    "summary": "what changed, was decided, is open, and who owes what",
}
_LAST = "`/agent help` lists the commands."


def help_text(kinds: frozenset[Kind]) -> str:
    """What can be asked for here, as Slack markup. ``kinds``: of the playbooks there are."""
    lines = [_FIRST["triage" in kinds or not kinds]]
    lines += [
        f"• {_usage(VERB_OF[kind])}: {words}" for kind, words in _ABOUT.items() if kind in kinds
    ]
    return "\n".join((*lines, _LAST))


def whisper_text(whisper: Whisper) -> str:
    """The line, as Slack markup."""
    match whisper.about:
        case "help":
            return help_text(whisper.kinds)
        case "usage":
            return f"Usage: {_usage(whisper.verb)}."
        case "not_configured":
            return f"`{whisper.verb}` is not set up here: no playbook does that."
        case "may_not":
            return (
                f"You may not ask me for `{whisper.verb}` here: only members of this workspace may."
            )
        case other:
            assert_never(other)


def _usage(verb: MentionVerb) -> str:
    typed, rest = USAGE[verb]
    return f"`{escape(typed)}`{escape(rest)}"
