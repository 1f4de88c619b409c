"""The five files of OULAD that the gradebook is made of, read and checked against each other.

The data set: Kuzilek, Hlosta, Zdrahal, Scientific Data 4:170171 (2017), doi:10.1038/sdata.2017.171, whose
words are kept here: a module is presented several times, and a day is counted from a presentation's start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from studentapi.loading.csv_files import MalformedFile, read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from decimal import Decimal
    from importlib.resources.abc import Traversable

    from studentapi.loading.csv_files import Line

FURTHEST_DAY = 3650
"""Days from the start of a presentation beyond which a day number cannot be meant."""
HIGHEST_ID = 10**18 - 1
CATEGORIES = ("TMA", "CMA", "Exam")
"""Tutor-marked, computer-marked, final exam."""

_PRESENTED = ("code_module", "code_presentation")
COLUMNS = {
    "courses": (*_PRESENTED, "module_presentation_length"),
    "assessments": (*_PRESENTED, "id_assessment", "assessment_type", "date", "weight"),
    "studentInfo": (
        *_PRESENTED,
        "id_student",
        "gender",
        "region",
        "highest_education",
        "imd_band",
        "age_band",
        "num_of_prev_attempts",
        "studied_credits",
        "disability",
        "final_result",
    ),
    "studentRegistration": (*_PRESENTED, "id_student", "date_registration", "date_unregistration"),
    "studentAssessment": ("id_assessment", "id_student", "date_submitted", "is_banked", "score"),
}
"""File → its columns, in the order in which the files are read: each may refer to those before it."""

_MODULE = re.compile(r"[A-Za-z0-9]{1,16}")
_PRESENTATION = re.compile(r"(19|20)[0-9]{2}[BJ]")


class Presentation(NamedTuple):
    """A line of courses: `length` in days."""

    module: str
    term: str
    length: int


class Assessment(NamedTuple):
    """A line of assessments: `day` it is due (None: not known), `weight` in percent of the presentation."""

    id: int
    presentation: str
    category: str
    day: int | None
    weight: Decimal


class Registration(NamedTuple):
    """A line of studentRegistration: days, None where not known or never."""

    presentation: str
    student: int
    registered: int | None
    unregistered: int | None


class Submission(NamedTuple):
    """A line of studentAssessment: `day` of submission, `banked` from an earlier presentation, `score` of 100."""

    assessment: int
    student: int
    day: int
    banked: bool
    score: Decimal | None


@dataclass
class Release:
    """What the files hold. A presentation's key is `AAA-2013J`: module and term."""

    presentations: dict[str, Presentation] = field(default_factory=dict)
    assessments: dict[int, Assessment] = field(default_factory=dict)
    registrations: list[Registration] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)


def read_release(folder: Traversable, progress: Callable[[str, int, int], None]) -> Release:
    """Read the files in `folder`, each `.csv` or `.csv.gz`.

    `progress` is told ("files", files read, of how many). Raises `MalformedFile` at the first line that is
    wrong in itself, repeats another, or refers to what the other files do not have.
    """
    reader = _Reader()
    work = {
        "courses": reader.presentation,
        "assessments": reader.assessment,
        "studentInfo": reader.student,
        "studentRegistration": reader.registration,
        "studentAssessment": reader.submission,
    }
    progress("files", 0, len(work))
    for done, (name, take) in enumerate(work.items(), start=1):
        for line in read_lines(folder, name, COLUMNS[name]):
            take(line)
        if name == "studentRegistration":
            reader.refuse_unregistered()
        progress("files", done, len(work))
    return reader.release


