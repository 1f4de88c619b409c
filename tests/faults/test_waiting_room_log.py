"""What is told of requests that waited, while the database was away, outside of their worker's threads."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.faults.test_waiting_room import CLIENTS, THREADS, waiting
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Server
    from tests.service import Service


def lines(service: Service) -> dict[str, list[dict[str, Any]]]:
    """The lines of each request, by its id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for text in service.log.read_text().splitlines():
        if '"event":"request"' in text:
            line = json.loads(text)
            found.setdefault(line["request_id"], []).append(line)
    return found


def in_flight(service: Service) -> float:
    body = service.get("/metrics")[1].decode()
    (line,) = [line for line in body.splitlines() if line.startswith("studentapi_requests_in_flight ")]
    return float(line.split()[1])


def test_a_request_that_waited_has_one_line_and_its_whole_time(
    serving: Callable[..., Service], server: Server
) -> None:
    service = serving(STUDENTAPI_THREADS=THREADS, STUDENTAPI_DATABASE_PATIENCE="30")
    service.warm_up("/rows")
    server.control.pause()
    with ThreadPoolExecutor(CLIENTS) as pool:
        try:
            answers = [pool.submit(service.ask, "GET", "/rows") for _ in range(CLIENTS)]
            eventually(lambda: waiting(service) > CLIENTS / 4)
            since = time.monotonic()
            assert in_flight(service) > CLIENTS / 4
            held = time.monotonic() - since
        finally:
            server.control.resume()
        given = [answer.result() for answer in answers]
    assert {status for status, _, _ in given} == {200}
    assert {headers["Connection"] for _, _, headers in given} == {"close"}
    # an answer is counted out when it has been sent
    eventually(lambda: in_flight(service) == 1)
    ids = {headers["X-Request-ID"] for _, _, headers in given}
    assert len(ids) == CLIENTS
    # and its line is written a moment later
    eventually(lambda: ids <= lines(service).keys())
    told = lines(service)
    mine = [told[name] for name in ids]
    assert [len(each) for each in mine] == [1] * CLIENTS
    assert {each[0]["status"] for each in mine} == {200}
    assert all(each[0]["statements"] >= 1 for each in mine)
    assert sum(each[0]["duration_ms"] > held * 1000 for each in mine) > CLIENTS / 4
