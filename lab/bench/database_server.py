"""The database servers that all is measured against: MariaDB, and MySQL 9.7. Their data stay between runs."""

from __future__ import annotations

import os
import shutil
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Literal

import docker
from docker.errors import DockerException, ImageNotFound
from pymysql import err
from testcontainers.core.container import DockerContainer

from lab.bench import processes
from lab.ports import free_port
from studentapi.embedded import Binary, PrivateServer
from studentapi.embedded.binary import DIRECTORIES, NAMES, identify
from studentapi.embedded.errors import ServerError
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from docker.models.containers import Container

    from studentapi.mysql.connection import Connection

Flavour = Literal["mariadb", "mysql"]
FLAVOURS: tuple[Flavour, ...] = ("mariadb", "mysql")
VAR = Path(os.environ.get("LAB_DATA") or Path(__file__).parents[2] / "var" / "lab")
"""Where the servers' data are; LAB_DATA names another folder, such as one on a larger disk."""
IMAGE = "mysql:9.7"


def volume(directory: Path) -> str:
    """Docker's volume for what `directory` would hold: of this checkout alone."""
    return f"studentapi-lab-mysql-{sha256(str(directory.absolute()).encode()).hexdigest()[:10]}"


VOLUME = volume(VAR)
"""Where Docker keeps MySQL's data; `docker volume rm` removes them."""
PASSWORD = "only-for-the-lab"  # noqa: S105 - on the loopback address, for data that anyone may see
START_TIMEOUT = 120
PULL_TIMEOUT = 300
OPTIONS = (
    "--skip-log-bin",  # MySQL's default would be one more file to sync per transaction, MariaDB's is not
    "--performance-schema=OFF",  # MariaDB's default
    "--innodb-buffer-pool-size=1G",  # the whole sample fits
    "--max-connections=5000",  # all peers are up at once
    "--table-open-cache=8000",
)
"""What both servers are started with; everything else is as they come."""

COUNTERS = ("Connections", "Questions", "Com_admin_commands")
"""Connects, statements, and commands that are none, such as pings."""


class DatabaseServer:
    """A running server. `flavour` is which of the two, its `version`, `where` how it is run."""

    def __init__(self, flavour: Flavour, root_url: str, pid: int, where: str) -> None:
        self.flavour = flavour
        self.where = where
        self.pid = pid
        self._root_url = root_url
        self._address = Address.parse(self.url("mysql"))
        self.version = str(self.execute("SELECT VERSION()")[0][0]).partition("-")[0]

    def url(self, database: str, *, ssl_mode: Literal["disabled", ""] = "disabled") -> str:
        """The administrator's address of `database`; without `ssl_mode`, the driver's default decides on TLS."""
        base = self._root_url.partition("?")[0].rpartition("/")[0]
        return f"{base}/{database}" + (f"?ssl_mode={ssl_mode}" if ssl_mode else "")

    def connect(self) -> Connection:
        """A connection of the administrator's, in the server's own database."""
        return open_connection(self._address, statement_timeout=600)

    def execute(self, *statements: str) -> tuple[tuple[object, ...], ...]:
        """Run statements as the administrator; the rows of the last."""
        with closing(self.connect()) as connection:
            for statement in statements:
                rows = connection.fetch(statement).rows
        return rows

    def cpu_seconds(self) -> float:
        """User and system time of the server's process since it began."""
        return processes.cpu_seconds(self.pid)

    def status(self, connection: Connection, *counters: str) -> dict[str, int]:
        """Some of the server's `counters`, by default `COUNTERS`; Questions counts this one, too."""
        names = counters or COUNTERS
        asked = ", ".join(["%s"] * len(names))
        rows = connection.fetch(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({asked})", names).rows
        return {str(name): int(str(value)) for name, value in rows}


def why_not(flavour: Flavour) -> str | None:
    """Why there is no such server here; None when there is one."""
    if find(flavour) is not None:
        return None
    if flavour == "mariadb":
        return "there is no MariaDB server program on this machine"
    try:
        with closing(docker.from_env(timeout=PULL_TIMEOUT)) as client:
            try:
                client.images.get(IMAGE)
            except ImageNotFound:
                client.images.pull(IMAGE)
    except DockerException as problem:
        reason = str(problem).splitlines()[0]
        return f"there is no MySQL server program on this machine, and no {IMAGE} in Docker: {reason}"
    return None


def find(flavour: Flavour) -> Binary | None:
    """The server program of that flavour on this machine, whatever its name: Debian's mysqld is MariaDB's."""
    for name in NAMES:
        for place in (shutil.which(name), *(f"{directory}/{name}" for directory in DIRECTORIES)):
            if place and Path(place).exists() and (binary := identify(Path(place))) and binary.flavour == flavour:
                return binary
    return None


@contextmanager
def running(
    flavour: Flavour, directory: Path | None = None, options: Sequence[str] = OPTIONS
) -> Iterator[DatabaseServer]:
    """Run that server; its data are in `directory`, or in Docker's volume. `options` are its command line's.

    Raises `ServerError` where another run has the data, or it does not come up.
    """
    binary = find(flavour)
    if binary is None:
        with _contained(options) as server:
            yield server
        return
    with PrivateServer(directory or VAR / flavour, binary=binary, options=options) as private:
        yield DatabaseServer(flavour, private.root_url, private.pid, str(binary))


@contextmanager
def _contained(options: Sequence[str]) -> Iterator[DatabaseServer]:
    with closing(docker.from_env()) as client:
        users = client.containers.list(filters={"volume": VOLUME})
    if users:
        raise ServerError(f"Docker's volume {VOLUME} is in use by container {users[0].name}")
    port = free_port()
    container = (
        DockerContainer(IMAGE)
        .with_env("MYSQL_ROOT_PASSWORD", PASSWORD)
        .with_volume_mapping(VOLUME, "/var/lib/mysql", "rw")
        # as MariaDB runs: Docker's proxy would cost time that nobody sees, more of it to whoever asks more often
        .with_kwargs(network_mode="host")
        .with_command([f"--port={port}", "--bind-address=127.0.0.1", "--mysqlx=OFF", *options])
    )
    with container:
        wrapped = container.get_wrapped_container()
        url = f"mysql://root:{PASSWORD}@127.0.0.1:{port}/mysql"
        _await(wrapped, url)
        wrapped.reload()
        try:
            yield DatabaseServer("mysql", url, int(wrapped.attrs["State"]["Pid"]), f"{IMAGE} in Docker")
        finally:
            wrapped.stop(timeout=60)  # in good order: the data are kept


def _await(container: Container, url: str) -> None:
    """Return once it takes connections from outside, which while it makes its data it does not."""
    address = Address.parse(url)
    deadline = monotonic() + START_TIMEOUT
    while True:
        try:
            open_connection(address, connect_timeout=2).close()
        except err.OperationalError:
            container.reload()
            if monotonic() > deadline or container.status == "exited":
                raise ServerError(f"{IMAGE} does not come up:\n{container.logs(tail=20).decode()}") from None
            sleep(0.2)
        else:
            return
