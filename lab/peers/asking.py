"""Asking a service, and holding an answer against another."""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Disagreement(Exception):  # noqa: N818 - named for the condition
    """A peer answers something else than studentapi."""


class Answer(NamedTuple):
    """An answer; `body` is of JSON's types where it is JSON."""

    status: int
    body: Any


class Asking:
    """Requests to one service, with a token."""

    def __init__(self, url: str, token: str) -> None:
        self._address = urlsplit(url).netloc
        self._token = token

    def get(self, path: str, token: str | None = None) -> Answer:
        """GET."""
        return self._ask("GET", path, None, token)

    def post(self, path: str, body: Any, token: str | None = None) -> Answer:
        """POST of JSON."""
        return self._ask("POST", path, json.dumps(body).encode(), token)

    def _ask(self, method: str, path: str, body: bytes | None, token: str | None) -> Answer:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        headers = {"Authorization": f"Bearer {token or self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return Answer(answer.status, json.loads(content) if is_json else content.decode())


def differences(theirs: Any, ours: Any, place: str = "") -> Iterator[str]:
    """Where two bodies differ, member by member; 1 and 1.0 are the same number, and true is none."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours | theirs:
            if name not in ours or name not in theirs:
                yield f"{place}.{name} is there in one alone"
            else:
                yield from differences(theirs[name], ours[name], f"{place}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{place} has {len(theirs)} for {len(ours)}"
        for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            yield from differences(one, other, f"{place}[{index}]")
    elif theirs != ours or isinstance(theirs, bool) is not isinstance(ours, bool):
        yield f"{place} is {theirs!r} for {ours!r}"


def same(path: str, theirs: Answer, ours: Answer) -> None:
    """Raise `Disagreement` where two answers to `path` differ."""
    if theirs.status != ours.status:
        raise Disagreement(f"{path} is {theirs.status} for {ours.status}: {theirs.body}")
    # what is said of a refusal is everybody's own
    found = list(differences(theirs.body, ours.body)) if ours.status < HTTPStatus.BAD_REQUEST else []
    if found:
        raise Disagreement(f"{path}: {'; '.join(found[:5])}")


def refused(path: str, answer: Answer, *statuses: int) -> None:
    """Raise `Disagreement` where an answer to `path` has none of `statuses`."""
    if answer.status not in statuses:
        raise Disagreement(f"{path} is {answer.status} for {statuses[0]}: {answer.body}")
