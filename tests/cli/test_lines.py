"""JSON lines through the pump: in order, bounded, streaming."""

from __future__ import annotations

import asyncio
import io
import os

import pytest

from bot.cli.lines import LONGEST_BYTES, Line, Pump


async def _all(source: bytes, at_once: int = 3) -> list[Line]:
    async def work(line: Line) -> Line:
        return line

    return [answer async for answer in Pump(io.BytesIO(source), work, at_once).answers()]


async def test_lines_are_numbered_and_lose_only_their_ends() -> None:
    assert [(one.number, one.text) for one in await _all(b"a\r\n\nb\xff\nlast")] == [
        (1, b"a"),
        (2, b""),
        (3, b"b\xff"),
        (4, b"last"),
    ]
    assert await _all(b"") == []


async def test_answers_come_in_order_however_long_each_takes() -> None:
    gates = {number: asyncio.Event() for number in range(1, 5)}
    begun = asyncio.Event()

    async def work(line: Line) -> int:
        if line.number == 4:
            begun.set()
        await gates[line.number].wait()
        return line.number

    answers: list[int] = []

    async def read() -> None:
        async for answer in Pump(io.BytesIO(b"x\n" * 4), work, 4).answers():
            answers.append(answer)

    reading = asyncio.create_task(read())
    for number in (4, 3, 2):
        gates[number].set()
    await begun.wait()
    assert answers == []
    gates[1].set()
    await reading
    assert answers == [1, 2, 3, 4]


async def test_no_more_is_begun_than_there_is_room_for() -> None:
    at_once, running, most = 3, 0, 0

    async def work(line: Line) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1
        return line.number

    pump = Pump(io.BytesIO(b"x\n" * 200), work, at_once)
    assert [answer async for answer in pump.answers()] == list(range(1, 201))
    assert most <= at_once


async def test_an_answer_leaves_while_the_input_is_still_open() -> None:
    reading_end, writing_end = os.pipe()

    async def work(line: Line) -> bytes:
        return line.text

    with os.fdopen(reading_end, "rb") as source:
        answers = Pump(source, work, 2).answers()
        os.write(writing_end, b"first\n")
        assert await anext(answers) == b"first"
        os.write(writing_end, b"second\n")
        assert await anext(answers) == b"second"
        os.close(writing_end)
        with pytest.raises(StopAsyncIteration):
            await anext(answers)


async def test_a_line_without_end_is_dropped_and_not_kept() -> None:
    found = await _all(b"x" * (3 * LONGEST_BYTES) + b"\nnext\n" + b"y" * LONGEST_BYTES + b"\n")
    assert [(one.number, len(one.text), one.too_long) for one in found] == [
        (1, 0, True),
        (2, 4, False),
        (3, LONGEST_BYTES, False),
    ]


async def test_a_fault_of_the_work_reaches_the_reader() -> None:
    async def work(line: Line) -> int:
        raise ValueError(f"line {line.number}")

    with pytest.raises(ValueError, match="line 1"):
        async for _ in Pump(io.BytesIO(b"a\nb\n"), work, 2).answers():
            pass


class _Broken(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise OSError(5, "Input/output error")


async def test_a_source_that_breaks_is_an_error_and_not_an_end() -> None:
    async def work(line: Line) -> int:
        return line.number

    with pytest.raises(OSError, match="Input/output"):
        async for _ in Pump(io.BufferedReader(_Broken()), work, 2).answers():
            pass
