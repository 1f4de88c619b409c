"""The server of the growing data: one of its own, with a buffer pool that holds them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.bench import database_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.bench.database_server import DatabaseServer

DIRECTORY = database_server.VAR / "growth"
MIB = 2**20
GIB = 2**30
POOL_MOST = 8 * GIB
"""What all of the data take, with room."""
DEFAULT_POOL = 128 * MIB
"""What MySQL and MariaDB have when nobody sets it."""


def pool_bytes() -> int:
    """A third of the machine's memory, up to what all of the data take."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(POOL_MOST, memory // 3 // MIB * MIB)


def options(pool: int) -> tuple[str, ...]:
    """The command line of MariaDB; `pool` in bytes."""
    return (
        *(one for one in database_server.OPTIONS if not one.startswith("--innodb-buffer-pool-size")),
        f"--innodb-buffer-pool-size={pool}",
        "--innodb-log-file-size=2G",  # a load of millions of rows is not held up by checkpoints
        "--innodb-sort-buffer-size=64M",  # for the indexes of tables that are filled
    )


@contextmanager
def running(pool: int | None = None, directory: Path | None = None) -> Iterator[DatabaseServer]:
    """Run it, with a buffer pool of so many bytes."""
    chosen = options(pool_bytes() if pool is None else pool)
    with database_server.running("mariadb", directory or DIRECTORY, chosen) as server:
        yield server
