"""Every type of problem: its status, what it says, and whether the same request may be sent again."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

PREFIX = "urn:studentapi:"


class ProblemType(NamedTuple):
    """`name` follows the prefix; `KIND` in it stands for a kind of resource. `again`: when to repeat it."""

    name: str
    status: int
    meaning: str
    again: str = "no"


_SOON = "after `Retry-After` seconds"

TYPES = (
    ProblemType("bad-request", 400, "bytes that are not UTF-8, a body that is not JSON, a malformed header"),
    ProblemType("token-missing", 401, "there is no `Authorization: Bearer …`"),
    ProblemType("token-invalid", 401, "the token is unknown, expired or revoked"),
    ProblemType("forbidden", 403, "the token has not the scope, or is bound to another student"),
    ProblemType("not-found", 404, "there is no such path"),
    ProblemType("KIND-not-found", 404, "there is no such resource, or it is deleted: `student-not-found`"),
    ProblemType("method-not-allowed", 405, "the path has other methods; the header `Allow` names them"),
    ProblemType("KIND-exists", 409, "the id is taken, or what the resource is for has one: `enrollment-exists`"),
    ProblemType("KIND-in-use", 409, "others refer to it, `used_by` names their kinds: `course-in-use`"),
    ProblemType("too-many-to-delete", 409, "more would be deleted along with it than one deletion takes along"),
    ProblemType("still-running", 409, "the first request under this Idempotency-Key is being worked on", _SOON),
    ProblemType("made-meanwhile", 409, "somebody else made one of the rows just now; none was written", "yes"),
    ProblemType("item-answered", 409, "the item has responses that the change would leave without a place"),
    ProblemType("attempt-submitted", 409, "the attempt has been submitted: its answers stay as they are"),
    ProblemType("attempt-not-submitted", 409, "the attempt is still in progress"),
    ProblemType("attempt-exempt", 409, "the attempt is exempt"),
    ProblemType("attempt-not-exempt", 409, "the attempt is not exempt"),
    ProblemType("not-enrolled", 409, "the student is not enrolled in the assessment's class"),
    ProblemType("enrolled-as-teacher", 409, "a teacher of the class makes no attempts"),
    ProblemType("student-withdrawn", 409, "the student had withdrawn from the class by then"),
    ProblemType("attempts-used-up", 409, "the student has made as many attempts as are allowed"),
    ProblemType("score-too-high", 409, "the score would be too many percent of the assessment's points"),
    ProblemType("changes-gone", 410, "the changes after this cursor are not kept any more"),
    ProblemType("length-required", 411, "a body without `Content-Length`"),
    ProblemType("precondition-failed", 412, "it is not as `If-Match` or `If-None-Match` says: read it anew"),
    ProblemType("content-too-large", 413, "the body is too large"),
    ProblemType("too-many-rows", 413, "the file has more rows than are imported at once: send it in parts"),
    ProblemType("unsupported-media-type", 415, "the body is of another media type, or compressed"),
    ProblemType("invalid-request", 422, "a parameter or a field is not of its form; `errors` names each"),
    ProblemType("invalid-value", 422, "a value is of its form and cannot be taken; `errors` names it"),
    ProblemType("invalid-rows", 422, "rows of a bulk request cannot be written; `errors` names each"),
    ProblemType("invalid-file", 422, "rows of a file cannot be imported; `report` names each"),
    ProblemType("idempotency-key-reused", 422, "another request was carried out under this Idempotency-Key"),
    ProblemType("precondition-required", 428, "this writes over something: `If-Match` has to say what"),
    ProblemType("too-many-requests", 429, "a rate limit; `violated-policies` names it", _SOON),
    ProblemType("internal-server-error", 500, "a fault of the service; it is logged under the `X-Request-ID`"),
    ProblemType("changes-behind", 503, "the feed of changes is catching up", _SOON),
    ProblemType("database-unavailable", 503, "the database is away; nothing was changed", _SOON),
    ProblemType("database-busy", 503, "all threads wait for the database; nothing was changed", _SOON),
    ProblemType(
        "commit-unknown", 503, "the database went away while it was saving: all was changed, or nothing",
        "a POST under its Idempotency-Key; a PUT, PATCH or DELETE after reading anew",
    ),
    ProblemType("statement-timeout", 504, "the database took too long; nothing was changed", "asking for less"),
    ProblemType("http-version-not-supported", 505, "what has no known length needs HTTP/1.1"),
)  # fmt: skip

_PLAIN = {
    400: ("bad-request", "Bad Request"),
    404: ("not-found", "Not Found"),
    405: ("method-not-allowed", "Method Not Allowed"),
    411: ("length-required", "Length Required"),
    412: ("precondition-failed", "Precondition Failed"),
    413: ("content-too-large", "Content Too Large"),
    409: ("conflict", "Conflict"),
    410: ("gone", "Gone"),
    415: ("unsupported-media-type", "Unsupported Media Type"),
    422: ("invalid-request", "Unprocessable Content"),
    428: ("precondition-required", "Precondition Required"),
    429: ("too-many-requests", "Too Many Requests"),
    500: ("internal-server-error", "Internal Server Error"),
    503: ("service-unavailable", "Service Unavailable"),
    504: ("gateway-timeout", "Gateway Timeout"),
}
"""Type and title where only the status is known; Python's own phrases differ from version to version."""


def plain(status: int) -> tuple[str, str]:
    """Type, without its prefix, and title of a problem of which only the status is known."""
    phrase = HTTPStatus(status).phrase
    return _PLAIN.get(status, (phrase.lower().replace(" ", "-"), phrase))
