"""The statements of every route, counted at the wire: a proxy between the app and a real server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import patch

from lab.answers import data
from lab.injection.proxy import Proxy
from studentapi import schema
from studentapi.api import bearers
from studentapi.api.state import EXTENSION
from studentapi.app import create_app
from studentapi.gradebook import tokens
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from tests.clients import bearer, settings_for
from tests.cost.cases import CASES
from tests.cost.chance import Chance
from tests.cost.counts import Where
from tests.cost.school import School
from tests.cost.statements import names, round_trips
from tests.cost.wire import PREPARE, Tap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apiflask import APIFlask

    from studentapi.mysql.database import Database
    from tests.cost.counts import Work
    from tests.cost.wire import Command
    from tests.servers import Server

ROOT = Path(__file__).parents[2]
NAME = "studentapi_cost"
DAY = 86_400.0
STANDING = repeat(0.0).__next__
"""A clock that stands still, and is no more work than a real one."""
_TIMES = (
    "connect_timeout", "statement_timeout", "database_patience", "connection_max_age", "connection_idle_check",
)  # fmt: skip
WARM = {"GET": 10, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 1}
"""Requests before the one that counts: a statement that is asked often may be prepared at last."""
_END = "SELECT 'the request has ended'"


class Cost(NamedTuple):
    """What a request costs the database; `commands` as they were sent."""

    statements: list[str]
    round_trips: int
    commands: list[Command]


class Measured(NamedTuple):
    """The costs of a case: where no upkeep is due, and where it is."""

    usual: Cost
    due: Cost


def statements(server: Server) -> dict[str, Measured]:
    """What each case costs a warm thread of a warm process."""
    chance = Chance()
    with tables(server) as url, Proxy(*server.address) as proxy, patch("os.urandom", chance):
        tap = Tap()
        proxy.watch(tap)
        through = re.sub(r"@[^/]+/", f"@127.0.0.1:{proxy.port}/", url)
        with app_on(through) as (app, school):
            database: Database = app.extensions[EXTENSION].database
            return {name: _measured(name, school, database, tap, chance) for name in CASES}


@contextmanager
def tables(server: Server) -> Iterator[str]:
    """An empty gradebook; its address, without TLS."""
    server.execute(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
    try:
        schema.upgrade(server.url(NAME))
        yield _plain(server.url(NAME))
    finally:
        server.execute(f"DROP DATABASE {NAME}")


@contextmanager
def app_on(
    url: str, *, log_level: str = "warning", clock: Callable[[], float] = STANDING
) -> Iterator[tuple[APIFlask, School]]:
    """The app with its defaults and a small school in it, so warm that no clock has a say in what it asks.

    `clock` is that of its memory of tokens, in seconds: it stands still unless another is given.
    """
    settings = settings_for(url).model_copy(update={"log_level": log_level, **dict.fromkeys(_TIMES, DAY)})
    with patch.object(bearers, "monotonic", clock):
        app = create_app(settings)
        app.testing = True  # what goes wrong is raised
        database: Database = app.extensions[EXTENSION].database
        try:
            secret = tokens.create(database, ("read", "write", "admin"), label="cost").secret
            yield app, School(bearer(app, secret))
        finally:
            database.close()


def _measured(name: str, school: School, database: Database, tap: Tap, chance: Chance) -> Measured:
    usual = _cost(name, school, database, tap)
    chance.due = True
    due = _ask(name, school, database, tap)
    chance.due = False
    return Measured(usual, due)


def _cost(name: str, school: School, database: Database, tap: Tap) -> Cost:
    """What it costs once all is prepared that will be."""
    method = name.partition(" ")[0]
    for _ in range(WARM[method]):
        _ask(name, school, database, tap)
    for _ in range(WARM["GET"]):
        cost = _ask(name, school, database, tap)
        if not any(command.kind == PREPARE for command in cost.commands):
            break
    return cost


def _ask(name: str, school: School, database: Database, tap: Tap) -> Cost:
    request = CASES[name](school)
    tap.commands.clear()
    school.done(name.partition(" ")[0], request)
    with database.transaction() as transaction:  # so that whatever had no answer has passed, too
        transaction.read(_END)
    begin = [command.text for command in tap.commands].index(_END) - 1
    commands = tap.commands[:begin]
    return Cost(names(commands), round_trips(commands), commands)


def work(server: Server, python: str = sys.executable) -> Work:
    """What `tests.cost.work` counts in a process of its own: the least of each count."""
    cities = f"{NAME}_city"
    connection = open_connection(Address.parse(server.admin_url))
    data.load(connection, cities)
    connection.close()
    with tables(server) as url:
        counting = [python, "-E", "-m", "tests.cost.work", url, _plain(server.url(cities))]
        found = json.loads(subprocess.run(counting, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    server.execute(f"DROP DATABASE {cities}")
    least = {
        request: {name: min(several) for name, several in counts.items()}
        for request, counts in found["counts"].items()
    }
    return {Where(found["python"], "MariaDB" if server.is_mariadb else "MySQL"): least}


def _plain(url: str) -> str:
    """The address without TLS, whose bytes would tell nothing."""
    return url.partition("?")[0] + "?ssl_mode=disabled"
