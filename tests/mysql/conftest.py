import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from studentapi.mysql.address import Address
from studentapi.mysql.database import Database
from tests.mysql.listeners import Relay, listener
from tests.servers import Server


@pytest.fixture
def reopened(migrated_url: str) -> Iterator[Callable[..., Database]]:
    """Further Database objects on the same tables, closed after the test."""
    made: list[Database] = []

    def make(url: str | Address = migrated_url, **options: Any) -> Database:
        made.append(Database(url, **options))
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def relay(server: Server) -> Relay:
    """A way to the server that can be made to forget its flows."""
    return Relay(Address.parse(server.admin_url).hosts[0][1])


@pytest.fixture
def relayed(relay: Relay, migrated_url: str) -> Iterator[Address]:
    """The address of the gradebook by way of `relay`."""
    with listener(relay) as port:
        yield dataclasses.replace(Address.parse(migrated_url), hosts=(("127.0.0.1", port),))
