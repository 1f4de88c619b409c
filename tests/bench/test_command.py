"""The command itself, as a process: how it ends, and what it says of what it cannot do."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from studentapi.embedded import find_server
from tests.processes import eventually, working_on

if TYPE_CHECKING:
    from pathlib import Path

BENCH = [sys.executable, "-m", "lab.bench"]
A_PART = ["--server", "mariadb", "--peer", "studentapi", "--route", "city"]
ON_CITIES = """
from contextlib import closing
from lab.answers import data
from lab.bench import database_server, experiment
from lab.bench.__main__ import main
from lab.peers.data import Dataset
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

def prepare(url, name):
    with closing(open_connection(Address.parse(url))) as connection:
        data.load(connection, name)
    return Dataset(url.rpartition("/")[0] + "/" + name, "", [], [])

experiment.data.prepare = prepare
"""
"""The bench with nothing but cities to ask for: the sample takes longer to load than the test."""
GROWING = """
from lab import command
from lab.bench.__main__ import grow
from lab.bench.results import Results
with command.in_order():
    grow(Results("2026-01-01", quick=True, machine={}), None)
"""
needs_mariadb = pytest.mark.skipif(
    getattr(find_server(), "flavour", "") != "mariadb", reason="needs a MariaDB server on this machine"
)
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk, which makes the load")


def environment(directory: Path) -> dict[str, str]:
    """Data and temporary folders of its own below `directory`."""
    folders = {"LAB_DATA": directory / "data", "TMPDIR": directory / "temporary"}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    return os.environ | {name: str(folder) for name, folder in folders.items()} | {"PYTHONUNBUFFERED": "1"}


def ended_when_it_says(words: str, program: list[str], number: signal.Signals, directory: Path) -> int:
    """Start a program, send it a signal once it has said `words`, and return the status that it ends with."""
    said = directory / "said"
    # a signal that whoever runs these tests ignores, as nohup has it, is ignored by what they start
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with said.open("wb") as output:
            process = subprocess.Popen(
                program,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(directory),
                start_new_session=True,
            )
    finally:
        signal.signal(number, before)
    try:
        eventually(lambda: words in said.read_text() or process.poll() is not None, 120)
        assert process.poll() is None, said.read_text()
        process.send_signal(number)
        return process.wait(60)
    finally:
        with suppress(ProcessLookupError):  # it has ended, and all that it started in its session
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("module", ["lab.bench", "lab.bench.growth", "lab.faults", "tests.cost"])
def test_importing_a_command_runs_nothing(module: str) -> None:
    run = [sys.executable, "-c", f"import {module}.__main__"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_mariadb
@needs_wrk
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_folder_and_no_process(number: signal.Signals, tmp_path: Path) -> None:
    program = [sys.executable, "-c", f"{ON_CITIES}main({[*A_PART, '--seconds', '60']})"]
    assert ended_when_it_says("rounds:", program, number, tmp_path) == 128 + number
    assert list((tmp_path / "temporary").iterdir()) == []
    assert working_on(tmp_path) == {}


@needs_mariadb
def test_the_measurement_of_growth_ends_with_the_run_that_started_it(tmp_path: Path) -> None:
    program = [sys.executable, "-c", GROWING]
    status = ended_when_it_says("growth_cell: made", program, signal.SIGTERM, tmp_path)
    assert status == 128 + signal.SIGTERM
    assert list((tmp_path / "temporary").iterdir()) == []
    assert working_on(tmp_path) == {}


@needs_mariadb
@pytest.mark.parametrize(
    ("program", "folder"),
    [([*BENCH, *A_PART], "mariadb"), ([sys.executable, "-m", "lab.bench.growth", "--quick"], "growth")],
    ids=["bench", "growth"],
)
def test_data_that_another_run_has_are_one_line(program: list[str], folder: str, tmp_path: Path) -> None:
    variables = environment(tmp_path)
    directory = tmp_path / "data" / folder
    directory.mkdir()
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        done = subprocess.run(program, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"Error: {directory} is in use by process 4711\n"


@pytest.mark.parametrize("module", ["lab.bench", "lab.bench.growth"])
def test_there_is_nothing_to_draw_before_the_first_run(module: str, tmp_path: Path) -> None:
    run = [sys.executable, "-m", module, "--draw", "--into", str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "to draw from" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = [*BENCH, *A_PART, "--into", str(tmp_path / "file" / "folder")]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: cannot write to ")
