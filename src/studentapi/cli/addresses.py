"""The address that `studentapi run` serves on: free to take, answering, announced."""

from __future__ import annotations

import errno
import http.client
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from studentapi.settings import Settings

EXAMPLE = "/api/v1/students/11391/chapters/AAA-1/assessment-data"


def refuse_taken_port(host: str, port: int) -> None:
    """Raise a `ClickException` that says what to do when nothing can be served on `host` and `port`."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind)) as probe:
            # As uWSGI does: what lingers of the last run's connections is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            message = f"port {port} is taken by another program: stop it, or choose another by STUDENTAPI_PORT"
        else:
            message = f"cannot serve on {host}, port {port}: {problem.strerror}"
        raise click.ClickException(message) from problem


def answers(host: str, port: int) -> bool:
    """Whether the service says that it lives."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=5)
    with closing(connection):
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def announce(settings: Settings, token: str | None, log: Path) -> None:
    """Print where the service is, how to get in and what to ask it."""
    host = _reachable(settings.host)
    base = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    header = f"-H 'Authorization: Bearer {token}' " if token else ""
    click.echo(
        f"\nServing at {base} by {settings.processes} processes with {settings.threads} threads each; "
        f"documentation at {base}/docs, log in {log}."
    )
    if token:
        click.echo(f"Token: {token}")
    click.echo(f"Ask for a student's assessment data in a chapter:\n\n  curl {header}{base}{EXAMPLE}\n")
    click.echo("Ctrl-C stops the service and its database; the data stays.")


def _reachable(host: str) -> str:
    """`host`, or where to reach it from here when it stands for all addresses."""
    host = host.strip("[]")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised, not bound
