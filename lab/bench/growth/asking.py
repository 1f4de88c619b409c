"""What is asked at each size.

Students, classes, assessments and places of lists are anywhere in the data; the first page, the one in the middle
and the last are one URL each, and attempts are recorded for the one class that the bench adds.
"""

from __future__ import annotations

import random
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from lab.bench.growth.generate import CELL
from lab.bench.growth.sizes import suffix
from lab.bench.load import Request
from lab.peers.data import Dataset
from studentapi.api.lists import Asked, list_query
from studentapi.api.state import state
from studentapi.app import create_app
from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.listing import Place
from studentapi.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lab.bench.growth.generate import Generator
    from lab.bench.growth.sizes import Size
    from studentapi.mysql.connection import Connection

MOST = 10_000
"""Requests that are asked in turn: so many students that few are asked for twice while one measures."""
PLACES = 2000
"""Pages that are asked for, anywhere in a list."""
LAST = 150
"""Rows from its end at which the last page of a list begins: it is full, and another follows."""
LIST = "/api/v1/attempts"
RARE = f"{LIST}?limit=100&state=in_progress"
"""A list whose filter no attempt matches, in any of the data, and no index serves."""

TITLES = {
    "assessment-data": "a student's assessment data",
    "list-first": "100 attempts: the first page",
    "list-middle": "100 attempts in the middle of the list",
    "list-last": "100 attempts: the last full page",
    "list-anywhere": "100 attempts anywhere in the list",
    "list-submitted": "100 attempts by `submitted_at`, anywhere",
    "list-filtered": "attempts at one assessment",
    "statistics": "statistics of a class in a chapter",
    "recording": "recording an attempt with 10 responses",
}
"""Questions by name, in the order of the tables."""
QUICK = ("assessment-data", "list-first", "list-anywhere", "statistics", "recording")
"""Those of a quick run."""
TARGETED = tuple(name for name in TITLES if name == "assessment-data" or name.startswith("list-"))
"""Those that have a target."""

_STUDENTS = """
    SELECT DISTINCT users.public_id, chapters.public_id
    FROM attempts JOIN assessments ON assessments.id = attempts.assessment_id
        JOIN chapters ON chapters.id = assessments.chapter_id JOIN users ON users.id = attempts.student_id
    ORDER BY users.public_id, chapters.public_id"""
_CLASSES = """
    SELECT DISTINCT classes.public_id, chapters.public_id
    FROM assessments JOIN classes ON classes.id = assessments.class_id
        JOIN chapters ON chapters.id = assessments.chapter_id
    ORDER BY classes.public_id, chapters.public_id"""
_ASSESSMENTS = (
    "SELECT public_id FROM assessments WHERE id IN (SELECT assessment_id FROM attempts) ORDER BY public_id"
)
_AT = "SELECT public_id FROM attempts FORCE INDEX (attempts_public_id) ORDER BY public_id {} LIMIT 1 OFFSET %s"


@dataclass(frozen=True)
class Question:
    """Requests of one kind, which are asked in turn; `status` is what each has to be answered with."""

    name: str
    requests: list[Request]
    status: int = 200


def questions(generator: Generator, size: Size) -> list[Question]:
    """Everything that is asked at a size: the same at every run."""
    chance = random.Random(size.name)  # noqa: S311 - nothing secret
    with closing(generator.connect(CELL)) as connection:
        students, classes = (_pairs(connection, sql) for sql in (_STUDENTS, _CLASSES))
        assessments = [str(public_id) for (public_id,) in connection.fetch(_ASSESSMENTS).rows]
    with closing(generator.connect(size.database)) as connection:
        middle, last = (Place(None, public_id) for public_id in _depths(connection))
        rows = _sampled(connection, chance)
    with _cursors(generator.url(size.database)) as cursor:
        anywhere = [_page(cursor=cursor("id", Place(None, public_id))) for public_id, _ in rows]
        by_time = [
            _page(sort="submitted_at", cursor=cursor("submitted_at", Place(submitted_at, public_id)))
            for public_id, submitted_at in rows
        ]
        return [
            Question("assessment-data", _of_students(students, size, chance)),
            Question("list-first", [_page()]),
            Question("list-middle", [_page(cursor=cursor("id", middle))]),
            Question("list-last", [_page(cursor=cursor("id", last))]),
            Question("list-anywhere", anywhere),
            Question("list-submitted", by_time),
            Question("list-filtered", [_page(assessment_id=one) for one in _copied(assessments, size, chance)]),
            Question("statistics", _of_classes(classes, size, chance)),
            Question("recording", [Request(LIST, "POST", body) for body in Dataset("", "", [], []).bodies], 201),
        ]


