"""The tables of the answers, and Sakila's cities in them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from studentapi.mysql import settlement

if TYPE_CHECKING:
    from studentapi.mysql.connection import Connection

CITIES = Path(__file__).parent / "sakila" / "city.csv"

CITY = """CREATE TABLE city (
    city_id INT UNSIGNED NOT NULL PRIMARY KEY,
    city VARCHAR(50) NOT NULL,
    country_id INT UNSIGNED NOT NULL,
    last_update DATETIME NOT NULL,
    KEY by_name (city)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4"""

# No unique key: a row that was written twice has to show.
RECORD = """CREATE TABLE record (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    request_key VARCHAR(64) NOT NULL,
    KEY by_key (request_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4"""


def cities() -> list[tuple[str, ...]]:
    """The 600 rows of `city.csv`, as text, in the order of the table's columns."""
    with CITIES.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def load(connection: Connection, database: str) -> None:
    """Make `database` anew, with its tables and the cities."""
    for statement in (
        f"DROP DATABASE IF EXISTS `{database}`",
        f"CREATE DATABASE `{database}`",
        f"USE `{database}`",
        CITY,
        RECORD,
        settlement.TABLE,
    ):
        connection.fetch(statement)
    rows = cities()
    connection.fetch(
        "INSERT INTO city VALUES " + ", ".join(["(%s, %s, %s, %s)"] * len(rows)),
        [value for row in rows for value in row],
    )
