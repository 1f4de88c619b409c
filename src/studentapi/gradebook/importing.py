"""Files that come in: students, enrollments, assessments, attempts. All of a file is written, or nothing.

A row is what PUT is: one that is there is brought in line, by its id. The whole file is read and checked, also
behind a fault, so that all faults are told at once.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from studentapi.gradebook import bulk_attempts, bulk_resources
from studentapi.gradebook.attempt_writing import Told
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.bulk_attempts_known import Facts, Given
from studentapi.gradebook.csv_cells import is_utf_8, records, unguarded
from studentapi.gradebook.file_columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from studentapi.gradebook.bulk import Written
    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.csv_cells import Record
    from studentapi.gradebook.file_columns import FileColumn
    from studentapi.gradebook.resources import Resource

AT_ONCE = 2000
"""Rows that are compared and written at once."""
FAULTS_SHOWN = 1000
_NAME_SHOWN = 64


class LineFault(NamedTuple):
    """What is wrong with a line of the file: its number from 1, the column or None, and a sentence."""

    line: int
    column: str | None
    reason: str


class Report(NamedTuple):
    """What became of a file, or would: of its `rows`, the header is none, each is one of the next three
    or faulty.

    `errors` are the first `FAULTS_SHOWN`, by line; `more_errors` counts the others.
    """

    rows: int
    created: int
    updated: int
    unchanged: int
    errors: list[LineFault]
    more_errors: int
    dry_run: bool


class Undone(Exception):  # noqa: N818 - named for the condition
    """The file was looked through and nothing of it is to stay: it has faults, or this was to be a dry run."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{len(report.errors) + report.more_errors} faults")
        self.report = report


def rows_of(stream: IO[bytes]) -> int:
    """How many rows a file has, faulty ones too."""
    stream.seek(0)
    return max(sum(1 for _ in records(stream)) - 1, 0)


def import_rows(
    writer: Writer,
    resource: Resource,
    stream: IO[bytes],
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Write a CSV file, from its beginning, in this transaction; may be called again in another one.

    `progress` is told the rows done. Raises `Undone`, for the transaction to be rolled back, and `NotAllowed`
    where somebody else makes one of the rows at the same time.
    """
    stream.seek(0)
    file = _File(writer, resource)
    file.write_all(records(stream), progress)
    report = file.report(dry_run=dry_run)
    if report.errors or dry_run:
        raise Undone(report)
    return report


class _Row(NamedTuple):
    line: int
    values: dict[str, Any]


class _File:
    """One file on its way in."""

    def __init__(self, writer: Writer, resource: Resource) -> None:
        self._writer = writer
        self._resource = resource
        self._rows = 0
        self._counts: Counter[str] = Counter()
        self._faults: list[LineFault] = []
        self._errors: list[LineFault] = []
        self._more = 0
        self._seen: dict[Any, int] = {}
        self._header: list[FileColumn] = []

    def write_all(self, found: Iterator[Record], progress: Callable[[int], None]) -> None:
        """Write what can be written, and keep what is wrong."""
        header = next(found, None)
        if header is None:
            self._faults.append(LineFault(1, None, "The file is empty: the first line names the columns"))
            return
        self._read_header(header)
        if self._faults:
            return
        while some := list(islice(found, AT_ONCE)):
            self._rows += len(some)
            self._write([row for one in some if (row := self._read(one)) is not None])
            self._told()
            progress(self._rows)

    def report(self, *, dry_run: bool) -> Report:
        """What became of all rows."""
        self._told()
        created, updated, unchanged = (self._counts[status] for status in ("created", "updated", "unchanged"))
        return Report(self._rows, created, updated, unchanged, self._errors, self._more, dry_run)

    def _told(self) -> None:
        """Take in the faults of some rows, of which so many are kept."""
        faults = sorted(self._faults, key=lambda one: (one.line, one.column or ""))
        room = FAULTS_SHOWN - len(self._errors)
        self._errors += faults[:room]
        self._more += len(faults[room:])
        self._faults.clear()

    def _read_header(self, header: Record) -> None:
        known = {one.name: one for one in COLUMNS[self._resource.plural]}
        if header.fault is not None:
            self._faults.append(LineFault(header.line, None, header.fault))
        for name in header.cells:
            if name not in known:
                shown = name.encode(errors="replace").decode()[:_NAME_SHOWN]
                hint = ": cells are separated by commas" if ";" in name or "\t" in name else ""
                self._faults.append(LineFault(header.line, shown, f"There is no such column{hint}"))
        for name, column in known.items():
            if header.cells.count(name) > 1:
                self._faults.append(LineFault(header.line, name, "The column is there twice"))
            if name not in header.cells and not column.optional:
                self._faults.append(LineFault(header.line, name, "The column is missing"))
        if not self._faults:
            self._header = [known[name] for name in header.cells]

    def _read(self, one: Record) -> _Row | None:
        """The values of a record; None where it has none, and that is told."""
        fault = one.fault
        if fault is None and len(one.cells) != len(self._header):
            fault = f"It has {len(one.cells)} cells; the header has {len(self._header)}"
        if fault is not None:
            self._faults.append(LineFault(one.line, None, fault))
            return None
        values: dict[str, Any] = {}
        for column, cell in zip(self._header, one.cells, strict=True):
            try:
                if not cell.isascii() and not is_utf_8(cell):
                    raise ValueError("It has bytes that are not UTF-8")  # noqa: TRY301 - one place for all
                values[column.name] = column.value(unguarded(cell))
            except ValueError as error:
                self._faults.append(LineFault(one.line, column.name, str(error)))
        if len(values) < len(self._header) or self._is_second(one.line, values):
            return None
        return _Row(one.line, values)

    def _is_second(self, line: int, values: Mapping[str, Any]) -> bool:
        """Whether the same row came before, by its id or by what is unique besides; told where it did."""
        same = self._resource.unique if self._resource is not attempts else ()
        if self._resource is attempts and values.get("number") is not None:
            same = attempts.unique
        keys = [("id", values["id"])] if values["id"] is not None else []
        keys += [(same[0], tuple(values[name] for name in same))] if same else []
        for column, key in keys:
            first = self._seen.setdefault((column, key), line)
            if first != line:
                self._faults.append(LineFault(line, column, f"It is the same as in line {first}"))
                return True
        return False

    def _write(self, rows: Sequence[_Row]) -> None:
        written = self._written(rows)
        self._counts.update(one.status for one in written.outcomes)
        self._faults += [LineFault(one.row, one.name or None, one.detail) for one in written.faults]

    def _written(self, rows: Sequence[_Row]) -> Written:
        if self._resource is attempts:
            return bulk_attempts.write(self._writer, [_attempt(row) for row in rows])
        given = [one.name for one in self._resource.fields if one.given]
        return bulk_resources.write(
            self._writer,
            self._resource,
            [
                bulk_resources.Given(line, values["id"], {name: values[name] for name in given})
                for line, values in rows
            ],
        )


def _attempt(row: _Row) -> Given:
    values = row.values
    told = Told(
        **{name: values[name] for name in ("assessment_id", "student_id", "started_at", "submitted_at", "score")},
        exempt=values.get("state") == "exempt",
    )
    facts = Facts(
        **{name: values.get(name) for name in ("number", "state", "is_late", "graded_at")},
        knows_graded_at="graded_at" in values,
    )
    return Given(row.line, values["id"], told, facts)
