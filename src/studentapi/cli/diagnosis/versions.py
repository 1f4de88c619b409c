"""Which server it is, and whether what goes to and fro can be read on the way."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING

from studentapi.cli.diagnosis.findings import Finding, advice, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.cli.diagnosis.server import Server

OLDEST = {"MariaDB": (10, 11), "MySQL": (8, 4)}
"""The first versions that the service is tested with."""


def version(server: Server) -> Iterator[Finding]:
    """The server's version, against the oldest that is supported."""
    said = server.variable("version")
    kind = "MariaDB" if server.connection.is_mariadb else "MySQL"
    number = re.match(r"(\d+)\.(\d+)", said)
    found = said if kind in said else f"{kind} {said}"
    wanted = OLDEST[kind]
    if number is None or (int(number[1]), int(number[2])) < wanted:
        oldest = " or ".join(f"{name} {major}.{minor}" for name, (major, minor) in OLDEST.items())
        yield problem("version", found, f"Upgrade the server to {oldest} or later", version=said)
    else:
        yield ok("version", found, version=said)


def tls(server: Server) -> Iterator[Finding]:
    """Whether the link is encrypted, and the server's certificate checked; within one machine neither matters."""
    protocol, cipher = server.state("Ssl_version"), server.state("Ssl_cipher")
    mode = server.address.ssl_mode
    loopback = _is_loopback(server.connection.host)
    figures = {"protocol": protocol or None, "cipher": cipher or None, "ssl_mode": mode}
    if not protocol:
        if loopback:
            yield ok("tls", "none, and none is needed within this machine", **figures)
        elif mode == "disabled":
            yield advice(
                "tls", "none: passwords and marks travel in the clear",
                "Take ssl_mode=disabled out of STUDENTAPI_DATABASE_URL", **figures,
            )  # fmt: skip
        else:
            yield advice(
                "tls", "none: passwords and marks travel in the clear",
                "Give the server a certificate (ssl_cert, ssl_key in its configuration), "
                "then add ssl_mode=required to STUDENTAPI_DATABASE_URL", **figures,
            )  # fmt: skip
        return
    found = f"{protocol}, {cipher}"
    if loopback or mode in ("verify_ca", "verify_identity"):
        yield ok("tls", found, **figures)
    else:
        yield advice(
            "tls", f"{found}; the server's certificate is not checked (ssl_mode={mode})",
            "Add ssl_ca=FILE to STUDENTAPI_DATABASE_URL, its authority's certificate", **figures,
        )  # fmt: skip


def _is_loopback(host: str) -> bool:
    """Whether `host`, which was just reached, has loopback addresses alone."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[0]).is_loopback for *_, address in found)
