"""What the rows of assessment data cost, by how the server gives them: app and database together decide.

The statement is studentapi's own, but for what it selects: a JSON array for each row, a column for each value, or
one JSON array of all rows.
"""

from __future__ import annotations

import json
import re
from contextlib import closing, nullcontext
from itertools import cycle, islice
from time import monotonic, thread_time
from typing import TYPE_CHECKING, Any

from studentapi.gradebook.documents import loads
from studentapi.gradebook.progress import assessment_data
from studentapi.mysql.database import Database
from studentapi.mysql.tally import this_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Read = Callable[[dict[str, str]], list[Any]]
    Costs = dict[str, dict[str, float]]

ARRAYS, COLUMNS, ONE = "a JSON array for each row", "a column for each value", "one JSON array of all rows"
CALLS = 300
"""Calls in a turn: the server's time is counted in hundredths of a second."""
COMPARED = 20
"""Students whose rows are compared."""

_SELECTED = re.compile(r"(?P<select>SELECT STRAIGHT_JOIN) JSON_ARRAY\((?P<columns>[^()]*)\)")


def measure(url: str, students: Sequence[tuple[str, str]], seconds: float, used: Callable[[], float]) -> Costs:
    """`app` and `database`, µs of CPU time of a call, by the way the rows are given; turns of about `seconds`.

    `url` is the database's, without options; `students` and their chapters are asked for in turn; `used` says how
    many seconds of CPU time the database server has used. Raises `RuntimeError` where the ways do not give the
    same rows.
    """
    with closing(Database(f"{url}?ssl_mode=disabled")) as database:
        ways = _ways(database, _statement(database, students[0]))
        compare(ways, students)
        asked = _asked(students)
        spent = {way: [0.0, 0.0] for way in ways}
        deadline, turns = monotonic() + seconds, 0
        while monotonic() < deadline or not turns:
            turns += 1
            for way, read in ways.items():
                began, of_server = thread_time(), used()
                for one in islice(asked, CALLS):
                    read(one)
                spent[way][0] += thread_time() - began
                spent[way][1] += used() - of_server
    each = 1e6 / (turns * CALLS)
    return {way: {"app": app * each, "database": of_server * each} for way, (app, of_server) in spent.items()}


def _statement(database: Database, student: tuple[str, str]) -> str:
    """What the service asks."""
    sent: list[str] = []

    def watch(_: object, sql: str, __: object) -> nullcontext[None]:
        sent.append(sql)
        return nullcontext()

    this_thread.tally.watch = watch
    try:
        assessment_data(database, *student)
    finally:
        this_thread.tally.watch = None
    return sent[-1]


def _ways(database: Database, statement: str) -> dict[str, Read]:
    def read(sql: str, ids: dict[str, str]) -> tuple[tuple[Any, ...], ...]:
        return database.read(sql, ids, prepare=True)

    columns, count = _SELECTED.subn(r"\g<select> \g<columns>", statement)
    one = _SELECTED.sub(r"\g<select> JSON_ARRAYAGG(JSON_ARRAY(\g<columns>))", statement)
    if count != 1:
        raise RuntimeError("assessment data are selected in another way now")
    return {
        ARRAYS: lambda ids: [loads(text) for (text,) in read(statement, ids)],
        COLUMNS: lambda ids: [list(row) for row in read(columns, ids)],
        ONE: lambda ids: loads(read(one, ids)[0][0]),
    }


def _asked(students: Sequence[tuple[str, str]]) -> Iterator[dict[str, str]]:
    return cycle([{"student": student, "chapter": chapter} for student, chapter in students])


def compare(ways: dict[str, Read], students: Sequence[tuple[str, str]]) -> None:
    """Make sure that all give the same rows, in any order: numbers and times alike in writing or not."""
    for ids in islice(_asked(students), COMPARED):
        found = {
            way: sorted(json.dumps([_told(value) for value in row]) for row in read(ids))
            for way, read in ways.items()
        }
        if any(rows != found[ARRAYS] for rows in found.values()):
            raise RuntimeError(f"the rows of {ids} are not the same: {found}")


def _told(value: Any) -> str:
    """A value, however it came: a number without zeros at its end, a time as JSON has it."""
    if isinstance(value, str | None):
        return str(value).removesuffix(".000000")
    try:
        return str(float(value))
    except TypeError:
        return str(value)
