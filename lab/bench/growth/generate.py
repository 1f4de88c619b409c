"""The databases of each size: made when they are not there, and kept.

A database is whole when its table `growth` says so, which is written last; one that is not is made again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from pymysql import err

from lab.bench.growth import cell, multiply
from lab.bench.growth.sizes import EVERY, SIZES
from lab.bench.settling import changed, settle
from lab.peers import data
from studentapi import schema
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.bench.growth.sizes import Size
    from studentapi.mysql.connection import Connection

VERSION = 1
"""What is made here; a change makes all databases anew."""
CELL = "growth_cell"
ANALYZED = (
    "schools", "courses", "chapters", "classes", "assessments", "users", "enrollments", "attempts", "results",
    "items", "responses",
)  # fmt: skip
_WHOLE = """CREATE TABLE growth (
    version INT UNSIGNED NOT NULL, every INT UNSIGNED NOT NULL, copies INT UNSIGNED NOT NULL,
    seconds DOUBLE NOT NULL
) ENGINE=InnoDB"""
_MARKED = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = 'growth'"

A_MINUTE = 3_000_000, 650_000
"""Attempts, with all that belongs to them, that are made in a minute: at rest, and where the disk is busy."""
_UNCOUNTED = {"innodb_stats_auto_recalc": 0}
"""MariaDB counts a table anew once a tenth of it has changed. While one statement fills it in bulk it cannot, and
tries again without a pause, which takes a whole processor; ANALYZE counts all of them in the end."""


class Generator:
    """Makes databases on one server. `url` gives the administrator's address of a database there."""

    def __init__(
        self, url: Callable[[str], str], *, every: int = EVERY, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self.url = url
        self.made_seconds = 0.0
        """Spent on making what was not there, and on waiting for the disk after it."""
        self._every = every
        self._tell = tell

    def make(self, sizes: Sequence[Size] = SIZES) -> None:
        """Make those of `sizes` that are not there and whole; tables that are there are brought up to date."""
        with closing(self.connect("mysql")) as connection, changed(connection, _UNCOUNTED):
            self._whole(connection, CELL, 0, lambda: cell.load(self.url(CELL), self._every))
            schema.upgrade(self.url(CELL))
            for size in sizes:
                if not self._whole(connection, size.database, size.copies, lambda size=size: self._make(size)):  # type: ignore[misc]
                    schema.upgrade(self.url(size.database))

    def missing(self, sizes: Sequence[Size]) -> list[Size]:
        """Those of `sizes` that are not there and whole."""
        with closing(self.connect("mysql")) as connection:
            return [size for size in sizes if not self._is_whole(connection, size.database, size.copies)]

    def settle(self) -> None:
        """Return when what was written is on disk, so that nobody is measured beside the writing of it."""
        began = monotonic()
        with closing(self.connect("mysql")) as connection:
            settle(connection)
        if self.made_seconds:
            self.made_seconds += monotonic() - began

    def connect(self, database: str) -> Connection:
        """A connection of the administrator's, whose statements may take as long as they want."""
        return open_connection(Address.parse(self.url(database)), statement_timeout=None)

    def _whole(self, connection: Connection, database: str, copies: int, make: Callable[[], None]) -> bool:
        """Make sure that `database` is whole; whether it had to be made."""
        if self._is_whole(connection, database, copies):
            return False
        started = monotonic()
        connection.fetch(f"DROP DATABASE IF EXISTS {database}")
        connection.fetch(f"CREATE DATABASE {database}")
        make()
        connection.fetch(f"ANALYZE TABLE {', '.join(f'{database}.{table}' for table in ANALYZED)}")
        seconds = monotonic() - started
        connection.fetch(_WHOLE.replace("TABLE growth", f"TABLE {database}.growth"))
        made = (VERSION, self._every, copies, seconds)
        connection.fetch(f"INSERT INTO {database}.growth VALUES (%s, %s, %s, %s)", made)
        self.made_seconds += seconds
        self._tell(f"{database}: made in {seconds:.0f} s")
        return True

    def _is_whole(self, connection: Connection, database: str, copies: int) -> bool:
        rows: tuple[tuple[Any, ...], ...] = ()
        if connection.fetch(_MARKED, (database,)).rows:
            rows = connection.fetch(f"SELECT version, every, copies FROM {database}.growth").rows
        return rows == ((VERSION, self._every, copies),)

    def _make(self, size: Size) -> None:
        self._tell(f"{size.database}: {size.title} attempts, made once and kept{lasting(size.attempts)} …")
        schema.upgrade(self.url(size.database))
        with closing(self.connect(size.database)) as connection:
            small = multiply.source(connection, CELL)
            multiply.begin(connection, small, size)
            copying: list[int] = []
            with ThreadPoolExecutor(len(multiply.TOGETHER)) as pool:
                try:
                    for _ in pool.map(lambda tables: self._copy(size, small, tables, copying), multiply.TOGETHER):
                        pass
                except BaseException:
                    # the pool waits for them, and a statement takes minutes
                    for number in copying:
                        with suppress(err.MySQLError):
                            connection.fetch("KILL %s", (number,))
                    raise
            connection.fetch("DROP TABLE growth_copies")
            data.add_class(connection)
            data.add_token(connection)

    def _copy(self, size: Size, small: multiply.Source, tables: Sequence[str], copying: list[int]) -> None:
        with closing(self.connect(size.database)) as connection:
            copying.append(int(connection.fetch("SELECT CONNECTION_ID()").rows[0][0]))
            multiply.copy_tables(connection, small, tables)


def lasting(attempts: int) -> str:
    """How long it takes to make so many attempts, in words; empty where that is less than a minute."""
    least, most = (round(attempts / a_minute) for a_minute in A_MINUTE)
    if not most:
        return ""
    return f": {least} to {most} min" if least else f": up to {most} min"
