"""wrk, as the bench uses it: it asks for what it is told, and no wrong answer passes."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from lab.bench import load, processes
from lab.bench.load import LoadError, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk, which makes the load")
CITY = 'City "A Coruña" is #1 \\ \n'


class Handler(BaseHTTPRequestHandler):
    """Tells what was asked."""

    asked: list[tuple[str, str, str | None, str]]

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size).decode()
        self.asked.append((self.command, self.path, self.headers.get("Authorization"), body))
        answer = CITY.encode()
        self.send_response(500 if self.path == "/broken" else 201 if self.command == "POST" else 200)
        self.send_header("Content-Length", str(len(answer)))
        with suppress(BrokenPipeError):  # the client has left
            self.end_headers()
            self.wfile.write(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def asked() -> list[tuple[str, str, str | None, str]]:
    return []


@pytest.fixture
def port(asked: list[tuple[str, str, str | None, str]]) -> Iterator[int]:
    """A server that writes down what it is asked."""
    handler = type("Kept", (Handler,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_all_requests_have_their_turn(port: int, asked: list[tuple[str, str, str | None, str]]) -> None:
    body = '{"name": "Coruña \\"x\\""}'
    requests = [Request(f"/{number}", "POST", body) for number in range(3)]
    sample = load.run(port, requests, clients=2, seconds=0.3, token="t", status=201, check=True)
    assert sample.errors == 0
    assert sample.requests >= 3
    assert sample.rate == sample.requests / sample.seconds
    assert 0 < sample.p50_ms <= sample.p99_ms
    assert set(asked) == {("POST", f"/{number}", "Bearer t", body) for number in range(3)}


def test_the_answer_that_is_expected_passes(port: int) -> None:
    assert load.run(port, [Request("/", answer=CITY)], clients=1, seconds=0.3, check=True).requests


def test_another_answer_than_the_expected_one_is_told(port: int) -> None:
    with pytest.raises(LoadError, match="wrong: 200 City"):
        load.run(port, [Request("/", answer='City "A Coruña" is #2')], clients=1, seconds=0.3, check=True)


def test_another_status_than_the_expected_one_is_told(port: int) -> None:
    with pytest.raises(LoadError, match="wrong: 200"):
        load.run(port, [Request("/")], clients=1, seconds=0.3, status=201, check=True)


def test_errors_are_counted_where_nobody_looks_at_answers(port: int) -> None:
    sample = load.run(port, [Request("/"), Request("/broken")], clients=1, seconds=0.3)
    assert 0 < sample.errors < sample.requests


def test_nobody_there_is_an_error(port: int) -> None:
    with pytest.raises(LoadError, match="refused"):
        load.run(1, [Request("/")], clients=1, seconds=0.3)


def test_cpu_time_is_that_of_the_processes_asked_for() -> None:
    before = processes.cpu_seconds(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    # the kernel counts in steps of 10 ms
    assert processes.cpu_seconds(os.getpid()) - before >= 0.08
    assert processes.cpu_seconds(2**22 + 1) == 0


def test_a_session_is_all_that_its_leader_started() -> None:
    assert os.getpid() in processes.of_session(os.getsid(0))
    assert processes.resident_bytes(os.getpid()) > 2**20


@pytest.mark.parametrize("kept", [False, True])
def test_a_connection_is_for_one_request_unless_it_is_to_be_kept(kept: bool) -> None:
    opened: list[object] = []

    class Counting(Handler):
        protocol_version = "HTTP/1.1"
        asked: list[tuple[str, str, str | None, str]] = []  # noqa: RUF012 - of this test alone

        def setup(self) -> None:
            opened.append(self.client_address)
            super().setup()

    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        sample = load.run(server.server_address[1], [Request("/")], clients=2, seconds=0.3, kept=kept)
        server.shutdown()
        thread.join()
    assert sample.requests > 10
    if kept:
        # wrk asks once whether anybody is there
        assert len(opened) <= 3
    else:
        assert len(opened) >= sample.requests
