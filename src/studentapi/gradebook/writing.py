"""Writing a resource: made, replaced, changed, deleted, each within a transaction and with its audit.

What is deleted is hidden, and can be made again under its id. Nothing is deleted that others refer to, so what is
there refers to what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymysql import err

from studentapi.gradebook import registry
from studentapi.gradebook.changes import Record
from studentapi.gradebook.documents import dumps
from studentapi.gradebook.ids import new_id
from studentapi.gradebook.refusals import Exists, InUse, Invalid, NotAllowed
from studentapi.gradebook.resources import Change, Column, NotFound, Pair, Reference, Resource, Row
from studentapi.mysql.errors import is_duplicate

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.gradebook.changes import Action, Writer
    from studentapi.mysql.transaction import Transaction

    Guard = Callable[[Row | None], None]
    """Is given the row that is there, or None, and raises what forbids to write it."""

CASCADE_MOST = 10_000
"""Rows that one deletion may take along."""
_AT_ONCE = 1000


def create(writer: Writer, resource: Resource, values: Row, public_id: str | None = None) -> Row:
    """Make a resource of `values`, its given fields by name; returns it as it is kept.

    Raises `Invalid` for a value that cannot be, and `Exists`.
    """
    tx, public_id = writer.tx, public_id or new_id()
    _check(tx, resource, Pair(None, values))
    inner_ids = _inner_ids(tx, resource, values)
    columns = {"public_id": public_id, **resource.fixed}
    columns |= {name: _stored(resource, name, value, inner_ids) for name, value in values.items()}
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    try:
        tx.execute(f"INSERT INTO {resource.table} ({names}) VALUES ({places})", tuple(columns.values()))
    except err.IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise _existing(tx, resource, values, inner_ids, public_id) from error
    return _written(writer, resource, public_id, "create")


def replace(writer: Writer, resource: Resource, public_id: str, values: Row, guard: Guard) -> tuple[Row, bool]:
    """Make the resource `public_id`, or bring it in line with `values`; returns it, and whether it was made.

    `guard` is called with the row that is there, or None, before anything is written, and may refuse. Raises as
    `create` does.
    """
    found = resource.locked(writer.tx, public_id)
    guard(None if found is None or found[2] else found[1])
    if found is None:
        try:
            return create(writer, resource, values, public_id), True
        except Exists as exists:
            found = resource.locked(writer.tx, public_id) if exists.public_id == public_id else None
            if found is None:
                raise
            guard(None if found[2] else found[1])  # it was made meanwhile
    inner, before, deleted = found
    return _change(writer, resource, (inner, before), values, restore=deleted), deleted


def change(writer: Writer, resource: Resource, public_id: str, values: Row, guard: Guard) -> Row:
    """Give some fields of a resource other `values`; returns it. Raises `NotFound`, and as `replace` does."""
    return _change(writer, resource, _there(writer.tx, resource, public_id, guard), values)


def delete(writer: Writer, resource: Resource, public_id: str, guard: Guard, *, cascade: bool = False) -> None:
    """Delete a resource; with `cascade`, also all that refers to it.

    Raises `NotFound`, what `guard` raises, `InUse` where others refer to it, and `NotAllowed` where more than
    `CASCADE_MOST` of these would have to go.
    """
    there = _there(writer.tx, resource, public_id, guard)
    found = _users_of(writer.tx, resource, there[0], deep=cascade)
    if found and not cascade:
        raise InUse(resource.kind, public_id, sorted(one.plural for one in found))
    if sum(len(rows) for rows in found.values()) > CASCADE_MOST:
        raise NotAllowed(
            "too-many-to-delete", f"More than {CASCADE_MOST} would go with it: delete some of them first."
        )
    for user in sorted(found, key=registry.RESOURCES.index, reverse=True):
        _delete(writer, user, list(found[user].items()))
    _delete(writer, resource, [there])


def _check(tx: Transaction, resource: Resource, pair: Pair) -> None:
    for invalid in resource.check(tx, [pair]).values():
        raise invalid


def _there(tx: Transaction, resource: Resource, public_id: str, guard: Guard) -> tuple[int, Row]:
    found = resource.locked(tx, public_id)
    if found is None or found[2]:
        raise NotFound(resource.kind, public_id)
    guard(found[1])
    return found[:2]


def _change(
    writer: Writer, resource: Resource, there: tuple[int, Row], values: Row, *, restore: bool = False
) -> Row:
    (inner, before), tx = there, writer.tx
    differing = {name: value for name, value in values.items() if value != before[name]}
    for name in differing:
        if resource.by_name[name].once:
            raise Invalid(name, "It cannot be changed")
    if not differing and not restore:
        return before
    _check(tx, resource, Pair(before, {**before, **differing}))
    # what it refers to may have been deleted meanwhile, or while it was
    asked = values if restore else differing
    inner_ids = _inner_ids(tx, resource, asked)
    columns = {name: _stored(resource, name, value, inner_ids) for name, value in differing.items()}
    changed = "".join(f"{name} = %s, " for name in columns)
    # `updated_at` moves although a restored row may be the same as before
    tx.execute(
        f"UPDATE {resource.table} SET {changed}deleted_at = NULL, updated_at = UTC_TIMESTAMP(6) WHERE id = %s",
        (*columns.values(), inner),
    )
    action: Action = "restore" if restore else "update"
    return _written(writer, resource, before["id"], action, None if restore else before)


def _delete(writer: Writer, resource: Resource, rows: list[tuple[int, Row]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        writer.tx.execute(
            f"UPDATE {resource.table} SET deleted_at = UTC_TIMESTAMP(6) WHERE id IN %s",
            ([inner for inner, _ in rows[start : start + _AT_ONCE]],),
        )
    writer.record(*(_record(resource, "delete", before, None) for _, before in rows))
    resource.follow(writer, [Change(inner, before, None) for inner, before in rows])


def _written(
    writer: Writer, resource: Resource, public_id: str, action: Action, before: Row | None = None
) -> Row:
    """Read what was written, write it down, and do what follows from it."""
    found = resource.locked(writer.tx, public_id)
    if found is None:
        raise AssertionError(f"{resource.kind} {public_id!r} was not written")
    inner, after, _ = found
    writer.record(_record(resource, action, before, after))
    resource.follow(writer, [Change(inner, before, after)])
    return after


def _record(resource: Resource, action: Action, before: Row | None, after: Row | None) -> Record:
    """With the columns that are fixed for the resource, as whoever else shares its table has them."""
    shown = after if after is not None else before or {}
    return Record(
        resource.recorded_as or resource.plural,
        shown["id"],
        action,
        None if before is None else {**before, **resource.fixed},
        None if after is None else {**after, **resource.fixed},
    )


def _inner_ids(tx: Transaction, resource: Resource, values: Row) -> dict[str, int]:
    """The inner ids of what `values` refer to, locked against deletion until the transaction's end."""
    found: dict[str, int] = {}
    for reference in resource.references:
        if values.get(reference.name) is None:
            continue
        of_role = "" if reference.role is None else f" AND role = '{reference.role}'"
        rows = tx.read(
            f"SELECT id FROM {reference.table} WHERE public_id = %s AND deleted_at IS NULL{of_role}"
            " LOCK IN SHARE MODE",
            (values[reference.name],),
        )
        if not rows:
            raise Invalid(reference.name, f"There is no such {reference.kind}")
        found[reference.name] = rows[0][0]
    return found


