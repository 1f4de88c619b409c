"""Automatic grading, kind by kind: what is right, what a key may be, and what is refused."""

import sys
from decimal import Decimal
from typing import Any

import pytest

from studentapi.gradebook.answer_keys import (
    KINDS,
    MAX_ESSAY,
    MAX_SHORT_TEXT,
    InvalidAnswer,
    InvalidKey,
    check_answer,
    check_key,
)
from studentapi.gradebook.grading import Grade, grade, is_graded_by_machine
from tests.gradebook.keys import RIGHT, TEN, WRONG, accept, choices, numeric


@pytest.mark.parametrize(
    ("kind", "key", "answer"),
    [
        ("single_choice", choices("b"), "b"),
        ("multiple_choice", choices("b"), ["b"]),
        ("multiple_choice", choices("a", "c"), ["c", "a"]),
        ("true_false", {"correct": True}, True),
        ("true_false", {"correct": False}, False),
        ("short_text", accept("Zürich"), "  ZU\u0308RICH\n"),
        ("short_text", accept("New  York"), "new\u00a0\tyork"),
        ("short_text", accept("Straße"), "STRASSE"),
        ("short_text", accept("H2O", "water"), "Ｈ₂Ｏ"),
        ("short_text", accept("H2O", case_sensitive=True), " Ｈ₂Ｏ"),
    ],
)
def test_a_right_answer_earns_all_points(kind: str, key: Any, answer: Any) -> None:
    assert grade(kind, key, answer, TEN) == RIGHT


@pytest.mark.parametrize(
    ("kind", "key", "answer"),
    [
        ("single_choice", choices("b"), "a"),
        ("multiple_choice", choices("a", "c"), ["a"]),
        ("multiple_choice", choices("a", "c"), ["a", "b", "c"]),
        ("multiple_choice", choices("a", "c"), []),
        ("true_false", {"correct": True}, False),
        ("short_text", accept("New York"), "NewYork"),
        ("short_text", accept("Zürich"), "Zurich"),
        ("short_text", accept("H2O", case_sensitive=True), "h2o"),
        ("short_text", accept("Paris"), ""),
    ],
)
def test_a_wrong_answer_earns_nothing(kind: str, key: Any, answer: Any) -> None:
    assert grade(kind, key, answer, TEN) == WRONG


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        *((numeric(3.5, 0.1), bound) for bound in (3.6, 3.4, "3.6", Decimal("3.4"))),
        (numeric("3.5", Decimal("0.1")), 3.6),
        (numeric(0.1, 0.2), 0.3),
        (numeric(0.3), 0.1 + 0.2),
        (numeric(0.1 + 0.2), 0.3),
        (numeric(0.1 + 0.2), "0.30000000000000004"),
        (numeric(0.2, 0.1 + 0.2), 0.5),
        (numeric(4, 1 - 0.9), 4.1),
        ({"value": 4}, "4.00"),
        ({"value": 0}, -0.0),
        (numeric(-3), " -3 "),
        (numeric(1200), "+1.2E3"),
        (numeric(0.5), ".5"),
        (numeric(200, relative=0.01), 198),
        (numeric(-200, relative=0.01), -202),
        (numeric(200, 5, relative=0.01), 205),
        (numeric(200, 1, relative=0.01), 202),
        (numeric(6.02e23, relative="0.001"), "6.02602e23"),
        (numeric(10**49), Decimal("1e49")),
        (numeric(sys.float_info.max), sys.float_info.max),
        (numeric(5e-324), "5e-324"),
        (numeric("1e400", "1e400"), "0"),
    ],
)
def test_a_number_within_the_bounds_or_on_them_is_right(key: Any, answer: Any) -> None:
    assert grade("numeric", key, answer, TEN) == RIGHT


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        *(
            (numeric(3.5, 0.1), beyond)
            for beyond in (3.61, 3, "3.6000000000000000001", Decimal("3.39999999999999"))
        ),
        (numeric(0.3), "0.30000000000000004"),
        (numeric(2**60), 2**60 + 1),
        (numeric(200, relative=0.01), 202.1),
        (numeric(200, 5, relative=0.01), 205.1),
        (numeric(0, relative=0.5), "1e-300"),
        (numeric("1e400", "1e400"), "-1e-400"),
    ],
)
def test_a_number_beyond_the_bounds_is_wrong_by_however_little(key: Any, answer: Any) -> None:
    assert grade("numeric", key, answer, TEN) == WRONG


@pytest.mark.parametrize(
    ("chosen", "points", "is_correct"),
    [
        ("abc", "10", True),
        ("ab", "6.6667", False),
        ("a", "3.3333", False),
        ("abcd", "6.6667", False),
        ("abde", "0", False),
        ("ad", "0", False),
        ("def", "0", False),
        ("abcdef", "0", False),
        ("", "0", False),
    ],
)
def test_each_choice_counts_where_the_key_says_so(chosen: str, points: str, is_correct: bool) -> None:
    key = choices("a", "b", "c", of="abcdef", partial="per_choice")
    assert grade("multiple_choice", key, list(chosen), TEN) == Grade(Decimal(points), is_correct)


