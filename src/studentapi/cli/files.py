"""`studentapi import` and `export`: files of any length, by the code that serves them over HTTP."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from studentapi.cli.common import opened_database, progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.gradebook.exporting import Format
    from studentapi.gradebook.importing import Report

IMPORTED = ("students", "enrollments", "assessments", "attempts")
EXPORTED = ("schools", "users", "courses", "classes", "chapters", *IMPORTED, "items")


@click.command("import")
@click.argument("what", type=click.Choice(IMPORTED))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Do all the work, and undo it.")
def import_file(what: str, file: Path, dry_run: bool) -> None:
    """Import a CSV FILE ('-': standard input), all of it or nothing.

    Faults are printed with their lines; the exit status is then 1.
    """
    from studentapi.gradebook.changes import Author, Writer
    from studentapi.gradebook.file_columns import RESOURCES
    from studentapi.gradebook.importing import Undone, import_rows, rows_of
    from studentapi.gradebook.refusals import Refusal

    with opened_database() as database, _seekable(file) as stream, progress_bar() as progress:
        total = rows_of(stream)
        try:
            report = database.run(
                lambda tx: import_rows(
                    Writer(tx, Author()),
                    RESOURCES[what],
                    stream,
                    dry_run=dry_run,
                    progress=lambda done: progress(what, done, total),
                )
            )
        except Undone as undone:
            report = undone.report
        except Refusal as error:  # made by somebody else while this was at work
            raise click.ClickException(f"{error}\nNothing was imported.") from None
    _tell(what, report)


@click.command("export")
@click.argument("what", type=click.Choice(EXPORTED))
@click.option("--format", "form", default="csv", show_default=True, type=click.Choice(("csv", "ndjson")))
@click.option(
    "--output", default="-", metavar="FILE", help="Where to; standard output unless given.",
    type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
)  # fmt: skip
def export_file(what: str, form: Format, output: Path) -> None:
    """Export all of a kind as CSV or NDJSON; a FILE is there when it is whole."""
    from studentapi.gradebook.exporting import count, export
    from studentapi.gradebook.listing import Listing
    from studentapi.gradebook.people import students
    from studentapi.gradebook.registry import RESOURCES

    resource = next(one for one in (*RESOURCES, students) if one.plural == what)
    with opened_database() as database, progress_bar() as progress, _written(output) as stream:
        total, last = count(database, resource), 0

        def tell(done: int) -> None:
            nonlocal last
            last = done
            progress(what, done, max(done + 1, total))  # not over before the last page is

        for piece in export(database, resource, Listing(), form, tell):
            stream.write(piece)
        progress(what, last, last)


def _tell(what: str, report: Report) -> None:
    """Say what became of the file, and end with status 1 where it has faults."""
    if report.errors:
        for one in report.errors:
            column = "" if one.column is None else f"{one.column}: "
            click.echo(f"line {one.line}: {column}{one.reason}", err=True)
        if report.more_errors:
            click.echo(f"and {report.more_errors} more", err=True)
        raise click.ClickException("nothing was imported")
    counts = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
    end = "; a dry run: nothing was changed" if report.dry_run else ""
    click.echo(f"{report.rows} {what}: {counts}{end}", err=True)


@contextmanager
def _seekable(file: Path) -> Iterator[IO[bytes]]:
    """A file that can be read again; standard input is kept in one for that."""
    if str(file) != "-":
        with file.open("rb") as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        yield kept


@contextmanager
def _written(output: Path) -> Iterator[IO[bytes]]:
    """A stream into a file that takes its name when it is whole."""
    if str(output) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    output = output.resolve()
    if output.exists() and not output.is_file():  # a device or a pipe, which is never to be replaced
        with output.open("wb") as stream:
            yield stream
        return
    try:
        unfinished = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before it is renamed
            dir=output.parent, prefix=f".{output.name}.", delete=False
        )
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror}") from None
    path = Path(unfinished.name)
    try:
        with unfinished as stream:
            yield stream
        path.replace(output)
    finally:
        path.unlink(missing_ok=True)
