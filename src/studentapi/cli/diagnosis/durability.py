"""Whether what was committed is on the disk when the server says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.cli.diagnosis.findings import Finding, advice, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.cli.diagnosis.server import Server


def durability(server: Server) -> Iterator[Finding]:
    """innodb_flush_log_at_trx_commit, and sync_binlog where there is a binary log."""
    flush, sync = server.number("innodb_flush_log_at_trx_commit"), server.number("sync_binlog")
    logs = server.variable("log_bin") == "ON"
    figures = {"innodb_flush_log_at_trx_commit": flush, "sync_binlog": sync, "log_bin": logs}
    found = f"innodb_flush_log_at_trx_commit {flush}, " + (f"sync_binlog {sync}" if logs else "no binary log")
    # MariaDB's 3 does what its 1 does, and more
    wrong = [] if flush in (1, 3) else ["innodb_flush_log_at_trx_commit"]
    if logs and sync != 1:
        wrong.append("sync_binlog")
    if wrong:
        yield advice(
            "durability", f"{found}: a crash may lose the last commits, though acknowledged",
            "; ".join(f"SET GLOBAL {name} = 1" for name in wrong) + ", and in the server's configuration",
            **figures,
        )  # fmt: skip
    else:
        yield ok("durability", f"{found}: what is acknowledged is on the disk", **figures)
