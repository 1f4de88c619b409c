"""What every answer takes from its environment."""

from __future__ import annotations

import os
from typing import TypedDict

from studentapi.mysql.address import Address

URL = "STUDENTAPI_DATABASE_URL"
MAX_AGE = "LAB_MAX_AGE"
CONNECTIONS = "LAB_CONNECTIONS"
"""Variable: connections that a process with a pool of its own may keep."""
HOUR = 3600.0


class Options(TypedDict):
    """Where the database is, as PyMySQL takes it."""

    host: str
    port: int
    user: str
    password: str
    database: str
    ssl_disabled: bool


def database_url() -> str:
    """The database's address: `mysql://user:password@host:port/name`, as it is."""
    return os.environ[URL]


def pymysql_options() -> Options:
    """The database's address, for `pymysql.connect`; of its options `ssl_mode=disabled` alone is known."""
    address = Address.parse(database_url())
    host, port = address.hosts[0]
    return Options(
        host=host,
        port=port,
        user=address.user,
        password=address.password,
        database=address.database,
        ssl_disabled=address.ssl_mode == "disabled",
    )


def sqlalchemy_url(driver: str = "pymysql") -> str:
    """The database's address for SQLAlchemy, by `driver`: pymysql or mysqldb, which is mysqlclient."""
    base, _, query = database_url().partition("?")
    scheme = base.replace("mysql://", f"mysql+{driver}://", 1)
    if query != "ssl_mode=disabled":
        return scheme
    return scheme + ("?ssl_disabled=true" if driver == "pymysql" else "?ssl_mode=DISABLED")


def connections(usual: int | None = None) -> int:
    """How many connections a pool keeps: what its documentation shows is `usual` where nobody says."""
    return int(os.environ[CONNECTIONS] if usual is None else os.environ.get(CONNECTIONS, usual))


def max_age() -> float:
    """Seconds after which a connection is replaced, by the answers that do so: an hour, unless set."""
    return float(os.environ.get(MAX_AGE, HOUR))
