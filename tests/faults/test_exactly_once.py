"""A client that repeats each write under its Idempotency-Key, whatever is cut, has its effect exactly once."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from lab.injection.flow import Direction, Fate
from lab.injection.proxy import Proxy
from lab.injection.traps import Moment
from tests.faults.helpers import NAME
from tests.service import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.injection.traps import Trap
    from tests.servers import Server
    from tests.service import Service

WRITES = 2000
CLIENTS = 8
TRIES = 200
"""Times that a client asks, far more than it should need."""
PAUSE = 0.02
"""Seconds between two cuts, and between two tries."""


@pytest.fixture
def service(proxied: str, tmp_path: Path, server: Server) -> Iterator[Service]:
    """The service, by way of a proxy to its database, with a gradebook that is empty again afterwards."""
    with running(proxied, tmp_path, STUDENTAPI_RATE_LIMIT_ADDRESS="") as service:
        yield service
        service.stop()
    tables = ("changes", "idempotency_keys", "schools")
    server.execute(*(f"DELETE FROM {NAME}.{table}" for table in tables))


class Client:
    """Writes through a proxy, and does not give up."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.tries: Counter[str] = Counter()

    def write(self, number: int) -> str:
        """Make a school, and return its id; told nothing, or that it did not work, ask again."""
        for _ in range(TRIES):
            try:
                status, body = self._post(number)
                answer = json.loads(body)
            except (OSError, http.client.HTTPException, ValueError):  # none, or one that was cut
                outcome = "cut"
            else:
                if status == 201:
                    return str(answer["id"])
                assert status in (409, 503, 504), body
                outcome = str(status)
            self.tries[outcome] += 1
            time.sleep(PAUSE)
        raise AssertionError(f"write {number} never came through: {self.tries}")

    def _post(self, number: int) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            body = json.dumps({"name": f"School {number}"})
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"write-{number}"}
            connection.request("POST", "/api/v1/schools", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


def cut_without_pause(database: Proxy, clients: Proxy, over: threading.Event, choices: random.Random) -> None:
    """Cut connections on both sides of the service, anywhere and around COMMIT."""
    traps: dict[Proxy, Trap | None] = {database: None, clients: None}
    while not over.wait(PAUSE):
        proxy = choices.choice((database, clients))
        trap, kind = traps[proxy], choices.randrange(3)
        if kind == 0:
            proxy.cut()
        elif trap is not None and not trap.sprung.is_set():
            continue  # traps that wait would pile up, and let nothing pass
        elif kind == 1 or proxy is clients:
            direction = choices.choice(list(Direction))
            fate = choices.choice((Fate.RESET, Fate.END))
            traps[proxy] = proxy.cut_after(choices.randrange(1500), direction, fate)
        else:
            traps[proxy] = proxy.cut_at(b"COMMIT", choices.choice(list(Moment)))


def test_two_thousand_writes_with_cuts_on_both_sides_have_one_effect_each(
    service: Service, proxy: Proxy, server: Server
) -> None:
    over, choices = threading.Event(), random.Random(4)
    with Proxy("127.0.0.1", service.port) as front:
        client = Client(front.port)
        cutter = threading.Thread(target=cut_without_pause, args=(proxy, front, over, choices))
        cutter.start()
        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                answered = list(pool.map(client.write, range(WRITES)))
        finally:
            over.set()
            cutter.join()
            proxy.clear()
    assert client.tries["cut"] > WRITES / 20, "many of them were to be cut"
    found = server.execute(f"SELECT name, public_id FROM {NAME}.schools")
    assert sorted(found) == sorted((f"School {number}", answered[number]) for number in range(WRITES))
    assert server.execute(f"SELECT COUNT(*), COUNT(DISTINCT resource_id) FROM {NAME}.changes") == (
        (WRITES, WRITES),
    )
    counted = service.ask("GET", "/metrics")[1].decode()
    settled = [
        line for line in counted.splitlines() if line.startswith("studentapi_database_commits_found_total")
    ]
    assert float(settled[0].split()[1]) > 0, "a lost COMMIT was settled by the key's own row"
    # a transaction that finds its key taken only when it inserts it writes nothing but a marker
    others = int(str(server.execute(f"SELECT COUNT(*) FROM {NAME}.commit_markers")[0][0]))
    assert others < WRITES / 20, "the key's row was the marker"
