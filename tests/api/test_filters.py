"""Lists by filter, order and fields; their cursors."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from studentapi.api.lists import sorting
from studentapi.gradebook import people, registry
from tests.api.school import make, make_all

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.servers import Server

NAMES = ["Ann", "ann b", "Anna", "Bob", "B%b", "B_b", "Zoë", "|", "Ann"]
RESOURCES = [*registry.RESOURCES, people.students]


@pytest.fixture
def students(writer: FlaskClient) -> FlaskClient:
    """A school with students of `NAMES`, by the ids s0, s1 …"""
    make(writer, "schools")
    for number, name in enumerate(NAMES):
        make(writer, "students", f"s{number}", name=name)
    return writer


def ids(client: FlaskClient, query: str, plural: str = "students") -> list[str]:
    answer = client.get(f"/api/v1/{plural}?{query}")
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=Bob", ["s3"]),
        ("name=ann", ["s0", "s8"]),  # names are compared as people do
        ("name.ne=Ann&name.prefix=ann", ["s1", "s2"]),
        ("name.prefix=B", ["s3", "s4", "s5"]),
        ("name.prefix=B%25", ["s4"]),
        ("name.prefix=B_", ["s5"]),
        ("name.prefix=|", ["s7"]),
        ("name.prefix=", [f"s{number}" for number in range(9)]),
        ("name.in=Bob,Anna,nobody", ["s2", "s3"]),
        ("name.gt=Anna&name.lt=Bz", ["s3", "s4", "s5"]),
        ("school_id=schools-1&name=Bob", ["s3"]),
        ("school_id=no-such", []),
        ("school_id.ne=no-such&name=Bob", ["s3"]),
        ("school_id.in=no-such,schools-1&name=Bob", ["s3"]),
        ("school_id.ne=schools-1", []),
    ],
)
def test_a_filter_gives_what_it_says(students: FlaskClient, query: str, expected: list[str]) -> None:
    assert ids(students, query) == expected
    assert ids(students, f"{query}&role=student", "users") == expected


def test_filters_of_every_type(writer: FlaskClient) -> None:
    make_all(writer)
    make(
        writer,
        "assessments",
        "assessments-2",
        due_at=None,
        points_max=20.5,
        counted="mean",
        attempts_allowed=None,
    )
    for query, expected in {
        "due_at=2026-10-01T14:00:00%2B02:00": ["assessments-1"],
        "due_at.gt=2026-10-01T12:00:00Z": [],
        "due_at.lt=2026-10-01T12:00:00.000001Z": ["assessments-1"],
        "points_max.gt=20": ["assessments-2"],
        "points_max=20.5": ["assessments-2"],
        "points_max.in=10,20.5": ["assessments-1", "assessments-2"],
        "counted=mean": ["assessments-2"],
        "counted.in=mean,best": ["assessments-1", "assessments-2"],
        "counted.ne=mean": ["assessments-1"],
        "attempts_allowed=2": ["assessments-1"],
    }.items():
        assert ids(writer, query, "assessments") == expected, query
    assert ids(writer, "starts_on.gt=2026-08-31&starts_on.lt=2026-09-02", "classes") == ["classes-1"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.plural)
def test_pages_in_every_order_hold_everything_once(
    writer: FlaskClient, resource: Any, *, descending: bool
) -> None:
    make_all(writer)
    if resource.plural in ("students", "users"):
        for number, name in enumerate(NAMES):
            make(writer, "students", f"s{number}", name=name)
    elif resource.plural == "assessments":
        for number in range(6):
            due = None if number % 2 else f"2026-10-0{number % 3 + 1}T00:00:00.5Z"
            make(writer, "assessments", f"a{number}", due_at=due, title=f"T{number % 3}")
    elif resource.plural == "classes":
        for number in range(6):
            make(writer, "classes", f"c{number}", starts_on=None if number % 2 else f"2026-10-0{number + 1}")
    everything = sorted(ids(writer, "", resource.plural))
    for sort in sorting(resource):
        url: str | None = f"/api/v1/{resource.plural}?limit=2&sort={'-' if descending else ''}{sort}"
        seen: list[dict[str, Any]] = []
        while url is not None:
            answer = writer.get(url)
            assert answer.status_code == 200
            seen += answer.json["items"]
            link = answer.headers.get("Link")
            url = None if link is None else link[1 : link.index(">")]
            assert len(seen) <= len(everything)
        assert sorted(one["id"] for one in seen) == everything, sort
        values = [one[sort] for one in (reversed(seen) if descending else seen)]
        filled = [value.lower() if isinstance(value, str) else value for value in values if value is not None]
        assert values[: len(values) - len(filled)] == [None] * (len(values) - len(filled)), "NULL comes first"
        if sort != "name":  # whose order is the database's
            assert filled == sorted(filled), sort


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.plural)
def test_what_lists_are_sorted_and_narrowed_by_has_an_index(
    server: Server, migrated_url: str, resource: Any
) -> None:
    del migrated_url
    rows = server.execute(
        "SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics"
        f" WHERE table_schema = 'studentapi_test' AND table_name = '{resource.table}' GROUP BY index_name"
    )
    there = {str(name): str(columns) for name, columns in rows}
    for name in [*sorting(resource)[1:], *(one.name for one in resource.references)]:
        assert there[f"{resource.table}_list_{name}"] == f"{name},public_id"


def test_a_page_of_large_rows_is_shorter_and_leads_on(writer: FlaskClient) -> None:
    make_all(writer, "assessments")
    for number in range(120):
        make(writer, "items", f"i{number:03}", prompt="€" * 16_000)
    seen, pages = [], 0
    url: str | None = "/api/v1/items?limit=500"
    while url is not None:
        answer = writer.get(url)
        assert len(answer.data) < 6_000_000
        seen += [item["id"] for item in answer.json["items"]]
        pages += 1
        link = answer.headers.get("Link")
        url = None if link is None else link[1 : link.index(">")]
    assert seen == [f"i{number:03}" for number in range(120)]
    assert pages > 1


def test_fields_leave_out_the_others(students: FlaskClient) -> None:
    items = students.get("/api/v1/students?fields=name,updated_at&limit=2").json["items"]
    assert [list(item) for item in items] == [["name", "updated_at"]] * 2
    assert students.get("/api/v1/students?fields=id&limit=1").json["items"] == [{"id": "s0"}]
    page = students.get("/api/v1/students?fields=school_id&sort=-name&limit=1")
    assert page.json["items"] == [{"school_id": "schools-1"}]
    assert page.json["next_cursor"] is not None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("shoe_size=1", "shoe_size"),
        ("name.like=a", "name.like"),
        ("name__eq=a", "name__eq"),
        ("name.eq=a", "name.eq"),
        ("sort=shoe_size", "sort"),
        ("sort=--name", "sort"),
        ("sort=name,id", "sort"),
        ("sort=", "sort"),
        ("fields=", "fields"),
        ("fields=name,shoe_size", "fields"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=2026-01-01", "updated_since"),
        ("updated_since=2026-01-01T00:00:00", "updated_since"),
        ("include_deleted=perhaps", "include_deleted"),
        ("school_id=" + "x" * 65, "school_id"),
        ("school_id.in=a,,b", "school_id.in"),
        ("name.in=" + "a," * 101, "name.in"),
        ("role=student", "role"),
    ],
)
def test_what_a_list_does_not_know_is_refused_by_its_name(students: FlaskClient, query: str, name: str) -> None:
    answer = students.get(f"/api/v1/students?{query}")
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json["errors"]] == [name]


def test_a_cursor_holds_for_its_own_list_alone(students: FlaskClient) -> None:
    cursor = students.get("/api/v1/students?limit=2").json["next_cursor"]
    assert students.get(f"/api/v1/students?limit=3&cursor={cursor}&fields=name").status_code == 200
    for other in ("students?sort=name&", "students?name=Ann&", "students?include_deleted=true&", "users?"):
        answer = students.get(f"/api/v1/{other}cursor={cursor}")
        assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, "cursor"), other


def test_a_cursor_that_was_changed_anywhere_is_refused(students: FlaskClient) -> None:
    cursor = students.get("/api/v1/students?limit=2").json["next_cursor"]
    choices = random.Random(1)
    for place in range(len(cursor) - 1):
        changed = cursor[:place] + choices.choice("AQgw".replace(cursor[place], "")) + cursor[place + 1 :]
        assert students.get(f"/api/v1/students?cursor={changed}").status_code == 422, place
