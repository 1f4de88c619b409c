"""The tables as models, with the columns that this app uses."""

from __future__ import annotations

# SQLAlchemy reads the annotations
from datetime import date, datetime  # noqa: TC003
from decimal import Decimal  # noqa: TC003
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """What the models have in common."""


class City(Base):
    """A city of Sakila's."""

    __tablename__ = "city"
    city_id: Mapped[int] = mapped_column(primary_key=True)
    city: Mapped[str]


class Token(Base):
    """Who may ask."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    scopes: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class User(Base):
    """A student, a teacher or an administrator."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    role: Mapped[str]
    name: Mapped[str]
    deleted_at: Mapped[datetime | None]


class Course(Base):
    """A course."""

    __tablename__ = "courses"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    deleted_at: Mapped[datetime | None]


class Chapter(Base):
    """A chapter of a course."""

    __tablename__ = "chapters"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"))
    position: Mapped[int]
    title: Mapped[str]
    mastery_percent: Mapped[Decimal]
    deleted_at: Mapped[datetime | None]
    course: Mapped[Course] = relationship()


class Class(Base):
    """A course in a term."""

    __tablename__ = "classes"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"))
    term: Mapped[str]
    title: Mapped[str]
    deleted_at: Mapped[datetime | None]


class Enrollment(Base):
    """Who is in a class, and as what."""

    __tablename__ = "enrollments"
    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    role: Mapped[str]
    withdrawn_on: Mapped[date | None]
    deleted_at: Mapped[datetime | None]


class Assessment(Base):
    """An assessment of a class."""

    __tablename__ = "assessments"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    class_id: Mapped[int] = mapped_column(ForeignKey("classes.id"))
    chapter_id: Mapped[int] = mapped_column(ForeignKey("chapters.id"))
    title: Mapped[str]
    category: Mapped[str]
    weight: Mapped[Decimal]
    points_max: Mapped[Decimal]
    due_at: Mapped[datetime | None]
    counted: Mapped[str]
    attempts_allowed: Mapped[int | None]
    deleted_at: Mapped[datetime | None]
    class_: Mapped[Class] = relationship()
    attempts: Mapped[list[Attempt]] = relationship(order_by="Attempt.number", back_populates="assessment")


class Item(Base):
    """A question of an assessment; `answer_key` is JSON."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessments.id"))
    kind: Mapped[str]
    answer_key: Mapped[str | None]
    points: Mapped[Decimal]
    deleted_at: Mapped[datetime | None]


class Attempt(Base):
    """A student's attempt at an assessment."""

    __tablename__ = "attempts"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessments.id"))
    student_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    number: Mapped[int]
    state: Mapped[str]
    started_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    graded_at: Mapped[datetime | None]
    is_late: Mapped[bool]
    score: Mapped[Decimal | None]
    percent: Mapped[Decimal | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    assessment: Mapped[Assessment] = relationship(back_populates="attempts")
    student: Mapped[User] = relationship()
    responses: Mapped[list[Response]] = relationship()

    def shown(self) -> dict[str, Any]:
        """As clients see it."""
        return {
            "id": self.public_id,
            "assessment_id": self.assessment.public_id,
            "student_id": self.student.public_id,
            "number": self.number,
            "state": self.state,
            "started_at": self.started_at,
            "submitted_at": self.submitted_at,
            "graded_at": self.graded_at,
            "is_late": self.is_late,
            "score": self.score,
            "percent": self.percent,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


class Response(Base):
    """An answer to an item, as JSON."""

    __tablename__ = "responses"
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    answer: Mapped[str | None]
    points: Mapped[Decimal | None]
    is_correct: Mapped[bool | None]


class Result(Base):
    """What counts of a student's attempts at an assessment."""

    __tablename__ = "results"
    student_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessments.id"), primary_key=True)
    percent: Mapped[Decimal]


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
