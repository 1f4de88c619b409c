"""The feed over HTTP, from the service as it is run, while writers write and connections are ended under them."""

from __future__ import annotations

import http.client
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from pymysql import err

from tests.service import Service, running

if TYPE_CHECKING:
    from pathlib import Path

    from studentapi.mysql.database import Database
    from tests.servers import Server

SCHOOLS = [f"school-{number}" for number in range(5)]
WRITERS, READERS, WRITES = 5, 3, 40


def ask(
    service: Service, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, Any], str]:
    """Status, body and ETag."""
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {**headers, **({} if body is None else {"Content-Type": "application/json"})},
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers.get("ETag", "")


def write(service: Service, seed: int) -> int:
    """Add one to the number that is a school's name, time and again; returns how often that was answered so."""
    chance, done = random.Random(seed), 0
    for _ in range(WRITES):
        path = f"/api/v1/schools/{chance.choice(SCHOOLS)}"
        status, school, tag = ask(service, "GET", path)
        if status == 200:
            name = str(int(school["name"]) + 1)
            done += ask(service, "PATCH", path, {"name": name}, If_Match=tag)[0] == 200
    return done


def follow(service: Service, seed: int, written: threading.Event) -> list[dict[str, Any]]:
    chance, seen, query = random.Random(seed), [], ""
    while True:
        last, limit = written.is_set(), chance.choice((1, 5, 100))
        status, page, _ = ask(service, "GET", f"/api/v1/changes?limit={limit}{query}")
        if status == 200:
            seen += page["items"]
            query = f"&cursor={page['next_cursor']}"
            if last and len(page["items"]) < limit:
                return seen
        else:
            assert status == 503, page


def kill(server: Server, written: threading.Event) -> int:
    """End a connection of the service every now and then."""
    chance, killed = random.Random(0), 0
    while not written.wait(0.2):
        listed = server.execute("SELECT id FROM information_schema.processlist WHERE db = 'studentapi_test'")
        if listed:
            with suppress(err.Error):
                server.execute(f"KILL {chance.choice(listed)[0]}")
                killed += 1
    return killed


def test_every_reader_sees_every_change_once_and_in_order(
    database: Database, server: Server, migrated_url: str, tmp_path: Path
) -> None:
    limits: Any = {f"STUDENTAPI_RATE_LIMIT_{name}": "" for name in ("TOKEN", "ADDRESS", "FAILURES")}
    written = threading.Event()
    with running(migrated_url, tmp_path, **limits) as service:
        for school in SCHOOLS:
            assert ask(service, "PUT", f"/api/v1/schools/{school}", {"name": "0"})[0] == 201
        with ThreadPoolExecutor(WRITERS + READERS + 1) as pool:
            killer = pool.submit(kill, server, written)
            readers = [pool.submit(follow, service, seed, written) for seed in range(READERS)]
            try:
                done = sum(pool.map(lambda seed: write(service, seed), range(WRITERS)))
            finally:
                written.set()
            seen = [one.result() for one in readers]
            assert killer.result() > 0
        service.stop()
    assert all(one == seen[0] for one in seen)
    assert [change["position"] for change in seen[0]] == list(range(1, len(seen[0]) + 1))
    # a reply that was lost may have been of a write that is there
    assert len(seen[0]) >= done + len(SCHOOLS) > len(SCHOOLS)
    counted: dict[str, Any] = dict(database.read("SELECT public_id, name FROM schools"))
    for school in SCHOOLS:
        changes = [change for change in seen[0] if change["resource_id"] == school]
        assert [int(one["after"]["name"]) for one in changes] == list(range(int(counted[school]) + 1))
        assert [one["before"] for one in changes] == [None, *(one["after"] for one in changes[:-1])]
