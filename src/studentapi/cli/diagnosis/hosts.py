"""Each host of the database's address, asked by itself; then everything that is looked at on each."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pymysql import err

from studentapi.cli.diagnosis import capacity, durability, privileges, sessions, tables, times, versions
from studentapi.cli.diagnosis.findings import Finding, advice, ok, problem, told
from studentapi.cli.diagnosis.server import Server, Unreadable
from studentapi.mysql.connection import open_connection
from studentapi.mysql.errors import Consequence, consequence
from studentapi.mysql.servers import learn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from studentapi.mysql.address import Address
    from studentapi.settings import Settings

CHECKS: dict[str, Callable[[Server], Iterator[Finding]]] = {
    "version": versions.version,
    "tls": versions.tls,
    "round trip": times.round_trip,
    "clock": times.clock,
    "privileges": privileges.to_serve,
    "privileges to upgrade": privileges.to_upgrade,
    "privileges beyond": privileges.too_many,
    "migrations": tables.migrations,
    "storage": tables.storage,
    "connections": capacity.connections,
    "account's connections": capacity.account_connections,
    "statement size": capacity.packets,
    "idle connections": sessions.idle,
    "statement deadline": sessions.deadline,
    "locks": sessions.locks,
    "isolation": sessions.isolation,
    "characters": sessions.characters,
    "durability": durability.durability,
    "moments": times.moments,
}
"""What is looked at on every server, by the name that its findings have."""

SLOW_CONNECT = 0.5
"""Share of the connect timeout that a connect may take before it is remarked upon."""


@dataclass
class Host:
    """One host, `host:port`, and what was found there."""

    name: str
    findings: list[Finding] = field(default_factory=list)
    server: Server | None = None
    writable: bool = False


def examine(address: Address, settings: Settings, instances: int) -> list[Host]:
    """Connect to each host of `address` as the service does, and look at it; a failure is a finding, too."""
    _ = address.ssl_context  # made once, and not within the time of the first connect
    with ExitStack() as opened:
        hosts = [_reach(address.at(host), settings, instances, opened) for host in address.hosts]
        primaries = [host.name for host in hosts if host.writable]
        for host in hosts:
            if host.server is not None:
                host.findings.append(_writing(host, hosts, primaries))
                host.findings.extend(findings(host.server))
    return hosts


def _reach(address: Address, settings: Settings, instances: int, opened: ExitStack) -> Host:
    ((name, port),) = address.hosts
    host = Host(f"[{name}]:{port}" if ":" in name else f"{name}:{port}")
    limit = settings.connect_timeout
    begin = time.perf_counter()
    try:
        connection = open_connection(address, connect_timeout=limit, statement_timeout=settings.statement_timeout)
    except err.Error as error:
        host.findings.append(_unreachable(error))
        return host
    seconds = time.perf_counter() - begin
    opened.callback(connection.close)
    host.server = Server(connection, address, settings, instances)
    host.findings.append(_reached(seconds, limit))
    try:
        host.writable = learn(connection).writable
    except err.Error as error:
        host.findings.append(_lost("writing", error))
        host.server = None
    return host


def _reached(seconds: float, limit: float) -> Finding:
    found = f"reached in {seconds * 1000:.1f} ms; STUDENTAPI_CONNECT_TIMEOUT is {limit:g} s"
    figures = {"connect_milliseconds": round(seconds * 1000, 3), "connect_timeout": limit}
    if seconds <= limit * SLOW_CONNECT:
        return ok("address", found, **figures)
    return advice(
        "address", found,
        "Raise STUDENTAPI_CONNECT_TIMEOUT, or find what is slow: often names (in the server, skip_name_resolve)",
        **figures,
    )  # fmt: skip


def _unreachable(error: err.Error) -> Finding:
    if consequence(error) is Consequence.REFUSED:
        change = (
            "Correct user, password, database or TLS options in STUDENTAPI_DATABASE_URL, or the account's rights"
        )
    else:
        change = (
            "By that reason: start the server, open its bind_address and the firewalls to this machine, "
            "raise its limits, or correct host and port in STUDENTAPI_DATABASE_URL"
        )
    return problem("address", f"cannot be reached: {told(error)}", change, error=told(error))


def _writing(host: Host, hosts: list[Host], primaries: list[str]) -> Finding:
    """Whether writes find a server here, or elsewhere."""
    if host.writable and len(primaries) > 1:
        return advice(
            "writing", f"takes writes, and so does {', '.join(one for one in primaries if one != host.name)}",
            "Unless they are one cluster, SET GLOBAL read_only = ON on all but the primary", writable=True,
        )  # fmt: skip
    if host.writable:
        return ok("writing", "takes writes", writable=True)
    if primaries:
        return ok("writing", f"takes no writes: stands by for {primaries[0]}", writable=False)
    others = ", nor does another host of the address" if len(hosts) > 1 else ""
    return problem(
        "writing", f"takes no writes (read-only, or not ready){others}",
        "Name the primary in STUDENTAPI_DATABASE_URL, or make this one by SET GLOBAL read_only = OFF",
        writable=False,
    )  # fmt: skip


def findings(server: Server) -> Iterator[Finding]:
    """Everything that is looked at on one server; what cannot be read there is a finding, too."""
    for name, check in CHECKS.items():
        try:
            yield from list(check(server))
        except Unreadable as unknown:
            yield _unread(name, f"the server does not show {unknown}")
        except ValueError:
            yield _unread(name, "the server's answer was not of the usual form")
        except err.Error as error:
            if not server.connection.open or consequence(error) is not Consequence.KEEP:
                yield _lost(name, error)
                return
            yield _unread(name, told(error))


def _unread(name: str, reason: str) -> Finding:
    return advice(name, f"could not be read: {reason}", "Look at it by an account that may")


def _lost(name: str, error: err.Error) -> Finding:
    return problem(
        name, f"the server failed us: {told(error)}", "Run 'studentapi doctor' again", error=told(error)
    )
