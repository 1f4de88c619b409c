"""What operators see of a service of several workers: one picture, whichever of them answers."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from tests.processes import eventually
from tests.service import PROCESSES, THREADS, running

if TYPE_CHECKING:
    from pathlib import Path

    from studentapi.mysql.database import Database
    from tests.servers import Server
    from tests.service import Service


NAME = "studentapi_sample"


def connections(server: Server) -> list[int]:
    """The server's connections of the service."""
    rows = server.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{NAME}' ORDER BY id")
    return [int(str(number)) for (number,) in rows]


def listed(service: Service) -> list[dict[str, Any]]:
    status, body = service.get("/api/v1/connections")
    assert status == 200
    items: list[dict[str, Any]] = json.loads(body)["items"]
    return items


def counted(service: Service) -> dict[str, float]:
    status, body = service.get("/metrics")
    assert status == 200
    return {
        sample.name.removeprefix("studentapi_database_"): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_every_worker_tells_of_all(sample: Database, sample_url: str, server: Server, tmp_path: Path) -> None:
    del sample
    with running(sample_url, tmp_path) as service:
        service.warm_up()
        items = listed(service)
        assert sorted(item["connection_id"] for item in items) == connections(server)
        assert len({item["process"] for item in items}) == PROCESSES
        assert len({(item["process"], item["thread"]) for item in items}) == len(items) <= PROCESSES * THREADS
        # several requests, so that more than one worker answers: the figures are those of the service
        assert len({counted(service)["connections_opened_total"] for _ in range(40)}) == 1
        assert counted(service)["connections"] == len(items)


def test_counters_outlive_a_worker_and_each_replacement_has_its_line(
    sample: Database, sample_url: str, server: Server, tmp_path: Path
) -> None:
    del sample
    with running(sample_url, tmp_path) as service:
        service.warm_up()
        killed = connections(server)
        for number in killed:
            server.execute(f"KILL {number}")
        service.warm_up()
        before = counted(service)
        assert before["closed_while_idle_total"] + before["lost_in_statement_total"] == len(killed)
        lines = [json.loads(line) for line in service.log.read_text().splitlines() if '"reconnected"' in line]
        assert sorted(line["previous_connection_id"] for line in lines) == sorted(killed)
        assert all(line["cause"] and line["server"] and line["thread_name"] for line in lines)
        victim = listed(service)[0]["process"]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in {item["process"] for item in listed(service)})
        service.warm_up()
        after = counted(service)
        assert after["closed_while_idle_total"] >= before["closed_while_idle_total"]
        assert after["connections_opened_total"] > before["connections_opened_total"]
        assert len({item["process"] for item in listed(service)}) == PROCESSES
