"""Answers in JSON: times in UTC as RFC 3339, decimals as numbers."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response
from flask.json.provider import JSONProvider

from studentapi.gradebook.documents import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import WSGIEnvironment

JSON = "application/json"


class Complete(Response):
    """An answer of one piece whose head is as it is to be sent: 200, and no address in it.

    Werkzeug goes through a head three times, to mend what other answers may need.
    """

    def get_wsgi_response(self, environ: WSGIEnvironment) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """The body, the status and the headers."""
        body: Any = () if environ["REQUEST_METHOD"] == "HEAD" else self.response
        return body, self.status, self.headers.to_wsgi_list()


def answer(
    body: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = JSON,
) -> Response:
    """Make a response of `body`, which is made of dicts, lists, str, numbers, Decimal, dates, None."""
    kind = Complete if status == HTTPStatus.OK else Response
    return kind(dumps(body), status, headers, content_type=media_type)


class Orjson(JSONProvider):
    """Flask's own JSON, where it or APIFlask makes an answer, by the same rules."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Serialize."""
        return dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse; raises ValueError."""
        return loads(s)
