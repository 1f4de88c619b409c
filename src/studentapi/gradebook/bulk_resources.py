"""Many rows of a resource whose rows are written alike: made, or brought in line, by their ids.

The same rules as in `writing.replace`, with a statement for each step instead of for each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pymysql import err

from studentapi.gradebook.bulk import Fault, Outcome, Written, inner_ids, made_meanwhile, pairs_at_once
from studentapi.gradebook.changes import Record
from studentapi.gradebook.ids import new_id
from studentapi.gradebook.refusals import NotAllowed
from studentapi.gradebook.resources import Change, Pair, Reference
from studentapi.mysql.errors import is_duplicate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Resource, Row
    from studentapi.mysql.transaction import Transaction


class Given(NamedTuple):
    """A row: its place, its id or None, and a value for each given field, the same fields in each row."""

    row: int
    public_id: str | None
    values: Row


class _There(NamedTuple):
    inner: int
    row: Row
    deleted: bool


class _Wanted(NamedTuple):
    given: Given
    public_id: str
    there: _There | None
    after: Row


def write(writer: Writer, resource: Resource, given: Sequence[Given]) -> Written:
    """Make what is not there and change what differs; what was deleted is made again. No id may come twice.

    A row without an id is that which has the same `unique` fields, or a new one. Raises `NotAllowed` where
    somebody else makes one of them at the same time.
    """
    if not given:
        return Written([], [])
    tx = writer.tx
    inner = {one.name: _referred(tx, one, given) for one in resource.references}
    owners = _owners(tx, resource, given, inner)
    named = [(one, _named(resource, one, owners, inner)) for one in given]
    there = _there(tx, resource, [public_id for _, public_id in named])
    elsewhere = _elsewhere(tx, resource, [public_id for _, public_id in named if public_id not in there])
    refused = _checked(tx, resource, [one._replace(public_id=public_id) for one, public_id in named], there)
    faults: list[Fault] = []
    outcomes: list[Outcome] = []
    wanted: list[_Wanted] = []
    for one, public_id in named:
        found = there.get(public_id)
        owner = owners.get(_key(resource, one, inner), public_id)
        problem = _unresolved(resource, one, inner)
        if problem is None and owner != public_id:
            problem = Fault(one.row, "id", f"The {resource.kind} {owner!r} is for the same")
        if problem is None and public_id in elsewhere:
            problem = Fault(one.row, "id", "There is another of this id")
        if problem is None:
            problem = _changed_once(resource, one, found) or refused.get(one.row)
        if problem is not None:
            faults.append(problem)
            continue
        after = {**(found.row if found else {}), **one.values}
        if found is not None and not found.deleted and after == found.row:
            outcomes.append(Outcome(one.row, "unchanged", public_id))
            continue
        wanted.append(_Wanted(one, public_id, found, after))
        created = found is None or found.deleted
        outcomes.append(Outcome(one.row, "created" if created else "updated", public_id))
    faults += _keep(writer, resource, wanted, inner)
    return Written(sorted(outcomes), sorted(faults))


def _referred(tx: Transaction, reference: Reference, given: Sequence[Given]) -> dict[str, int]:
    of_role = "" if reference.role is None else f" AND role = '{reference.role}'"
    return inner_ids(tx, reference.table, of_role, {one.values[reference.name] for one in given})


def _unresolved(resource: Resource, one: Given, inner: Mapping[str, Mapping[str, int]]) -> Fault | None:
    for reference in resource.references:
        if one.values[reference.name] not in inner[reference.name]:
            return Fault(one.row, reference.name, f"There is no such {reference.kind}")
    return None


def _key(resource: Resource, one: Given, inner: Mapping[str, Mapping[str, int]]) -> tuple[int | None, ...]:
    return tuple(inner[name].get(one.values[name]) for name in resource.unique)


def _owners(
    tx: Transaction, resource: Resource, given: Sequence[Given], inner: Mapping[str, Mapping[str, int]]
) -> dict[tuple[int | None, ...], str]:
    """The public ids of those that are there, deleted ones too, by their `unique` fields."""
    if not resource.unique:
        return {}
    keys = {_key(resource, one, inner) for one in given}
    names = ", ".join(resource.unique)
    found: dict[tuple[int | None, ...], str] = {}
    for some in pairs_at_once({key for key in keys if None not in key}):
        rows = tx.read(f"SELECT public_id, {names} FROM {resource.table} WHERE ({names}) IN %s", (some,))
        found |= {tuple(key): public_id for public_id, *key in rows}
    return found


def _named(
    resource: Resource,
    one: Given,
    owners: Mapping[tuple[int | None, ...], str],
    inner: Mapping[str, Mapping[str, int]],
) -> str:
    return one.public_id or owners.get(_key(resource, one, inner)) or new_id()


def _there(tx: Transaction, resource: Resource, public_ids: Sequence[str]) -> dict[str, _There]:
    """Those that are there, locked until the transaction's end."""
    names = ["id", *resource.names, "created_at", "updated_at"]
    rows = tx.read(
        f"SELECT t.id, t.deleted_at IS NOT NULL, {resource.columns()}"
        f" FROM {resource.table} AS t FORCE INDEX ({resource.table}_public_id)"
        f" WHERE t.public_id IN %s {resource.fixed_condition} ORDER BY t.public_id FOR UPDATE",
        (sorted(public_ids),),
    )
    found = [
        _There(inner, dict(zip(names, values, strict=True)), bool(deleted)) for inner, deleted, *values in rows
    ]
    resource.finished([one.row for one in found])
    return {one.row["id"]: one for one in found}


