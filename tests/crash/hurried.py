"""The victim with short times, for what is only seen after a lease or a claim has ended, and one
more point to die at: ``reply_url``. Run as ``python -m tests.crash.hurried``.

The names are set before anything takes their values over; the product has no switch for this.
"""

from __future__ import annotations

import bot.lifecycle
import bot.store.wakes

LEASE_SECONDS = 1.5
CLAIM_SECONDS = 1
UNKNOWN_AFTER_SECONDS = 1


def main() -> None:
    bot.store.wakes.LEASE_MS = int(LEASE_SECONDS * 1000)
    bot.store.wakes.HIDDEN_MS = 1_000
    for room in (bot.lifecycle, bot.lifecycle.effects):
        room.CLAIM_SECONDS = CLAIM_SECONDS
        room.UNKNOWN_AFTER_SECONDS = UNKNOWN_AFTER_SECONDS
    # Only now: these modules take the constants over by name.
    from tests.crash import victim
    from tools.actions.reply_url import ReplyUrl

    victim.POINTS["reply_url"] = (ReplyUrl, "send", lambda _: "reply_url")
    victim.main()


if __name__ == "__main__":
    main()
