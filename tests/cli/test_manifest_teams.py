"""The Teams app package: exact files, current, least, explained, and made without a network."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from bot.cli import run
from bot.cli.teams_app import PERMISSIONS, teams_manifest, teams_package
from bot.cli.teams_icons import color_icon, outline_icon

ROOT = Path(__file__).parent.parent.parent
APP = "0f8fad5b-d9cb-469f-a165-70867728950e"
URL = "https://deskhand.example"

Guid = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")]
Https = Annotated[str, Field(pattern=r"^https://", max_length=2048)]
Scope = Literal["team", "personal", "groupChat"]


class Strict(BaseModel):
    """The limits of learn.microsoft.com, *App manifest reference*; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Command(Strict):
    title: str = Field(max_length=128)
    description: str = Field(max_length=4000)


class CommandList(Strict):
    scopes: list[Scope] = Field(max_length=3)
    commands: list[Command] = Field(max_length=10)


class Bot(Strict):
    botId: Guid
    scopes: list[Scope]
    isNotificationOnly: bool
    supportsFiles: bool
    commandLists: list[CommandList] = Field(max_length=3)


class Action(Strict):
    id: str = Field(max_length=64)
    type: Literal["action"]
    title: str = Field(max_length=32)
    description: str = Field(max_length=128)
    context: list[Literal["compose", "commandBox", "message"]]
    fetchTask: bool


class Extension(Strict):
    botId: Guid
    commands: list[Action] = Field(max_length=10)


class Developer(Strict):
    name: str = Field(max_length=32)
    websiteUrl: Https
    privacyUrl: Https
    termsOfUseUrl: Https


class Name(Strict):
    short: str = Field(max_length=30)
    full: str = Field(max_length=100)


class Description(Strict):
    short: str = Field(max_length=80)
    full: str = Field(max_length=4000)


class Icons(Strict):
    color: Literal["color.png"]
    outline: Literal["outline.png"]


class WebApplication(Strict):
    id: Guid
    resource: str = Field(max_length=2048)


class Permission(Strict):
    name: str = Field(max_length=128)
    type: Literal["Application", "Delegated"]


class Permissions(Strict):
    resourceSpecific: list[Permission] = Field(max_length=16)


class Authorization(Strict):
    permissions: Permissions


class Manifest(Strict):
    schema_: Https = Field(alias="$schema")
    manifestVersion: Literal["1.27"]
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    id: Guid
    developer: Developer
    name: Name
    description: Description
    icons: Icons
    accentColor: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    bots: list[Bot] = Field(max_length=1)
    composeExtensions: list[Extension] = Field(max_length=1)
    validDomains: list[str] = Field(max_length=16)
    webApplicationInfo: WebApplication
    authorization: Authorization


def opened(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as files:
        assert files.testzip() is None
        return {name: files.read(name) for name in files.namelist()}


def pixels(png: bytes) -> tuple[int, list[tuple[int, int, int, int]]]:
    """The side of a square picture and its pixels (red, green, blue, opacity)."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, side = 8, b"", 0
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(name + content)
        if name == b"IHDR":
            side, height, depth, kind = struct.unpack(">IIBB", content[:10])
            assert (side, depth, kind) == (height, 8, 6)
        data += content if name == b"IDAT" else b""
        at += 12 + length
    rows = zlib.decompress(data)
    assert len(rows) == side * (side * 4 + 1)
    found: list[tuple[int, int, int, int]] = []
    for row in range(side):
        begin = row * (side * 4 + 1)
        assert rows[begin] == 0
        line = rows[begin + 1 : begin + 1 + side * 4]
        found += [struct.unpack("BBBB", line[x : x + 4]) for x in range(0, len(line), 4)]
    return side, found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with no word about Microsoft in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("MICROSOFT_APP_ID", "MICROSOFT_APP_PASSWORD", "MICROSOFT_APP_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("DESKHAND_CONFIG", raising=False)
    return tmp_path


def test_the_command_writes_exactly_three_files_and_says_where(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MICROSOFT_APP_ID", APP)
    config = str(ROOT / "deskhand.example.yaml")
    assert run(["manifest", "teams", "--config", config]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "deskhand-teams.zip"
    files = opened((here / "deskhand-teams.zip").read_bytes())
    assert list(files) == ["manifest.json", "color.png", "outline.png"]
    manifest = json.loads(files["manifest.json"])
    assert manifest["bots"][0]["botId"] == APP
    assert manifest["validDomains"] == ["deskhand.example"]
    assert run(["manifest", "teams", "--config", config, "--out", "other.zip"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "other.zip"
    assert (here / "other.zip").read_bytes() == (here / "deskhand-teams.zip").read_bytes()


def test_without_a_config_it_is_made_all_the_same(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MICROSOFT_APP_ID", APP)
    assert run(["manifest", "teams"]) == 0
    assert "public_url" in capsys.readouterr().err
    manifest = json.loads(opened((here / "deskhand-teams.zip").read_bytes())["manifest.json"])
    Manifest.model_validate(manifest)
    assert manifest["validDomains"] == []


@pytest.mark.parametrize("app_id", [None, "", "deskhand"])
def test_without_an_app_id_it_refuses(
    here: Path,
    app_id: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if app_id is not None:
        monkeypatch.setenv("MICROSOFT_APP_ID", app_id)
    assert run(["manifest", "teams"]) == 2
    assert "MICROSOFT_APP_ID" in capsys.readouterr().err
    assert not list(here.iterdir())


def test_where_it_cannot_be_written_it_says_so(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MICROSOFT_APP_ID", APP)
    assert run(["manifest", "teams", "--out", str(here / "no" / "where.zip")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_teams_own_limits_hold() -> None:
    Manifest.model_validate(teams_manifest(APP, URL))
    broken: dict[str, Any] = {**teams_manifest(APP, URL), "accentColor": "green"}
    with pytest.raises(ValueError, match="accentColor"):
        Manifest.model_validate(broken)


def test_the_parts_that_the_contract_names_are_there() -> None:
    manifest = teams_manifest(APP, URL)
    [bot] = manifest["bots"]
    assert set(bot["scopes"]) == {"personal", "team", "groupChat"}
    [extension] = manifest["composeExtensions"]
    [command] = extension["commands"]
    assert (command["id"], command["context"], command["fetchTask"]) == (
        "deskhand.triage", ["message"], False
    )  # fmt: skip
    asked = manifest["authorization"]["permissions"]["resourceSpecific"]
    assert {one["name"] for one in asked} == {"ChannelMessage.Read.Group", "ChatMessage.Read.Chat"}
    assert manifest["webApplicationInfo"]["id"] == APP


def test_the_same_package_is_made_each_time() -> None:
    assert teams_package(APP, URL) == teams_package(APP, URL)


def test_the_colour_icon_is_full_and_of_its_size() -> None:
    side, found = pixels(color_icon())
    assert side == 192
    assert {opacity for *_, opacity in found} == {255}
    assert len({pixel[:3] for pixel in found}) > 3


def test_the_outline_icon_is_white_on_nothing() -> None:
    side, found = pixels(outline_icon())
    assert side == 32
    assert {pixel[:3] for pixel in found} == {(255, 255, 255)}
    opaque = sum(opacity > 128 for *_, opacity in found)
    assert 0.1 < opaque / len(found) < 0.5
    assert found[0][3] == found[31][3] == found[-1][3] == 0


def test_every_permission_is_explained() -> None:
    text = (ROOT / "docs" / "teams.md").read_text()
    named = set(re.findall(r"^\| `([A-Za-z.]+)` \|", text, re.MULTILINE))
    assert set(PERMISSIONS) <= named
