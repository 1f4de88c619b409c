"""The service as it is run: uWSGI, threads, the whole sample, and a server that closes, kills and restarts."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

import pytest

from studentapi.cli.serve import harakiri
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from tests.clients import settings_for
from tests.service import PROCESSES, STUDENT, THREADS, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from studentapi.mysql.database import Database
    from tests.servers import Server
    from tests.service import Service

NAME = "studentapi_sample"


@pytest.fixture
def service(sample: Database, sample_url: str, tmp_path: Path) -> Iterator[Service]:
    """The service on the sample; ends with SIGTERM, and has to end well."""
    del sample
    with running(sample_url, tmp_path) as service:
        yield service
        service.stop()


def connections(server: Server) -> list[int]:
    """The server's connections of the service."""
    rows = server.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{NAME}' ORDER BY id")
    return [int(str(number)) for (number,) in rows]


def aborted(server: Server) -> object:
    """How many clients went away without a word."""
    return server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")[0][1]


def waiting(server: Server) -> int:
    """How many statements of the service wait for a table."""
    return len(
        server.execute(
            f"SELECT 1 FROM information_schema.processlist WHERE db = '{NAME}' AND info LIKE '%attempts%'"
        )
    )


def waits_for(condition: Callable[[], bool]) -> None:
    """Return once it holds; fail after 30 s."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def all_served(service: Service, times: int = 200) -> None:
    """Ask many at once; each answer has to be the student's."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: service.get(), range(times)))
    assert {status for status, _ in answers} == {200}, answers[:3]
    assert len({body for _, body in answers}) == 1
    assert json.loads(answers[0][1])["summary"]["mean_percent"] == 78


def test_each_thread_keeps_one_connection_and_the_master_none(service: Service, server: Server) -> None:
    assert connections(server) == [], "nothing is opened before it is needed"
    service.warm_up()
    first = connections(server)
    assert 0 < len(first) <= PROCESSES * THREADS
    service.warm_up()
    assert set(first) <= set(connections(server))
    assert len(connections(server)) <= PROCESSES * THREADS


def test_no_read_fails_after_all_connections_were_killed(service: Service, server: Server) -> None:
    for _ in range(3):
        service.warm_up()
        killed = connections(server)
        for number in killed:
            server.execute(f"KILL {number}")
        all_served(service)
        assert not set(killed) & set(connections(server))


def test_no_read_fails_while_connections_are_killed_under_load(service: Service, server: Server) -> None:
    service.warm_up()
    over = threading.Event()

    def kill_them() -> None:
        while not over.is_set():
            for number in connections(server):
                try:
                    server.execute(f"KILL {number}")
                except Exception as error:  # noqa: BLE001 - gone already: 1094
                    assert "Unknown thread" in str(error)  # noqa: PT017
            over.wait(0.1)

    killer = threading.Thread(target=kill_them)
    killer.start()
    try:
        all_served(service, 600)
    finally:
        over.set()
        killer.join()


def test_no_read_fails_after_idle_connections_were_closed(service: Service, server: Server) -> None:
    before = server.execute("SELECT @@GLOBAL.wait_timeout")[0][0]
    server.execute("SET GLOBAL wait_timeout = 1")
    try:
        service.warm_up()
        waits_for(lambda: not connections(server))
        all_served(service)
    finally:
        server.execute(f"SET GLOBAL wait_timeout = {before}")


def test_no_read_fails_after_a_restart(service: Service, server: Server) -> None:
    service.warm_up()
    server.restart()
    all_served(service)


def test_no_read_fails_during_a_restart_within_the_patience(
    sample: Database, sample_url: str, server: Server, tmp_path: Path
) -> None:
    del sample
    with running(sample_url, tmp_path, STUDENTAPI_DATABASE_PATIENCE="60") as service:
        service.warm_up()
        over = threading.Event()
        statuses: list[int] = []

        def ask() -> None:
            while not over.is_set():
                statuses.append(service.get()[0])

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        server.restart()
        after = len(statuses)
        while len(statuses) < after + 100:
            time.sleep(0.01)
        over.set()
        for asker in askers:
            asker.join()
        assert set(statuses) == {200}
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=60) == 0


