"""What names a request: its id, and its place in a trace (W3C Trace Context).

Both may come with the request. They go into log lines and headers: only a few characters are let in.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class Ids(NamedTuple):
    """`trace_id` and `span_id` are 32 and 16 hexadecimal digits; the span is this request's part of the trace."""

    request_id: str
    trace_id: str
    span_id: str


def ids(request_id: str | None, traceparent: str | None) -> Ids:
    """Take over what came with a request, where it is valid, and make the rest."""
    made = os.urandom(40).hex()
    return Ids(
        request_id if request_id is not None and _REQUEST_ID.fullmatch(request_id) else made[:32],
        (None if traceparent is None else trace_id_of(traceparent)) or made[32:64],
        made[64:],
    )


def trace_id_of(traceparent: str) -> str | None:
    """The trace id of a `traceparent` header; None where it is not valid (https://www.w3.org/TR/trace-context/).

    A version that is yet to come may add fields at the end, and is read as far as it is known; 255 is none.
    """
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, parent_id, _, more = found.groups()
    if (
        version == "ff"
        or trace_id == _NO_TRACE
        or parent_id == _NO_SPAN
        or (version == "00" and more is not None)
    ):
        return None
    return trace_id


def traceresponse(trace_id: str, span_id: str, *, sampled: bool) -> str:
    """The value of the header by which an answer tells its place in the trace (W3C's draft for responses)."""
    return f"00-{trace_id}-{span_id}-{'01' if sampled else '00'}"
