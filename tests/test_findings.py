"""What a config file that validates leaves undone: each finding, with its place and remedy."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from bot.config import Config
from bot.findings import of_config, unpriced
from bot.settings import Settings
from tests.config_text import SMALL, parse


def lines_of(config: Config, settings: Settings) -> str:
    return "\n".join(finding.line for finding in of_config(config, settings))


def test_findings_name_what_the_file_leaves_undone(tmp_path: Path) -> None:
    text = """
playbooks:
  support:
    listen: [{slack: support}, {webhook: desk}]
    labels: {a: b}
    routes:
      alone: {card: {slack: C1}, approvers: {slack_users: [U1]}}
      nobody: {card: {teams: "19:x"}}
      default: {card: {slack: C2}, approvers: {slack_users: [bob, U2]}}
webhooks: {desk: {secret_env: S}, unheard: {secret_env: S}}
public_url: http://desk.example
fetch: {hosts: {a.example: "http://127.0.0.1:1"}}
"""
    found = lines_of(parse(tmp_path, text).config, Settings())
    for expected in (
        "managers: nobody may pause",
        "routes.alone.approvers: only one person may approve",
        "routes.nobody.approvers: nobody may approve",
        "routes.nobody.card.teams: there are no credentials for Teams",
        "listen[0].slack: there are no credentials for Slack",
        "listen[0].slack: 'support' is no Slack channel's id",
        "default.approvers.slack_users[0]: 'bob' is no Slack id",
        "webhooks.unheard: no playbook listens to it",
        "webhooks.desk.reply_url: is not set",
        "public_url: is not https",
        "knowledge.paths: is empty",
        "note: fetch.hosts.a.example",
        "note: ANTHROPIC_API_KEY: is not set",
    ):
        assert expected in found, expected


def test_a_complete_config_has_no_finding(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    text = """
managers: {slack_users: [U0MANAGER]}
knowledge: {paths: [./kb]}
playbooks:
  support:
    listen: [{slack: C0SUPPORT}]
    labels: {a: b}
    routes: {default: {card: {slack: C0TRIAGE}, approvers: {slack_users: [U1, U2]}}}
"""
    settings = Settings(
        slack_bot_token=SecretStr("xoxb-1"),
        slack_signing_secret=SecretStr("s"),
        anthropic_api_key=SecretStr("k"),
    )
    assert lines_of(parse(tmp_path, text).config, settings) == ""


def test_a_tool_where_it_can_do_nothing_is_found(tmp_path: Path) -> None:
    text = """
playbooks:
  support:
    listen: [{slack: C0SUPPORT}]
    labels: {a: b}
    routes: {default: {card: {slack: C0TRIAGE}, approvers: {slack_users: [U1, U2]}}}
    research: [search_kb, fetch_page]
    actions: [send_reply, update_crm, post_answer]
  sales:
    kind: lead
    askers: {slack_users: [U1]}
    routes: {default: {approvers: {slack_users: [U1, U2]}}}
"""
    settings = Settings(
        microsoft_app_id="m", microsoft_app_password=SecretStr("p"), microsoft_app_tenant_id="t"
    )
    found = lines_of(parse(tmp_path, text).config, settings)
    for expected in (
        "playbooks.support.research[1]: fetch_page works in playbooks of kind lead alone",
        "playbooks.support.actions[1]: update_crm works in playbooks of kind lead alone",
        "playbooks.support.actions[2]: post_answer works in playbooks that answer",
    ):
        assert expected in found, expected
    assert "search_kb;" not in found


def test_a_research_playbook_is_served(tmp_path: Path) -> None:
    text = SMALL + "  contracts: {kind: research, askers: {slack_users: [U1]}}\n"
    found = of_config(parse(tmp_path, text).config, Settings())
    ours = [finding for finding in found if finding.where.startswith("playbooks.contracts")]
    assert [(finding.where, finding.severity) for finding in ours] == [
        ("playbooks.contracts.corpus", "finding"),
    ]


def test_summaries_and_checklists_are_served(tmp_path: Path) -> None:
    text = SMALL + (
        "  recap: {kind: summary, askers: {slack_users: [U1]}}\n"
        "  policy: {kind: screen, askers: {slack_users: [U1]}}\n"
        "  sales: {kind: summary, limits: {seconds: 30}, web_search: true}\n"
        "github: {repositories: [acme/desk]}\n"
    )
    config = parse(tmp_path, text).config
    found = {one.where: one.severity for one in of_config(config, Settings())}
    assert found["playbooks.policy.policy"] == "finding"
    assert found["playbooks.sales.web_search"] == "note"
    assert not found.keys() & {"github", "playbooks.recap.kind", "playbooks.policy.kind"}
    # A whole thread is reserved at its worst case; what the file says besides holds.
    limits = config.playbooks["sales"].limits
    assert (str(limits.usd), limits.seconds) == ("0.25", 30)


def test_a_screen_that_asks_for_two_people_where_there_is_one_is_found(tmp_path: Path) -> None:
    def found(on_hit: str) -> str:
        text = SMALL.replace(", U0OTHER", "") + f"screen: {{on_hit: {on_hit}}}\n"
        return lines_of(parse(tmp_path, text).config, Settings())

    assert "2 approvals are asked for and one person may approve" in found("second")
    assert "2 approvals are asked for" not in found("reason")


def test_a_model_without_a_price_is_found_before_its_first_ticket(tmp_path: Path) -> None:
    config = parse(tmp_path, SMALL + "model: {name: small, draft: smal}\n").config
    (found,) = unpriced(config, {"small": 1}.get)
    assert found.where == "model.draft"
    assert "smal, so every call is refused" in found.what
