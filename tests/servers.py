"""Real database servers for the tests: by URL, by testcontainers, or by the server binary of this machine."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import docker
import pytest
from docker.errors import DockerException
from testcontainers.community.mysql import MySqlContainer

from studentapi import embedded
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

IMAGE = "mysql:9.7"
URL_VARIABLE = "STUDENTAPI_TEST_DATABASE_URL"
_PASSWORD = "only-for-tests"


@dataclass(frozen=True)
class Server:
    """A server that tests may do anything to. `admin_url` names an existing database and an all-mighty user."""

    name: str
    admin_url: str
    restart: Callable[[], None]

    def url(self, database: str) -> str:
        """The address of another database on this server."""
        base, _, query = self.admin_url.partition("?")
        return base.rpartition("/")[0] + f"/{database}" + (f"?{query}" if query else "")

    def execute(self, *statements: str) -> tuple[tuple[object, ...], ...]:
        """Run statements as the administrator; returns the rows of the last one."""
        connection = open_connection(_address(self.admin_url))
        try:
            for statement in statements:
                rows = connection.fetch(statement).rows
        finally:
            connection.close()
        return rows

    @property
    def is_mariadb(self) -> bool:
        """Whether it is MariaDB, not MySQL."""
        return "MariaDB" in str(self.execute("SELECT VERSION()")[0][0])


@cache
def _address(url: str) -> Address:
    """Kept for its TLS context, which costs more than a connection."""
    return Address.parse(url)


@contextmanager
def start(kind: str, directory: Path) -> Iterator[Server]:
    """Start the server that `kind` asks for: `url`, `docker`, `local`, or `auto` for the first that there is."""
    if kind == "auto":
        kind = "url" if os.environ.get(URL_VARIABLE) else "docker" if _docker_runs() else "local"
    if kind == "url":
        yield Server(URL_VARIABLE, os.environ[URL_VARIABLE], restart=_cannot_restart)
    elif kind == "docker":
        with _container() as server:
            yield server
    else:
        with embedded.PrivateServer(directory) as private:
            yield Server("a private server", private.root_url, restart=private.restart)


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def _container() -> Iterator[Server]:
    # a port of its own, for it to be the same after a restart
    port = free_port()
    container = MySqlContainer(
        IMAGE, username="root", password=_PASSWORD, root_password=_PASSWORD, dbname="admin"
    ).with_bind_ports(3306, port)
    with container:
        url = f"mysql://root:{_PASSWORD}@127.0.0.1:{port}/admin"

        def restart() -> None:
            container.get_wrapped_container().restart(timeout=30)

        yield Server(f"{IMAGE} in Docker", url, restart)


def _docker_runs() -> bool:
    try:
        client = docker.from_env(timeout=5)
        client.ping()
        client.close()
    except DockerException:
        return False
    return True


def _cannot_restart() -> None:
    pytest.skip(f"a server given by {URL_VARIABLE} cannot be restarted by a test")
