"""What our account may do: enough to serve and to upgrade, and not much more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from studentapi.cli.diagnosis.findings import Finding, advice, ok, problem
from studentapi.cli.diagnosis.server import quoted
from studentapi.cli.diagnosis.tables import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from studentapi.cli.diagnosis.server import Server

TO_SERVE = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
TO_UPGRADE = frozenset({"CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"})
ALL = frozenset({"ALL", "ALL PRIVILEGES"})
HARMLESS = frozenset(
    {
        "USAGE",
        "PROCESS",
        "SHOW DATABASES",
        "REPLICATION CLIENT",
        "BINLOG MONITOR",
        "REPLICA MONITOR",
        "SLAVE MONITOR",
    }
)
"""Global privileges that change nothing and read no data."""
TOLD = 3
"""Privileges that are named where there are too many."""

_NAME = r"(\*|`(?:[^`]|``)*`)"
_GRANT = re.compile(rf"(GRANT|REVOKE) (.+?) ON (?:TABLE )?{_NAME}\.{_NAME} (?:TO|FROM) (.*)", re.DOTALL)


class Grant(NamedTuple):
    """One line of SHOW GRANTS: which privileges on which pattern of databases (None: all) and table (None: all).

    `given`: False for MySQL's partial revoke.
    """

    given: bool
    privileges: frozenset[str]
    database: str | None
    table: str | None


def to_serve(server: Server) -> Iterator[Finding]:
    """Whether the account may read and write the tables."""
    database = server.address.database
    grants = _grants(server)
    missing = sorted(TO_SERVE - allowed(grants, database))
    if missing and not _given_by_table(server, grants):
        names = ", ".join(missing)
        yield problem(
            "privileges", f"{names} on {quoted(database)} missing",
            f"GRANT {names} ON {quoted(database)}.* TO {server.account}", missing=missing,
        )  # fmt: skip
    else:
        yield ok("privileges", f"{', '.join(sorted(TO_SERVE))}: all that serving needs", missing=[])


def to_upgrade(server: Server) -> Iterator[Finding]:
    """Whether the account may make and change the tables; another one may do that."""
    database = server.address.database
    missing = sorted(TO_UPGRADE - allowed(_grants(server), database))
    if missing:
        names = ", ".join(missing)
        yield advice(
            "privileges to upgrade", f"{names} missing: this account cannot run 'studentapi db upgrade'",
            f"Run it by an account that can, or GRANT {names} ON {quoted(database)}.* TO {server.account}",
            missing=missing,
        )  # fmt: skip
    else:
        yield ok("privileges to upgrade", f"{', '.join(sorted(TO_UPGRADE))}: 'studentapi db upgrade' can run")


def too_many(server: Server) -> Iterator[Finding]:
    """Whether a stolen password would open more than this one database."""
    wide = sorted(
        privilege
        for grant in _grants(server)
        if grant.given and grant.database is None and grant.table is None
        for privilege in grant.privileges - HARMLESS
    )
    if not wide:
        yield ok("privileges beyond", "none on other databases by *.*", beyond=[])
        return
    # the worst first
    wide.sort(key=lambda privilege: privilege not in ALL | {"SUPER"})
    named = ", ".join(wide[:TOLD]) + (f" and {len(wide) - TOLD} more" if len(wide) > TOLD else "")
    yield advice(
        "privileges beyond", f"{named} on *.*: more than the service needs",
        "CREATE USER for the service alone, and GRANT ALL ON "
        f"{quoted(server.address.database)}.* TO that one", beyond=wide,
    )  # fmt: skip


def allowed(grants: Iterable[Grant], database: str, table: str | None = None) -> frozenset[str]:
    """What `grants` allow on `database` as a whole, or on one table of it."""
    held: set[str] = set()
    for grant in sorted(grants, key=lambda grant: grant.given, reverse=True):  # revokes last
        if not _concerns(grant, database, table):
            continue
        privileges = grant.privileges
        if privileges & ALL:
            privileges |= TO_SERVE | TO_UPGRADE
        held = held | privileges if grant.given else held - privileges
    return frozenset(held)


def parse(line: str) -> Grant | None:
    """One line of SHOW GRANTS; None for one that grants a role, or no privilege on tables."""
    match = _GRANT.match(line)
    if match is None:
        return None
    verb, privileges, database, table, rest = match.groups()
    # a privilege on columns is none on the table
    names = {one.strip() for one in re.sub(r"[\w ]+\([^)]*\)", "", privileges).split(",")} - {""}
    if "WITH GRANT OPTION" in rest:
        names.add("GRANT OPTION")
    return Grant(verb == "GRANT", frozenset(names), _unquoted(database), _unquoted(table))


def _grants(server: Server) -> list[Grant]:
    """Ours, with those of the roles that are active."""
    lines = server.connection.fetch("SHOW GRANTS").rows
    return [grant for (line,) in lines if (grant := parse(str(line))) is not None]


def _given_by_table(server: Server, grants: list[Grant]) -> bool:
    """Whether there are tables, and on each of them all that serving needs; Alembic's own is not served."""
    database = server.address.database
    tables = [str(name) for (name,) in server.connection.fetch("SHOW TABLES").rows if name != VERSIONS]
    return bool(tables) and all(allowed(grants, database, table) >= TO_SERVE for table in tables)


def _unquoted(name: str) -> str | None:
    return None if name == "*" else name[1:-1].replace("``", "`")


def _concerns(grant: Grant, database: str, table: str | None) -> bool:
    if grant.table is not None:
        return (grant.database, grant.table) == (database, table)
    return grant.database is None or _matches(grant.database, database)


def _matches(pattern: str, database: str) -> bool:
    r"""Whether a grant's database, in which `_` and `%` stand for any and `\` takes that away, is ours."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"_": ".", "%": ".*"}
    expression = "".join(wild.get(part) or re.escape(part.removeprefix("\\") or part) for part in parts)
    return re.fullmatch(expression, database, re.DOTALL) is not None