def _stored(resource: Resource, name: str, value: Any, inner_ids: dict[str, int]) -> Any:
    field = resource.by_name[name]
    if isinstance(field, Reference):
        return inner_ids.get(name)
    if isinstance(field, Column) and field.kind == "json" and value is not None:
        return dumps(value).decode()
    return value


def _existing(
    tx: Transaction, resource: Resource, values: Row, inner_ids: dict[str, int], public_id: str
) -> Exists:
    """Why a row could not be inserted: its public id is taken, or what has to be unique besides."""
    rows = tx.read(
        f"SELECT public_id, deleted_at IS NOT NULL FROM {resource.table} WHERE public_id = %s", (public_id,)
    )
    if not rows and resource.unique:
        same = " AND ".join(f"{name} = %s" for name in resource.unique)
        rows = tx.read(
            f"SELECT public_id, deleted_at IS NOT NULL FROM {resource.table} WHERE {same}",
            tuple(inner_ids.get(name, values.get(name)) for name in resource.unique),
        )
    found, deleted = rows[0] if rows else (public_id, False)
    return Exists(resource.kind, found, deleted=bool(deleted))


def _users_of(tx: Transaction, resource: Resource, inner: int, *, deep: bool) -> dict[Resource, dict[int, Row]]:
    """What refers to a row, by inner ids; `deep`: all of it, directly or not, else one of each kind. All locked.

    Of more than `CASCADE_MOST`, one more is found.
    """
    found: dict[Resource, dict[int, Row]] = {}
    asked = [(resource, [inner])]
    while asked:
        parent, parents = asked.pop(0)
        for child, reference in registry.referring_to(parent.table):
            left = CASCADE_MOST + 1 - sum(len(rows) for rows in found.values()) if deep else 1
            if left <= 0:
                return found
            rows = dict(child.referring(tx, reference, parents, left, but=found.get(child, {}).keys()))
            if rows:
                found.setdefault(child, {}).update(rows)
            if rows and deep:
                asked.append((child, list(rows)))
    return found
