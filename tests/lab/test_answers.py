"""Each answer of the lab gives what it should while nothing is wrong: else its failures would prove nothing."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from lab.answers import ANSWERS, Answer, data
from lab.answers.configuration import URL
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from tests.servers import Server

NAME = "lab_answers"


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    """A database with the answers' tables."""
    connection = open_connection(Address.parse(server.admin_url))
    data.load(connection, NAME)
    connection.close()
    yield server.url(NAME)
    server.execute(f"DROP DATABASE {NAME}")


@pytest.fixture(params=ANSWERS, ids=lambda answer: answer.name)
def client(request: pytest.FixtureRequest, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The answer's app, in this process, made anew."""
    answer: Answer = request.param
    name = answer.application.partition(":")[0]
    monkeypatch.setenv(URL, url)
    sys.modules.pop(name, None)
    yield importlib.import_module(name).application.test_client()
    sys.modules.pop(name, None)


def recorded(server: Server) -> dict[object, object]:
    rows = server.execute(f"SELECT request_key, COUNT(*) FROM {NAME}.record GROUP BY request_key")
    return {key: rows_with_it for key, rows_with_it in rows}  # noqa: C416 - mypy knows no length of a row


def test_of_two_londons_it_is_the_first(client: FlaskClient) -> None:
    answer = client.get("/?city=london")
    assert (answer.status_code, answer.text) == (200, 'City "london" is #312')


def test_an_unknown_city_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/?city=Atlantis")
    assert (answer.status_code, answer.text) == (404, 'City "Atlantis" not found')


def test_a_city_may_have_quotes_and_any_letters(client: FlaskClient) -> None:
    assert client.get("/", query_string={"city": "A Coruña (La Coruña)"}).status_code == 200
    assert client.get("/", query_string={"city": "' OR 1 = 1 -- %s"}).status_code == 404


def test_a_post_records_one_row_that_others_see(client: FlaskClient, server: Server) -> None:
    server.execute(f"TRUNCATE TABLE {NAME}.record")
    assert client.post("/", data={"key": "a"}).status_code == 201
    assert client.post("/", data={"key": "b"}).status_code == 201
    assert recorded(server) == {"a": 1, "b": 1}


def test_the_table_takes_doubles_for_them_to_show(client: FlaskClient, server: Server) -> None:
    server.execute(f"TRUNCATE TABLE {NAME}.record")
    assert [client.post("/", data={"key": "twice"}).status_code for _ in range(2)] == [201, 201]
    assert recorded(server) == {"twice": 2}


def test_all_answers_are_served_by_as_many_threads() -> None:
    assert {answer.processes * answer.threads for answer in ANSWERS} == {4}


def test_the_cities_are_sakila_s() -> None:
    cities = data.cities()
    assert len(cities) == 600
    assert [row[0] for row in cities if row[1] == "London"] == ["312", "313"]
