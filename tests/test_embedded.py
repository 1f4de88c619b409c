"""A private server: real ones are started, stopped and killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from studentapi import embedded
from studentapi.embedded import PrivateServer, ServerError, find_server
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from tests.processes import eventually, working_on

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534

STARTER = """
import sys, time
from pathlib import Path
from studentapi.embedded import PrivateServer
server = PrivateServer(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(autouse=True)
def _has_server() -> None:
    if find_server() is None:
        pytest.skip("this machine has no mysqld or mariadbd")


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateServer]:
    """A running server, in a directory whose name has a space and a quote."""
    with PrivateServer(tmp_path / "a student's server") as server:
        yield server
    assert not working_on(tmp_path)


def rows(url: str, *statements: str) -> tuple[tuple[object, ...], ...]:
    """Run statements on a connection of their own; the rows of the last one."""
    with closing(open_connection(Address.parse(url))) as connection:
        for statement in statements:
            result = connection.fetch(statement).rows
    return result


def starter(directory: Path) -> subprocess.Popen[str]:
    """A process of its own that runs a server in `directory` until its standard input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, directory],
        env={**os.environ, "PYTHONPATH": str(package().parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def package() -> Path:
    return Path(embedded.__file__).parents[1]


def test_user_owns_the_database_and_nothing_else(private: PrivateServer) -> None:
    rows(private.url, "CREATE TABLE kept (id INT)", "DROP TABLE kept")
    visible = {name for (name,) in rows(private.url, "SHOW DATABASES")}
    assert "studentapi" in visible
    assert not visible & {"mysql", "sys"}


def test_administrator_may_change_the_server(private: PrivateServer) -> None:
    rows(private.root_url, "SET GLOBAL wait_timeout = 7")
    assert rows(private.root_url, "SELECT @@GLOBAL.wait_timeout") == ((7,),)


def test_only_loopback_and_only_with_a_password(private: PrivateServer) -> None:
    assert rows(private.url, "SELECT @@bind_address") == (("127.0.0.1",),)
    without = private.root_url.replace(private.root_url.split(":")[2].split("@")[0], "")
    with pytest.raises(Exception, match="Access denied"):
        rows(without, "SELECT 1")


def test_secrets_are_for_their_owner_alone(private: PrivateServer) -> None:
    password = Address.parse(private.url).password
    holders = [path for path in private.directory.glob("*") if path.is_file() and password in path.read_text()]
    assert holders
    assert {path.stat().st_mode & 0o777 for path in holders} == {0o600}
    assert password not in "".join(working_on(private.directory).values())


def test_restart_keeps_data_port_and_password(private: PrivateServer) -> None:
    url, pid = private.url, private.pid
    rows(url, "CREATE TABLE kept (id INT)", "INSERT INTO kept VALUES (1)")
    private.restart()
    assert (private.url, private.pid != pid) == (url, True)
    assert rows(url, "SELECT id FROM kept") == ((1,),)


def test_killed_server_recovers_what_was_committed(private: PrivateServer) -> None:
    rows(private.url, "CREATE TABLE kept (id INT PRIMARY KEY) ENGINE=InnoDB", "INSERT INTO kept VALUES (1)")
    private.kill()
    private.start()
    assert rows(private.url, "SELECT id FROM kept") == ((1,),)


def test_second_run_on_a_directory_is_refused(private: PrivateServer) -> None:
    with pytest.raises(ServerError, match=rf"in use by process {os.getpid()}$"):
        PrivateServer(private.directory).start()
    assert rows(private.url, "SELECT 1") == ((1,),)


def test_another_port_is_taken_when_the_last_one_is_in_use(tmp_path: Path) -> None:
    first = PrivateServer(tmp_path / "first")
    with first:
        before = Address.parse(first.url).hosts
        shutil.copy(first.directory / "server.json", tmp_path / "server.json")
        with PrivateServer(tmp_path) as second:
            assert Address.parse(second.url).hosts != before


def test_server_ends_with_a_killed_parent_and_the_next_run_takes_over(tmp_path: Path) -> None:
    with starter(tmp_path) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline())
        parent.kill()
    with PrivateServer(tmp_path) as server:
        assert rows(server.url, "SELECT 1") == ((1,),)
        assert list(working_on(tmp_path)) == [server.pid]


def test_orphan_is_ended_before_the_start(tmp_path: Path) -> None:
    with starter(tmp_path) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        os.kill(orphan, signal.SIGSTOP)  # so that it cannot hear of its parent's death
        parent.kill()
    assert orphan in working_on(tmp_path)
    os.kill(orphan, signal.SIGCONT)
    with PrivateServer(tmp_path) as server:
        assert list(working_on(tmp_path)) == [server.pid]


def test_kill_while_the_data_directory_is_made_leaves_nothing_half_made(tmp_path: Path) -> None:
    with starter(tmp_path) as parent:
        eventually(lambda: list(tmp_path.glob("unfinished-*/*")))
        parent.kill()
    assert not list(tmp_path.glob("*-data"))
    with PrivateServer(tmp_path) as server:
        assert rows(server.url, "SELECT 1") == ((1,),)
    assert not list(tmp_path.glob("unfinished-*"))


def test_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"(?s)ended with status \d+.*no-such-option"):
        PrivateServer(tmp_path, options=["--no-such-option"]).start()
    assert not working_on(tmp_path)
    with PrivateServer(tmp_path):  # nor does it keep the directory
        pass


def test_binary_that_is_no_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDENTAPI_MYSQLD", "/bin/true")
    with pytest.raises(ServerError, match="STUDENTAPI_MYSQLD"):
        find_server()


def test_ordinary_user_runs_a_server(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("nothing to add: all the other tests ran as an ordinary user")
    # pytest's own directory is closed to others, and so may be this checkout and this Python.
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o755)
        shutil.copytree(package() / "embedded", home / "studentapi" / "embedded")
        shutil.copy(package() / "__init__.py", home / "studentapi")
        (home / "data").mkdir()
        os.chown(home / "data", NOBODY, NOBODY)
        became = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
        pythons = [sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"]
        # setpriv itself still may run what the user may not.
        probe = "import subprocess, sys, studentapi; subprocess.run([sys.executable, '-c', ''], check=True)"
        python = next(one for one in pythons if _runs([*became, one, "-c", probe], home))
        said = subprocess.run(
            [*became, python, "-c", STARTER, home / "data"],
            env={"PYTHONPATH": str(home), "PATH": "/usr/bin:/bin", **_named_server()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (said.returncode, said.stderr) == (0, "")
        assert {path.stat().st_uid for path in (home / "data").rglob("*")} == {NOBODY}
        assert not working_on(home)
        # A directory of one user's is nothing that another, not even root, should write into.
        with pytest.raises(ServerError, match="belongs to"):
            PrivateServer(home / "data").start()


def _runs(command: list[str], home: Path) -> bool:
    environment = {"PYTHONPATH": str(home)}
    try:
        return subprocess.run(command, env=environment, capture_output=True, check=False, cwd="/").returncode == 0
    except OSError:
        return False


def _named_server() -> dict[str, str]:
    named = os.environ.get("STUDENTAPI_MYSQLD")
    return {"STUDENTAPI_MYSQLD": named} if named else {}
