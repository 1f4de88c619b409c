"""Who is measured beside studentapi: what a user would pick instead today, each as its own users write it.

The other answers (`lab.answers`) look a city up. The rest speak studentapi's own HTTP contract (docs/api.md) on
the routes that they have, over the same tables: token looked up by its SHA-256, input validated, the same JSON.
`agreement` compares what they answer with what studentapi answers, what is kept and counted of an attempt that
they record, and whom they turn away. What studentapi does besides they are spared: rate limits, idempotency keys,
the feed of changes, a log line for each request, a look at the connection before it is used, another try after a
deadlock or a lost connection (mysqlclient's and the bare function's, once lost, is lost for good), locks on the
rules and items that an attempt is graded by. studentapi remembers a token for 5 s (docs/security.md); of the
others one does, and the rest ask the database for it on each request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from lab.answers import ANSWERS

Route = Literal["city", "assessment-data", "list", "recording", "statistics"]
ROUTES: tuple[Route, ...] = get_args(Route)
DRIVER = "LAB_DRIVER"
"""Variable: SQLAlchemy's name of the driver that the ORM's app uses."""
REMEMBERED = "LAB_TOKENS_REMEMBERED"
"""Variable: seconds for which a process of mysqlclient's remembers a token; without it, none."""


@dataclass(frozen=True)
class Peer:
    """One app: its name, what a table calls it, what serves it, and the routes that it has.

    `application` is `module:callable` for uwsgi and uvicorn. `shares_connection`: its threads would share one
    connection, which PyMySQL forbids, so processes × threads become as many processes of one thread. `tls`: it
    connects by TLS where the server takes it, as PyMySQL does unless told otherwise; all others are told not to.
    `kept`: its clients keep their connections to it, as its server lets them, where others open one for each
    request. `module`: what it imports that `make setup` does not install. `remembered`: seconds for which a
    process of it goes by what it knows of a token, for the peers that can be told. `driver`: the ORM's.
    """

    name: str
    title: str
    server: Literal["uwsgi", "uvicorn", "go"]
    routes: frozenset[Route]
    application: str = ""
    shares_connection: bool = False
    tls: bool = False
    kept: bool = False
    module: str = ""
    remembered: float = 0.0
    driver: Literal["pymysql", "mysqldb"] = "pymysql"


_CITY = frozenset[Route]({"city"})
_READS = frozenset[Route]({"city", "assessment-data", "list"})
_KEPT = frozenset[Route]({"city", "assessment-data"})
_ALL = frozenset(ROUTES)

PEERS: tuple[Peer, ...] = (
    *(
        Peer(one.name, one.title, "uwsgi", _CITY, one.application, shares_connection=one.threads == 1)
        for one in ANSWERS
    ),
    Peer(
        "per_request_tls",
        "a connection per request, PyMySQL's TLS",
        "uwsgi",
        _CITY,
        "lab.answers.per_request:application",
        tls=True,
    ),
    Peer("bare", "a bare WSGI function, plain PyMySQL", "uwsgi", _READS, "lab.peers.bare:application"),
    Peer(
        "mysqlclient",
        "Flask, mysqlclient (C)",
        "uwsgi",
        _ALL,
        "lab.peers.flask_mysqlclient:application",
        module="MySQLdb",
    ),
    Peer(
        "mysqlclient_remembers",
        "Flask, mysqlclient (C), tokens remembered 5 s",
        "uwsgi",
        _ALL - _CITY,
        "lab.peers.flask_mysqlclient:application",
        module="MySQLdb",
        remembered=5.0,
    ),
    Peer("orm", "Flask-SQLAlchemy's ORM, PyMySQL", "uwsgi", _ALL, "lab.peers.orm.app:application"),
    Peer(
        "orm_mysqlclient",
        "Flask-SQLAlchemy's ORM, mysqlclient (C)",
        "uwsgi",
        frozenset({"assessment-data", "list"}),
        "lab.peers.orm.app:application",
        module="MySQLdb",
        driver="mysqldb",
    ),
    Peer("fastapi", "FastAPI, asyncmy, uvicorn", "uvicorn", _ALL, "lab.peers.fastapi_asyncmy:application"),
    Peer("go", "Go, net/http, go-sql-driver", "go", _READS),
    Peer(
        "fastapi_kept",
        "FastAPI, asyncmy, uvicorn, clients' connections kept",
        "uvicorn",
        _KEPT,
        "lab.peers.fastapi_asyncmy:application",
        kept=True,
    ),
    Peer("go_kept", "Go, net/http, go-sql-driver, clients' connections kept", "go", _KEPT, kept=True),
    Peer("service", "studentapi", "uwsgi", _ALL - _CITY, "studentapi.wsgi:application"),
)
"""Everyone, in the order of the tables. studentapi's city route is `lab.answers.studentapi`, of the answers."""


def peer(name: str) -> Peer:
    """The peer of this name; raises KeyError."""
    return {one.name: one for one in PEERS}[name]
