"""The answers to "MySQL server has gone away", each a small app as its author would write it today.

All of them have two routes. `GET /?city=london` answers `City "london" is #312`, out of Sakila's table `city`;
`POST /` with the form field `key` records a row and answers 201. They take the database's address from
STUDENTAPI_DATABASE_URL and are served by the project's own uwsgi.ini.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer: its module in this package, what a table calls it, and how its author runs it.

    `processes` × `threads` is 4 for all. An answer whose threads would share one connection, which PyMySQL
    forbids, is given processes of one thread.
    """

    name: str
    title: str
    processes: int = 1
    threads: int = 4

    @property
    def application(self) -> str:
        """What uwsgi.ini takes for its module."""
        return f"lab.answers.{self.name}:application"

    @property
    def database(self) -> str:
        """The name of its own database."""
        return f"lab_{self.name}"


ANSWERS = (
    Answer("per_query", "a connection per query"),
    Answer("per_request", "a connection per request"),
    Answer("retry_in_cursor", "a retry in cursor()", processes=4, threads=1),
    Answer("timer", "a timer: new after an hour", processes=4, threads=1),
    Answer("pooled_db", "PooledDB"),
    Answer("persistent_db", "PersistentDB"),
    Answer("sqlalchemy_recycle", "Flask-SQLAlchemy, pool_recycle"),
    Answer("sqlalchemy_pre_ping", "Flask-SQLAlchemy, pool_pre_ping"),
    Answer("studentapi", "studentapi"),
)
