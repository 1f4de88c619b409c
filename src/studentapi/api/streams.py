"""Answers that are made while they are sent, whose end a client can tell from a break in the middle.

Under uWSGI such an answer has no length, and ends with its connection: as one does that breaks off. So it is sent
in chunks (RFC 9112, section 7.1), and one that breaks off lacks the last. uWSGI's own chunks would end well
whatever happened. Other servers frame what they send themselves; there, a break is an exception.
"""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import TYPE_CHECKING

import structlog
from flask import Response, request, stream_with_context

from studentapi.api.problems import RETRY_AFTER, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

HARAKIRI = "STUDENTAPI_HARAKIRI"
"""In the environment: the seconds after which uWSGI kills the worker over a request."""
CHUNKED = ("HTTP/1.1", "HTTP/2.0")

log = structlog.get_logger(__name__)


class TooLong(Exception):  # noqa: N818 - named for the condition
    """The answer takes longer than a request may."""


def refusal() -> Response | None:
    """The answer where none of the kind can be sent, or None."""
    if not _under_uwsgi():
        if "uwsgi" in sys.modules:  # the waiting room, which has no chunks
            return problem(
                503,
                "The database is away or busy: ask again in a moment.",
                "database-busy",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
    elif request.environ.get("SERVER_PROTOCOL") not in CHUNKED:
        return problem(505, "A file needs HTTP/1.1: in HTTP/1.0 its end cannot be told from a break.")
    return None


def streamed(pieces: Iterator[bytes], media_type: str, file_name: str) -> Response:
    """The answer of which these are the pieces. The first is made now: what goes wrong by then is raised here."""
    first = next(pieces, b"")
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    body = _bounded(first, pieces)
    if _under_uwsgi():
        headers["Transfer-Encoding"] = "chunked"
        body = _chunked(body)
    return Response(stream_with_context(body), headers=headers, content_type=media_type)


def _under_uwsgi() -> bool:
    return "uwsgi.version" in request.environ


def _bounded(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """All pieces; raises `TooLong` while there is time for the slowest one before uWSGI kills the worker."""
    seconds = os.environ.get(HARAKIRI)
    end = monotonic() + int(seconds) / 2 if seconds else float("inf")
    yield first
    for piece in rest:
        if monotonic() > end:
            raise TooLong(f"more than {seconds} / 2 seconds")
        yield piece


def _chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        for piece in pieces:
            if piece:  # an empty chunk is the last one
                yield b"%x\r\n%b\r\n" % (len(piece), piece)
    except Exception as error:
        # uWSGI closes the connection; the client misses the last chunk
        log.exception("an answer broke off", exc_info=error)
        return
    yield b"0\r\n\r\n"
