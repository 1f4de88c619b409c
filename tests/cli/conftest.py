"""A gradebook and an ordinary account, for `studentapi doctor` to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from studentapi import schema
from studentapi.mysql.address import Address
from tests.cli.doctors import NAME, SECRET, Doctor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    return Doctor(tmp_path)


@pytest.fixture(scope="module")
def gradebook(server: Server) -> Iterator[str]:
    """The name of a database with its tables."""
    server.execute(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}")
    schema.upgrade(server.url(NAME))
    yield NAME
    server.execute(f"DROP DATABASE {NAME}")


@pytest.fixture
def account(server: Server, gradebook: str) -> Iterator[str]:
    """The URL of an ordinary account with all rights on that database, and none on others."""
    server.execute(
        "DROP USER IF EXISTS doctor@'%'",
        f"CREATE USER doctor@'%' IDENTIFIED BY '{SECRET}'",
        f"GRANT ALL ON {gradebook}.* TO doctor@'%'",
    )
    host, port = Address.parse(server.admin_url).hosts[0]
    yield f"mysql://doctor:{SECRET}@{host}:{port}/{gradebook}"
    server.execute("DROP USER doctor@'%'")
