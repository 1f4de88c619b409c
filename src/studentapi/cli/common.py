"""What commands share: the database, progress, and errors in one line each."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from pymysql import err

from studentapi import gradebook
from studentapi.cli.configuration import load_settings
from studentapi.mysql import settlement
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from studentapi.mysql.database import Database
from studentapi.mysql.errors import Consequence, code_of, consequence, is_missing_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE = 0.5
"""Seconds between two attempts to reach a database that is being waited for."""


@contextmanager
def opened_database() -> Iterator[Database]:
    """The database of the settings, for one command: no limit on a statement, no waiting."""
    url = load_settings().database_url.get_secret_value()
    database = Database(
        url, statement_timeout=None, patience=0, markers=settlement.NAME, session=gradebook.SESSION
    )
    try:
        with database_errors():
            yield database
    finally:
        database.close()


@contextmanager
def database_errors() -> Iterator[None]:
    """End the command with one line when the database fails it."""
    try:
        yield
    except err.Error as error:
        if is_missing_table(error):
            raise click.ClickException("the database has no tables yet: run 'studentapi db upgrade'") from None
        raise click.ClickException(f"the database: {error.args[-1]} ({code_of(error)})") from None


def wait_for_database(url: str, seconds: float) -> None:
    """Return once the server takes a connection; raises the last error after `seconds`, or one that stays."""
    address = Address.parse(url)
    deadline = time.monotonic() + seconds
    told = False
    while True:
        try:
            open_connection(address).close()
        except err.OperationalError as error:
            if consequence(error) is Consequence.REFUSED or time.monotonic() > deadline:
                raise
            if not told:
                click.echo(f"waiting for the database, up to {seconds:g} s", err=True)
                told = True
            time.sleep(PAUSE)
        else:
            return


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each stage of a load, told by (stage, done, total); plain lines where nobody watches."""
    if not sys.stderr.isatty():
        yield _plain_progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bars:
        tasks = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell


def _plain_progress() -> Callable[[str, int, int], None]:
    seen = set()

    def tell(stage: str, done: int, total: int) -> None:
        if done >= total and stage not in seen:
            seen.add(stage)
            click.echo(f"{stage}: {total}", err=True)

    return tell
