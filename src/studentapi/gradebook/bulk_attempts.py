"""Many attempts at once, by the rules of `attempt_writing`: recorded, started, or replaced by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymysql import err

from studentapi.gradebook.attempts import attempts
from studentapi.gradebook.bulk import Fault, Outcome, Written, made_meanwhile
from studentapi.gradebook.bulk_attempts_known import Known
from studentapi.gradebook.changes import Record
from studentapi.gradebook.refusals import Invalid, NotAllowed
from studentapi.gradebook.results import recount
from studentapi.mysql.errors import is_duplicate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from studentapi.gradebook.bulk_attempts_known import Given, Wanted
    from studentapi.gradebook.changes import Action, Writer

_COLUMNS = (
    "public_id", "assessment_id", "student_id", "number", "state", "started_at", "submitted_at", "graded_at",
    "is_late", "score", "percent", "created_at", "updated_at",
)  # fmt: skip
_INSERT = f"INSERT INTO attempts ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
_CHANGING = ("state", "started_at", "submitted_at", "graded_at", "is_late", "score", "percent", "updated_at")
_UPDATE = f"""
    INSERT INTO attempts (id, {", ".join(_COLUMNS)}) VALUES (%s, {", ".join(["%s"] * len(_COLUMNS))})
    ON DUPLICATE KEY UPDATE {", ".join(f"{name} = VALUES({name})" for name in _CHANGING)}, deleted_at = NULL"""
"""Every row is there."""


def write(writer: Writer, given: Sequence[Given]) -> Written:
    """Keep all that can be kept; no id may come twice. Raises `NotAllowed` where somebody makes one meanwhile."""
    if not given:
        return Written([], [])
    known = Known(writer.tx, given)
    outcomes: list[Outcome] = []
    faults: list[Fault] = []
    wanted: list[Wanted] = []
    for one in given:
        try:
            found = known.wanted(one)
        except Invalid as error:
            faults.append(Fault(one.row, error.name, error.detail))
        except NotAllowed as error:
            faults.append(Fault(one.row, "", error.detail))
        else:
            there = found.there
            if there is not None and not there.deleted and there.row == found.after:
                outcomes.append(Outcome(one.row, "unchanged", found.after["id"]))
                continue
            wanted.append(found)
            created = there is None or there.deleted
            outcomes.append(Outcome(one.row, "created" if created else "updated", found.after["id"]))
    _keep(writer, wanted, known.now)
    return Written(outcomes, faults)


def _keep(writer: Writer, wanted: Sequence[Wanted], now: datetime) -> None:
    if not wanted:
        return
    tx = writer.tx
    try:
        tx.execute_many(_INSERT, (_stored(one, now) for one in wanted if one.there is None))
    except err.IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise made_meanwhile() from error
    there = [(one, one.there) for one in wanted if one.there is not None]
    tx.execute_many(_UPDATE, ([found.inner, *_stored(one, now)] for one, found in there))
    again = [found.inner for _, found in there if found.deleted]
    if again:  # what was answered then is not what is told now
        tx.execute(
            "UPDATE responses SET deleted_at = %s WHERE attempt_id IN %s AND deleted_at IS NULL", (now, again)
        )
    writer.record(*(_record(one, now) for one in wanted))
    recount(tx, sorted({(one.place.student, one.place.assessment) for one in wanted if _counts(one)}))


def _stored(one: Wanted, now: datetime) -> list[Any]:
    inner = {"public_id": one.after["id"], "assessment_id": one.place.assessment, "student_id": one.place.student}
    return [(one.after | inner | {"updated_at": now})[name] for name in _COLUMNS]


def _record(one: Wanted, now: datetime) -> Record:
    after = {**one.after, "updated_at": now}
    before: Mapping[str, Any] | None = None
    action: Action = "create"
    if one.there is not None and one.there.deleted:
        action, after = "restore", {**after, "responses": []}
    elif one.there is not None:
        action, before = "update", one.there.row
    return Record(attempts.plural, one.after["id"], action, None if before is None else dict(before), after)


def _counts(one: Wanted) -> bool:
    """Whether another percent may count than did."""
    there = one.there
    was = there.row["percent"] if there and not there.deleted and there.row["state"] == "graded" else None
    now = one.after["percent"] if one.after["state"] == "graded" else None
    return bool(was != now)
