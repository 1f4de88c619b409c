"""ETag, If-None-Match, If-Match."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.api.school import BODIES, make, make_all
from tests.clients import another

if TYPE_CHECKING:
    from flask.testing import FlaskClient

PATH = "/api/v1/schools/schools-1"


@pytest.mark.parametrize("plural", BODIES)
def test_what_the_client_has_already_is_not_sent_again(writer: FlaskClient, plural: str) -> None:
    make_all(writer, plural)
    first = writer.get(f"/api/v1/{plural}/{plural}-1")
    tag = first.headers["ETag"]
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = writer.get(f"/api/v1/{plural}/{plural}-1", headers={"If-None-Match": header})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    for header, status in ((tag, 200), ("*", 200), (f'"other", {tag}', 200), ('"other"', 412), (f"W/{tag}", 412)):
        again = writer.get(f"/api/v1/{plural}/{plural}-1", headers={"If-Match": header})
        assert again.status_code == status, header
    other = writer.get(f"/api/v1/{plural}/{plural}-1", headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.json) == (200, first.json)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_write_needs_the_tag_of_what_it_changes(writer: FlaskClient, method: str) -> None:
    make(writer, "schools")
    body = None if method == "DELETE" else {"name": "Another"}
    tag = writer.get(PATH).headers["ETag"]
    assert writer.open(PATH, method=method, json=body).status_code == 428
    for wrong in ('"other"', f"W/{tag}", tag[:-1] + 'x"'):
        assert writer.open(PATH, method=method, json=body, headers={"If-Match": wrong}).status_code == 412
    assert writer.get(PATH).headers["ETag"] == tag
    assert writer.open(PATH, method=method, json=body, headers={"If-Match": f'"x", {tag}'}).status_code in (
        200,
        204,
    )
    assert writer.open(PATH, method=method, json=body, headers={"If-Match": tag}).status_code in (404, 412)


def test_put_may_be_told_to_make_one_only_or_to_replace_one_only(writer: FlaskClient) -> None:
    assert writer.put(PATH, json={"name": "One"}, headers={"If-Match": "*"}).status_code == 412
    assert writer.put(PATH, json={"name": "One"}, headers={"If-None-Match": "*"}).status_code == 201
    assert writer.put(PATH, json={"name": "Two"}, headers={"If-None-Match": "*"}).status_code == 412
    assert writer.get(PATH).json["name"] == "One"


def test_of_many_that_would_make_one_one_does(writer: FlaskClient) -> None:
    def make_one(number: int) -> int:
        condition = {"If-None-Match": "*"} if number % 2 else {}
        answer = another(writer).put(PATH, json={"name": f"Name {number}"}, headers=condition)
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(make_one, range(8)))
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {412, 428}


def test_of_two_that_saw_the_same_one_writes(writer: FlaskClient) -> None:
    make(writer, "schools")
    tag = writer.get(PATH).headers["ETag"]

    def write(number: int) -> int:
        return another(writer).patch(PATH, json={"name": f"Name {number}"}, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(write, range(8)))
    assert statuses == [200] + [412] * 7
