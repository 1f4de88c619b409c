"""`studentapi db`, `load` and `token`: the data and who may see it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from studentapi.cli.common import (
    database_errors,
    opened_database,
    progress_bar,
    wait_for_database,
)
from studentapi.cli.configuration import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.gradebook.tokens import Scope, Token

LONGEST_LABEL = 200
"""Characters."""

# What only one command needs is imported by it: SQLAlchemy alone takes half a second.


@click.group()
def db() -> None:
    """Make and change the tables."""


@db.command()
@click.option("--wait", default=0.0, metavar="SECONDS", help="How long to wait for a server that is not up yet.")
def upgrade(wait: float) -> None:
    """Bring the tables up to date; safe to run again, and from several machines at once."""
    from studentapi import schema

    url = load_settings().database_url.get_secret_value()
    with database_errors(), _migration_errors():
        wait_for_database(url, wait)
        schema.upgrade(url)
    click.echo("the tables are up to date", err=True)


@db.command()
@click.argument("revision")
@click.confirmation_option(prompt="Tables may be dropped with all their data. Go on?")
def downgrade(revision: str) -> None:
    """Take the tables back to REVISION; 'base' drops them all, with their data."""
    from studentapi import schema

    with database_errors(), _migration_errors():
        schema.downgrade(load_settings().database_url.get_secret_value(), revision)


@contextmanager
def _migration_errors() -> Iterator[None]:
    """End the command with the reason why the tables are not as wanted."""
    from studentapi.schema import MigrationError

    try:
        yield
    except MigrationError as error:
        raise click.ClickException(str(error)) from None


@click.group()
def load() -> None:
    """Load data; loading the same twice changes nothing."""


@load.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def oulad(folder: Path) -> None:
    """Load the CSV files of the Open University Learning Analytics Dataset from FOLDER."""
    from studentapi.loading import oulad as loader

    with opened_database() as database, _nothing_loaded(), progress_bar() as progress:
        loaded = loader.load(database, folder, progress)
    click.echo(str(loaded), err=True)


@load.command("sample")
@click.option("--once", is_flag=True, help="Do nothing when it is there already.")
def load_sample(once: bool) -> None:
    """Load the sample that comes with this package: that dataset, whole."""
    from studentapi.loading import sample

    with opened_database() as database:
        if once and sample.is_loaded(database):
            click.echo("the sample is there already", err=True)
            return
        with _nothing_loaded(), progress_bar() as progress:
            loaded = sample.load(database, progress)
    click.echo(str(loaded), err=True)


@contextmanager
def _nothing_loaded() -> Iterator[None]:
    """End the command with the reason why a load was refused, and the database left as it was."""
    from studentapi.loading.csv_files import MalformedFile
    from studentapi.loading.writing import Conflict

    try:
        yield
    except (MalformedFile, Conflict) as error:
        raise click.ClickException(f"{error}\nNothing was loaded.") from None


def _checked_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    from studentapi.gradebook.values import read_id

    try:
        return value if value is None else read_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _checked_label(_: click.Context, __: click.Parameter, value: str) -> str:
    if len(value) > LONGEST_LABEL or not value.isprintable():
        raise click.BadParameter(f"at most {LONGEST_LABEL} characters, on one line")
    return value


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that the API asks for."""


@token.command()
@click.option(
    "--scope", "scopes", multiple=True, default=("read",), show_default=True,
    type=click.Choice(("read", "write", "admin")), help="What it may do; may be given more than once.",
)  # fmt: skip
@click.option(
    "--student", metavar="ID", callback=_checked_id, help="Bind it to one student, whose data alone it reads."
)
@click.option("--label", default="", callback=_checked_label, help="What it is for.")
@click.option("--days", type=click.IntRange(1, 36_500), help="How long it is valid; for ever unless given.")
def create(scopes: tuple[str, ...], student: str | None, label: str, days: int | None) -> None:
    """Make a token and print it: this once, it cannot be read back."""
    from studentapi.gradebook import tokens
    from studentapi.gradebook.resources import NotFound

    expires_at = None if days is None else datetime.now(UTC).replace(tzinfo=None) + timedelta(days=days)
    with opened_database() as database:
        try:
            made = tokens.create(
                database,
                cast("tuple[Scope, ...]", scopes),
                label=label,
                student_id=student,
                expires_at=expires_at,
            )
        except (NotFound, tokens.BoundTooWide) as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"token {made.id}: {', '.join(sorted(made.scopes))}", err=True)
    click.echo(made.secret)


@token.command("list")
def list_tokens() -> None:
    """List all tokens: never their secrets, which are not kept."""
    from studentapi.gradebook import tokens

    now = datetime.now(UTC).replace(tzinfo=None)
    with opened_database() as database:
        for one in tokens.all_tokens(database):
            click.echo(_line(one, now))


@token.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """End the token TOKEN_ID; every worker knows within seconds."""
    from studentapi.gradebook import tokens
    from studentapi.gradebook.resources import NotFound

    with opened_database() as database:
        try:
            tokens.revoke(database, token_id)
        except NotFound as error:
            raise click.ClickException(str(error)) from None


def _line(one: Token, now: datetime) -> str:
    """`id  scopes  state  student  label`."""
    if one.revoked_at is not None:
        state = f"revoked {one.revoked_at:%Y-%m-%d}"
    elif not one.is_valid(now):
        state = f"expired {one.expires_at:%Y-%m-%d}"
    else:
        state = f"until {one.expires_at:%Y-%m-%d}" if one.expires_at else "valid"
    return "\t".join([one.id, ",".join(sorted(one.scopes)), state, one.student_id or "-", one.label or "-"])
