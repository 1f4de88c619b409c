"""Values as clients write them, in a body, a query or a file: ids, times, days and numbers, and their bounds.

Each reader takes text, and raises ValueError with a sentence for whoever sent it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

ID_PATTERN = r"[A-Za-z0-9._:\-]{1,64}"
NO_IDS = (".", "..")
"""Of a path with one of these, every client makes another path."""
TITLE_MOST = 200
"""Characters of one line for people."""
POINTS_GIVEN_MOST = 99_999
"""Points and weights that are given have five digits before the point, and percents three."""
POINTS_KEPT_MOST = Decimal("99999.9999")
"""The largest that a column of points holds: sums and scores."""

_ID = re.compile(ID_PATTERN)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+\-]?[0-9]{1,3})?")
_FIRST_YEAR = 1000
"""MySQL's DATE and DATETIME begin here."""


def read_id(text: str) -> str:
    """A public id."""
    if not _ID.fullmatch(text) or text in NO_IDS:
        raise ValueError("An id is 1 to 64 of A-Z a-z 0-9 . _ : -, and neither '.' nor '..'")
    return text


def read_time(text: str) -> datetime:
    """A moment with any offset; in UTC, naive, with microseconds."""
    if _TIME.fullmatch(text):
        try:
            # of further digits of a second, six are kept
            found = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text.upper()))
            moment = found.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            moment = datetime.min  # noqa: DTZ901 - naive, as the database has it
        if moment.year >= _FIRST_YEAR:
            return moment
    raise ValueError("This is no time as RFC 3339 has it, from the year 1000 on, such as 2026-01-31T12:00:00Z")


def read_date(text: str) -> date:
    """A day."""
    if _DATE.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        if day.year >= _FIRST_YEAR:
            return day
    raise ValueError("This is no date from the year 1000 on, such as 2026-01-31")


def read_integer(text: str) -> int:
    """A whole number."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("This is no whole number")
    return int(text)


def read_number(text: str) -> Decimal:
    """A number as JSON writes it, exactly as it is written."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("This is no number")
    return Decimal(text)


def read_boolean(text: str) -> bool:
    """`true` or `false`."""
    if text not in ("true", "false"):
        raise ValueError("It is true or false")
    return text == "true"


def rounded(number: Decimal) -> Decimal:
    """With the 4 decimals that are kept of points, weights and percents."""
    return number.quantize(Decimal("0.0001"), ROUND_HALF_UP)
