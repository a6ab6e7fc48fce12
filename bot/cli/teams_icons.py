"""The two icons of the Teams app, drawn from shapes: a desk bell with a tick on it.

Forms and sizes: learn.microsoft.com, *Design your Teams app icons*: a full-colour square of 192
pixels, and a white outline on nothing of 32.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable

COLOR_SIZE, OUTLINE_SIZE = 192, 32
GREEN = (0x1F, 0x3A, 0x34)
_WHITE, _MINT = (255, 255, 255), (0x8F, 0xD6, 0xB4)
_GRID = 4
"""Points on a side of each pixel that are looked at, so that edges are smooth."""
_TICK = ((0.395, 0.535), (0.475, 0.61), (0.62, 0.455))

Paint = Callable[[float, float], tuple[int, int, int, int]]
"""Red, green, blue and opacity at a point of the unit square, its origin at the top left."""


def color_icon() -> bytes:
    """``color.png``."""
    return _png(COLOR_SIZE, _full_color)


def outline_icon() -> bytes:
    """``outline.png``."""
    return _png(OUTLINE_SIZE, _outline)


def _full_color(x: float, y: float) -> tuple[int, int, int, int]:
    if _bell(x, y):
        return (*GREEN, 255) if _tick(x, y, 0.034) else (*_WHITE, 255)
    return (*(_MINT if _sound(x, y) else GREEN), 255)


def _outline(x: float, y: float) -> tuple[int, int, int, int]:
    # Larger than in the colour icon, which needs a margin to be cut round.
    x, y = (x - 0.5) / 1.42 + 0.5, (y - 0.5) / 1.42 + 0.5
    rim = _bell(x, y) and not _dome(x, y, 0.225, 0.605)
    return (*_WHITE, 255 if rim or _tick(x, y, 0.028) else 0)


def _bell(x: float, y: float) -> bool:
    knob = math.dist((x, y), (0.5, 0.315)) <= 0.042
    stem = abs(x - 0.5) <= 0.02 and 0.315 <= y <= 0.40
    return _dome(x, y, 0.275, 0.655) or _bar(x, y) or knob or stem


def _dome(x: float, y: float, radius: float, floor: float) -> bool:
    return y <= floor and math.dist((x, y), (0.5, 0.655)) <= radius


def _bar(x: float, y: float) -> bool:
    across = min(max(x, 0.225), 0.775)
    return math.dist((x, y), (across, 0.725)) <= 0.035


def _sound(x: float, y: float) -> bool:
    """Two short strokes beside the knob."""
    side = 1 - x if x > 0.5 else x
    return _near(side, y, (0.31, 0.315), (0.355, 0.36), 0.018)


def _tick(x: float, y: float, width: float) -> bool:
    first, turn, last = _TICK
    return _near(x, y, first, turn, width) or _near(x, y, turn, last, width)


def _near(
    x: float, y: float, start: tuple[float, float], end: tuple[float, float], width: float
) -> bool:
    """Within ``width`` of the stretch from ``start`` to ``end``."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    share = ((x - start[0]) * along_x + (y - start[1]) * along_y) / (along_x**2 + along_y**2)
    share = min(max(share, 0.0), 1.0)
    return math.dist((x, y), (start[0] + share * along_x, start[1] + share * along_y)) <= width


def _png(size: int, paint: Paint) -> bytes:
    """A square picture with an alpha channel (PNG, third edition: colour type 6, 8 bits)."""
    rows = bytearray()
    for row in range(size):
        rows.append(0)  # each row begins with its filter: none
        for column in range(size):
            rows += _pixel(paint, column, row, size)
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _pixel(paint: Paint, column: int, row: int, size: int) -> bytes:
    seen = [
        paint((column + (across + 0.5) / _GRID) / size, (row + (down + 0.5) / _GRID) / size)
        for across in range(_GRID)
        for down in range(_GRID)
    ]
    opacity = sum(one[3] for one in seen)
    if opacity == 0:
        return bytes((255, 255, 255, 0))
    mixed = (round(sum(one[at] * one[3] for one in seen) / opacity) for at in range(3))
    return bytes((*mixed, round(opacity / len(seen))))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
