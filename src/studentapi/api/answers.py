"""Answers in JSON: times in UTC as RFC 3339, decimals as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response
from flask.json.provider import JSONProvider

from studentapi.gradebook.documents import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping


def answer(
    body: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Make a response of `body`, which is made of dicts, lists, str, numbers, Decimal, dates, None."""
    return Response(dumps(body), status, headers, content_type=media_type)


class Orjson(JSONProvider):
    """Flask's own JSON, where it or APIFlask makes an answer, by the same rules."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Serialize."""
        return dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse; raises ValueError."""
        return loads(s)
