"""CPU of processes, rounds and ratios, and the words to print them in.

CPU is the kernel's count of nanoseconds for a whole process, its ended threads included, so that
other people's work on the machine changes it far less than the clock on the wall.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROUNDS = 5
"""Of each side, taking turns: A B A B and so on."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process of this machine so far, in seconds. Linux only.

    The clock's id is what clock_getcpuclockid(3) makes of a process id. Raises ``OSError``.
    """
    return time.clock_gettime(~pid << 3 | 2)


def resident_bytes(pid: int) -> int:
    """How much memory a process holds now (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"process {pid} has no VmRSS")


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Side:
    """What one side came to: a figure for each round, by name."""

    name: str
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **figures: float) -> None:
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)

    def median(self, figure: str) -> float:
        return statistics.median(self.figures[figure])


def ratio(ours: Side, theirs: Side, figure: str) -> float:
    """The median of the rounds' ratios: each round of ours over its neighbour of theirs."""
    pairs = zip(ours.figures[figure], theirs.figures[figure], strict=True)
    return statistics.median(mine / other for mine, other in pairs)


def show_rounds(sides: Iterable[Side], figure: str, unit: str, scale: float = 1.0) -> None:
    """One line a side: its median and every round."""
    for side in sides:
        values = side.figures[figure]
        rounds = " ".join(f"{value * scale:.3g}" for value in values)
        print(f"  {side.name:28} {side.median(figure) * scale:8.3f} {unit}   ({rounds})")


def verdict(what: str, value: float, target: float, unit: str = "") -> bool:
    """Print a figure beside its target, which is an upper limit; whether it is met."""
    met = value <= target
    word = "met" if met else "MISSED"
    print(f"{what}: {value:.3g}{unit} (at most {target:.3g}{unit}): {word}", flush=True)
    return met


def show_machine() -> None:
    """On what and beside what this runs: two words a reader needs before any figure."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} x {model}, Python {platform.python_version()}, load {load}")


def versions(names: Sequence[str]) -> Mapping[str, str]:
    """Installed versions of these distributions; those missing are left out."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
