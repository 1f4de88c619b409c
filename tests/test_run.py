"""`studentapi run`, the whole of it: a private database, the sample, uWSGI; and what is left after it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import studentapi
from studentapi.embedded import find_server
from tests.processes import children, eventually, working_on
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-c", "from studentapi.cli.main import main; main()"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a space in its name, where the sample is loaded once."""
    if find_server() is None:
        pytest.skip("this machine has no mysqld or mariadbd")
    return tmp_path_factory.mktemp("tried out") / "a b"


class Run:
    """A `studentapi run` that has announced itself."""

    def __init__(self, place: Path, port: int) -> None:
        self.place = place
        self.process = subprocess.Popen(
            [*COMMAND, "run", "--directory", place],
            env=environment(STUDENTAPI_PORT=str(port)),
            stdout=subprocess.PIPE,
            text=True,
            # under nohup these tests would hand down a SIGHUP that is ignored, and `run` leaves it so
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - one thread
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self.said = ""
        for line in self.output:
            self.said += line
            if line.startswith("Ctrl-C"):
                break

    @property
    def curl(self) -> list[str]:
        found = re.search(r"^  (curl .*)$", self.said, re.MULTILINE)
        assert found, self.said
        return shlex.split(found[1])

    def ask(self) -> dict[str, dict[str, object]]:
        """Do what the printed curl line does."""
        _, _, header, url = self.curl
        name, _, value = header.partition(": ")
        with urllib.request.urlopen(urllib.request.Request(url, headers={name: value}), timeout=30) as answer:
            data: dict[str, dict[str, object]] = json.load(answer)
        return data

    def child(self, *names: str) -> int:
        commands = children(self.process.pid)
        return next(pid for pid in commands if Path(commands[pid].split("\0")[0]).name in names)

    def end(self) -> tuple[int, str]:
        """Wait for the end; the exit status, and what was said since the announcement."""
        return self.process.wait(60), self.output.read()


def environment(**more: str) -> dict[str, str]:
    package = Path(studentapi.__file__).parents[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STUDENTAPI_")}
    if named := os.environ.get("STUDENTAPI_MYSQLD"):
        kept["STUDENTAPI_MYSQLD"] = named
    return {**kept, "PYTHONPATH": str(package), "STUDENTAPI_PROCESSES": "2", **more}


@contextmanager
def running(place: Path) -> Iterator[Run]:
    """A run, which the test ends; nothing of it may be left."""
    run = Run(place, free_port())
    uwsgi = run.child("uwsgi")
    workers = children(uwsgi)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.wait()
        run.output.close()
    eventually(lambda: not working_on(place))
    eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in (uwsgi, *workers)))


def test_printed_curl_line_works(place: Path) -> None:
    with running(place) as run:
        assert run.ask()["summary"]["mean_percent"] == 78
        assert (place / "token").stat().st_mode & 0o777 == 0o600


def test_second_start_loads_nothing_and_keeps_the_token(place: Path) -> None:
    with running(place) as first:
        pass
    with running(place) as second:
        assert "Loading" not in second.said
        assert second.curl[2] == first.curl[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_service_and_database(place: Path, number: signal.Signals) -> None:
    with running(place) as run:
        run.process.send_signal(number)
        status, said = run.end()
        assert (status, said.strip()) == (0, "Stopping.")
        assert not working_on(place)


def test_kill_of_everything_is_recovered_from(place: Path) -> None:
    with running(place) as run:
        for pid in (run.process.pid, *children(run.process.pid), *children(run.child("uwsgi"))):
            os.kill(pid, signal.SIGKILL)
    with running(place) as run:
        assert "Loading" not in run.said
        assert run.ask()["student"]["id"] == "11391"


def test_kill_of_the_command_alone_ends_its_children(place: Path) -> None:
    with running(place) as run:
        run.process.kill()


def test_killed_database_is_started_again(place: Path) -> None:
    with running(place) as run:
        os.kill(run.child("mariadbd", "mysqld"), signal.SIGKILL)
        assert run.ask()["student"]["id"] == "11391"


def test_end_of_uwsgi_ends_the_database_and_is_a_failure(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(place) as run:
        os.kill(run.child("uwsgi"), signal.SIGKILL)
        assert run.end()[0] == 1
        assert "uWSGI ended by itself with status -9" in capfd.readouterr().err
        assert not working_on(place)


def test_second_run_is_refused(place: Path) -> None:
    with running(place):
        said = _fails(place, STUDENTAPI_PORT=str(free_port()))
        assert re.fullmatch(r"Error: .* is in use by process \d+\n", said)


def test_taken_port_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        said = _fails(tmp_path / "var", STUDENTAPI_PORT=str(port))
    assert said == (
        f"Error: port {port} is taken by another program: stop it, or choose another by STUDENTAPI_PORT\n"
    )
    assert not (tmp_path / "var").exists()


def test_serve_names_each_wrong_setting_and_no_secret() -> None:
    done = subprocess.run(
        [*COMMAND, "serve"],
        env=environment(
            STUDENTAPI_DATABASE_URL="mysql://u:hunter2@h/", STUDENTAPI_PORT="x", STUDENTAPI_THREADS="0"
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()] == [
        "STUDENTAPI_PORT",
        "STUDENTAPI_THREADS",
    ]
    assert "hunter2" not in done.stderr


def _fails(place: Path, **more: str) -> str:
    done = subprocess.run(
        [*COMMAND, "run", "--directory", place],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr
