"""Why the gradebook does not write what it was asked to: each a condition that a client can mend."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - named for the condition
    """What was asked for cannot be written; nothing was."""


class Invalid(Refusal):
    """A field cannot have this value; `detail` is a sentence for the client."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail


class Exists(Refusal):
    """There is such a resource: `public_id`, which may be a deleted one."""

    def __init__(self, kind: str, public_id: str, *, deleted: bool = False) -> None:
        super().__init__(f"{kind} {public_id!r} exists")
        self.kind = kind
        self.public_id = public_id
        self.deleted = deleted


class InUse(Refusal):
    """Others refer to it: `users` are their plural names."""

    def __init__(self, kind: str, public_id: str, users: list[str]) -> None:
        super().__init__(f"{kind} {public_id!r} is in use")
        self.kind = kind
        self.public_id = public_id
        self.users = users


class NotAllowed(Refusal):
    """The rules of the gradebook forbid it now; `code` names the rule, `detail` is a sentence for the client."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
