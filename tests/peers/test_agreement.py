"""The peers do studentapi's work: they answer, member by member, what it answers.

mysqlclient and Go need more than `make setup` installs; `make bench` compares them before it measures.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.bench.service import Running
from lab.peers import PEERS, Peer, data, peer
from lab.peers.agreement import compare
from lab.peers.asking import Disagreement, differences
from studentapi import schema
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.peers import Route
    from lab.peers.data import Dataset
    from tests.servers import Server

NAME = "lab_peers"
INSTALLED = [
    one for one in PEERS if not one.module and one.server != "go" and one.routes != {"city"} and not one.kept
]
WHOLE = ("schools", "courses", "chapters", "classes", "assessments")
BY_STUDENT = {"users": "id", "enrollments": "user_id", "attempts": "student_id", "results": "student_id"}


@pytest.fixture(scope="module")
def dataset(server: Server, sample_url: str) -> Iterator[Dataset]:
    """Every tenth student of the sample, and the class of the bench."""
    sample = sample_url.partition("?")[0].rpartition("/")[2]
    server.execute(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
    url = server.url(NAME)
    schema.upgrade(url)
    server.execute(
        "SET foreign_key_checks = 0",
        *(f"INSERT INTO {NAME}.{table} SELECT * FROM {sample}.{table}" for table in WHOLE),
        *(
            f"INSERT INTO {NAME}.{table} SELECT * FROM {sample}.{table} WHERE {column} % 10 = 0"
            for table, column in BY_STUDENT.items()
        ),
    )
    connection = open_connection(Address.parse(url))
    data.add_cities(connection)
    data.add_token(connection)
    data.add_class(connection)
    data.add_other_tokens(connection)
    yield data.dataset(connection, url.partition("?")[0])
    connection.close()
    server.execute(f"DROP DATABASE {NAME}")


@contextmanager
def running(one: Peer, dataset: Dataset, directory: Path) -> Iterator[str]:
    """A peer that serves, until the end of the block; its address."""
    service = Running(one, dataset.url, free_port(), 1, 2, directory / f"{one.name}.log")
    try:
        service.await_answer()
        yield service.url
    finally:
        service.end()


@pytest.fixture(scope="module")
def service_url(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(peer("service"), dataset, tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.mark.parametrize("one", INSTALLED, ids=lambda one: one.name)
def test_a_peer_answers_what_studentapi_answers(
    one: Peer, dataset: Dataset, service_url: str, tmp_path: Path
) -> None:
    with running(one, dataset, tmp_path) as url:
        compare(one, url, service_url, dataset)


def test_who_answers_something_else_is_found_out(dataset: Dataset, service_url: str) -> None:
    without_city = replace(peer("service"), routes=frozenset({"city"}))
    with pytest.raises(Disagreement, match="city"):
        compare(without_city, service_url, service_url, dataset)


def test_who_knows_no_token_is_found_out(dataset: Dataset, service_url: str) -> None:
    with pytest.raises(Disagreement, match="401"):
        compare(peer("service"), service_url, service_url, replace(dataset, token="studentapi_"))


@pytest.mark.parametrize(
    ("wrong", "route", "found"),
    [
        ("without_results", "recording", "None of"),
        ("keeping_the_first", "recording", "0.0001 of"),
        ("takes_expired", "recording", "'expired' is 201 for 401"),
        ("takes_revoked", "statistics", "'revoked' is 200 for 401"),
        ("writes_for_readers", "recording", "'read' is 201 for 403"),
        ("reads_for_writers", "list", "'write' is 200 for 403"),
        ("reads_for_students", "assessment-data", "'bound' is 200 for 403"),
    ],
)
def test_who_does_less_is_found_out(
    wrong: str, route: Route, found: str, *, dataset: Dataset, service_url: str, tmp_path: Path
) -> None:
    one = replace(peer("orm"), application=f"tests.peers.wrong:{wrong}", routes=frozenset({route}))
    with running(one, dataset, tmp_path) as url, pytest.raises(Disagreement, match=found):
        compare(one, url, service_url, dataset)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({}, {"a": None}),
        ({"a": None}, {"a": 0}),
        ({"a": True}, {"a": 1}),
        ({"a": 0}, {"a": False}),
        ({"a": "1"}, {"a": 1}),
        ([1, 2], [1]),
        ([1, 2], [2, 1]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1.0001}]}),
        ([], {}),
    ],
)
def test_bodies_differ(theirs: object, ours: object) -> None:
    assert list(differences(theirs, ours))


def test_numbers_are_compared_by_value_and_members_in_any_order() -> None:
    assert not list(differences({"a": [78.0, True], "b": None}, {"b": None, "a": [78, True]}))


def test_everyone_has_a_name_of_their_own() -> None:
    assert len({one.name for one in PEERS}) == len(PEERS)
