"""What Deskhand says in private about mentions: help, usage, what is not set up, who may not."""

from __future__ import annotations

from typing import assert_never

from handlers.slack_events import MentionVerb, Whisper

HELP = (
    "I triage tickets: I label them, route them and draft a reply, and a person approves it. "
    "In a thread, mention me with `triage` to have it drafted; or use the message shortcut. "
    "`/agent help` lists the commands."
)

_USAGE: dict[MentionVerb, str] = {
    "enrich": "`enrich <company, domain or e-mail>`",
    "triage": "`triage`, in a thread; or use the shortcut on a person's message",
    "summarize": "`summarize`, in a thread",
    "research": "`research <question>`",
    "screen": "`screen`, in a thread",
    "help": "`help`",
}


def whisper_text(whisper: Whisper) -> str:
    """The line, as Slack markup."""
    match whisper.about:
        case "help":
            return HELP
        case "usage":
            return f"Usage: {_USAGE[whisper.verb]}."
        case "not_configured":
            return f"`{whisper.verb}` is not set up here: no playbook does that."
        case "may_not":
            return (
                f"You may not ask me for `{whisper.verb}` here: only members of this workspace may."
            )
        case other:
            assert_never(other)