def test_canvas_own_example_of_partial_credit() -> None:
    """4 points, 2 correct answers; chosen both and one incorrect: 2 points."""
    key = choices("a", "b", partial="per_choice")
    assert grade("multiple_choice", key, ["a", "b", "c"], Decimal(4)).points == 2


def test_points_are_rounded_half_up_to_four_decimals() -> None:
    key = choices("a", "b", partial="per_choice")
    made = [grade("multiple_choice", key, ["a"], Decimal(points)).points for points in ("0.0001", "0.0005", "1")]
    assert [str(points) for points in made] == ["0.0001", "0.0003", "0.5000"]


@pytest.mark.parametrize(
    "points", ["-1", "0.00005", "NaN", "sNaN", "Infinity", "100000", "1e-999999", "1e999999"]
)
def test_points_that_no_item_has_are_refused(points: str) -> None:
    with pytest.raises(ValueError, match="points are"):
        grade("true_false", {"correct": True}, True, Decimal(points))


GOOD_KEYS: list[tuple[str, Any]] = [
    ("single_choice", choices("b")),
    ("multiple_choice", choices("a", "b", "c", "d", partial="none")),
    ("multiple_choice", choices("b", "d", partial="per_choice")),
    ("true_false", {"correct": False}),
    ("numeric", numeric(3.5, 0.1, relative="0.02")),
    ("short_text", accept("Paris", "Lutetia")),
]


@pytest.mark.parametrize(("kind", "key"), GOOD_KEYS)
def test_no_answer_earns_nothing(kind: str, key: Any) -> None:
    check_answer(kind, key, None)
    assert grade(kind, key, None, TEN) == WRONG


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("single_choice", "a"),
        ("multiple_choice", ["a", "b"]),
        ("true_false", True),
        ("numeric", "3.5"),
        ("short_text", "Paris"),
        ("essay", "I, being of sound mind"),
        *((kind, None) for kind in KINDS),
    ],
)
def test_a_person_grades_what_has_no_key(kind: str, answer: Any) -> None:
    check_key(kind, None)
    check_answer(kind, None, answer)
    assert not is_graded_by_machine(kind, None)
    assert grade(kind, None, answer, TEN) == Grade(None, None)


@pytest.mark.parametrize(("kind", "key"), GOOD_KEYS)
def test_a_machine_grades_what_has_a_key(kind: str, key: Any) -> None:
    check_key(kind, key)
    assert is_graded_by_machine(kind, key)


@pytest.mark.parametrize(
    ("kind", "key", "said"),
    [
        ("riddle", None, "kind"),
        ("essay", {}, "answer_key"),
        ("numeric", [], "answer_key"),
        ("single_choice", {"correct": ["a"]}, "choices"),
        ("single_choice", {"choices": {}, "correct": ["a"]}, "choices"),
        ("single_choice", choices(of=""), "choices"),
        ("single_choice", {"choices": ["a"], "correct": ["a"]}, r"choices\[0\]"),
        ("single_choice", choices("a", of="aa"), r"choices\[1\].id"),
        ("single_choice", choices("a", of="a "), r"choices\[1\].id"),
        ("single_choice", {"choices": [{"id": 1, "text": "x"}], "correct": [1]}, r"choices\[0\].id"),
        ("single_choice", {"choices": [{"id": "a", "text": " "}], "correct": ["a"]}, r"choices\[0\].text"),
        ("single_choice", {"choices": [{"id": "a"}], "correct": ["a"]}, r"choices\[0\] has no text"),
        ("single_choice", {"choices": [{"id": "a", "text": "x", "right": 1}], "correct": ["a"]}, r"choices\[0\]"),
        ("single_choice", {"choices": choices()["choices"]}, "correct"),
        ("single_choice", choices(), "correct"),
        ("single_choice", choices("a", "b"), "correct"),
        ("single_choice", choices("z"), "correct"),
        ("single_choice", choices("a", partial="none"), "answer_key"),
        ("multiple_choice", choices(), "correct"),
        ("multiple_choice", choices("a", "a"), "correct"),
        ("multiple_choice", choices("a") | {"correct": [["a"]]}, "correct"),
        ("multiple_choice", choices("a", partial="some"), "partial"),
        ("multiple_choice", choices("a", partial=["none"]), "partial"),
        ("true_false", {}, "correct"),
        ("true_false", {"correct": 1}, "correct"),
        ("numeric", {"tolerance": 1}, "value"),
        ("numeric", numeric("3,5"), "value.*comma"),
        ("numeric", numeric(True), "value"),
        ("numeric", numeric(1, None), "tolerance"),
        ("numeric", numeric(1, -1), "tolerance"),
        ("numeric", numeric(1, relative=-0.1), "relative"),
        ("numeric", numeric(float("nan")), "value"),
        ("numeric", numeric(1, float("inf")), "tolerance"),
        ("numeric", numeric(1, tolerence=1), "answer_key"),
        ("short_text", {"accept": "Paris"}, "accept"),
        ("short_text", accept(), "accept"),
        ("short_text", accept("Paris", "\u3000"), r"accept\[1\]"),
        ("short_text", accept("\ud800"), r"accept\[0\]"),
        ("short_text", accept("x" * (MAX_SHORT_TEXT + 1)), r"accept\[0\]"),
        ("short_text", accept("Paris") | {"case_sensitive": 0}, "case_sensitive"),
    ],
)
def test_a_bad_key_is_refused_by_the_name_of_the_member(kind: str, key: Any, said: str) -> None:
    with pytest.raises(InvalidKey, match=said):
        check_key(kind, key)
    with pytest.raises(InvalidKey, match=said):
        grade(kind, key, None, TEN)


