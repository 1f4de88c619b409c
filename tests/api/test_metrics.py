"""Figures of requests: exact over all workers, and no more of them than there are routes."""

from __future__ import annotations

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from studentapi.api.latency import NO_ROUTE, SECONDS, STATEMENTS, Latency
from tests.api.observed import RULE, STUDENT, Observed
from tests.processes import eventually
from tests.service import PROCESSES, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.mysql.database import Database
    from tests.service import Service

DOCUMENT = Path(__file__).parents[2] / "docs/operations.md"

Figures = dict[tuple[str, ...], float]
"""By name and the labels' values, sorted by the labels' names: `le`, method, route, status."""


@pytest.fixture
def observed(database: Database, migrated_url: str) -> Iterator[Observed]:
    observed = Observed(database, migrated_url)
    yield observed
    observed.close()


def figures(text: str) -> Figures:
    return {
        (
            sample.name.removeprefix("studentapi_"),
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def seen(observed: Observed) -> Figures:
    return figures(observed.ask("/metrics").text)


def of_service(service: Service) -> Figures:
    return figures(service.get("/metrics")[1].decode())


def test_a_request_is_counted_with_its_time_and_its_statements(observed: Observed, statements: list[str]) -> None:
    observed.ask()
    observed.ask()
    shown = seen(observed)
    lines = observed.lines()[:2]
    assert shown["request_seconds_count", "GET", RULE, "2xx"] == 2
    seconds = sum(line["duration_ms"] for line in lines) / 1000
    assert shown["request_seconds_sum", "GET", RULE, "2xx"] == pytest.approx(seconds, abs=2e-6)
    assert shown["request_statements_count", "GET", RULE] == 2
    assert shown["request_statements_sum", "GET", RULE] == len(statements)
    waited = sum(line["database_ms"] for line in lines) / 1000
    assert shown["request_database_seconds_total", "GET", RULE] == pytest.approx(waited, abs=2e-6)


def test_each_class_of_status_is_apart(observed: Observed) -> None:
    for path in (STUDENT, "/api/v1/students/nobody", "/api/v1/students/nobody-else"):
        observed.ask(path)
    shown = seen(observed)
    assert shown["request_seconds_count", "GET", RULE, "2xx"] == 1
    assert shown["request_seconds_count", "GET", RULE, "4xx"] == 2
    assert ("request_seconds_count", "GET", RULE, "5xx") not in shown
    assert shown["request_statements_count", "GET", RULE] == 3


def test_buckets_hold_what_is_at_most_their_bound() -> None:
    latency = Latency([("GET", RULE)], 1)
    for seconds in (0.0, *SECONDS, 11.0):
        latency.began()
        latency.ended("GET", RULE, 200, seconds=seconds, statements=0, database_seconds=0.0)
    for number in (*STATEMENTS, 101):
        latency.began()
        latency.ended("GET", RULE, 500, seconds=1.0, statements=number, database_seconds=0.0)
    families = {family.name: family for family in latency.collect()}
    timed = [
        (sample.labels["le"], sample.value)
        for sample in families["studentapi_request_seconds"].samples
        if sample.name.endswith("_bucket") and sample.labels["status"] == "2xx"
    ]
    # 0 is in the first one, too
    assert timed == [(str(bound), 2.0 + place) for place, bound in enumerate((*SECONDS, "+Inf"))]
    counted = [
        sample.value
        for sample in families["studentapi_request_statements"].samples
        if sample.name.endswith("_bucket")
    ]
    assert [number - counted[0] for number in counted] == list(range(len(STATEMENTS) + 1))


def test_what_clients_make_up_makes_no_series(observed: Observed) -> None:
    observed.ask("/no/such/route")
    observed.ask("/metrics")
    before = set(seen(observed))
    for number in range(50):
        observed.ask(f"/no/such/route/{number}")
        observed.ask(f"/api/v1/nothing-{number}/1")
    assert set(seen(observed)) == before
    for number in range(50):
        observed.ask(STUDENT, method=f"MADEUP{number}")
    after = seen(observed)
    assert {key[-3:] for key in set(after) - before if key[0] == "request_seconds_count"} == {
        ("other", NO_ROUTE, "4xx")
    }
    assert after["request_seconds_count", "other", NO_ROUTE, "4xx"] == 50
    assert after["request_seconds_count", "GET", NO_ROUTE, "4xx"] == 101


def test_requests_in_flight_go_up_and_down(observed: Observed) -> None:
    assert seen(observed)["requests_in_flight",] == 1
    held = [observed.client.get(STUDENT) for _ in range(3)]
    assert seen(observed)["requests_in_flight",] == 4
    for answer in held:
        answer.close()
        answer.close()
    assert seen(observed)["requests_in_flight",] == 1


def test_sums_are_exact_over_two_processes(sample: Database, sample_url: str, tmp_path: Path) -> None:
    del sample
    route = "/api/v1/students/<public_id:student_id>/chapters/<public_id:chapter_id>/assessment-data"
    with running(sample_url, tmp_path) as service, ThreadPoolExecutor(16) as pool:
        for path, status, number in (("/nothing/1", 404, 300), (None, 200, 300)):
            answers = pool.map(lambda path: service.get(*filter(None, [path])), [path] * number)
            assert {code for code, _ in answers} == {status}
        # an answer is counted when it has been sent
        eventually(lambda: of_service(service)["requests_in_flight",] == 1)
        shown = of_service(service)
        assert shown["request_seconds_count", "GET", NO_ROUTE, "4xx"] == 300
        assert shown["request_seconds_count", "GET", route, "2xx"] == 300
        assert shown["request_seconds_bucket", "+Inf", "GET", route, "2xx"] == 300
        summed = sum(value for key, value in shown.items() if key[0] == "request_statements_sum")
        assert summed > 300
        # a line is written a moment after its answer
        eventually(lambda: _told(service) == summed)
        workers = _workers(service)
        assert len(workers) == PROCESSES
        # the same, whichever worker answers, and after one of them is gone with all of its threads
        for _ in range(20):
            assert of_service(service)["request_seconds_count", "GET", route, "2xx"] == 300
        os.kill(min(workers), signal.SIGKILL)
        eventually(lambda: min(workers) not in _workers(service))
        assert of_service(service)["request_seconds_count", "GET", route, "2xx"] == 300
        eventually(lambda: of_service(service)["requests_in_flight",] == 1)


def _told(service: Service) -> int:
    """The sum of all requests' statements, as their lines have it."""
    lines = [line for line in service.log.read_text().splitlines() if '"event":"request"' in line]
    return sum(int(found[1]) for line in lines if (found := re.search(r'"statements":(\d+)', line)))


def _workers(service: Service) -> set[int]:
    text = service.get("/api/v1/connections")[1].decode()
    return {int(number) for number in re.findall(r'"process":(\d+)', text)}


def test_every_metric_stands_in_the_document_with_its_labels(observed: Observed) -> None:
    observed.ask()
    shown = {}
    for family in text_string_to_metric_families(observed.ask("/metrics").text):
        if family.name.startswith("studentapi_") and not family.name.startswith("studentapi_database_"):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            shown[name] = (family.type, ", ".join(sorted(labels)) or "–", family.documentation)
    lines = DOCUMENT.read_text().split("\n| metric |")[1].splitlines()[2:]
    documented = {}
    for line in lines:
        if not line.startswith("|"):
            break
        name, *said = (cell.strip().strip("`") for cell in line.strip("|").split(" | "))
        documented[name] = tuple(said)
    assert documented == shown


def test_every_field_of_a_line_stands_in_the_document(observed: Observed) -> None:
    observed.ask()
    rows = DOCUMENT.read_text().split("\n| field |")[1].split("\n\n")[0]
    documented = {
        name for cell in re.findall(r"^\| (.*?) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }
    assert documented == set(observed.lines()[0])
