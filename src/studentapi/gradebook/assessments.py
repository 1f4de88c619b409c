"""Assessments: what a class is asked in a chapter, and the items that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook.refusals import Invalid
from studentapi.gradebook.regrading import check_item, reassess, regrade_item
from studentapi.gradebook.resources import Column, Reference, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Change, Row
    from studentapi.mysql.transaction import Transaction


def _of_one_course(tx: Transaction, before: Row | None, after: Row) -> None:
    """Refuse a chapter that is not of the class's course."""
    if before is not None and before["chapter_id"] == after["chapter_id"]:
        return
    rows = tx.read(
        "SELECT (SELECT course_id FROM classes WHERE public_id = %s),"
        " (SELECT course_id FROM chapters WHERE public_id = %s)",
        (after["class_id"], after["chapter_id"]),
    )
    of_class, of_chapter = rows[0]
    if None not in (of_class, of_chapter) and of_class != of_chapter:
        raise Invalid("chapter_id", "This chapter is not of the class's course")


def _each(follow: Callable[[Writer, Change], None]) -> Callable[[Writer, Sequence[Change]], None]:
    def of_all(writer: Writer, changes: Sequence[Change]) -> None:
        for change in changes:
            follow(writer, change)

    return of_all


assessments = Resource(
    "assessment",
    "assessments",
    "assessments",
    (
        Reference("class_id", "classes", "class"),
        Reference("chapter_id", "chapters", "chapter", once=False),
        Column("title", sorts=True),
        Column("category"),
        Column("weight", "number"),
        Column("points_max", "number"),
        Column("due_at", "time", sorts=True),
        Column("counted", "choice"),
        Column("attempts_allowed", "integer"),
    ),
    check=_of_one_course,
    follow=_each(reassess),
)

items = Resource(
    "item",
    "items",
    "items",
    (
        Reference("assessment_id", "assessments", "assessment"),
        Column("position", "integer", sorts=True),
        Column("kind", "choice"),
        Column("prompt"),
        Column("answer_key", "json"),
        Column("points", "number"),
    ),
    check=check_item,
    follow=_each(regrade_item),
)