OF_NO_CHOICE: list[Any] = ["z", "A", ["z"]]
BAD_ANSWERS: dict[str, list[Any]] = {
    "single_choice": [*OF_NO_CHOICE, "", "a\n", ["a"], 1, True, {}],
    "multiple_choice": [*OF_NO_CHOICE, "a", ["a", "a"], [1], [None], [["a"]], {"a": True}, [*"abcd"] * 1000],
    "true_false": [0, 1, "true", "", [], 1.0],
    "numeric": [
        *("3,5", "1,000", "", " ", "NaN", "inf", "1_000", "0x10", "1/2", "３", "\u22123", "3 5", "--3", "1e"),  # noqa: RUF001
        *(True, [], float("nan"), float("inf"), Decimal("sNaN"), Decimal("-Infinity")),
        *("1e401", "1e-401", "0e9999", "1e99999999999", "9" * 51, "0" * 101, "9" * 10_000_000),
        *(10**50, -(10**5000)),
        *(Decimal("1e999999"), Decimal("1e-999999"), Decimal("9" * 51)),
    ],
    "short_text": [1, True, ["Paris"], {}, "x" * (MAX_SHORT_TEXT + 1), "\udfff"],
    "essay": [1, ["text"], {}, "x" * (MAX_ESSAY + 1), "\ud800"],
}
KEYS_OF_BAD_ANSWERS = [*GOOD_KEYS, *((kind, None) for kind in KINDS)]


@pytest.mark.parametrize(("kind", "key"), KEYS_OF_BAD_ANSWERS)
def test_a_bad_answer_is_refused(kind: str, key: Any) -> None:
    for answer in BAD_ANSWERS[kind]:
        if key is None and answer in OF_NO_CHOICE:
            continue  # without a key nothing says which choices there are
        with pytest.raises(InvalidAnswer, match=r"^answer "):
            check_answer(kind, key, answer)
        with pytest.raises(InvalidAnswer, match=r"^answer "):
            grade(kind, key, answer, TEN)


def test_a_comma_is_answered_with_how_to_write_it() -> None:
    with pytest.raises(InvalidAnswer, match="with a decimal point and without commas"):
        check_answer("numeric", numeric(3.5), "3,5")


SECRET = "Xyzzy-4711"
KEYS_WITH_A_SECRET: list[tuple[str, Any]] = [
    ("single_choice", {"choices": [{"id": SECRET, "text": "x"}, {"id": "b", "text": "y"}], "correct": [SECRET]}),
    ("multiple_choice", {"choices": [{"id": SECRET, "text": SECRET}], "correct": [SECRET]}),
    ("numeric", {"value": "4711.4711", "tolerance": "4711.4711"}),
    ("short_text", accept(SECRET)),
]
FAULTS: list[Any] = [None, 0, -1, "", SECRET, "x" * 9999, SECRET * 9999, "4711.4711,", "\ud800" + SECRET, True]
FAULTS += [[], [SECRET, SECRET], [SECRET, []], {}, {SECRET: SECRET}, [{"id": SECRET}], [[SECRET]]]


@pytest.mark.parametrize(("kind", "key"), KEYS_WITH_A_SECRET)
def test_no_error_tells_what_is_right(kind: str, key: Any) -> None:
    broken = [(key | {member: fault}, None) for member in [*key, SECRET, "value"] for fault in FAULTS]
    broken += [(fault, None) for fault in FAULTS]
    broken += [(key, answer) for answer in [*FAULTS, *BAD_ANSWERS[kind]]]
    refused = 0
    for a_key, answer in broken:
        try:
            check_answer(kind, a_key, answer)
        except (InvalidKey, InvalidAnswer) as error:
            refused += 1
            said = f"{error!r} {error.__cause__!r} {error.__context__!r}"
            assert SECRET not in said
            assert "4711" not in said
    assert refused > len(broken) // 2
