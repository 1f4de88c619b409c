"""The tables, as Alembic migrations in plain SQL (`versions/`), and the commands that move between them."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy

LOCK_TIMEOUT = 600
"""Seconds that one migrating process waits for another."""


class MigrationError(Exception):
    """The tables cannot be brought there; the message says why."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` up to `revision`; safe to run twice, and from two processes at once.

    Raises `MigrationError`, and PyMySQL's errors for the connection.
    """
    with _told(), _locked(url) as config:
        command.upgrade(config, revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`; `base` drops every table with its data."""
    with _told(), _locked(url) as config:
        command.downgrade(config, revision)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise MigrationError(str(error)) from error
    except DBAPIError as error:
        raise MigrationError(f"the server said: {error.orig}") from error


@contextmanager
def _locked(url: str) -> Iterator[Config]:
    """An Alembic configuration on a connection that holds this database's migration lock.

    The lock is the server's own (GET_LOCK): MySQL commits before each DDL statement, which would release
    any row lock, and a process that dies releases a GET_LOCK with its connection.
    """
    address = Address.parse(url)
    # A migration may rebuild a large table: no statement timeout here.
    engine = create_engine(
        "mysql+pymysql://",
        creator=lambda: open_connection(address, statement_timeout=None),
        poolclass=NullPool,
    )
    name = "studentapi.migrate." + hashlib.sha256(address.database.encode()).hexdigest()[:32]
    with engine.connect() as connection:
        held = connection.execute(
            text("SELECT GET_LOCK(:name, :timeout)"), {"name": name, "timeout": LOCK_TIMEOUT}
        )
        if held.scalar() != 1:
            raise MigrationError(
                f"another process has been migrating {address.database!r} for {LOCK_TIMEOUT} seconds"
            )
        try:
            connection.commit()
            yield _config(connection)
        finally:
            # a connection that is lost has lost its lock, too, and must not hide what happened
            with suppress(DBAPIError):
                connection.rollback()
                connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})


def _config(connection: sqlalchemy.Connection) -> Config:
    config = Config()
    # Alembic's options go through configparser, which reads % as the start of a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
