"""Names that move: a process sees an /etc/hosts of its own, which is changed under it as a DNS server would."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOUNTED = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


class NamesError(Exception):
    """A process like this may not give another an /etc/hosts of its own."""


class Names:
    """The names that commands started by `command` know; `file` is theirs and becomes their /etc/hosts.

    Raises `NamesError` when that cannot be done here.
    """

    def __init__(self, file: Path, names: Mapping[str, str]) -> None:
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            raise NamesError("only root, with unshare, may give a process another /etc/hosts")
        self._file = file
        self._names = dict(names)
        self._write()

    def point(self, name: str, address: str) -> None:
        """Let `name` mean `address` from now on."""
        self._names[name] = address
        self._write()

    def command(self, *words: str | Path) -> list[str]:
        """The command line that runs these words under these names."""
        return ["unshare", "--mount", "sh", "-c", _MOUNTED, "sh", str(self._file), *map(str, words)]

    def _write(self) -> None:
        lines = [f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **self._names}.items()]
        # in place, by one write: another file would not be the one that is mounted
        with self._file.open("r+" if self._file.exists() else "w") as file:
            file.write("".join(lines))
            file.truncate()
