"""What many operations of the OpenAPI document share: headers, and the answers to failures."""

from __future__ import annotations

from typing import Any

from studentapi.api import problems
from studentapi.api.conditional import TAGS
from studentapi.api.effects import KEY

_ETAG = '"0a1b2c3d4e5f60718293a4"'
_TAGS = [{"type": "string", "const": "*"}, {"type": "string", "pattern": f"^{TAGS}$"}]

PARAMETERS: dict[str, dict[str, Any]] = {
    "RequestId": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "the client's own name for this request: 1 to 128 of `A–Z a–z 0–9 . _ : -`. It is in the "
        "answer and in the log; anything else is passed over",
        "schema": {"type": "string", "examples": ["nightly-sync-17"]},
    },
    "TraceParent": {
        "name": "traceparent",
        "in": "header",
        "description": "the trace that this request belongs to (W3C Trace Context)",
        "schema": {
            "type": "string",
            "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        },
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "a key of the client's making, a new one for each thing to be done and the same one for "
        "each repetition: the request is carried out once, however often it is sent",
        "schema": {
            "type": "string",
            "pattern": f"^{KEY}$",
            "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
        },
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "entity tags that the client has: one of them is answered with 304 to a GET, and 412 to a "
        "write. `*`: any",
        "schema": {"anyOf": _TAGS, "examples": [_ETAG]},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "the entity tag of what the client has read and now writes over, or reads again; where it "
        "is another by now, 412. `*`: whatever it is",
        "schema": {"anyOf": _TAGS, "examples": ["*"]},
    },
}

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "the request's id, the client's own or one that was made here",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:\\-]{1,128}$"},
    },
    "RateLimit": {
        "description": "what is left: requests `r`, until `t` seconds from now; one entry for each limit",
        "schema": {"type": "string", "examples": ['"token";r=599;t=60']},
    },
    "RateLimit-Policy": {
        "description": "the limits: requests `q` in `w` seconds",
        "schema": {"type": "string", "examples": ['"token";q=600;w=60']},
    },
    "Retry-After": {
        "description": "seconds after which to ask again",
        "schema": {"type": "integer", "minimum": 1},
    },
    "ETag": {
        "description": "the entity tag of the resource as it is now",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{22}"$', "examples": [_ETAG]},
    },
    "Location": {
        "description": "the path of what was made",
        "required": True,
        "schema": {"type": "string", "pattern": "^/api/v1/"},
    },
    "Link": {
        "description": "the address of the next page; missing on the last one",
        "schema": {"type": "string", "pattern": '^<[^>]+>; rel="next"$'},
    },
    "Idempotent-Replayed": {
        "description": "`true` where the answer was kept from the first request under this Idempotency-Key",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWW-Authenticate": {
        "description": "how to authenticate",
        "schema": {"type": "string", "examples": ['Bearer realm="studentapi"']},
    },
}

FAILURES = {
    400: "It cannot be read: bytes that are not UTF-8, a body that is not JSON, a header that is not of its form",
    401: "No token, or one that is not valid",
    403: "Not with this token",
    404: "There is no such thing, or it is deleted",
    409: "Not as things are now",
    411: "A body without its length",
    412: "It is not, or no longer, as If-Match or If-None-Match says",
    413: "The body is too large",
    415: "The body is of another media type, or compressed",
    422: "A parameter or a field is not as it has to be; `errors` names each",
    428: "This writes over something, and says by no If-Match what",
    429: "Too many requests: ask again after Retry-After seconds",
    503: "The database is away or busy: ask again after Retry-After seconds",
    504: "The database took too long; nothing was changed",
}
"""What an answer with this status says, of whatever operation."""

_FURTHER = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    409: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
OF_ALL = ("X-Request-ID",)
OF_THE_LIMITED = ("RateLimit", "RateLimit-Policy")


def headers(*names: str) -> dict[str, Any]:
    """References to headers, by name, for an answer."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def failure(status: int, description: str) -> dict[str, Any]:
    """The answer to a failure: a problem of this status."""
    shape = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"type": "object", "properties": {"status": {"const": status}}},
        ]
    }
    return {
        "description": description,
        "headers": headers(*OF_ALL, *OF_THE_LIMITED, *_FURTHER.get(status, ())),
        "content": {problems.MEDIA_TYPE: {"schema": shape}},
    }


def failures() -> dict[str, Any]:
    """The answers to failures that operations refer to, by name."""
    return {f"Problem{status}": failure(status, description) for status, description in FAILURES.items()}
