"""The types of fields in bodies and queries: what they take, and what the OpenAPI document says of it.

JSON's own types are taken as they are: a number in quotes is no number, and a time is one of RFC 3339.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from studentapi.gradebook import values

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC_ID = {"type": "string", "pattern": f"^{values.ID_PATTERN}$", "not": {"enum": [*values.NO_IDS]}}
"""What the document says of an id."""


def _segment(value: str) -> str:
    if value in values.NO_IDS:
        raise PydanticCustomError("id", "An id is neither '.' nor '..'")
    return value


PublicId = Annotated[
    str,
    Field(pattern=f"^{values.ID_PATTERN}$"),
    AfterValidator(_segment),
    WithJsonSchema(PUBLIC_ID),
]

Title = Annotated[str, Field(min_length=1, max_length=values.TITLE_MOST)]
"""One line for people."""

_YEAR_PATTERN = "^[1-9][0-9]{3}-"


def _reading(kind: str, read: Callable[[str], object]) -> BeforeValidator:
    """With `read`, a value that is text; `kind` is pydantic's type of the error."""

    def validated(value: object) -> object:
        try:
            return read(value if isinstance(value, str) else "")
        except ValueError as error:
            raise PydanticCustomError(kind, str(error)) from None

    return BeforeValidator(validated)


Time = Annotated[
    datetime,
    _reading("time", values.read_time),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _YEAR_PATTERN}),
]
"""A moment; taken with any offset, kept in UTC (naive) with microseconds, from the year 1000 on."""

Date = Annotated[
    date,
    _reading("date", values.read_date),
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


def number(least: float, most: float, **schema: Any) -> Any:
    """A number from `least` to `most`, kept with 4 decimals."""
    return Annotated[
        Decimal,
        BeforeValidator(_json_number),
        Field(ge=Decimal(str(least)), le=Decimal(str(most))),
        AfterValidator(values.rounded),
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


def query_integer(least: int, most: int) -> Any:
    """A whole number from `least` to `most`, written in a query."""
    return Annotated[
        int,
        _reading("integer", values.read_integer),
        Field(ge=least, le=most),
        WithJsonSchema({"type": "integer", "minimum": least, "maximum": most}),
    ]


def query_number(least: float, most: float) -> Any:
    """A number from `least` to `most`, written in a query as JSON writes it."""
    return Annotated[
        float,
        _reading("number", lambda text: float(values.read_number(text))),
        Field(ge=least, le=most),
        WithJsonSchema({"type": "number", "minimum": least, "maximum": most}),
    ]


QueryBoolean = Annotated[bool, _reading("boolean", values.read_boolean), WithJsonSchema({"type": "boolean"})]
"""`true` or `false`, written in a query."""
