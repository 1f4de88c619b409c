"""What each route asks of the database, counted at the wire, is what docs/cost.md says: no statement more."""

from __future__ import annotations

import difflib
import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from studentapi.app import create_app
from tests.clients import settings_for
from tests.cost.cases import CASES, rule_of
from tests.cost.page import PAGE, written
from tests.cost.statements import texts

if TYPE_CHECKING:
    from tests.cost.measuring import Cost
    from tests.cost.page import Page, Row

ASSESSMENT_DATA = [name for name in CASES if re.search("assessment-data|at-data", name)]
READING = [name for name in CASES if name.startswith("GET") or name in ASSESSMENT_DATA]
WRITE = "if that is meant: python -m tests.cost --write"
ASKING = "GET /readyz"
"""The one route whose business is to ask the server for a sign of life."""
WITHOUT = {
    f"GET {path}"
    for path in ("/livez", "/metrics", "/api/v1/connections", "/openapi.json", "/docs", "/docs/{name}")
}
"""Routes that answer while the database is away."""


def difference(row: Row, cost: Cost) -> str:
    """What is new, and what is gone."""
    lines = [line for line in difflib.ndiff(row.statements, cost.statements) if line[0] in " +-"]
    new = dict.fromkeys(line[2:] for line in lines if line.startswith("+"))
    shown = [text for name in new for text in texts(cost.commands, name)]
    counts = f"{len(cost.statements)} statements, {cost.round_trips} round trips"
    page = f"docs/cost.md says {len(row.statements)} and {row.round_trips}:"
    return "\n".join([f"{counts}; {page}", *lines, *(f"sent: {text[:1000]}" for text in shown), WRITE])


@pytest.mark.parametrize("name", CASES)
def test_a_request_costs_what_the_page_says(name: str, costs: dict[str, Cost], page: Page) -> None:
    assert name in page.rows, WRITE
    row, cost = page.rows[name], costs[name]
    assert (cost.statements, cost.round_trips) == row, difference(row, cost)


def test_every_route_has_a_typical_request() -> None:
    app = create_app(settings_for("mysql://u:p@127.0.0.1:1/d"))
    path = partial(re.compile(r"<(?:\w+:)?(\w+)>").sub, r"{\1}")
    routes = {
        f"{method} {path(rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {rule_of(name) for name in CASES} == routes, "tests/cost/cases.py has one for each"


def test_the_page_has_these_requests_and_no_others(page: Page) -> None:
    assert list(page.rows) == list(CASES), WRITE


def test_the_page_is_as_the_command_writes_it(page: Page) -> None:
    assert PAGE.read_text() == written(page), WRITE


@pytest.mark.parametrize("name", READING)
def test_a_read_is_its_select_alone(name: str, costs: dict[str, Cost]) -> None:
    """No ping, no transaction, no lock, no look for the token: each round trip brings what was asked for."""
    cost = costs[name]
    if name == ASKING:
        assert (cost.statements, cost.round_trips) == (["PING"], 1)
        return
    assert bool(cost.statements) is (name not in WITHOUT)
    for statement in cost.statements:
        assert re.match(r"SELECT [(a-z]", statement), statement
        assert not re.search(r"FOR (UPDATE|SHARE)|\btokens\b", statement), statement
    assert cost.round_trips == len(cost.statements)


@pytest.mark.parametrize("name", ASSESSMENT_DATA)
def test_assessment_data_is_one_statement(name: str, costs: dict[str, Cost]) -> None:
    assert len(costs[name].statements) == costs[name].round_trips == 1


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_who_runs_the_service_is_answered_without_the_database(name: str, costs: dict[str, Cost]) -> None:
    assert costs[name].statements == []


@pytest.mark.parametrize("name", [name for name in CASES if name not in READING])
def test_a_write_is_one_transaction(name: str, costs: dict[str, Cost]) -> None:
    """And pays for nothing else: no ping, no connect, no look for the token."""
    sent = costs[name].statements
    assert (sent[0], sent[-1]) == ("BEGIN", "COMMIT")
    assert not {"BEGIN", "COMMIT", "ROLLBACK"} & set(sent[1:-1])
    assert all(re.match(r"(SELECT|INSERT|UPDATE|DELETE)\b", statement) for statement in sent[1:-1])
    assert not any(re.match(r"SELECT.*\btokens\b", statement) for statement in sent)
