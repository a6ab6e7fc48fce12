"""The Teams app package against Microsoft's own JSON Schema, as npm brings it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from bot.cli.teams_app import MANIFEST_VERSION, teams_manifest

pytestmark = pytest.mark.e2e
APP = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture(scope="module")
def schema(packages: Path) -> Draft4Validator:
    """The schema of the manifest's version."""
    schemas = packages / "node_modules/@microsoft/app-manifest/build/json-schemas/teams"
    file = schemas / f"v{MANIFEST_VERSION}" / "MicrosoftTeams.schema.json"
    return Draft4Validator(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("public_url", ["https://deskhand.example", None])
def test_the_manifest_is_what_microsofts_schema_asks(
    schema: Draft4Validator, public_url: str | None
) -> None:
    manifest = teams_manifest(APP, public_url)
    assert [fault.message for fault in schema.iter_errors(manifest)] == []
    assert list(schema.iter_errors({**manifest, "manifestVersion": "1.0", "bots": [{}] * 2}))
