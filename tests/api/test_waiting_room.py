"""The answer that one who waited gets, as it goes over its connection."""

from __future__ import annotations

import socket
from http.client import HTTPResponse
from io import BytesIO
from typing import TYPE_CHECKING

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from studentapi.api import waiting_room

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def answer_of(application: WSGIApplication) -> tuple[HTTPResponse, bytes]:
    environ = EnvironBuilder("/").get_environ()
    environ["wsgi.input"] = BytesIO()
    ours, clients = socket.socketpair()
    with clients:
        with ours:
            waiting_room._answer(application, environ, ours)
        answer = HTTPResponse(clients)
        answer.begin()
        return answer, answer.read()


def test_an_answer_says_that_its_connection_ends_with_it() -> None:
    answer, body = answer_of(Response("here", headers={"X-Own": "kept"}))
    assert (answer.status, body) == (200, b"here")
    assert answer.headers.get_all("Connection") == ["close"]
    assert (answer.headers["X-Own"], answer.headers["Content-Length"]) == ("kept", "4")


def test_the_answer_to_an_error_says_so_too() -> None:
    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise RuntimeError("broken")

    answer, _ = answer_of(broken)
    assert answer.status == 500
    assert answer.headers.get_all("Connection") == ["close"]
