"""`studentapi changes`: how long the record of changes is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from studentapi.cli.common import opened_database

if TYPE_CHECKING:
    from datetime import datetime


@click.group()
def changes() -> None:
    """Keep the record of who changed what."""


@changes.command()
@click.option(
    "--before", required=True, metavar="DATE", type=click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ")),
    help="The day, or the moment in UTC, from which on changes are kept.",
)  # fmt: skip
def prune(before: datetime) -> None:
    """Delete the changes from before DATE; who follows the feed and has not read them has to begin anew."""
    from studentapi.gradebook import feed

    with opened_database() as database:
        deleted = feed.prune(database, before.replace(tzinfo=None))
    click.echo(f"changes deleted: {deleted}", err=True)
