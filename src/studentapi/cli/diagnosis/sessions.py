"""What the server does to a session: when it ends it, how long it lets it wait, what it lets it see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.cli.diagnosis.findings import Finding, advice, ok, problem
from studentapi.mysql.session import CHARSET, COLLATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.cli.diagnosis.server import Server

SHORT_IDLE = 60
"""Seconds of wait_timeout under which a service with few requests connects anew for most of them."""
AGE_SPREAD = 0.1
"""By how much the age of a connection is spread at random."""
USUAL_IDLE = 28_800
"""The servers' own default of wait_timeout."""
PROXY = "Have the proxy in between pass on what a session sets (SET), or go without one"


def idle(server: Server) -> Iterator[Finding]:
    """wait_timeout against our own age and check: the service survives any, the shortest cost connects."""
    seconds, settings = server.number("wait_timeout"), server.settings
    age, check = settings.connection_max_age, settings.connection_idle_check
    figures = {"wait_timeout": seconds, "connection_max_age": age, "connection_idle_check": check}
    found = f"wait_timeout {seconds} s"
    if seconds < SHORT_IDLE:
        yield advice(
            "idle connections", f"{found}: the server closes them between requests, and the next one connects",
            f"SET GLOBAL wait_timeout = {USUAL_IDLE}, and in the server's configuration", **figures,
        )  # fmt: skip
        return
    if seconds < age * (1 + AGE_SPREAD):
        meaning = (
            f"what is idle so long the server closes before its age ({age:g} s), and the next request connects"
        )
    else:
        meaning = f"what is idle so long is past its age ({age:g} s), and would be replaced anyway"
    yield ok("idle connections", f"{found}: {meaning}; after {check:g} s idle it is asked before use", **figures)


def deadline(server: Server) -> Iterator[Finding]:
    """Whether the server took the statement's deadline that every session sets."""
    wanted = server.settings.statement_timeout
    if server.connection.is_mariadb:
        name, seconds = "max_statement_time", float(server.variable("max_statement_time"))
        scope = "for every statement"
    else:
        name, seconds = "max_execution_time", server.number("max_execution_time") / 1000
        scope = "for SELECT; a write that takes longer is ended by KILL, which needs no right"
    found = f"{name} {seconds:g} s in our sessions, {scope}"
    if abs(seconds - wanted) > 0.001:  # noqa: PLR2004 - their resolution
        yield problem(
            "statement deadline", f"{found}, though STUDENTAPI_STATEMENT_TIMEOUT is {wanted:g} s",
            PROXY, seconds=seconds, setting=wanted,
        )  # fmt: skip
    else:
        yield ok("statement deadline", found, seconds=seconds, setting=wanted)


def locks(server: Server) -> Iterator[Finding]:
    """Waits for locks: the wait has to end before the statement's deadline, and deadlocks at once."""
    wait, limit = server.number("innodb_lock_wait_timeout"), server.settings.statement_timeout
    detected = server.variable("innodb_deadlock_detect") == "ON"
    found = f"innodb_lock_wait_timeout {wait} s in our sessions, whatever the server's own"
    figures = {"innodb_lock_wait_timeout": wait, "innodb_deadlock_detect": detected}
    if not detected:
        yield advice(
            "locks", f"{found}; deadlocks are not detected, and last as long",
            "SET GLOBAL innodb_deadlock_detect = ON", **figures,
        )  # fmt: skip
    elif wait >= limit:
        yield advice(
            "locks", f"{found}, not under STUDENTAPI_STATEMENT_TIMEOUT ({limit:g} s): no wait is run again",
            "Set STUDENTAPI_STATEMENT_TIMEOUT to 2 or more", **figures,
        )  # fmt: skip
    else:
        yield ok("locks", f"{found}; deadlocks are detected at once", **figures)


def isolation(server: Server) -> Iterator[Finding]:
    """What a transaction sees of the others'."""
    level = server.variable("transaction_isolation", "tx_isolation")
    change = "SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ, and in the server's configuration"
    if level == "READ-UNCOMMITTED":
        yield problem(
            "isolation", f"{level}: answers may show what is undone a moment later", change, level=level
        )
    elif level == "SERIALIZABLE":
        yield advice("isolation", f"{level}: reads in a transaction lock what they read", change, level=level)
    else:
        yield ok("isolation", level, level=level)


def characters(server: Server) -> Iterator[Finding]:
    """Whether the session speaks UTF-8, all of it."""
    charset, collation = server.variable("character_set_client"), server.variable("collation_connection")
    found = f"{charset}, {collation}"
    if (charset, collation) != (CHARSET, COLLATION):
        yield problem(
            "characters", f"{found} in our sessions, though {CHARSET}, {COLLATION} was asked for",
            PROXY,
            character_set=charset, collation=collation,
        )  # fmt: skip
    else:
        yield ok("characters", found, character_set=charset, collation=collation)
