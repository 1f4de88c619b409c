"""Assessments: what a class is asked in a chapter, and the items that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook.refusals import Invalid
from studentapi.gradebook.regrading import check_items, reassess, regrade_item
from studentapi.gradebook.resources import Column, Reference, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from studentapi.gradebook.changes import Writer
    from studentapi.gradebook.resources import Change, Pair
    from studentapi.mysql.transaction import Transaction


def _of_one_course(tx: Transaction, pairs: Sequence[Pair]) -> Mapping[int, Invalid]:
    """Refuse a chapter that is not of the class's course."""
    moved = {
        place: after
        for place, (before, after) in enumerate(pairs)
        if before is None or before["chapter_id"] != after["chapter_id"]
    }
    if not moved:
        return {}
    classes, chapters = ({after[name] for after in moved.values()} for name in ("class_id", "chapter_id"))
    of_class = dict(tx.read("SELECT public_id, course_id FROM classes WHERE public_id IN %s", (classes,)))
    of_chapter = dict(tx.read("SELECT public_id, course_id FROM chapters WHERE public_id IN %s", (chapters,)))
    return {
        place: Invalid("chapter_id", "This chapter is not of the class's course")
        for place, after in moved.items()
        # what is not there is refused for that
        if of_class.get(after["class_id"]) != of_chapter.get(after["chapter_id"])
        and after["class_id"] in of_class
        and after["chapter_id"] in of_chapter
    }


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
    check=check_items,
    follow=_each(regrade_item),
)
