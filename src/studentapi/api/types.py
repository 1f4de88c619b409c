"""The types of fields in bodies and queries: what they take, and what the OpenAPI document says of it.

JSON's own types are taken as they are: a number in quotes is no number, and a time is one of RFC 3339.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

ID_PATTERN = r"[A-Za-z0-9._:\-]{1,64}"
PUBLIC_ID = {"type": "string", "pattern": f"^{ID_PATTERN}$", "not": {"enum": [".", ".."]}}
"""What the document says of an id."""


def _segment(value: str) -> str:
    # of a path with one of these, every client makes another path
    if value in (".", ".."):
        raise PydanticCustomError("id", "An id is neither '.' nor '..'")
    return value


PublicId = Annotated[
    str,
    Field(pattern=f"^{ID_PATTERN}$"),
    AfterValidator(_segment),
    WithJsonSchema(PUBLIC_ID),
]

Title = Annotated[str, Field(min_length=1, max_length=200)]
"""One line for people."""

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_YEAR = 1000
"""MySQL's DATE and DATETIME begin here."""
_YEAR_PATTERN = "^[1-9][0-9]{3}-"


def _time(value: object) -> object:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            # of further digits of a second, six are kept
            found = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value.upper()))
            moment = found.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            moment = datetime.min  # noqa: DTZ901 - naive, as the database has it
        if moment.year >= _FIRST_YEAR:
            return moment
    raise PydanticCustomError(
        "time", "This is no time as RFC 3339 has it, from the year 1000 on, such as 2026-01-31T12:00:00Z"
    )


def _date(value: object) -> object:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = date.min
        if day.year >= _FIRST_YEAR:
            return day
    raise PydanticCustomError("date", "This is no date from the year 1000 on, such as 2026-01-31")


Time = Annotated[
    datetime,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _YEAR_PATTERN}),
]
"""A moment; taken with any offset, kept in UTC (naive) with microseconds, from the year 1000 on."""

Date = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "format": "date", "pattern": _YEAR_PATTERN}),
]
"""A day, from the year 1000 on."""


def _json_number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("number", "This is no number")
    return value


def _json_integer(value: object) -> object:
    value = _json_number(value)
    if not isinstance(value, int) and not float(value).is_integer():  # type: ignore[arg-type]
        raise PydanticCustomError("integer", "This is no whole number")
    return int(value)  # type: ignore[call-overload]


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def number(least: float, most: float, **schema: Any) -> Any:
    """A number from `least` to `most`, kept with 4 decimals."""
    return Annotated[
        Decimal,
        BeforeValidator(_json_number),
        Field(ge=Decimal(str(least)), le=Decimal(str(most))),
        AfterValidator(_rounded),
        WithJsonSchema({"type": "number", "minimum": least, "maximum": most, **schema}),
    ]


def integer(least: int, most: int) -> Any:
    """A whole number from `least` to `most`."""
    return Annotated[
        int,
        BeforeValidator(_json_integer),
        Field(ge=least, le=most),
        WithJsonSchema({"type": "integer", "minimum": least, "maximum": most}),
    ]


_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+\-]?[0-9]{1,3})?")


def read_integer(value: str) -> int:
    """Read a whole number of a query; raises `PydanticCustomError`."""
    if not _INTEGER.fullmatch(value):
        raise PydanticCustomError("integer", "This is no whole number")
    return int(value)


def _read_number(value: str) -> float:
    if not _NUMBER.fullmatch(value):
        raise PydanticCustomError("number", "This is no number")
    return float(value)


def _read_boolean(value: str) -> bool:
    if value not in ("true", "false"):
        raise PydanticCustomError("boolean", "It is true or false")
    return value == "true"


def query_integer(least: int, most: int) -> Any:
    """A whole number from `least` to `most`, written in a query."""
    return Annotated[
        int,
        BeforeValidator(read_integer),
        Field(ge=least, le=most),
        WithJsonSchema({"type": "integer", "minimum": least, "maximum": most}),
    ]


def query_number(least: float, most: float) -> Any:
    """A number from `least` to `most`, written in a query as JSON writes it."""
    return Annotated[
        float,
        BeforeValidator(_read_number),
        Field(ge=least, le=most),
        WithJsonSchema({"type": "number", "minimum": least, "maximum": most}),
    ]


QueryBoolean = Annotated[bool, BeforeValidator(_read_boolean), WithJsonSchema({"type": "boolean"})]
"""`true` or `false`, written in a query."""

POINTS_MOST = 99_999
"""Points and weights have five digits before the point, percents three."""
