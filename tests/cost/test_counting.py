"""Each counter of work sees what is done more: it does not count nothing, nor something else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cost.work import STEADY


@pytest.fixture(scope="module")
def found() -> dict[str, int]:
    """What `tests.cost.known` says of work whose amount is known."""
    done = subprocess.run([sys.executable, "-m", "tests.cost.known"], capture_output=True, text=True, check=True)
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def test_a_call_more_is_counted(found: dict[str, int]) -> None:
    assert found["calls"] == 1


def test_instructions_more_are_counted(found: dict[str, int]) -> None:
    assert found["instructions"] == found["expected_instructions"] > 0


def test_the_most_memory_is_counted(found: dict[str, int]) -> None:
    assert found["bytes"] == pytest.approx(10_000, abs=100)  # with its header


def test_an_object_that_is_left_to_the_collector_is_counted(found: dict[str, int]) -> None:
    assert found["garbage"] == 1


def test_memory_that_is_kept_is_counted(found: dict[str, int]) -> None:
    assert found["kept"] >= STEADY