def _elsewhere(tx: Transaction, resource: Resource, public_ids: Sequence[str]) -> set[str]:
    """Which ids are taken by another resource of the same table."""
    if not resource.fixed or not public_ids:
        return set()
    rows = tx.read(f"SELECT public_id FROM {resource.table} WHERE public_id IN %s", (public_ids,))
    return {public_id for (public_id,) in rows}


def _changed_once(resource: Resource, one: Given, found: _There | None) -> Fault | None:
    if found is not None:
        for name, value in one.values.items():
            if resource.by_name[name].once and found.row[name] != value:
                return Fault(one.row, name, "It cannot be changed")
    return None


def _checked(
    tx: Transaction, resource: Resource, given: Sequence[Given], there: Mapping[str, _There]
) -> dict[int, Fault]:
    """What the resource's `check` says of rows that are there, or are to be; by their places."""
    found = [None if one.public_id is None else there.get(one.public_id) for one in given]
    pairs = [
        Pair(None, one.values) if known is None else Pair(known.row, {**known.row, **one.values})
        for one, known in zip(given, found, strict=True)
    ]
    refused = resource.check(tx, pairs)
    return {given[place].row: Fault(given[place].row, one.name, one.detail) for place, one in refused.items()}


def _keep(
    writer: Writer, resource: Resource, wanted: Sequence[_Wanted], inner: Mapping[str, Mapping[str, int]]
) -> list[Fault]:
    """Write, write down, and do what follows."""
    if not wanted:
        return []
    tx = writer.tx
    now: datetime = tx.read("SELECT UTC_TIMESTAMP(6)")[0][0]
    fields = tuple(wanted[0].given.values)
    names = ("public_id", *resource.fixed, *fields, "created_at", "updated_at")

    def stored(one: _Wanted) -> list[object]:
        values = [inner[name][one.after[name]] if name in inner else one.after[name] for name in fields]
        created_at = now if one.there is None else one.there.row["created_at"]
        return [one.public_id, *resource.fixed.values(), *values, created_at, now]

    places = ", ".join(["%s"] * len(names))
    try:
        tx.execute_many(
            f"INSERT INTO {resource.table} ({', '.join(names)}) VALUES ({places})",
            (stored(one) for one in wanted if one.there is None),
        )
    except err.IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise made_meanwhile() from error
    # every one of these is there: what differs is changed, and no key of AUTO_INCREMENT is used up
    changed = ", ".join(f"{name} = VALUES({name})" for name in (*fields, "updated_at"))
    tx.execute_many(
        f"INSERT INTO {resource.table} (id, {', '.join(names)}) VALUES (%s, {places})"
        f" ON DUPLICATE KEY UPDATE {changed}, deleted_at = NULL",
        ([one.there.inner, *stored(one)] for one in wanted if one.there is not None),
    )
    writer.record(*(_record(resource, one, now) for one in wanted))
    faults = []
    for one in wanted:
        if one.there is not None and not one.there.deleted:
            try:
                resource.follow(
                    writer, [Change(one.there.inner, one.there.row, {**one.after, "updated_at": now})]
                )
            except NotAllowed as error:
                faults.append(Fault(one.given.row, "", error.detail))
    return faults


def _record(resource: Resource, one: _Wanted, now: datetime) -> Record:
    shown = {"id": one.public_id, **{name: one.after[name] for name in resource.names}, **resource.fixed}
    created_at = now if one.there is None else one.there.row["created_at"]
    after = {**shown, "created_at": created_at, "updated_at": now}
    plural = resource.recorded_as or resource.plural
    if one.there is None:
        return Record(plural, one.public_id, "create", None, after)
    if one.there.deleted:
        return Record(plural, one.public_id, "restore", None, after)
    return Record(plural, one.public_id, "update", {**one.there.row, **resource.fixed}, after)
