"""Forms as the use-cases make them."""

from __future__ import annotations

from bot.editing import REASONS
from bot.forms import ActionForm, EditForm, FieldForm, Option, RejectForm


def edit_form(**changed: object) -> EditForm:
    """A form with everything in it; ``changed`` replaces fields."""
    given: dict[str, object] = {
        "proposal": "p_aaaaaaaaaaaaaaaa",
        "revision": 2,
        "token": "form token",
        "reply": "Dear Dana, the second charge is refunded.",
        "labels": (
            Option("billing", "billing", "Invoices, charges, refunds"),
            Option("bug", "bug", "Something broke"),
            Option("how_to", "how_to"),
        ),
        "chosen_labels": ("billing",),
        "routes": (Option("billing", "billing"), Option("default", "default")),
        "route": "billing",
        "priorities": (Option("normal", "normal"), Option("urgent", "urgent")),
        "priority": "normal",
        "actions": (
            ActionForm(
                index=0,
                title="send_reply: the Slack thread",
                included=True,
                fixed=False,
                fields=(FieldForm("action.0.subject", "Subject", "Refund", False, 150, False),),
            ),
            ActionForm(
                index=1,
                title="update_crm: Acme",
                included=True,
                fixed=False,
                fields=(FieldForm("action.1.count", "Count", "3", False, 10, True),),
            ),
        ),
        "approve_now": True,
    }
    return EditForm(**{**given, **changed})  # type: ignore[arg-type]


def reject_form() -> RejectForm:
    return RejectForm("p_aaaaaaaaaaaaaaaa", 2, "form token", REASONS, may_draft_again=True)
