"""Whether the disk has room for the data that are still to be made."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab.bench.growth import server
from lab.bench.growth.sizes import QUICK, SIZES
from lab.bench.words import decimal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.bench.growth.sizes import Size

ROW = 900
"""Bytes of an attempt with all that belongs to it, indexes included; of small databases, which have more each."""
MARGIN = 2 * 2**30
"""What is to be left: the logs of the server and the sorting of its indexes have to be somewhere, too."""


def lacking_at_first(*, quick: bool) -> str:
    """The same before any data are made; empty where some are, which are looked at when their server is up."""
    return "" if server.DIRECTORY.exists() else lacking(QUICK if quick else SIZES, server.DIRECTORY)


def lacking(missing: Sequence[Size], directory: Path) -> str:
    """What the disk of `directory` lacks for the sizes that are `missing`, in words; empty where it has room."""
    if not missing:
        return ""
    needed = sum(size.attempts for size in missing) * ROW + MARGIN
    free = shutil.disk_usage(next(path for path in (directory, *directory.parents) if path.exists())).free
    if free >= needed:
        return ""
    titles = ", ".join(size.title for size in missing)
    return (
        f"{decimal(needed)} are needed to make the data of {titles} attempts in {directory}, and "
        f"{decimal(free)} are free; LAB_DATA names a folder on a larger disk, `python -m lab.bench.growth "
        "--size` takes fewer"
    )
