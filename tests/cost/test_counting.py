"""Each counter of work sees what is done more: it does not count nothing, nor something else."""

from __future__ import annotations

from dis import get_instructions
from typing import TYPE_CHECKING

import pytest

from tests.cost import work

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT: list[object] = []


def nothing() -> None:
    pass


def call() -> None:
    len(())


def reckon() -> None:
    one = 1
    one = -one


def fill() -> None:
    bytes(10_000)


def entangle() -> None:
    loop: list[object] = []
    loop.append(loop)


def keep() -> None:
    KEPT.append([])


def length(done: Callable[[], None]) -> int:
    return sum(1 for _ in get_instructions(done))


@pytest.mark.parametrize(
    ("counter", "done", "more"),
    [
        (work._calls, call, 1),
        (work._instructions, reckon, length(reckon) - length(nothing)),
        (work._garbage, entangle, 1),
    ],
)
def test_what_is_done_more_is_counted(
    counter: Callable[[Callable[[], None]], int], done: Callable[[], None], more: int
) -> None:
    assert counter(done) - counter(nothing) == more > 0


def test_the_most_memory_is_counted() -> None:
    assert work._bytes(fill) - work._bytes(nothing) == pytest.approx(10_000, abs=100)  # with its header


def test_memory_that_is_kept_is_counted() -> None:
    try:
        assert min(work._kept(keep)) >= work.STEADY
    finally:
        KEPT.clear()
