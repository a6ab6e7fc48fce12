"""``deskhand serve`` as a process: it begins, answers, drains and ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.cli.terminal import ROOT

CONFIG = """\
playbooks: {support: {labels: {a: b}, routes: {default: {}}}}
"""


def test_it_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    (tmp_path / "deskhand.yaml").write_text(CONFIG)
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DESKHAND_LOG": "debug"},
        cwd=tmp_path,
        text=True,
    ) as process:
        assert process.stderr is not None
        url = None
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                url = found[0]
                break
        assert url is not None
        for path in ("/healthz", "/readyz"):
            with urllib.request.urlopen(url + path, timeout=10) as answer:  # noqa: S310 -- loopback
                assert answer.status == 200
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait() == 0
        # What was made at the start is in no full collection's way.
        count = re.search(r"(\d+) objects of the start are left out", said)
        assert count is not None
        assert int(count[1]) > 50_000
        assert time.monotonic() - begun < 30
    assert (tmp_path / ".deskhand" / "secret").stat().st_mode & 0o777 == 0o600
