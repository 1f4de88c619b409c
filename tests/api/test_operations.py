"""What operators see: metrics and connections."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from studentapi.api.state import EXTENSION
from studentapi.gradebook import tokens
from studentapi.mysql.observation import COUNTERS, GAUGES
from tests.clients import bearer

if TYPE_CHECKING:
    from apiflask import APIFlask
    from flask.testing import FlaskClient

    from studentapi.mysql.database import Database
    from tests.servers import Server


@pytest.fixture
def admin(app: APIFlask, sample: Database) -> FlaskClient:
    return bearer(app, tokens.create(sample, ("admin",), label="admin").secret)


def figures(client: FlaskClient) -> dict[str, float]:
    """Every sample of /metrics, without its labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        sample.name.removeprefix("studentapi_database_"): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def listed(client: FlaskClient) -> list[dict[str, Any]]:
    """The items of /api/v1/connections."""
    items: list[dict[str, Any]] = json.loads(client.get("/api/v1/connections").text)["items"]
    return items


def test_every_counter_and_gauge_is_a_metric(client: FlaskClient) -> None:
    shown = figures(client)
    assert {f"{name}_total" for name in COUNTERS} | set(GAUGES) <= set(shown)


def test_metrics_count_what_befell_a_connection(app: APIFlask, client: FlaskClient, server: Server) -> None:
    database = app.extensions[EXTENSION].database
    number = database.read("SELECT CONNECTION_ID()")[0][0]
    before = figures(client)
    server.execute(f"KILL {number}")
    assert database.read("SELECT 1") == ((1,),)
    after = figures(client)
    # which of the two it is depends on whether the server's goodbye was here before the statement was sent
    kinds = ("closed_while_idle_total", "lost_in_statement_total")
    assert sum(after[kind] - before[kind] for kind in kinds) == 1
    assert after["connections_opened_total"] == before["connections_opened_total"] + 1
    assert after["connections"] == before["connections"]


def test_metrics_and_connections_need_no_database(app: APIFlask, client: FlaskClient) -> None:
    app.extensions[EXTENSION].database.close()
    assert client.get("/metrics").status_code == 200


def test_every_connection_is_listed_with_what_befell_it(
    app: APIFlask, admin: FlaskClient, server: Server
) -> None:
    database = app.extensions[EXTENSION].database
    number = database.read("SELECT CONNECTION_ID()")[0][0]
    over = threading.Event()
    opened = threading.Event()

    def other() -> None:
        database.read("SELECT 1")
        opened.set()
        over.wait(30)

    thread = threading.Thread(target=other, name="another thread")
    thread.start()
    try:
        assert opened.wait(30)
        items = {item["thread"]: item for item in listed(admin)}
    finally:
        over.set()
        thread.join()
    assert set(items) == {"MainThread", "another thread"}
    mine = items["MainThread"]
    assert mine["connection_id"] == number
    assert mine["writable"] is True
    assert mine["uses"] > 0
    assert mine["reconnects"] == 0
    assert mine["last_error"] is None
    assert mine["server"] in server.admin_url
    server.execute(f"KILL {number}")
    assert database.read("SELECT 1") == ((1,),)
    (mine,) = listed(admin)
    assert mine["reconnects"] == 1
    assert mine["connection_id"] != number
    assert "2013" in mine["last_error"] or "2006" in mine["last_error"] or "4031" in mine["last_error"]


def test_connections_are_for_administrators_alone(client: FlaskClient) -> None:
    assert client.get("/api/v1/connections").status_code == 403