def test_sigterm_answers_what_is_in_flight_and_says_goodbye_to_the_server(
    service: Service, server: Server
) -> None:
    service.warm_up()
    before = aborted(server)
    with ThreadPoolExecutor(5) as pool, closing(open_connection(Address.parse(server.admin_url))) as holding:
        holding.fetch(f"LOCK TABLES {NAME}.attempts WRITE")
        in_flight = [pool.submit(service.get) for _ in range(5)]
        waits_for(lambda: waiting(server) == len(in_flight))
        service.process.send_signal(signal.SIGTERM)
        waits_for(lambda: "graceful shutdown triggered" in service.log.read_text())
        assert waiting(server) == len(in_flight)
        holding.fetch("UNLOCK TABLES")
        assert [answer.result()[0] for answer in in_flight] == [200] * len(in_flight)
    assert service.process.wait(timeout=60) == 0
    waits_for(lambda: not connections(server))
    assert aborted(server) == before


def test_a_reload_leaves_no_connection_behind(service: Service, server: Server) -> None:
    before = aborted(server)
    for _ in range(3):
        service.warm_up()
        old = set(connections(server))
        service.process.send_signal(signal.SIGHUP)
        waits_for(lambda old=old: not old & set(connections(server)))  # type: ignore[misc]
    service.warm_up()
    assert len(connections(server)) <= PROCESSES * THREADS
    assert aborted(server) == before


@pytest.mark.parametrize(
    "headers",
    [
        b"Transfer-Encoding: chunked",
        b"Content-Length: 0\r\nContent-Length: 50",
        b"Content-Length: +50",
        b"Content-Length: -1",
        b"Connection: keep-alive",
    ],
)
def test_a_body_is_never_taken_for_another_request(service: Service, headers: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n")
        with suppress(OSError):
            time.sleep(0.3)
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        with suppress(ConnectionResetError):
            while data := client.recv(65536):
                answer += data
    assert answer.count(b"HTTP/1.1 ") <= 1


def test_silent_clients_hold_nobody_up(service: Service) -> None:
    with ExitStack() as silent:
        for _ in range(PROCESSES * THREADS * 2):
            client = silent.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        assert service.get("/livez")[0] == 200
        assert time.monotonic() - started < 3


def test_harakiri_is_above_every_deadline_of_the_database() -> None:
    settings = settings_for("mysql://u:p@127.0.0.1:1/d")
    waits = settings.database_patience + settings.connect_timeout + 2 * settings.statement_timeout
    assert harakiri(settings) > 2 * waits


def test_no_secret_is_in_the_log(sample: Database, sample_url: str, tmp_path: Path) -> None:
    del sample
    wrong = "mysql://geheim-77:geheim-78@" + sample_url.partition("@")[2]
    with running(wrong, tmp_path) as service:
        assert service.get("/readyz")[0] == 503
        assert service.get(STUDENT)[0] == 503
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=60)
        log = service.log.read_text()
    assert "database unavailable" in log
    assert "geheim-78" not in log


def test_a_query_that_uwsgi_leaves_out_is_refused_and_not_passed_over(service: Service) -> None:
    """It has a limit of half its buffer for the query, beyond which it goes on without one."""
    statuses = set()
    for length in (1000, 15_000, 16_500, 17_000, 30_000):
        with suppress(OSError, http.client.HTTPException):  # more than the whole buffer has no answer
            statuses.add(service.get(f"/api/v1/students?limit=1&x={'a' * length}")[0])
    assert statuses == {422, 414}


def test_nobody_is_believed_to_have_come_by_https(service: Service) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        connection.request("GET", "/api/v1/students?limit=1", headers={"X-Forwarded-Proto": "https"})
        answer = connection.getresponse()
    assert answer.headers["Link"].startswith("<http://")
    assert "Strict-Transport-Security" not in answer.headers
