"""The data directory of a private server, and the words that each of the two servers understands."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from studentapi.embedded import process
from studentapi.embedded.errors import ServerError

if TYPE_CHECKING:
    from studentapi.embedded.binary import Binary

SOCKET = "server.sock"
"""Relative to the data directory, which is the server's working directory: a socket's whole path may have
108 bytes only."""

UNFINISHED = "unfinished-"
"""Prefix of a data directory that is being made."""


def prepare(directory: Path, binary: Binary, log: Path) -> Path:
    """The data directory for `binary` in `directory`, made when there is none.

    Each flavour has its own, since neither reads the other's. It is made under another name and renamed
    when it is whole, so that an end in the middle leaves nothing that looks like one.
    Raises `ServerError` when it cannot be made, or belongs to another user.
    """
    for leftover in directory.glob(UNFINISHED + "*"):
        shutil.rmtree(leftover, ignore_errors=True)
    data = directory / f"{binary.flavour}-data"
    if data.exists():
        _refuse_other_owner(data)
        return data
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=directory))
    with log.open("wb") as output:
        making = process.spawn(_making(binary), output=output, cwd=unfinished, env=_environment())
        try:
            status = making.wait()
        except BaseException:
            making.kill()
            making.wait()
            raise
    if status:
        raise ServerError(f"{binary} could not make its data directory:\n{tail(log)}")
    unfinished.rename(data)
    return data


def options(binary: Binary, data: Path) -> list[str]:
    """What a private server is started with, apart from its port and users."""
    common = [
        "--no-defaults",  # the machine's own my.cnf is for the machine's own server
        f"--datadir={data}",
        f"--tmpdir={data}",  # another server that starts would empty a directory that they shared
        *_as_root(),
        f"--socket={SOCKET}",
        "--pid-file=server.pid",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--skip-log-bin",  # no replica will ever ask for it
        "--character-set-server=utf8mb4",
        "--innodb-buffer-pool-size=256M",
    ]
    if binary.flavour == "mariadb":
        return common
    return [
        *common,
        "--mysqlx=OFF",  # would take a second port
        "--performance-schema=OFF",  # off in MariaDB by default; costs memory and time to start
        "--secure-file-priv=NULL",  # the default names a directory that packages make, and its absence is fatal
    ]


def tail(log: Path, lines: int = 15) -> str:
    """The last `lines` lines of a log, for an error message."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(empty log)"


def _as_root() -> list[str]:
    # A server refuses to run as root unless told so by name. Another user would need to own the directory and
    # to pass through all above it, such as /root.
    return ["--user=root"] if os.geteuid() == 0 else []


def _making(binary: Binary) -> list[str | Path]:
    """The command that makes a data directory of its working directory."""
    if binary.flavour == "mysql":
        return [binary.path, "--no-defaults", "--initialize-insecure", "--datadir=.", "--mysqlx=OFF", *_as_root()]
    return [
        _beside(binary, "mariadb-install-db", "mysql_install_db"),
        "--no-defaults",
        "--datadir=.",  # the script falls apart over a space in a path
        "--auth-root-authentication-method=normal",  # a password is set at every start
        "--skip-test-db",
        "--skip-name-resolve",
        # Not --user=root: the script would also change the owner of the system's PAM helper. It hands -uroot on
        # to the server unread.
        *(["-uroot"] if os.geteuid() == 0 else []),
    ]


def _beside(binary: Binary, *names: str) -> Path:
    """The first of `names` in the places where packages and archives put it, seen from the server."""
    prefix = binary.path.parent.parent
    places = [binary.path.parent, prefix / "bin", prefix / "scripts", Path("/usr/bin"), Path("/usr/local/bin")]
    for name in names:
        for place in places:
            if os.access(place / name, os.X_OK):
                return place / name
        if found := shutil.which(name):
            return Path(found)
    raise ServerError(f"{binary} is there, but not {names[0]}, which makes its data directory")


def _environment() -> dict[str, str]:
    """The environment of this process, with the places in PATH where the script looks for its helpers."""
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def _refuse_other_owner(data: Path) -> None:
    owner = data.stat().st_uid
    if owner == os.geteuid():
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = str(owner)
    # Two users' files in one data directory would end in a server that starts for neither.
    raise ServerError(f"{data} belongs to {name}: run as that user, or remove it")
