"""`studentapi doctor`, on a real server that is set up well, and not so well."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
from pymysql import err

from studentapi.cli.diagnosis import hosts, sessions, times
from studentapi.cli.diagnosis.server import Server as Examined
from studentapi.embedded import PrivateServer
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from tests.cli.doctors import COMMAND, NAME, SECRET, SETTINGS, STEADY, at, globally, host_of, not_loopback
from tests.clients import settings_for
from tests.mysql.listeners import Relay, listener, silent
from tests.servers import free_port

if TYPE_CHECKING:
    import socket
    import threading
    from pathlib import Path

    from tests.cli.doctors import Doctor
    from tests.servers import Server


def test_a_server_that_is_set_up_well_is_found_so_by_an_ordinary_account(doctor: Doctor, account: str) -> None:
    found = doctor(account)
    assert found.not_ok() == []
    assert found.verdict == "ok"
    assert found["writing"]["figures"] == {"writable": True}
    assert found["round trip"]["figures"]["milliseconds"] > 0
    assert abs(found["clock"]["figures"]["offset_seconds"]) < 1
    assert found["migrations"]["figures"]["at"] == [found["migrations"]["figures"]["head"]]


def test_piped_output_is_a_plain_line_for_each_finding(doctor: Doctor, account: str) -> None:
    run = doctor.run(account)
    assert run.returncode == 0
    assert run.stderr == ""
    assert "\x1b" not in run.stdout
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    assert {len(line) for line in lines} == {4}
    assert [line[2] for line in lines] == [found["check"] for found in doctor(account).all]


def test_a_terminal_sees_colours_and_no_line_is_cut(doctor: Doctor, account: str) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            [COMMAND, "doctor"],
            env={**os.environ, **SETTINGS, "STUDENTAPI_DATABASE_URL": account, "TERM": "xterm", "COLUMNS": "60"},
            cwd=doctor.directory, stdout=theirs,
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while piece := screen.read(4096):
                shown += piece
        except OSError:  # how Linux says that the other end of a terminal is closed
            pass
        assert process.wait(30) == 0
    text = shown.decode()
    assert "\x1b[32mok" in text
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 60 for line in text.splitlines())
    assert "…" not in text


def test_json_is_alone_on_standard_output(doctor: Doctor, account: str) -> None:
    run = doctor.run(account.replace(SECRET, "falsch-77d1"), "--json")
    assert (run.returncode, run.stderr) == (1, "")
    answer = json.loads(run.stdout)
    assert answer["verdict"] == "problem"
    assert set(answer["findings"][0]) == {"where", "check", "verdict", "found", "change", "figures"}


def test_invalid_settings_are_told_as_by_every_command(doctor: Doctor, account: str) -> None:
    run = doctor.run(account, "--json", STUDENTAPI_THREADS="none")
    assert run.returncode == 2
    assert run.stdout == ""
    assert "STUDENTAPI_THREADS" in run.stderr


# --- The address ---


def test_a_host_without_a_server_is_one_line_with_the_reason(doctor: Doctor, account: str) -> None:
    run = doctor.run(at(account, f"127.0.0.1:{free_port()}"))
    assert run.returncode == 1
    (line,) = [line for line in run.stdout.splitlines() if not line.startswith("ok")]
    assert re.match(r"problem\t127\.0\.0\.1:\d+\taddress\tcannot be reached: .*refused.* \(2003\)\. ", line)


def test_a_host_that_never_answers_is_given_up_at_the_connect_timeout(doctor: Doctor, account: str) -> None:
    with listener(silent) as port:
        found = doctor(at(account, f"127.0.0.1:{port}"), STUDENTAPI_CONNECT_TIMEOUT="0.2")
    assert found["address"]["verdict"] == "problem"
    assert "timed out" in found["address"]["found"]


@pytest.mark.parametrize(
    ("wrong", "right", "reason"),
    [(SECRET, "falsch-77d1", "Access denied"), (f"/{NAME}", "/studentapi_absent", "studentapi_absent")],
    ids=["a wrong password", "a database that is not there"],
)
def test_who_is_refused_is_told_the_servers_reason(
    doctor: Doctor, account: str, wrong: str, right: str, reason: str
) -> None:
    found = doctor(account.replace(wrong, right))
    assert found["address"]["verdict"] == "problem"
    assert reason in found["address"]["found"]
    assert "STUDENTAPI_DATABASE_URL" in found["address"]["change"]


def test_each_of_several_hosts_is_asked_by_itself(doctor: Doctor, account: str) -> None:
    absent, there = f"127.0.0.1:{free_port()}", host_of(account)
    found = doctor(at(account, absent, there))
    assert found.of(absent, "address")["verdict"] == "problem"
    assert [one for one in found.not_ok() if one != "address"] == []
    assert found.of(there, "address")["verdict"] == "ok"
    assert found.of(there, "migrations")["verdict"] == "ok"


def test_two_hosts_that_both_take_writes_are_remarked_upon(doctor: Doctor, account: str) -> None:
    there = host_of(account)
    found = doctor(at(account, there, there.replace("127.0.0.1", "localhost")))
    assert found["writing"]["verdict"] == "advice"
    assert "localhost" in found["writing"]["found"]


def test_a_server_that_takes_no_writes_is_a_problem(doctor: Doctor, server: Server, account: str) -> None:
    with globally(server, read_only=1):
        found = doctor(account)
    assert found["writing"]["verdict"] == "problem"
    assert "read_only = OFF" in found["writing"]["change"]
    assert found.not_ok() == ["writing"]


def test_plaintext_is_remarked_upon_where_it_leaves_the_machine(doctor: Doctor, account: str) -> None:
    plain = f"{account}?ssl_mode=disabled"
    assert doctor(plain)["tls"] | {"figures": None} == {
        "where": host_of(account), "check": "tls", "verdict": "ok", "figures": None, "change": None,
        "found": "none, and none is needed within this machine",
    }  # fmt: skip
    found = doctor(at(plain, not_loopback(account)))["tls"]
    assert found["verdict"] == "advice"
    assert "ssl_mode=disabled" in found["change"]


def test_a_certificate_that_nobody_checks_is_remarked_upon(doctor: Doctor, server: Server, account: str) -> None:
    found = doctor(at(account, not_loopback(account)))["tls"]
    assert found["verdict"] == "advice"
    if server.execute("SHOW STATUS LIKE 'Ssl_version'")[0][1]:
        assert re.match(r"TLSv1\.[23], \w+; the server's certificate is not checked", found["found"])
        assert "ssl_ca=" in found["change"]
    else:
        assert found["found"].startswith("none")
        assert "ssl_cert" in found["change"]


# --- The tables ---


def test_tables_of_another_version_are_told_from_old_ones(doctor: Doctor, server: Server, account: str) -> None:
    ((head,),) = server.execute(f"SELECT version_num FROM {NAME}.alembic_version")
    for version, change in (("0001", "studentapi db upgrade"), ("9999", "Install the version")):
        server.execute(f"UPDATE {NAME}.alembic_version SET version_num = '{version}'")
        try:
            found = doctor(account)["migrations"]
        finally:
            server.execute(f"UPDATE {NAME}.alembic_version SET version_num = '{head}'")
        assert found["verdict"] == "problem"
        assert change in found["change"]
        assert (found["figures"]["at"], found["figures"]["head"]) == ([version], head)


def test_tables_without_transactions_or_utf8mb4_are_put_right_by_what_is_proposed(
    doctor: Doctor, server: Server, account: str
) -> None:
    server.execute(f"CREATE TABLE {NAME}.stray (a VARCHAR(9)) ENGINE = MyISAM CHARACTER SET latin1")
    try:
        found = doctor(account)["storage"]
        assert found["verdict"] == "problem"
        assert re.findall(r"ENGINE = InnoDB|SET utf8mb4", found["change"]) == ["ENGINE = InnoDB", "SET utf8mb4"]
        server.execute(f"USE {NAME}", *found["figures"]["changes"])
        assert doctor(account)["storage"]["verdict"] == "ok"
    finally:
        server.execute(f"DROP TABLE {NAME}.stray")


# --- Room ---


@pytest.mark.parametrize(
    ("room", "instances", "verdict"),
    [
        (-1, 1, "problem"),
        (0, 1, "advice"),
        (STEADY - 1, 1, "advice"),
        (STEADY, 1, "ok"),
        (-1, 2, "problem"),
        (STEADY, 2, "ok"),
    ],
)
def test_max_connections_has_to_hold_the_service_what_others_use_and_an_instance_more(
    doctor: Doctor, server: Server, account: str, *, room: int, instances: int, verdict: str
) -> None:
    with closing(open_connection(Address.parse(server.admin_url))) as another:
        others = doctor(account)["connections"]["figures"]["others"]
        assert others >= 1
        with globally(server, max_connections=instances * STEADY + others + room):
            found = doctor(account, "--instances", str(instances))["connections"]
        assert another.open
    assert found["verdict"] == verdict
    assert (found["figures"]["steady"], found["figures"]["peak"]) == (
        instances * STEADY,
        (instances + 1) * STEADY,
    )
    if verdict != "ok":
        wanted = re.search(r"max_connections = (\d+)", found["change"])
        assert wanted is not None
        assert int(wanted[1]) >= found["figures"]["peak"] + found["figures"]["others"]


def test_a_server_without_a_free_connection_is_a_problem_with_its_reason(
    doctor: Doctor, server: Server, account: str
) -> None:
    with globally(server, max_connections=10), ExitStack() as held:
        address = Address.parse(account)
        with pytest.raises(err.OperationalError, match="Too many connections"):
            for _ in range(11):
                held.callback(open_connection(address).close)
        found = doctor(account)["address"]
        assert found["verdict"] == "problem"
        assert "Too many connections (1040)" in found["found"]


def test_a_limit_of_the_account_is_told_and_lifted_by_what_is_proposed(
    doctor: Doctor, server: Server, account: str
) -> None:
    server.execute(f"ALTER USER doctor@'%' WITH MAX_USER_CONNECTIONS {STEADY - 1}")
    found = doctor(account)["account's connections"]
    assert found["verdict"] == "problem"
    server.execute(found["change"].partition(",")[0])
    found = doctor(account)["account's connections"]
    assert (found["verdict"], found["figures"]["max_user_connections"]) == ("ok", 2 * STEADY)


@pytest.mark.parametrize(
    ("variable", "value", "check", "verdict"),
    [
        ("wait_timeout", 30, "idle connections", "advice"),
        ("wait_timeout", 600, "idle connections", "ok"),
        ("max_allowed_packet", 1048576, "statement size", "problem"),
        ("innodb_flush_log_at_trx_commit", 2, "durability", "advice"),
        ("innodb_deadlock_detect", 0, "locks", "advice"),
        ("transaction_isolation", "READ-UNCOMMITTED", "isolation", "problem"),
        ("transaction_isolation", "SERIALIZABLE", "isolation", "advice"),
        ("transaction_isolation", "READ-COMMITTED", "isolation", "ok"),
        ("init_connect", "SET timestamp = UNIX_TIMESTAMP() + 10", "clock", "advice"),
        ("init_connect", "SET timestamp = UNIX_TIMESTAMP() - 600", "clock", "problem"),
    ],
)
def test_what_the_server_is_set_to_is_judged(
    doctor: Doctor, server: Server, account: str, *, variable: str, value: object, check: str, verdict: str
) -> None:
    if variable == "transaction_isolation" and not server.execute("SHOW VARIABLES LIKE 'transaction_isolation'"):
        variable = "tx_isolation"  # MariaDB before 11.1
    with globally(server, **{variable: value}):
        found = doctor(account)
    assert found[check]["verdict"] == verdict, found[check]
    assert found.not_ok() == ([] if verdict == "ok" else [check])


# --- Our own settings ---


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        ("STUDENTAPI_STATEMENT_TIMEOUT", "90", "deadlines"),
        ("STUDENTAPI_STATEMENT_TIMEOUT", "1", "locks"),
    ],
)
def test_settings_that_do_not_go_together_are_remarked_upon(
    doctor: Doctor, account: str, setting: str, value: str, check: str
) -> None:
    assert check in doctor(account, **{setting: value}).not_ok()


def test_a_connect_that_takes_most_of_its_time_is_remarked_upon(
    doctor: Doctor, server: Server, account: str
) -> None:
    relay = Relay(Address.parse(account).hosts[0][1])

    def slowly(client: socket.socket, over: threading.Event) -> None:
        over.wait(1.1)
        relay(client, over)

    with listener(slowly) as port:
        found = doctor(at(account, f"127.0.0.1:{port}"), STUDENTAPI_CONNECT_TIMEOUT="2")
    assert found["address"]["verdict"] == "advice"
    assert found["address"]["figures"]["connect_milliseconds"] >= 1100


def test_a_session_that_is_not_as_it_was_set_is_a_problem(account: str) -> None:
    settings = settings_for(account)
    address = Address.parse(account)
    with closing(open_connection(address, statement_timeout=settings.statement_timeout)) as connection:
        name = "max_statement_time" if connection.is_mariadb else "max_execution_time"
        connection.fetch(f"SET {name} = 0, NAMES latin1")
        examined = Examined(connection, address, settings, 1)
        for check in (sessions.deadline, sessions.characters):
            (found,) = check(examined)
            assert found.verdict == "problem"


def test_a_row_that_the_server_hides_is_told_not_stumbled_over(account: str) -> None:
    address = Address.parse(account)
    with closing(open_connection(address)) as connection:
        examined = Examined(connection, address, settings_for(account), 1)
        del examined.variables["max_connections"]
        found = {one.check: one for one in hosts.findings(examined)}
    assert found["connections"].verdict == "advice"
    assert found["connections"].found == "could not be read: the server does not show max_connections"
    assert found["durability"].verdict == "ok"
    assert found["moments"].verdict == "ok"


def test_a_server_whose_sysdate_stands_still_is_a_problem(tmp_path: Path) -> None:
    with PrivateServer(tmp_path, options=["--sysdate-is-now"]) as private:
        address = Address.parse(private.url)
        with closing(open_connection(address)) as connection:
            examined = Examined(connection, address, settings_for(private.url), 1)
            (found,) = times.moments(examined)
    assert found.verdict == "problem"


def test_a_server_that_goes_away_during_the_examination_is_one_problem(server: Server, account: str) -> None:
    address = Address.parse(account)
    with closing(open_connection(address)) as connection:
        examined = Examined(connection, address, settings_for(account), 1)
        going_on = hosts.findings(examined)
        first = next(going_on)
        server.execute(f"KILL {connection.thread_id()}")
        rest = list(going_on)
    assert first.verdict == "ok"
    assert rest[-1].verdict == "problem"
    assert rest[-1].found.startswith("the server failed us: ")
