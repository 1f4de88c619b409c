"""Many rows at once: what all kinds share. Rows that can be written are written, the others come back as faults.

The number of statements does not grow with the rows, but for those that are longer than a statement may be. What
locks names its index: a scan would lock the rows of others, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from studentapi.gradebook.refusals import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from studentapi.mysql.transaction import Transaction

Status = Literal["created", "updated", "unchanged"]
PAIRS_AT_ONCE = 500
"""Pairs of one IN: with more, the server may give up the index."""


class Fault(NamedTuple):
    """Why a row cannot be written: its place in what was given, the field or "" for all of it, and a sentence."""

    row: int
    name: str
    detail: str


class Outcome(NamedTuple):
    """What became of a row."""

    row: int
    status: Status
    public_id: str


class Written(NamedTuple):
    """What became of all rows: each is in one of the two."""

    outcomes: list[Outcome]
    faults: list[Fault]


class BadRows(Exception):  # noqa: N818 - named for the condition
    """Some rows cannot be written, so none was to be."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def made_meanwhile() -> NotAllowed:
    """For a row that was not there when it was looked for, and could not be made."""
    return NotAllowed("made-meanwhile", "Somebody else has made one of these at this moment; send all again.")


def inner_ids(tx: Transaction, table: str, condition: str, public_ids: Collection[str]) -> dict[str, int]:
    """The inner ids of what is there, locked against deletion; `condition` is SQL of our own, from AND on."""
    if not public_ids:
        return {}
    rows = tx.read(
        f"SELECT public_id, id FROM {table} FORCE INDEX ({table}_public_id)"
        f" WHERE public_id IN %s AND deleted_at IS NULL{condition}"
        " ORDER BY public_id LOCK IN SHARE MODE",
        (sorted(public_ids),),
    )
    return dict(rows)


def pairs_at_once(pairs: Collection[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """`pairs` in order, in pieces that one IN takes."""
    ordered = sorted(pairs)
    for start in range(0, len(ordered), PAIRS_AT_ONCE):
        yield ordered[start : start + PAIRS_AT_ONCE]
