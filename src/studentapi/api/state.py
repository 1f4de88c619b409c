"""What one app holds: its database and its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from studentapi.api.bearers import Tokens
    from studentapi.api.cursors import Cursors
    from studentapi.mysql.database import Database

EXTENSION = "studentapi"


@dataclass(frozen=True)
class State:
    """Made by `create_app`, kept in `app.extensions`. `tokens` is None where everyone may do everything."""

    database: Database
    tokens: Tokens | None
    cursors: Cursors


def state() -> State:
    """The current app's."""
    return cast("State", current_app.extensions[EXTENSION])


def database() -> Database:
    """The current app's database."""
    return state().database
