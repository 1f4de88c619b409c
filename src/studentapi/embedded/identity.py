"""What stays the same from run to run of a private server: its port, its users and their passwords."""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from studentapi.embedded.errors import ServerError

if TYPE_CHECKING:
    from pathlib import Path

PORTS = range(20_000, 32_768)
"""Below the ports that Linux gives to outgoing connections, so that none takes ours while we restart."""


@dataclass
class Identity:
    """Where a server listens on 127.0.0.1, and the passwords of its two users."""

    port: int
    password: str
    root_password: str


def recall(directory: Path) -> Identity:
    """Port and passwords of the last run in `directory`, or new ones; another port when that one is taken.

    Raises `ServerError` when no port is free.
    """
    path = directory / "server.json"
    try:
        identity = Identity(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        identity = Identity(0, secrets.token_urlsafe(18), secrets.token_urlsafe(18))
    if not _is_free(identity.port):
        identity.port = next(filter(_is_free, random.sample(PORTS, 200)), 0)
    if not identity.port:
        raise ServerError("no free port on 127.0.0.1 for the database server")
    _write_private(path, json.dumps(asdict(identity)))
    return identity


def write_users(identity: Identity, directory: Path, database: str) -> Path:
    """Write the statements that a server runs at each start, before it takes its first connection.

    They stand on a line each, as `--init-file` wants them, and change nothing when they have run before.
    """
    users = directory / "users.sql"
    application, root = "'studentapi'@'127.0.0.1'", "'root'@'127.0.0.1'"
    _write_private(
        users,
        f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4;\n"
        f"CREATE USER IF NOT EXISTS {application} IDENTIFIED BY '{identity.password}';\n"
        f"ALTER USER {application} IDENTIFIED BY '{identity.password}';\n"
        f"GRANT ALL ON `{database}`.* TO {application};\n"
        f"CREATE USER IF NOT EXISTS {root} IDENTIFIED BY '{identity.root_password}';\n"
        f"ALTER USER {root} IDENTIFIED BY '{identity.root_password}';\n"
        f"GRANT ALL ON *.* TO {root} WITH GRANT OPTION;\n"
        # It is made without a password, and answers at the socket.
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{identity.root_password}';\n",
    )
    return users


def _is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now; never for 0, which stands for no port yet."""
    if not port:
        return False
    with closing(socket.socket()) as probe:
        # As servers do: connections of the last run that linger in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all, for this user's eyes only."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write(text)
    unfinished.replace(path)
