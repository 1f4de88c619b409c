"""A client keeps a copy: by lists, by what changed since, and by the feed of changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from studentapi.gradebook import feed, tokens
from tests.api.school import BODIES, make, make_all
from tests.clients import another, bearer

if TYPE_CHECKING:
    from apiflask import APIFlask
    from flask.testing import FlaskClient

    from studentapi.mysql.database import Database

ANY = {"If-Match": "*"}
CHANGES = "/api/v1/changes"


@pytest.fixture
def auditor(empty: APIFlask, database: Database) -> FlaskClient:
    """A client that may read the feed."""
    return bearer(empty, tokens.create(database, ("read", "admin"), label="auditor").secret)


def get(client: FlaskClient, path: str = CHANGES, **query: Any) -> dict[str, Any]:
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.get_json()
    return found


def refused(client: FlaskClient, **query: Any) -> tuple[int, str]:
    """Status, and the parameter that is named."""
    answer = client.get(CHANGES, query_string=query)
    return answer.status_code, answer.json["errors"][0]["name"]


def everything(client: FlaskClient, plural: str, **query: Any) -> list[dict[str, Any]]:
    """A whole list, page by page."""
    items, path = [], f"/api/v1/{plural}"
    while True:
        page = get(client, path, limit=7, **query)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        query["cursor"] = page["next_cursor"]


def test_who_changed_what(writer: FlaskClient, auditor: FlaskClient, database: Database) -> None:
    make(writer, "schools")
    made = make(writer, "students", "ann")
    headers = {**ANY, "X-Request-ID": "a-correction"}
    changed = writer.patch("/api/v1/students/ann", json={"name": "Anna"}, headers=headers).get_json()
    writer.delete("/api/v1/users/ann", headers=ANY)
    page = get(auditor, resource="students", resource_id="ann")
    created, updated, deleted = page["items"]
    token = next(one.id for one in tokens.all_tokens(database) if one.label == "writer")
    assert {one["token_id"] for one in page["items"]} == {token}
    assert [one["action"] for one in page["items"]] == ["create", "update", "delete"]
    assert [one["position"] for one in page["items"]] == [2, 3, 4]
    role = {"role": "student"}
    assert (created["before"], created["after"]) == (None, made | role)
    assert (updated["before"], updated["after"]) == (made | role, changed | role)
    assert (deleted["before"], deleted["after"]) == (changed | role, None)
    assert updated["request_id"] == "a-correction"
    assert abs(datetime.fromisoformat(updated["occurred_at"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert get(auditor, resource="users", resource_id="ann")["items"] == page["items"]
    assert get(auditor, resource="schools", resource_id="ann")["items"] == []


@pytest.mark.parametrize("scope", ["read", "write"])
def test_the_feed_is_for_administrators(empty: APIFlask, database: Database, scope: tokens.Scope) -> None:
    assert bearer(empty, tokens.create(database, (scope,), label="").secret).get(CHANGES).status_code == 403


def test_pages_lead_on_by_cursor_and_by_link(writer: FlaskClient, auditor: FlaskClient) -> None:
    make_all(writer)
    seen, path = [], f"{CHANGES}?limit=2"
    while True:
        answer = auditor.get(path)
        seen += [one["position"] for one in answer.json["items"]]
        target, relation = answer.headers["Link"].split("; ")
        assert relation == 'rel="next"'
        parts = urlsplit(target.strip("<>"))
        assert parse_qs(parts.query) == {"limit": ["2"], "cursor": [answer.json["next_cursor"]]}
        path = f"{parts.path}?{parts.query}"
        if len(answer.json["items"]) < 2:
            break
    assert seen == list(range(1, len(BODIES) + 1))
    make(writer, "schools", "another")
    assert [one["resource_id"] for one in auditor.get(path).json["items"]] == ["another"]


def test_from_now_begins_after_all_that_was_written(writer: FlaskClient, auditor: FlaskClient) -> None:
    make(writer, "schools", "before")
    answer = auditor.get(CHANGES, query_string={"from": "now", "limit": 5})
    assert answer.json["items"] == []
    assert "from=" not in answer.headers["Link"]
    make(writer, "schools", "after")
    page = get(auditor, cursor=answer.json["next_cursor"])
    assert [one["resource_id"] for one in page["items"]] == ["after"]


def test_what_cannot_be_asked_is_refused_by_its_name(writer: FlaskClient, auditor: FlaskClient) -> None:
    make(writer, "schools")
    cursor = get(auditor)["next_cursor"]
    of_schools = get(auditor, resource="schools")["next_cursor"]
    of_lists = get(auditor, "/api/v1/schools", limit=1)["next_cursor"] or "AAAA"
    for wrong in (of_schools, of_lists, "AAAA", cursor[:-1], "A" + cursor[1:]):
        assert refused(auditor, cursor=wrong) == (422, "cursor")
    assert refused(auditor, cursor=cursor, resource="schools") == (422, "cursor")
    assert refused(auditor, cursor=of_schools, resource="users") == (422, "cursor")
    assert refused(auditor, cursor=of_schools, resource="schools", resource_id="s1") == (422, "cursor")
    assert refused(auditor, cursor=cursor, **{"from": "now"}) == (422, "from")
    assert refused(auditor, **{"from": "then"}) == (422, "from")
    assert refused(auditor, resource_id="s1") == (422, "resource_id")
    assert refused(auditor, resource="tokens") == (422, "resource")
    assert refused(auditor, limit=501) == refused(auditor, limit=0) == (422, "limit")
    assert refused(auditor, since="yesterday") == (422, "since")


def test_a_cursor_to_what_was_pruned_is_gone(
    writer: FlaskClient, auditor: FlaskClient, database: Database
) -> None:
    make(writer, "schools")
    old, still = get(auditor, limit=1)["next_cursor"], get(auditor, resource="users")["next_cursor"]
    make(writer, "schools", "second")
    feed.prune(database, datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1))
    for query in ({"cursor": old}, {"cursor": still, "resource": "users"}):
        gone = auditor.get(CHANGES, query_string=query)
        assert (gone.status_code, gone.json["type"]) == (410, "urn:studentapi:changes-gone")
    make(writer, "schools", "third")
    assert [one["resource_id"] for one in get(auditor)["items"]] == ["third"]


def test_a_poll_with_nothing_new_costs_one_statement(
    writer: FlaskClient, auditor: FlaskClient, statements: list[str]
) -> None:
    make(writer, "schools")
    cursor = get(auditor)["next_cursor"]
    assert get(auditor, cursor=cursor)["items"] == []
    del statements[:]
    assert get(auditor, cursor=cursor)["items"] == []
    assert len(statements) == 1
    assert "EXISTS" in statements[0]


PLURALS = [plural for plural in BODIES if plural != "students"]
"""What lists the whole gradebook: students are among the users."""


def write_much(writer: FlaskClient, number: int) -> None:
    """A school whose students are made, changed and deleted."""
    client, school = another(writer), {"school_id": f"school-{number}"}
    make(client, "schools", f"school-{number}")
    for student in range(6):
        path = f"/api/v1/students/s-{number}-{student}"
        make(client, "students", f"s-{number}-{student}", **school)
        assert client.patch(path, json={"name": f"{student}"}, headers=ANY).status_code == 200
        if student % 2:
            assert client.delete(path, headers=ANY).status_code == 204


def follow(auditor: FlaskClient, written: threading.Event) -> dict[tuple[str, str], dict[str, Any]]:
    """Keep a copy as docs/sync.md says: a cursor, then lists, then the changes after the cursor."""
    client = another(auditor)
    cursor = get(client, **{"from": "now"})["next_cursor"]
    copy = {(one, row["id"]): row for one in PLURALS for row in everything(client, one)}
    while True:
        last = written.is_set()
        page = get(client, cursor=cursor, limit=5)
        for change in page["items"]:
            place = (change["resource"], change["resource_id"])
            if change["after"] is None:
                copy.pop(place, None)
            else:
                copy[place] = change["after"]
        cursor = page["next_cursor"]
        if last and len(page["items"]) < 5:
            return copy


def test_a_copy_that_follows_the_feed_is_what_the_lists_say(writer: FlaskClient, auditor: FlaskClient) -> None:
    make_all(writer)
    written = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write_much, writer, number) for number in range(4)]
        followers = [pool.submit(follow, auditor, written) for _ in range(2)]
        try:
            for one in writers:
                one.result()
        finally:
            written.set()
        copies = [one.result() for one in followers]
    there = {(plural, row["id"]): row for plural in PLURALS for row in everything(auditor, plural)}
    assert len(there) > 20
    assert copies == [there, there]


def test_a_list_of_what_was_written_since(writer: FlaskClient) -> None:
    """It begins with the moment itself, so that the last `updated_at` seen is where the next one begins."""
    first, second = make(writer, "schools", "s1"), make(writer, "schools", "s2")
    writer.patch("/api/v1/schools/s1", json={"name": "Another"}, headers=ANY)
    since = everything(writer, "schools", updated_since=second["updated_at"])
    assert [one["id"] for one in since] == ["s2", "s1"], "in the order of their last change"
    assert first["updated_at"] < second["updated_at"] < since[1]["updated_at"]
    assert [one["id"] for one in everything(writer, "schools", updated_since=since[1]["updated_at"])] == ["s1"]


def test_a_list_since_tells_of_deletions_where_asked(writer: FlaskClient) -> None:
    make(writer, "schools", "s1")
    last = make(writer, "schools", "s2")["updated_at"]
    assert writer.delete("/api/v1/schools/s1", headers=ANY).status_code == 204
    assert [one["id"] for one in everything(writer, "schools", updated_since=last)] == ["s2"]
    since = everything(writer, "schools", updated_since=last, include_deleted="true")
    assert [(one["id"], one["deleted_at"] is None) for one in since] == [("s2", True), ("s1", False)]
    assert since[1]["updated_at"] >= since[1]["deleted_at"] >= last
    writer.put("/api/v1/schools/s1", json=BODIES["schools"])
    restored = everything(writer, "schools", updated_since=since[1]["updated_at"], include_deleted="true")
    assert [(one["id"], one["deleted_at"]) for one in restored] == [("s1", None)]
