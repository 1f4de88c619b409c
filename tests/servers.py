"""Real database servers for the tests: by URL, by testcontainers, or by the server binary of this machine."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import docker
import pytest
from docker.errors import DockerException
from pymysql import err
from testcontainers.community.mysql import MySqlContainer

from studentapi import embedded
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker.models.containers import Container

    from studentapi.mysql.connection import Connection

IMAGE = "mysql:9.7"
URL_VARIABLE = "STUDENTAPI_TEST_DATABASE_URL"
_PASSWORD = "only-for-tests"


START_TIMEOUT = 60
"""Seconds for a container that was started to take connections."""


class Control(Protocol):
    """What can be done to a server from outside; the data and the address stay."""

    def restart(self) -> None:
        """Stop it in good order and start it."""

    def stop(self) -> None:
        """Stop it in good order."""

    def start(self) -> None:
        """Start it, and return when it takes connections."""

    def kill(self) -> None:
        """End it at once, as a power cut would."""

    def pause(self) -> None:
        """Freeze it: the kernel still takes connections, and nobody answers."""

    def resume(self) -> None:
        """Let it go on after `pause`."""


@dataclass(frozen=True)
class Server:
    """A server that tests may do anything to. `admin_url` names an existing database and an all-mighty user."""

    name: str
    admin_url: str
    control: Control

    def restart(self) -> None:
        """Stop it in good order and start it; a container may take a moment more to take connections."""
        self.control.restart()

    @property
    def address(self) -> tuple[str, int]:
        """Its host and port."""
        return _address(self.admin_url).hosts[0]

    def url(self, database: str) -> str:
        """The address of another database on this server."""
        base, _, query = self.admin_url.partition("?")
        return base.rpartition("/")[0] + f"/{database}" + (f"?{query}" if query else "")

    def execute(self, *statements: str) -> tuple[tuple[object, ...], ...]:
        """Run statements as the administrator; returns the rows of the last one."""
        connection = _signed_in(_address(self.admin_url))
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


def _signed_in(address: Address) -> Connection:
    """Connect, twice more where the TLS handshake fails.

    Where connections are ended by KILL all the time, a bystander's handshake with MySQL 9.7 is spoiled now and
    then, also with PyMySQL's own class: it gets bytes that are none of it.
    """
    for _ in range(2):
        try:
            return open_connection(address)
        except err.OperationalError as error:
            if not isinstance(getattr(error, "original_exception", None), ssl.SSLError):
                raise
    return open_connection(address)


@contextmanager
def start(kind: str, directory: Path) -> Iterator[Server]:
    """Start the server that `kind` asks for: `url`, `docker`, `local`, or `auto` for the first that there is."""
    if kind == "auto":
        kind = "url" if os.environ.get(URL_VARIABLE) else "docker" if _docker_runs() else "local"
    if kind == "url":
        yield Server(URL_VARIABLE, os.environ[URL_VARIABLE], _NoControl())
    elif kind == "docker":
        with _container() as server:
            yield server
    else:
        with embedded.PrivateServer(directory) as private:
            yield Server("a private server", private.root_url, _Private(private))


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

        yield Server(f"{IMAGE} in Docker", url, _Contained(container.get_wrapped_container(), url))


def _docker_runs() -> bool:
    try:
        client = docker.from_env(timeout=5)
        client.ping()
        client.close()
    except DockerException:
        return False
    return True


class _Private:
    """A server that is a process of ours."""

    def __init__(self, server: embedded.PrivateServer) -> None:
        self.restart = server.restart
        self.stop = server.stop
        self.start = server.start
        self.kill = server.kill
        self._server = server

    def pause(self) -> None:
        self._server.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._server.process.send_signal(signal.SIGCONT)


class _Contained:
    """A server in a container of ours."""

    def __init__(self, container: Container, url: str) -> None:
        self.kill = container.kill
        self.pause = container.pause
        self.resume = container.unpause
        self._container = container
        self._url = url

    def restart(self) -> None:
        self._container.restart(timeout=30)

    def stop(self) -> None:
        self._container.stop(timeout=30)

    def start(self) -> None:
        self._container.start()
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                open_connection(_address(self._url), connect_timeout=2).close()
            except err.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return


class _NoControl:
    """A server that somebody else runs."""

    def __getattr__(self, name: str) -> Any:
        pytest.skip(f"a server given by {URL_VARIABLE} cannot be touched by a test: {name}")
