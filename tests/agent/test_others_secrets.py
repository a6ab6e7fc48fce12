"""What one customer wrote never reaches another's draft: the request itself does not hold it."""

from __future__ import annotations

from bot.agent.run import Drafted
from bot.domain import Author, Content
from bot.masking import example_of
from tests.agent.make import PLAYBOOK, ManualClock, ticket
from tests.agent.test_masking import KNOWN, planted
from tests.agent.test_with_the_api import bench_on
from tests.standins.anthropic import HostileModel, Step, tool_reply
from tests.standins.anthropic.replies import Request
from tools.research.similar_tickets import SimilarTickets
from tools.spec import SimilarTicket


def learnt() -> list[tuple[SimilarTicket, str]]:
    """Two hundred approved tickets of one customer, a secret in each text and each reply."""
    author = Author(surface="webhook", id="c-9", name="Wilhelmina Oxblood", email="w@ox.example")
    made = []
    for number in range(200):
        sentence, secret = planted(number)
        told = ticket(f"My yearly plan renewed, money back please. {sentence}", author=author)
        content = Content(
            labels=("billing",), priority="normal", route="billing",
            reply=f"Hello Wilhelmina, the yearly plan is refunded. {sentence}",
        )  # fmt: skip
        made.append((example_of(told, content, KNOWN, ["Agent Smithers"]), secret))
    return made


async def test_two_hundred_planted_secrets_and_none_in_what_a_model_is_told() -> None:
    examples = learnt()
    secrets = {
        piece.casefold()
        for _, secret in examples
        for piece in secret.replace("=", " ").replace("?", " ").replace("!", " ").split()
        if len(piece) > 3 and piece.casefold() not in KNOWN and piece not in ("reset", "token")
    } | {"wilhelmina", "oxblood", "smithers", "ox.example"}
    assert len(secrets) > 200

    async def every(playbook: str, since: int) -> tuple[int, list[SimilarTicket]]:
        return len(examples), [example for example, _ in examples][since:]

    greedy = HostileModel(rounds=2)

    def brain(request: Request) -> Step:
        first = request.tool_rounds == 0 and request.output_schema is None
        return tool_reply(("similar_tickets", {})) if first else greedy(request)

    tool = SimilarTickets(every, ManualClock())
    async with bench_on(brain=brain) as (bench, api):
        bench.playbook = PLAYBOOK.model_copy(update={"research": ("search_kb", "similar_tickets")})
        bench.more_tools = [tool]
        bench.limits(usd="1")
        outcome = await bench.run()

        told = "\n".join(text for request in api.requests for text in request.texts).casefold()
        assert "labels: billing; route: billing" in told, "the examples were shown"
        assert [secret for secret in secrets if secret in told] == []
        if isinstance(outcome, Drafted) and outcome.content.reply:
            reply = outcome.content.reply.casefold()
            assert [secret for secret in secrets if secret in reply] == []


async def test_every_example_is_clean_not_only_those_that_were_shown() -> None:
    for example, secret in learnt():
        whole = f"{example.text} {example.reply}".casefold()
        assert secret.casefold() not in whole
        assert "wilhelmina" not in whole
        assert not any(char.isdigit() for char in whole)
