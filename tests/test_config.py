"""The config file: what it accepts, and how it says what is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.cli.toolbox import catalogue
from bot.config import ACTION_TOOLS, RESEARCH_TOOLS, HubspotCrm, SqliteCrm, json_schema
from bot.config_file import load
from bot.faults import ConfigError
from bot.settings import named_secrets
from bot.yaml_file import YamlFault, read
from tests.config_text import SMALL, faults, parse

EXAMPLE = Path(__file__).parent.parent / "deskhand.example.yaml"


def test_the_example_is_what_the_contract_says(tmp_path: Path) -> None:
    config = parse(tmp_path, EXAMPLE.read_text(), files=False).config
    playbook = config.playbooks["support"]
    assert playbook.name == "support"
    assert [listen.place.key for listen in playbook.listen] == [
        "slack:C0SUPPORT:",
        "teams:19:abc@thread.tacv2:",
        "webhook:helpdesk:",
    ]
    assert playbook.route("billing").approvers.slack_groups == ("S0BILLING",)
    assert playbook.limits.usd == Decimal("0.05")
    assert playbook.quiet == timedelta(seconds=3)
    assert playbook.hours is not None
    assert playbook.hours.to.hour == 18
    assert config.budget.usd_per_day == Decimal(20)
    assert config.webhooks["helpdesk"].secret_env == "HELPDESK_SECRET"


def test_every_pinned_key_of_the_later_parts_is_accepted(tmp_path: Path) -> None:
    text = """
public_url: https://deskhand.example/
crm: {kind: sqlite, path: ./crm.sqlite, map: {domain: website}}
fetch: {hosts: {acme.example: "http://127.0.0.1:8123"}, resolver: "127.0.0.1:53", also: [a.b]}
screen: {policy: ./policy.yaml, allowed_domains: [acme.example], on_hit: second,
         own_contacts: [help@acme.example], mask_inbound: false}
github: {api_url: "https://api.github.com", token_env: GITHUB_TOKEN, repositories: [org/name]}
console: {hosts: [desk.internal]}
retention: {texts: 30d, journal: 365d}
budget: {usd_per_day: 20, usd_per_playbook: {sales: 3}, warn_at: 0.5, at_cap: wait, timezone: UTC}
durability: strict
managers: {teams_users: [00000000-0000-0000-0000-00000000000A]}
playbooks:
  sales:
    kind: lead
    askers: {slack_users: [U0SALES]}
    routes: {default: {approvers: {slack_users: [U0SALES]}}}
    research: [fetch_page, find_in_crm, company_records]
    actions: [update_crm, {tool: draft_outreach, approvals: 2, approvers: {slack_users: [U1]}}]
    do_not_enrich: [blocked.example]
    fetch_pages: 5
    web_search: false
  contracts: {kind: research, askers: {slack_groups: [S1]}, corpus: [./corpus], passages: 3}
  policy: {kind: screen, askers: {slack_users: [U1]}, policy: ./policy.yaml}
  recap: {kind: summary, askers: {slack_users: [U1]}}
