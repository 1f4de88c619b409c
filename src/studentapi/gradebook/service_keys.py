"""Random keys that all instances of a service share; the database keeps them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studentapi.mysql.database import Database
    from studentapi.mysql.transaction import Transaction

_SELECT = "SELECT value FROM service_keys WHERE name = %s"


def shared(database: Database, name: str) -> bytes:
    """The key of this name: 32 bytes, made by whoever asks first."""
    rows = database.read(_SELECT, (name,))
    if rows:
        return bytes(rows[0][0])

    def make(tx: Transaction) -> bytes:
        tx.execute(
            "INSERT IGNORE INTO service_keys (name, value) VALUES (%s, %s)", (name, secrets.token_bytes(32))
        )
        return bytes(tx.read(_SELECT, (name,))[0][0])

    return database.run(make)
