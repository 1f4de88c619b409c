"""`studentapi serve`: become uWSGI with the shipped uwsgi.ini."""

from __future__ import annotations

import math
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import click

import studentapi
from studentapi.cli.configuration import load_settings

if TYPE_CHECKING:
    from studentapi.settings import Settings

APPLICATION = "studentapi.wsgi:application"
"""What uwsgi.ini serves."""

HARAKIRI_MARGIN = 5
"""Seconds that a request may take beyond its waits for the database."""

READS = 2
"""What a request asks of the database: who the bearer is, and what it wants."""


@click.command()
def serve() -> None:
    """Serve the database that STUDENTAPI_DATABASE_URL names, by uWSGI.

    SIGTERM and Ctrl-C answer what is in flight, then stop; SIGHUP reloads.
    """
    settings = load_settings()
    command = uwsgi_command()
    # uWSGI writes to standard error, the application to standard output: both into one stream, in order.
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    # Becoming uWSGI, not starting it, lets signals reach it and its exit status reach whoever supervises.
    os.execve(command[0], command, uwsgi_environment(settings))  # noqa: S606 - there is no shell to want


def uwsgi_command() -> list[str]:
    """The command line of uWSGI: the one of this Python's environment, with our uwsgi.ini."""
    uwsgi = Path(sysconfig.get_path("scripts"), "uwsgi")
    found = str(uwsgi) if uwsgi.exists() else shutil.which("uwsgi")
    if found is None:
        raise click.ClickException("uWSGI is not installed beside this Python")
    return [found, "--ini", str(_uwsgi_ini())]


def uwsgi_environment(settings: Settings) -> dict[str, str]:
    """The environment of this process, with every variable that uwsgi.ini mentions and the database's address."""
    host = settings.host.strip("[]")
    return {
        **os.environ,
        "STUDENTAPI_DATABASE_URL": settings.database_url.get_secret_value(),
        "STUDENTAPI_APPLICATION": APPLICATION,
        "STUDENTAPI_PYTHON_HOME": sys.prefix,
        "STUDENTAPI_HOST": f"[{host}]" if ":" in host else host,
        "STUDENTAPI_PORT": str(settings.port),
        "STUDENTAPI_PROCESSES": str(settings.processes),
        "STUDENTAPI_THREADS": str(settings.threads),
        "STUDENTAPI_HARAKIRI": str(harakiri(settings)),
    }


def harakiri(settings: Settings) -> int:
    """Seconds after which uWSGI kills a worker over one request.

    More than every wait for the database together: for each read a check of the connection, a wait for another, a
    statement that loses it at the last moment, the same again, and a word to the server to end what is left.
    """
    from studentapi.mysql.database import READ_REPEATS
    from studentapi.mysql.deadlines import CLIENT_GRACE
    from studentapi.mysql.liveness import PING_TIMEOUT

    once = PING_TIMEOUT + settings.database_patience + settings.connect_timeout
    read = (1 + READ_REPEATS) * (once + settings.statement_timeout + CLIENT_GRACE) + 2 * CLIENT_GRACE
    return math.ceil(READS * read) + HARAKIRI_MARGIN


def _uwsgi_ini() -> Path:
    """Inside the package where a wheel was installed; at the top of the repository where it is worked on."""
    package = Path(studentapi.__file__).parent
    installed = package / "uwsgi.ini"
    return installed if installed.exists() else package.parents[1] / "uwsgi.ini"
