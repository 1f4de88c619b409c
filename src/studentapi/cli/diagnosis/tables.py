"""The tables: made, up to date, and of the kind that holds what is promised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pymysql import err

from studentapi import schema
from studentapi.cli.diagnosis.findings import Finding, ok, problem
from studentapi.cli.diagnosis.server import quoted
from studentapi.mysql.errors import is_missing_table
from studentapi.mysql.session import CHARSET, COLLATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.script import ScriptDirectory

    from studentapi.cli.diagnosis.server import Server

VERSIONS = "alembic_version"
UPGRADE = "Run 'studentapi db upgrade'"


def migrations(server: Server) -> Iterator[Finding]:
    """Whether the tables are those that this version of the service was written for."""
    scripts = _scripts()
    head = scripts.get_current_head()
    try:
        at = [str(version) for (version,) in server.connection.fetch(f"SELECT version_num FROM {VERSIONS}").rows]
    except err.Error as error:
        if not is_missing_table(error):
            raise
        at = []
    figures = {"at": at, "head": head}
    if not at:
        yield problem("migrations", "there are no tables yet", UPGRADE, **figures)
    elif at == [head]:
        yield ok("migrations", f"at {head}, the newest", **figures)
    elif set(at) <= {script.revision for script in scripts.walk_revisions()}:
        yield problem("migrations", f"at {', '.join(at)}, the newest is {head}", UPGRADE, **figures)
    else:
        yield problem(
            "migrations", f"at {', '.join(at)}, unknown to this version of studentapi (newest: {head})",
            "Install the version of studentapi that made these tables, or a newer one", **figures,
        )  # fmt: skip


def storage(server: Server) -> Iterator[Finding]:
    """Whether every table has transactions (InnoDB) and takes every character (utf8mb4)."""
    rows = server.connection.fetch(
        "SELECT table_name, engine, table_collation FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name <> %s ORDER BY table_name",
        (VERSIONS,),
    ).rows
    if not rows:  # migrations() says it
        return
    changes = [f"ALTER TABLE {quoted(name)} ENGINE = InnoDB" for name, engine, _ in rows if engine != "InnoDB"]
    changes += [
        f"ALTER TABLE {quoted(name)} CONVERT TO CHARACTER SET {CHARSET} COLLATE {COLLATION}"
        for name, _, collation in rows
        if not str(collation).startswith(f"{CHARSET}_")
    ]
    if changes:
        found = f"{len(rows)} tables, not all of them InnoDB and {CHARSET}"
        yield problem("storage", found, "; ".join(changes), tables=len(rows), changes=changes)
    else:
        yield ok("storage", f"{len(rows)} tables, all InnoDB and {CHARSET}", tables=len(rows))


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(schema.__file__).parent))