class _Reader:
    """Takes the files line by line, in the order of `COLUMNS`, and keeps what later ones refer to."""

    def __init__(self) -> None:
        self.release = Release()
        # Key → number of its line, per file.
        self._presentations: dict[Hashable, int] = {}
        self._assessments: dict[Hashable, int] = {}
        self._registrations: dict[Hashable, int] = {}
        self._submissions: dict[Hashable, int] = {}
        self._students: dict[Hashable, int] = {}
        self._student_file = ""

    def presentation(self, line: Line) -> None:
        module, term, key = _presentation(line)
        line.refuse_repeat(key, self._presentations, f"presentation {key}")
        length = line.whole("module_presentation_length", 1, FURTHEST_DAY)
        self.release.presentations[key] = Presentation(module, term, length)

    def assessment(self, line: Line) -> None:
        key = self._known_presentation(line)
        number = line.whole("id_assessment", 0, HIGHEST_ID)
        line.refuse_repeat(number, self._assessments, f"assessment {number}")
        category = line.choice("assessment_type", CATEGORIES)
        # a TMA ends a unit, so its day cannot be unknown
        day_of = line.whole if category == "TMA" else line.whole_or_none
        self.release.assessments[number] = Assessment(
            number, key, category, day_of("date", -FURTHEST_DAY, FURTHEST_DAY), line.decimal("weight", 0, 100)
        )

    def student(self, line: Line) -> None:
        """Check a line of studentInfo, also what the gradebook has no place for: the file has to be whole."""
        presentation = self._known_presentation(line)
        student = line.whole("id_student", 0, HIGHEST_ID)
        line.refuse_repeat((presentation, student), self._students, f"student {student} in {presentation}")
        self._student_file = line.file
        for column in ("gender", "region", "highest_education", "imd_band", "age_band"):
            line.text(column)
        line.whole("num_of_prev_attempts", 0, 1000)
        line.whole("studied_credits", 0, 100_000)
        for column in ("disability", "final_result"):
            line.text(column)

    def registration(self, line: Line) -> None:
        presentation = self._known_presentation(line)
        student = line.whole("id_student", 0, HIGHEST_ID)
        line.refuse_repeat((presentation, student), self._registrations, f"student {student} in {presentation}")
        if (presentation, student) not in self._students:
            raise line.malformed(f"studentInfo has no student {student} in {presentation}")
        self.release.registrations.append(
            Registration(
                presentation,
                student,
                line.whole_or_none("date_registration", -FURTHEST_DAY, FURTHEST_DAY),
                line.whole_or_none("date_unregistration", -FURTHEST_DAY, FURTHEST_DAY),
            )
        )

    def refuse_unregistered(self) -> None:
        """Once studentRegistration is read: each student of studentInfo must have been in it."""
        for key, number in self._students.items():
            if key not in self._registrations:
                raise MalformedFile(self._student_file, number, "studentRegistration has no such student")

    def submission(self, line: Line) -> None:
        number = line.whole("id_assessment", 0, HIGHEST_ID)
        assessment = self.release.assessments.get(number)
        if assessment is None:
            raise line.malformed(f"assessments has no assessment {number}")
        student = line.whole("id_student", 0, HIGHEST_ID)
        if (assessment.presentation, student) not in self._registrations:
            raise line.malformed(f"student {student} is not registered in {assessment.presentation}")
        line.refuse_repeat((number, student), self._submissions, f"assessment {number} of student {student}")
        self.release.submissions.append(
            Submission(
                number,
                student,
                line.whole("date_submitted", -FURTHEST_DAY, FURTHEST_DAY),
                line.choice("is_banked", ("0", "1")) == "1",
                line.decimal_or_none("score", 0, 100),
            )
        )

    def _known_presentation(self, line: Line) -> str:
        _, _, key = _presentation(line)
        if key not in self.release.presentations:
            raise line.malformed(f"courses has no presentation {key}")
        return key


def _presentation(line: Line) -> tuple[str, str, str]:
    """Module, term and key of the presentation that a line is about."""
    module = line.matching("code_module", _MODULE, "letters and digits")
    term = line.matching("code_presentation", _PRESENTATION, "a year and B or J")
    return module, term, f"{module}-{term}"
