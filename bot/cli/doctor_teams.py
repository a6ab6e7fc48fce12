"""What ``deskhand doctor`` looks at for Teams: where the bot is, and where it was removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.cli.attach import attached
from bot.cli.doctor import Check
from bot.findings import Finding
from bot.ports import StoreUnavailable
from bot.settings import Settings
from bot.store.errors import EmbeddedServerError, StoreRefused
from bot.store.references import RedisReferences

if TYPE_CHECKING:
    from bot.config import Config


async def teams_check(settings: Settings, config: Config) -> Check:
    """The conversations that the file names, against those that the bot is a member of. It asks
    nobody: what is known came in with activities."""
    named = {
        place.place: f"playbooks.{name}.routes.{route}.card.teams"
        for name, playbook in config.playbooks.items()
        for route, target in playbook.routes.items()
        for place in target.card.places
        if place.surface == "teams"
    }
    listened = {
        listen.teams: f"playbooks.{name}.listen"
        for name, playbook in config.playbooks.items()
        for listen in playbook.listen
        if listen.teams is not None and listen.teams != "personal"
    }
    try:
        async with attached(settings, config) as there:
            store = there.store
            known = await RedisReferences(store.wire, store.keys).conversations()
    except (EmbeddedServerError, StoreRefused, StoreUnavailable) as fault:
        finding = Finding("teams", f"what is known cannot be read: {fault}", "see above")
        return Check("Teams", "not looked at", (finding,))
    findings = [
        Finding(
            listened.get(one.id) or named.get(one.id) or one.id,
            f"the bot was removed from {one.id}",
            "add the app there again, or take the conversation out of the file",
            # Who takes the app out of their own chat leaves nothing to be mended.
            "note" if one.kind == "personal" else "finding",
        )
        for one in known
        if one.gone
    ]
    seen = {one.id for one in known}
    findings += [
        Finding(
            where,
            f"nothing has come from {ident} yet, so whether the bot is there is not known",
            "add the app to its team or chat, or say something to it there",
            "note",
        )
        for ident, where in {**named, **listened}.items()
        if ident not in seen
    ]
    return Check("Teams", f"{sum(not one.gone for one in known)} conversations", tuple(findings))