def _of_students(pairs: Sequence[tuple[str, str]], size: Size, chance: random.Random) -> list[Request]:
    return [
        Request(f"/api/v1/students/{quote(student)}/chapters/{quote(chapter)}/assessment-data")
        for student, chapter in _copied_pairs(pairs, size, chance)
    ]


def _of_classes(pairs: Sequence[tuple[str, str]], size: Size, chance: random.Random) -> list[Request]:
    return [
        Request(f"/api/v1/classes/{quote(class_)}/chapters/{quote(chapter)}/statistics")
        for class_, chapter in _copied_pairs(pairs, size, chance)
    ]


def _copied_pairs(
    pairs: Sequence[tuple[str, str]], size: Size, chance: random.Random
) -> Iterator[tuple[str, str]]:
    """Of all copies, some: what belongs to a copy, with a chapter of that copy's course."""
    for _ in range(min(MOST, len(pairs) * size.copies)):
        (own, chapter), copy = chance.choice(pairs), chance.randrange(size.copies)
        yield own + suffix(copy), chapter + suffix(copy % size.eras)


def _copied(ids: Sequence[str], size: Size, chance: random.Random) -> Iterator[str]:
    for _ in range(PLACES):
        yield chance.choice(ids) + suffix(chance.randrange(size.copies))


def _pairs(connection: Connection, sql: str) -> list[tuple[str, str]]:
    return [(str(first), str(second)) for first, second in connection.fetch(sql).rows]


def _depths(connection: Connection) -> Iterator[str]:
    """The ids behind which the middle and the last page begin."""
    count = int(connection.fetch("SELECT COUNT(*) FROM attempts").rows[0][0])
    yield str(connection.fetch(_AT.format("ASC"), (count // 2,)).rows[0][0])
    yield str(connection.fetch(_AT.format("DESC"), (min(LAST, count - 1),)).rows[0][0])


def _sampled(connection: Connection, chance: random.Random) -> list[tuple[str, Any]]:
    """Attempts from anywhere: public id and the time of submission."""
    lowest, highest = connection.fetch("SELECT MIN(id), MAX(id) FROM attempts").rows[0]
    ids = [chance.randint(lowest, highest) for _ in range(PLACES)]
    rows = list(connection.fetch("SELECT public_id, submitted_at FROM attempts WHERE id IN %s", (ids,)).rows)
    chance.shuffle(rows)
    return [(str(public_id), submitted_at) for public_id, submitted_at in rows]


def _page(**parameters: str) -> Request:
    return Request(f"{LIST}?{urlencode({'limit': '100', **parameters})}")


@contextmanager
def _cursors(url: str) -> Iterator[Callable[[str, Place], str]]:
    """What makes cursors of lists of attempts by (sort, place), as the service does: a walk there is long."""
    app = create_app(Settings(database_url=SecretStr(url), auth="off", _env_file=None))  # type: ignore[call-arg]
    query = list_query(attempts, {"state": str})
    with app.app_context():
        try:
            yield lambda sort, place: str(Asked(attempts, query.model_validate({"sort": sort})).cursor(place))
        finally:
            state().database.close()
