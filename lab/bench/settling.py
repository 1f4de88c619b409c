"""A database server that has been filled, brought to rest: nobody is measured beside the writing of it."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from studentapi.mysql.connection import Connection

DIRTY_MOST = 0.02
"""Share of the buffer pool's pages that may still have to be written when measuring begins."""
SETTLING_MOST = 180.0
"""Seconds."""
_FLUSHING = {"innodb_max_dirty_pages_pct": 0, "innodb_io_capacity_max": 40_000, "innodb_io_capacity": 20_000}
"""As fast as the disk takes it, instead of the 200 pages a second that are usual."""


def settle(connection: Connection) -> None:
    """Return when what was written is on disk; `connection` is an administrator's."""
    until = monotonic() + SETTLING_MOST
    with changed(connection, _FLUSHING):
        while _dirty(connection) > DIRTY_MOST and monotonic() < until:
            sleep(0.2)


@contextmanager
def changed(connection: Connection, values: Mapping[str, Any]) -> Iterator[None]:
    """Some of the server's own variables, other than they are, for a while."""
    asked = ", ".join(f"@@{name}" for name in values)
    before = connection.fetch(f"SELECT {asked}").rows[0]
    _set(connection, values)
    try:
        yield
    finally:
        # backwards: of what settling sets, the second has to stay above the third
        _set(connection, dict(reversed(list(zip(values, before, strict=True)))))


def _set(connection: Connection, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        connection.fetch(f"SET GLOBAL {name} = %s", (value,))


def _dirty(connection: Connection) -> float:
    rows: dict[str, Any] = dict(
        connection.fetch("SHOW GLOBAL STATUS WHERE variable_name LIKE 'Innodb\\_buffer\\_pool\\_pages%'").rows
    )
    return int(rows["Innodb_buffer_pool_pages_dirty"]) / int(rows["Innodb_buffer_pool_pages_total"])
