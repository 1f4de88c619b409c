"""Answers in JSON: times in UTC as RFC 3339, decimals as numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response
from flask.json.provider import JSONProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

# MySQL's times come without a zone and are UTC: the session's time zone is.
_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def answer(
    body: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Make a response of `body`, which is made of dicts, lists, str, numbers, Decimal, dates, None."""
    return Response(dumps(body), status, headers, content_type=media_type)


def dumps(body: Any) -> bytes:
    """Serialize to JSON in UTF-8."""
    return orjson.dumps(body, _plain, _OPTIONS)


class Orjson(JSONProvider):
    """Flask's own JSON, where it or APIFlask makes an answer, by the same rules."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Serialize."""
        return dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse; raises ValueError."""
        return orjson.loads(s)


def _plain(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
