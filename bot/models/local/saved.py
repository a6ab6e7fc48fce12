"""Trained models on disk: one ``.npz`` file each, named by what it was trained on.

Arrays and JSON only, loaded with ``allow_pickle=False``: a file can at worst be wrong, and one that
cannot be read counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bot.models.local.calibration import Calibration
from bot.models.local.features import VIEW_WEIGHTS, FeatureSpace, columns_for
from bot.models.local.rows import SparseRows
from bot.models.local.training import Trained

VERSION = 4
"""1: dense training, 2,048 columns. 2: packed rows, columns by number of labels. 3:
probability tells of scope too. 4: what *high* aims at. Raised whenever
features, training or this file change."""

KEPT = 5
"""Models in a folder; older ones are deleted when a new one is saved."""


def content_key(examples: Sequence[tuple[str, str]], descriptions: Mapping[str, str]) -> str:
    """Hexadecimal digits that name this content, trained by this version."""
    columns = columns_for(len(descriptions))
    content = [VERSION, columns, VIEW_WEIGHTS, list(descriptions.items()), list(examples)]
    whole = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(whole.encode("ascii")).hexdigest()[:32]


def save(folder: Path, key: str, trained: Trained) -> None:
    """Keep a model. Raises ``OSError`` if the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, key)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    about = {
        "texts": trained.space.texts,
        "columns": trained.space.columns,
        "own": sorted(trained.space.own, key=lambda name: trained.space.own[name]),
        "frequency": trained.space.frequency,
        "calibration": vars(trained.calibration),
    }
    try:
        with temporary.open("wb") as file:
            np.savez(
                file,
                about=np.frombuffer(json.dumps(about).encode("ascii"), np.uint8),
                weights=trained.weights,
                targets=trained.targets,
                starts=trained.rows.starts,
                columns=trained.rows.columns,
                values=trained.rows.values,
            )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    models = sorted(folder.glob("labels-*.npz"), key=lambda other: -other.stat().st_mtime_ns)
    for old in models[KEPT:]:
        old.unlink(missing_ok=True)


def load(folder: Path, key: str) -> Trained | None:
    """The model of this key, or None if there is none that can be read."""
    try:
        with _path(folder, key).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            about: dict[str, Any] = json.loads(file["about"].tobytes())
            calibration = about["calibration"]
            for name in ("signal_means", "signal_spreads"):
                calibration[name] = tuple(calibration[name])
            own = {name: column for column, name in enumerate(about["own"])}
            width = about["columns"]
            rows = SparseRows(file["starts"], file["columns"], file["values"], width)
            return Trained(
                FeatureSpace(about["texts"], width, own, about["frequency"]),
                file["weights"],
                rows,
                rows.unit(),
                file["targets"],
                Calibration(**calibration),
            )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError):
        # Cut short or of another make: it can be trained again.
        return None


def _path(folder: Path, key: str) -> Path:
    return folder / f"labels-{key}.npz"
