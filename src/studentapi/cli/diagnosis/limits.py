"""What our own settings mean for whoever stands between: proxies, firewalls, load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.cli.diagnosis.findings import Finding, advice, ok
from studentapi.cli.serve import harakiri
from studentapi.mysql.deadlines import CLIENT_GRACE
from studentapi.mysql.sockets import KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES, USER_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.settings import Settings

PROXY_TIMEOUT = 60
"""Seconds that nginx (proxy_read_timeout) and AWS's ALB (idle timeout) wait for an answer by default."""


def deadlines(settings: Settings) -> Iterator[Finding]:
    """How long a request may take, against the patience of a proxy in front of the service."""
    slow = settings.database_patience + settings.statement_timeout + CLIENT_GRACE
    most = harakiri(settings)
    found = (
        f"a database that is away and then slow takes a request {slow:g} s, uWSGI ends it at {most} s;"
        f" a proxy's usual limit is {PROXY_TIMEOUT} s"
    )
    figures = {"slow_seconds": slow, "harakiri_seconds": most, "proxy_seconds": PROXY_TIMEOUT}
    if slow >= PROXY_TIMEOUT:
        yield advice(
            "deadlines", found,
            "Lower STUDENTAPI_STATEMENT_TIMEOUT or STUDENTAPI_DATABASE_PATIENCE, "
            f"or raise the proxy's limit (nginx: proxy_read_timeout) over {most} s", **figures,
        )  # fmt: skip
    else:
        yield ok("deadlines", found, **figures)


def keepalive() -> Iterator[Finding]:
    """How a silent link is kept, and a dead one noticed; these are not settings."""
    yield ok(
        "tcp",
        f"keepalive after {KEEPALIVE_IDLE} s idle ({KEEPALIVE_PROBES} probes, {KEEPALIVE_INTERVAL} s apart), "
        "well under what forgets silent links (Azure 240 s, AWS NLB 350 s); "
        f"unacknowledged data is given up after {USER_TIMEOUT / 1000:g} s",
        keepalive_idle_seconds=KEEPALIVE_IDLE,
        user_timeout_seconds=USER_TIMEOUT / 1000,
    )
