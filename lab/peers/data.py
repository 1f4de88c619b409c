"""What all peers serve: the OULAD sample, the cities of the answers, and a class whose attempts are recorded.

All of it lies in one database, which is kept between runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from time import sleep
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pymysql import err

from lab.answers import data as answers
from studentapi import schema
from studentapi.gradebook import tokens
from studentapi.loading import sample
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection
from studentapi.mysql.database import Database

if TYPE_CHECKING:
    from lab.peers import Route
    from studentapi.mysql.connection import Connection

TOKEN = tokens.PREFIX + "lab" * 14 + "l"
"""The same for every run, of a server that only this machine reaches."""
ENDED = {name: tokens.PREFIX + (name * 7)[:43] for name in ("expired", "revoked")}
"""Tokens that were good once, by what became of them: for nobody to take them."""
LESSER = {name: tokens.PREFIX + (name * 11)[:43] for name in ("read", "write", "bound")}
"""Good tokens that may not do everything: one of each scope, and one to read, bound to the student bench-1."""
SCHOOL, COURSE, CHAPTER, CLASS = "bench", "bench", "bench-1", "bench-2026"
QUIZZES, ITEMS, STUDENTS = 10, 10, 200
"""Quizzes of the class, items of each, and students: so many pairs that each has few attempts."""
CHOICES = "abcd"
FORGETTING = 20
"""Times that it is tried to forget."""
PAIRS = 5000
"""Students and chapters that are asked for, of 90,000."""

_CLASS = (
    "INSERT INTO schools (public_id, name) VALUES ('bench', 'The bench')",
    """INSERT INTO courses (public_id, school_id, title)
       SELECT 'bench', id, 'A course' FROM schools WHERE public_id = 'bench'""",
    """INSERT INTO chapters (public_id, course_id, position, title)
       SELECT 'bench-1', id, 1, 'A chapter' FROM courses WHERE public_id = 'bench'""",
    """INSERT INTO classes (public_id, course_id, term, title, starts_on)
       SELECT 'bench-2026', id, '2026', 'A class', '2026-01-01' FROM courses WHERE public_id = 'bench'""",
)
_QUIZ = """
    INSERT INTO assessments (public_id, class_id, chapter_id, title, category, weight, points_max, due_at)
    SELECT %s, classes.id, chapters.id, %s, 'quiz', 1, %s, '2026-06-30 23:59:59' FROM classes, chapters
    WHERE classes.public_id = 'bench-2026' AND chapters.public_id = 'bench-1'"""
_ITEM = """
    INSERT INTO items (public_id, assessment_id, position, kind, prompt, answer_key, points)
    SELECT %s, id, %s, 'single_choice', 'Which one?', %s, 1 FROM assessments WHERE public_id = %s"""
_STUDENT = """
    INSERT INTO users (public_id, school_id, role, name)
    SELECT %s, id, 'student', %s FROM schools WHERE public_id = 'bench'"""
_ENROLLMENT = """
    INSERT INTO enrollments (public_id, class_id, user_id, role, enrolled_on)
    SELECT CONCAT('bench-2026:', users.public_id), classes.id, users.id, 'student', '2026-01-01'
    FROM classes, users WHERE classes.public_id = 'bench-2026' AND users.public_id = %s"""
_BEARER = """
    INSERT INTO tokens (public_id, digest, label, scopes) VALUES ('bench', %s, 'the bench', 'read,write')
    ON DUPLICATE KEY UPDATE digest = VALUES(digest)"""
_OTHER_BEARERS = """
    INSERT INTO tokens (public_id, digest, label, scopes, user_id, expires_at, revoked_at)
    VALUES (%s, %s, 'the bench', %s, (SELECT id FROM users WHERE public_id = %s),
            IF(%s, UTC_TIMESTAMP(6) - INTERVAL 1 SECOND, NULL), IF(%s, UTC_TIMESTAMP(6), NULL))
    ON DUPLICATE KEY UPDATE digest = VALUES(digest)"""

# in an order that is the same everywhere and follows nothing
_STUDENTS = """
    SELECT DISTINCT users.public_id, chapters.public_id
    FROM attempts JOIN assessments ON assessments.id = attempts.assessment_id
        JOIN chapters ON chapters.id = assessments.chapter_id JOIN users ON users.id = attempts.student_id
    WHERE assessments.class_id <> (SELECT id FROM classes WHERE public_id = 'bench-2026')
    ORDER BY SHA2(CONCAT(users.public_id, chapters.public_id), 256) LIMIT %s"""
_CLASSES = """
    SELECT DISTINCT classes.public_id, chapters.public_id
    FROM assessments JOIN classes ON classes.id = assessments.class_id
        JOIN chapters ON chapters.id = assessments.chapter_id
    WHERE classes.public_id <> 'bench-2026' ORDER BY SHA2(CONCAT(classes.public_id, chapters.public_id), 256)"""

# Nothing but attempts at the quizzes has responses.
_FORGET = (
    "TRUNCATE TABLE responses",
    """DELETE results FROM results JOIN assessments ON assessments.id = results.assessment_id
       WHERE assessments.public_id LIKE 'bench-%'""",
    """DELETE attempts FROM attempts JOIN assessments ON assessments.id = attempts.assessment_id
       WHERE assessments.public_id LIKE 'bench-%'""",
    "TRUNCATE TABLE changes",
    "TRUNCATE TABLE idempotency_keys",
    "TRUNCATE TABLE commit_markers",
)


@dataclass(frozen=True)
class Dataset:
    """The database's address without options, a token that may read and write, and what there is to ask for.

    `students`: students and chapters, by their public ids, with attempts; `classes`: classes and chapters, with
    assessments.
    """

    url: str
    token: str
    students: list[tuple[str, str]]
    classes: list[tuple[str, str]]

    @cached_property
    def recordings(self) -> list[dict[str, Any]]:
        """Bodies of POST /api/v1/attempts: one for each student and quiz, every third one late."""
        return [
            {
                "assessment_id": f"bench-quiz-{quiz}",
                "student_id": f"bench-{student}",
                "submitted_at": f"2026-0{5 if (student + quiz) % 3 else 7}-{1 + student % 28:02}T08:00:00Z",
                "responses": [
                    {"item_id": f"bench-quiz-{quiz}-{item}", "answer": CHOICES[(student + item * quiz) % 4]}
                    for item in range(1, ITEMS + 1)
                ],
            }
            for quiz in range(1, QUIZZES + 1)
            for student in range(1, STUDENTS + 1)
        ]

    def paths(self, route: Route) -> list[str]:
        """Paths of a route to ask for in turn; of recording, one, for `bodies`. Of list, the first page alone."""
        match route:
            case "city":
                return ["/?" + urlencode({"city": row[1]}) for row in answers.cities()]
            case "assessment-data":
                return [
                    f"/api/v1/students/{quote(student)}/chapters/{quote(chapter)}/assessment-data"
                    for student, chapter in self.students
                ]
            case "list":
                return ["/api/v1/attempts?limit=100"]
            case "recording":
                return ["/api/v1/attempts"]
            case "statistics":
                return [
                    f"/api/v1/classes/{quote(class_)}/chapters/{quote(chapter)}/statistics"
                    for class_, chapter in self.classes
                ]

    @property
    def bodies(self) -> list[str]:
        """`recordings` as JSON."""
        return [json.dumps(body) for body in self.recordings]


def prepare(server_url: str, database: str) -> Dataset:
    """Make sure that `database` has all of it, on a server whose administrator's address is given.

    The first time takes about half a minute. `server_url` may name any database and have options.
    """
    base = server_url.partition("?")[0].rpartition("/")[0]
    url = f"{base}/{database}"
    connection = open_connection(Address.parse(server_url))
    try:
        connection.fetch(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    finally:
        connection.close()
    schema.upgrade(url)
    _load_sample(url)
    connection = open_connection(Address.parse(url))
    try:
        if not connection.fetch("SELECT 1 FROM classes WHERE public_id = %s", [CLASS]).rows:
            add_cities(connection)
            add_token(connection)
            add_class(connection)  # last, as it tells that all is there
            # what the optimizer knows of tables that were just filled is not what it will know
            connection.fetch("ANALYZE TABLE attempts, assessments, results, enrollments, users, items, responses")
        add_other_tokens(connection)
        forget(connection)
        return dataset(connection, url)
    finally:
        connection.close()


def dataset(connection: Connection, url: str) -> Dataset:
    """What there is to ask for in a database that is prepared."""
    students = connection.fetch(_STUDENTS, [PAIRS]).rows
    classes = connection.fetch(_CLASSES).rows
    return Dataset(url, TOKEN, [(str(a), str(b)) for a, b in students], [(str(a), str(b)) for a, b in classes])


def add_class(connection: Connection) -> None:
    """The class, its quizzes, its students."""
    connection.fetch("START TRANSACTION")
    for statement in _CLASS:
        connection.fetch(statement)
    for quiz in range(1, QUIZZES + 1):
        name = f"bench-quiz-{quiz}"
        connection.fetch(_QUIZ, [name, f"Quiz {quiz}", ITEMS])
        for item in range(1, ITEMS + 1):
            key = {
                "choices": [{"id": choice, "text": f"The choice {choice}"} for choice in CHOICES],
                "correct": [CHOICES[item % 4]],
            }
            connection.fetch(_ITEM, [f"{name}-{item}", item, json.dumps(key), name])
    for student in range(1, STUDENTS + 1):
        connection.fetch(_STUDENT, [f"bench-{student}", f"Student {student} of the bench"])
        connection.fetch(_ENROLLMENT, [f"bench-{student}"])
    connection.fetch("COMMIT")


def add_cities(connection: Connection) -> None:
    """Sakila's cities, as the answers have them."""
    connection.fetch("DROP TABLE IF EXISTS city")
    connection.fetch(answers.CITY)
    rows = answers.cities()
    connection.fetch(
        "INSERT INTO city VALUES " + ", ".join(["(%s, %s, %s, %s)"] * len(rows)),
        [value for row in rows for value in row],
    )


def add_token(connection: Connection) -> None:
    """The token, which may read and write."""
    connection.fetch(_BEARER, [tokens.digest(TOKEN)])


def add_other_tokens(connection: Connection) -> None:
    """`ENDED` and `LESSER`; the class is there already."""
    for name, secret in (ENDED | LESSER).items():
        scopes = {"read": "read", "write": "write", "bound": "read"}.get(name, "read,write")
        student = "bench-1" if name == "bound" else None
        ended = [name == one for one in ENDED]
        connection.fetch(_OTHER_BEARERS, [f"bench-{name}", tokens.digest(secret), scopes, student, *ended])


def forget(connection: Connection) -> None:
    """Take away what was recorded, for the next who records to begin with as little.

    A request whose client has gone may still be recording, and its responses keep their attempt: so it is tried
    again.
    """
    for attempt in range(FORGETTING):
        try:
            for statement in _FORGET:
                connection.fetch(statement)
        except err.IntegrityError:
            if attempt == FORGETTING - 1:
                raise
            sleep(0.2)
        else:
            return


def _load_sample(url: str) -> None:
    database = Database(url)
    try:
        if not sample.is_loaded(database):
            sample.load(database)
    finally:
        database.close()
