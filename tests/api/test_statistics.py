"""The routes of the statistics: their answers, what they take, whom they let in, and what they cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.api.item_analysis import ItemAnalysis
from studentapi.api.statistics import AtRisk, ChapterStatistics, HeatMap
from studentapi.api.student_progress import Progress
from studentapi.gradebook import tokens
from tests.clients import bearer

if TYPE_CHECKING:
    from apiflask import APIFlask
    from flask.testing import FlaskClient
    from pydantic import BaseModel

    from studentapi.mysql.database import Database

STUDENT = "28400"
PROGRESS = f"/api/v1/students/{STUDENT}/progress"
CHAPTER = "/api/v1/classes/AAA-2013J/chapters/AAA-1/statistics"
HEAT_MAP = "/api/v1/classes/AAA-2013J/heatmap"
AT_RISK = "/api/v1/classes/AAA-2013J/at-risk"
ITEMS = "/api/v1/assessments/1752/item-analysis"
ROUTES: list[tuple[str, type[BaseModel], int]] = [
    (PROGRESS, Progress, 2),
    (CHAPTER, ChapterStatistics, 2),
    (HEAT_MAP, HeatMap, 3),
    (AT_RISK, AtRisk, 3),
    (ITEMS, ItemAnalysis, 2),
]


def got(client: FlaskClient, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.data)
    return found


@pytest.mark.parametrize(("path", "model", "most"), ROUTES)
def test_an_answer_is_exactly_what_the_document_says(
    client: FlaskClient, path: str, model: type[BaseModel], most: int
) -> None:
    del most
    found = got(client, path)
    assert json.loads(model.model_validate(found).model_dump_json(by_alias=True)) == found


@pytest.mark.parametrize(("path", "model", "most"), ROUTES)
def test_it_takes_few_statements_however_large_the_class(
    client: FlaskClient, path: str, model: type[BaseModel], most: int, statements: list[str]
) -> None:
    del model
    got(client, path)
    statements.clear()
    got(client, path)
    assert len(statements) == most
    statements.clear()
    got(client, path.replace("AAA-2013J", "CCC-2014J").replace("AAA-1", "CCC-1"))
    assert len(statements) == most


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for one in value.values() for number in numbers(one)]
    if isinstance(value, list):
        return [number for one in value for number in numbers(one)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("path", [PROGRESS, HEAT_MAP, AT_RISK])
def test_percents_have_at_most_four_decimals(client: FlaskClient, path: str) -> None:
    found = numbers(got(client, path))
    assert found
    assert [number for number in found if round(number, 4) != number] == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/students/nobody/progress", "student"),
        (f"{PROGRESS}?class=none", "class"),
        ("/api/v1/classes/none/chapters/AAA-1/statistics", "class"),
        ("/api/v1/classes/AAA-2013J/chapters/none/statistics", "chapter"),
        ("/api/v1/classes/AAA-2013J/chapters/BBB-1/statistics", "chapter"),  # of another course
        ("/api/v1/classes/none/heatmap", "class"),
        ("/api/v1/classes/none/at-risk", "class"),
        ("/api/v1/assessments/none/item-analysis", "assessment"),
    ],
)
def test_what_is_not_there_is_404_by_its_name(client: FlaskClient, path: str, kind: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["type"] == f"urn:studentapi:{kind}-not-found"


@pytest.mark.parametrize(
    "path",
    [
        f"{CHAPTER}?pass_percent=101",
        f"{CHAPTER}?pass_percent=nan",
        f"{CHAPTER}?pass=50",
        f"{HEAT_MAP}?limit=5",
        f"{AT_RISK}?missing=0",
        f"{AT_RISK}?late=1.5",
        f"{AT_RISK}?falling=0",
        f"{AT_RISK}?falling=inf",
        f"{AT_RISK}?low_percent=-1",
        f"{AT_RISK}?low=1",
        f"{ITEMS}?class=AAA-2013J",
        f"{PROGRESS}?class=",
        f"{PROGRESS}?chapter=AAA-1",
    ],
)
def test_a_parameter_that_is_unknown_or_out_of_bounds_is_refused(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 422


def test_thresholds_are_those_that_were_asked_for(client: FlaskClient) -> None:
    asked = {"low_percent": 33.5, "missing": 4, "late": 5, "falling": 20}
    found = got(client, f"{AT_RISK}?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    assert found["thresholds"] == asked
    assert got(client, AT_RISK)["thresholds"] == {"low_percent": 50, "missing": 2, "late": 3, "falling": 15}
    assert 0 < found["at_risk"] < got(client, AT_RISK)["at_risk"]
    assert got(client, f"{CHAPTER}?pass_percent=100")["passed"] < got(client, CHAPTER)["passed"]


def test_progress_is_narrowed_by_class(client: FlaskClient) -> None:
    (one,) = got(client, f"{PROGRESS}?class=AAA-2013J")["classes"]
    assert one["class"] == {"id": "AAA-2013J", "title": "Module AAA 2013J", "term": "2013J"}
    assert got(client, f"{PROGRESS}?class=BBB-2013J")["classes"] == []


def test_a_students_own_token_reads_its_progress_and_no_class(app: APIFlask, sample: Database) -> None:
    own = bearer(app, tokens.create(sample, student_id=STUDENT).secret)
    assert own.get(PROGRESS).status_code == 200
    assert own.get("/api/v1/students/11391/progress").status_code == 403
    assert [own.get(path).status_code for path in (CHAPTER, HEAT_MAP, AT_RISK, ITEMS)] == [403] * 4
