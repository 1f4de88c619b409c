"""`studentapi run`: all of it on this machine, to try it out. A private database, the sample, uWSGI."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from studentapi.cli import addresses
from studentapi.cli.common import progress_bar
from studentapi.cli.configuration import load_settings
from studentapi.cli.serve import harakiri, uwsgi_command, uwsgi_environment
from studentapi.cli.signals import Signals, Stopped
from studentapi.embedded import PrivateServer, ServerError, datadir, process

if TYPE_CHECKING:
    import subprocess

    from studentapi.mysql.database import Database
    from studentapi.settings import Settings

ANSWER_TIMEOUT = 60
"""Seconds for uWSGI to answer its first request."""

STOP_MARGIN = 5
"""Seconds on top of the longest request, after which a uWSGI that should stop is killed."""

MOST_ENDS = 5
SHORTEST_LIFE = 10
"""A database server that ends `MOST_ENDS` times within so many seconds is not started again."""

SPARE_CONNECTIONS = 50
"""Connections to the private server beyond those of the workers' threads: commands, tools, a reload's overlap."""

PENDING = "mysql://studentapi@127.0.0.1/studentapi"
"""Stands for the private server's address, which is known once it runs."""


@click.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Where the database, the token and the logs are kept.",
)
def run(directory: Path) -> None:
    """Try it out: a private MySQL or MariaDB, the sample and uWSGI, all until Ctrl-C."""
    settings = load_settings(database_url=PENDING)
    addresses.refuse_taken_port(settings.host, settings.port)
    signals = Signals()
    serving = False
    try:
        with signals.raised(), PrivateServer(directory, options=_room_for(settings)) as server:
            click.echo(f"{server.binary} runs in {directory}/")
            _keep_private(directory / "database-url", server.url)
            settings = load_settings(database_url=server.url)
            token = _prepare(server.url, settings, directory / "token")
            log = directory / "uwsgi.log"
            with log.open("wb") as output:
                uwsgi = process.spawn(uwsgi_command(), output=output, env=uwsgi_environment(settings))
            signals.on_second(uwsgi.kill)
            try:
                _await_answer(uwsgi, settings, log)
                serving = True
                addresses.announce(settings, token, log)
                _watch(uwsgi, server, log)
            finally:
                process.stop(uwsgi, harakiri(settings) + STOP_MARGIN)
    except ServerError as problem:
        raise click.ClickException(str(problem)) from problem
    except Stopped as stopped:
        # Having served until asked to stop is what was wanted.
        raise click.exceptions.Exit(0 if serving else 128 + stopped.signal) from None


def _room_for(settings: Settings) -> list[str]:
    """The server's options for as many connections as there are threads."""
    return [f"--max-connections={2 * settings.processes * settings.threads + SPARE_CONNECTIONS}"]


def _keep_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(f"{text}\n")


def _prepare(url: str, settings: Settings, token_file: Path) -> str | None:
    """Migrate, load the sample unless it is there, return a token that is valid; None where none is asked for."""
    from studentapi import gradebook
    from studentapi.loading import sample
    from studentapi.mysql import settlement
    from studentapi.mysql.database import Database
    from studentapi.schema import upgrade

    upgrade(url)
    # Loading is one transaction of large statements: how long they take is the machine's affair.
    with closing(
        Database(url, statement_timeout=None, markers=settlement.NAME, session=gradebook.SESSION)
    ) as database:
        if not sample.is_loaded(database):
            click.echo("Loading the sample")
            with progress_bar() as progress:
                sample.load(database, progress)
        return _token(database, token_file) if settings.auth == "required" else None


def _token(database: Database, file: Path) -> str:
    """The secret kept in `file` while it is valid, else a new one."""
    from studentapi.gradebook import tokens

    if file.exists():
        secret = file.read_text().strip()
        if tokens.verify(database, secret):
            return secret
        file.unlink()
    secret = tokens.create(database, ("read",), label="studentapi run").secret
    _keep_private(file, secret)
    return secret


def _await_answer(uwsgi: subprocess.Popen[bytes], settings: Settings, log: Path) -> None:
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while not addresses.answers(settings.host, settings.port):
        if process.wait_for_any([uwsgi], timeout=0.05):
            _report_end(uwsgi, log)
        if time.monotonic() > deadline:
            raise click.ClickException(
                f"uWSGI does not answer after {ANSWER_TIMEOUT} seconds; its log says:\n{datadir.tail(log)}"
            )


def _watch(uwsgi: subprocess.Popen[bytes], server: PrivateServer, log: Path) -> None:
    """Wait for an end that nobody asked for: uWSGI's is ours, the database's is mended."""
    ends: list[float] = []
    while True:
        process.wait_for_any([uwsgi, server.process])
        if uwsgi.poll() is not None:
            _report_end(uwsgi, log)
        ends = [*ends, time.monotonic()][-MOST_ENDS:]
        if len(ends) == MOST_ENDS and ends[-1] - ends[0] < SHORTEST_LIFE:
            raise click.ClickException(
                f"the database server ends again and again; its log says:\n{datadir.tail(server.log)}"
            )
        click.echo(f"The database server ended with status {server.process.wait()}: starting it again.")
        server.start()


def _report_end(uwsgi: subprocess.Popen[bytes], log: Path) -> None:
    raise click.ClickException(
        f"uWSGI ended by itself with status {uwsgi.wait()}; its log says:\n{datadir.tail(log)}"
    )
