"""The sample that comes with the package: all of OULAD, without its log of clicks."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from studentapi.loading import oulad

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.mysql.database import Database

FOLDER = files("studentapi") / "sample" / "oulad"
LAST_ATTEMPT = "37443:558486:1"
"""The last line of the sample. The load is one transaction: where this is, everything is."""


def is_loaded(database: Database) -> bool:
    """Whether the sample was loaded: one read of one index entry.

    What a school has deleted of it since stays deleted, and counts as loaded.
    """
    return bool(database.read("SELECT 1 FROM attempts WHERE public_id = %s", (LAST_ATTEMPT,)))


def load(database: Database, progress: Callable[[str, int, int], None] = lambda *_: None) -> oulad.Loaded:
    """Load the sample; see `oulad.load`."""
    return oulad.load(database, FOLDER, progress)