"""
    config = parse(tmp_path, text, files=False).config
    assert config.public_url == "https://deskhand.example"
    assert isinstance(config.crm, SqliteCrm)
    sales, recap = config.playbooks["sales"], config.playbooks["recap"]
    assert sales.asker_may_approve
    assert not recap.asker_may_approve
    assert recap.research == ()
    assert [use.tool for use in recap.actions] == ["post_answer"]
    assert sales.actions[1].approvals == 2
    assert config.retention.texts == timedelta(days=30)


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ("crm: {kind: hubspot, token_env: HS}", HubspotCrm),
        ("crm: {kind: hubspot, base_url: 'http://127.0.0.1:9'}", HubspotCrm),
    ],
)
def test_a_crm_is_told_by_its_kind(tmp_path: Path, extra: str, kind: type) -> None:
    assert isinstance(parse(tmp_path, SMALL + extra).config.crm, kind)


SAYS = [
    ("budget: {usd_per_day: -1}", "5: budget.usd_per_day: must be 0 or more; -1 is not"),
    ("budgt: {}", "5: budgt: there is no such key; did you mean 'budget'?"),
    ("budget: {usd_per_daz: 1}", "5: budget.usd_per_daz: there is no such key; did you mean"),
    ("durability: strikt", "5: durability: must be 'strict' or 'relaxed'; 'strikt' is not"),
    ("model: claude", "5: model: must hold keys, as {name: value}; 'claude' is not"),
    ("budget: {timezone: Europe/Nowhere}", "5: budget.timezone: 'Europe/Nowhere' is not a time"),
    ("retention: {texts: 30}", "5: retention.texts: a duration is a whole number and one of"),
    ("knowledge: {paths: ./kb}", "5: knowledge.paths: must be a list, as [one, two]"),
    ("knowledge: {paths: [./kb]}", "5: knowledge.paths[0]: there is no file or folder ./kb"),
    ("budget: {usd_per_playbook: {suport: 1}}", "5: budget.usd_per_playbook.suport: there is no "),
    ("webhooks: {a: {secret_env: X, idempotent: true}}", "5: webhooks.a: `idempotent: true` needs"),
    ("webhooks: {a: {secret_env: X-Y}}", "5: webhooks.a.secret_env: must look like"),
    (
        "webhooks: {a: {secret_env: X, reply_url: nowhere}}",
        "5: webhooks.a.reply_url: write a whole",
    ),
    ("managers: {teams_users: [bob]}", "5: managers.teams_users[0]: 'bob' is no Entra object id"),
    (
        "fetch: {hosts: {'*.example': 'http://127.0.0.1:1'}}",
        "5: fetch.hosts: '*.example' is not an",
    ),
    ("console: {hosts: [{}]}", "5: console.hosts[0]: must be text"),
    (
        "console: {hosts: [a.b, 'https://desk.example']}",
        "5: console.hosts[1]: 'https://desk.example' is no host name; write it as desk.internal",
    ),
    ("console: {hosts: ['*.example']}", "5: console.hosts[0]: '*.example' is no host name"),
    ("console: {hosts: ['[::g]']}", "5: console.hosts[0]: '[::g]' is no host name"),
    ("console: {hosts: ['a.b/x']}", "5: console.hosts[0]: 'a.b/x' is no host name"),
    ("console: {hosts: ['']}", "5: console.hosts[0]: '' is no host name"),
    ("github: {repositories: [name]}", "5: github.repositories[0]: must look like"),
    ("screen: {on_hit: ask}", "5: screen.on_hit: must be 'reason' or 'second'"),
    ("playbooks: {}", "5: playbooks: given twice, first in line 1; keep one"),
]


@pytest.mark.parametrize(("extra", "line"), SAYS)
def test_a_mistake_is_one_line_with_its_place_and_remedy(
    tmp_path: Path, extra: str, line: str
) -> None:
    found = faults(tmp_path, SMALL + extra)
    assert len(found) == 1
    assert found[0].startswith(f"deskhand.yaml:{line}")
    assert "\n" not in found[0]


PLAYBOOK_SAYS = [
    ("    limits: {usd: lots}", "5: playbooks.support.limits.usd: must be a number; 'lots' is not"),
    ("    limits: {step: 1}", "5: playbooks.support.limits.step: there is no such key; did you"),
    (
        "    research: [serch_kb]",
        "5: playbooks.support.research[0]: there is no such tool as 'serch",
    ),
    ("    actions: [send_replay]", "5: playbooks.support.actions[0]: there is no such tool as"),
    (
        "    actions: [send_reply, send_reply]",
        "5: playbooks.support.actions[1]: send_reply is list",
    ),
    (
        "    listen: [{webhook: desk}]",
        "5: playbooks.support.listen[0].webhook: there is no webhook",
    ),
    (
        "    listen: [{}]",
        "5: playbooks.support.listen[0]: name exactly one of slack, teams, webhook",
    ),
    ("    quiet: 3", "5: playbooks.support.quiet: a duration is"),
    ("    reply_as: '{name}'", "5: playbooks.support.reply_as: the only placeholder is {approver}"),
    ("    expire_after: 1m", "5: playbooks.support.expire_after: must be longer than remind_after"),
    (
        "    hours: {days: mon-fry}",
        "5: playbooks.support.hours.days: 'mon-fry': days are mon to sun",
    ),
    (
        "    hours: {from: 9am}",
        "5: playbooks.support.hours.from: must be a time of day in quotes, a",
    ),
    ("    priorities: [low, low]", "5: playbooks.support.priorities[1]: low is listed twice"),
    ("    examples: ./no.jsonl", "5: playbooks.support.examples: there is no file or folder"),
    ("    do_not_enrich: [Acme Ltd]", "5: playbooks.support.do_not_enrich: 'Acme Ltd' is neither"),
    ("    name: other", "5: playbooks.support.name: there is no such key: a playbook's"),
]


@pytest.mark.parametrize(("extra", "line"), PLAYBOOK_SAYS)
def test_a_mistake_in_a_playbook_is_named_by_its_path(
    tmp_path: Path, extra: str, line: str
) -> None:
    found = faults(tmp_path, SMALL + extra)
    assert len(found) == 1
    assert found[0].startswith(f"deskhand.yaml:{line}")


def test_a_triage_playbook_needs_labels_and_a_default_route(tmp_path: Path) -> None:
    assert "labels: a triage playbook needs" in faults(tmp_path, "playbooks: {a: {}}")[0]
    no_default = "playbooks: {a: {labels: {x: y}, routes: {r: {}}}}"
    assert "name one of them `default`" in faults(tmp_path, no_default)[0]


def test_two_playbooks_cannot_hear_one_place(tmp_path: Path) -> None:
    book = "{labels: {x: y}, routes: {default: {}}, listen: [{slack: C1}]}"
    found = faults(tmp_path, f"playbooks:\n  a: {book}\n  b: {book}\n")
    assert found == [
        "deskhand.yaml:3: playbooks.b.listen[0]: a listens there already; "
        "take it out of one of the two"
    ]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, SMALL + "budgt: {}\nmodle: {}\ndurability: x\n")
    assert len(found) == 3


def test_an_example_with_an_unknown_label_is_named_by_file_and_line(tmp_path: Path) -> None:
    rows = [
        {"text": "My card was charged", "label": "billing"},
        {"text": "It crashed", "label": "bugs"},
        {"text": "No label"},
    ]
    text = "\n".join(map(json.dumps, rows)) + "\nnot json\n"
    (tmp_path / "examples.jsonl").write_text(text)
    found = faults(tmp_path, SMALL + "    examples: ./examples.jsonl")
    assert [line.split(":")[1] for line in found] == ["2", "3", "4"]
    assert "label 'bugs' is not a label of playbook support; did you mean 'bug'?" in found[0]


def test_examples_are_read_in_order(tmp_path: Path) -> None:
    row = json.dumps({"text": "My card was charged", "label": "billing"})
    (tmp_path / "examples.jsonl").write_text(f"\ufeff{row}\n\n{row}\n", encoding="utf-8")
    loaded = parse(tmp_path, SMALL + "    examples: ./examples.jsonl")
    assert [each.label for each in loaded.examples(loaded.config.playbooks["support"])] == [
        "billing",
        "billing",
    ]


def test_a_secret_named_and_not_set_is_a_mistake(tmp_path: Path) -> None:
    text = SMALL + "webhooks: {desk: {secret_env: DESK_SECRET}}"
    found = faults(tmp_path, text, environment={})
    assert found == [
        "deskhand.yaml:5: webhooks.desk.secret_env: the environment variable DESK_SECRET is not "
        "set; set it to the secret"
    ]
    assert parse(tmp_path, text, environment={"DESK_SECRET": "x"}).config.webhooks


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-1234-abcd",
        "xapp-1-A1-2",
        "sk-ant-api03-abc",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "ghp_0123456789abcdefghij0123456789abcdef",
        "https://user:pass@host.example/",
        "redis://:hunter2@store:6379",
    ],
)
def test_a_pasted_secret_is_refused_and_not_repeated(tmp_path: Path, secret: str) -> None:
    for text in (
        SMALL + f"webhooks: {{a: {{secret_env: '{secret}'}}}}",
        SMALL + f"'{secret}': 1",
        SMALL + f"    labels2: ['{secret}']",
    ):
        found = faults(tmp_path, text)
        assert secret not in "\n".join(found)
        assert "looks like a secret" in found[0]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "given twice"),
        ("a:\n  - [\n", 3, "not valid YAML"),
        ("a: &x [*x]\n", 1, "nested deeper"),
        ("[" * 5000, 1, "nested too deeply"),
        ("<<: {a: 1}\n", 1, "merge keys"),
        ("a: !!python/object:os.system x\n", 1, "the tag"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: \x07\n", 1, "character #x0007"),
        ("? [a]\n: 1\n", 1, "a key must be a word"),
        ("a: 'x\n", 2, "not valid"),
    ],
)
def test_what_is_no_yaml_of_ours_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(YamlFault) as caught:
        read(text)
    assert words in caught.value.words
    assert caught.value.line == line


def test_aliases_of_aliases_do_not_multiply_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(YamlFault, match="more than"):
        read("\n".join(lines))


def test_plain_words_stay_words() -> None:
    value, _ = read("a: 18:00\nb: no\nc: 2024-01-01\nd: 1.50\ne: 0x1F\nf: true\ng: ~\nh: 12\n")
    assert value == {
        "a": "18:00",
        "b": "no",
        "c": "2024-01-01",
        "d": 1.5,
        "e": "0x1F",
        "f": True,
        "g": None,
        "h": 12,
    }


def test_a_missing_unreadable_or_foreign_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; copy deskhand\.example\.yaml"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: not UTF-8"):
        load(latin)
    assert faults(tmp_path, "")[0].startswith("deskhand.yaml:1: the file must hold keys")


def test_the_schema_describes_the_example() -> None:
    schema = json_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert "name" not in schema["$defs"]["Playbook"]["properties"]
    pattern = schema["$defs"]["Playbook"]["properties"]["quiet"]["pattern"]
    assert pattern == r"^\d+[smhd]$"
    value, _ = read(EXAMPLE.read_text())
    assert set(value) <= set(schema["properties"])
    assert set(value["playbooks"]["support"]) <= set(schema["$defs"]["Playbook"]["properties"])


@pytest.mark.parametrize("tool", ["similar_tickets", "fetch_page"])
def test_a_summary_may_search_articles_alone(tmp_path: Path, tool: str) -> None:
    text = SMALL + f"  recap: {{kind: summary, research: [search_kb, {tool}]}}\n"
    assert any("may list search_kb alone" in line for line in faults(tmp_path, text))


def test_the_token_of_github_is_read_where_it_is_there(tmp_path: Path) -> None:
    config = parse(tmp_path, SMALL + "github: {repositories: [acme/desk]}\n").config
    assert named_secrets(config, {}) == {}
    named = named_secrets(config, {"GITHUB_TOKEN": "read"})
    assert named["GITHUB_TOKEN"].get_secret_value() == "read"


def test_a_policy_is_read_with_the_file_and_domains_are_bare(tmp_path: Path) -> None:
    path = tmp_path / "deskhand.yaml"
    path.write_text(SMALL + "screen: {policy: policy.yaml}\n")
    (tmp_path / "policy.yaml").write_text("rules:\n- {id: a, rule: b, pattern: '(x'}\n")
    with pytest.raises(ConfigError, match=r"policy.yaml:2: rules\[0\].pattern: is no pattern"):
        load(path)
    (tmp_path / "policy.yaml").write_text("rules: [{id: a, rule: b, words: [Globex]}]\n")
    sieve = load(path).sieve()
    assert sieve is not None
    assert [rule.id for rule in sieve.policy.rules] == ["a"]
    with pytest.raises(ConfigError, match=r"write it bare, as acme\.example"):
        parse(tmp_path, SMALL + "screen: {allowed_domains: ['https://acme.example']}\n")


def test_the_tools_that_are_served_are_those_that_are_listed() -> None:
    assert {name for name, _, _ in catalogue()} == RESEARCH_TOOLS | ACTION_TOOLS
