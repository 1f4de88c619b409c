"""`make faults`, cut down to one fault and two answers: it tells an answer that fails from one that does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.faults.results import Results
from lab.faults.verdict import Severity
from studentapi.embedded.binary import find_server

if TYPE_CHECKING:
    from lab.faults.verdict import Outcome

ROOT = Path(__file__).parents[2]
FAILS, SURVIVES = "retry_in_cursor", "studentapi"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What KILL of idle connections does to the question's own retry, and to studentapi."""
    if find_server() is None:
        pytest.skip("no database server on this machine to kill connections of")
    into = tmp_path_factory.mktemp("faults")
    subprocess.run(
        [sys.executable, "-m", "lab.faults", "--fault=kill-idle", f"--answer={FAILS}", f"--answer={SURVIVES}",
         "--into", into],
        cwd=ROOT, check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    (row,) = Results.read(into / "faults.json").rows
    assert row.skipped is None
    return row.outcomes


def test_an_answer_that_keeps_a_dead_connection_is_seen_to_fail(outcomes: dict[str, Outcome]) -> None:
    failing = outcomes[FAILS]
    assert failing.severity is Severity.DOWN
    assert failing.recovery is None
    assert failing.reads_failed == failing.reads > 0
    assert failing.writes_failed == failing.writes > 0
    assert set(failing.said) == {"500"}


def test_an_answer_that_survives_is_seen_to(outcomes: dict[str, Outcome]) -> None:
    surviving = outcomes[SURVIVES]
    assert (surviving.failed, surviving.lost, surviving.doubled) == (0, 0, 0)
    assert surviving.reads > 0
    assert surviving.writes > 0
