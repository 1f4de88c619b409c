"""Automatic grading of whatever there may be: keys, answers and arbitrary JSON, drawn at random."""

import copy
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from studentapi.gradebook.answer_keys import KINDS, InvalidAnswer, InvalidKey, check_answer, check_key
from studentapi.gradebook.grading import grade, is_graded_by_machine
from studentapi.gradebook.values import POINTS_KEPT_MOST
from tests.gradebook.keys import RIGHT, TEN, WRONG, accept, choices, numeric

# no clock decides: the machine may be busy
PATIENT = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

# arbitrary JSON, drawn often enough from the names and values that mean something here
WORDS = st.sampled_from(["a", "b", "none", "per_choice", "3,5", "1e9", "NaN", "\ud800"])
NAMES = st.sampled_from(
    ["choices", "correct", "partial", "value", "tolerance", "relative", "accept", "case_sensitive", "id", "text"]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(max_size=20), WORDS
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
DECIMAL_TEXT = r"[+-]?[0-9]{1,25}(\.[0-9]{0,24})?([eE][+-]?[0-3]?[0-4]?[0-9])?"
NUMBERS = (
    st.integers(-(10**50) + 1, 10**50 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-1000, 1000, places=3)
    | st.from_regex(DECIMAL_TEXT, fullmatch=True, alphabet="+-.eE0123456789")
)
BOUNDS = st.floats(0, 1e9) | st.integers(0, 10**9) | st.decimals(0, 1000, places=3)
IDS = st.lists(st.sampled_from([*"abcdefgh"]), min_size=1, max_size=8, unique=True)
SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
POINTS = st.decimals(0, POINTS_KEPT_MOST, places=4)


@st.composite
def keys(draw: st.DrawFn, kind: str) -> Any:
    match kind:
        case "single_choice":
            ids = draw(IDS)
            return choices(draw(st.sampled_from(ids)), of="".join(ids))
        case "multiple_choice":
            ids = draw(IDS)
            correct = draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
            return choices(*correct, of="".join(ids), partial=draw(st.sampled_from(["none", "per_choice"])))
        case "true_false":
            return {"correct": draw(st.booleans())}
        case "numeric":
            return numeric(draw(NUMBERS), draw(BOUNDS), relative=draw(BOUNDS))
        case "short_text":
            texts = st.lists(SHORT.filter(str.strip), min_size=1, max_size=4)
            return accept(*draw(texts), case_sensitive=draw(st.booleans()))
        case _:
            return None


@st.composite
def items(draw: st.DrawFn) -> tuple[str, Any, Any]:
    """A kind, a good key or none, a good answer or none."""
    kind = draw(st.sampled_from(KINDS))
    key = draw(keys(kind))
    ids = [one["id"] for one in key["choices"]] if key and "choices" in key else ["a"]
    answers: dict[str, st.SearchStrategy[Any]] = {
        "single_choice": st.sampled_from(ids),
        "multiple_choice": st.lists(st.sampled_from(ids), unique=True),
        "true_false": st.booleans(),
        "numeric": NUMBERS,
        "short_text": SHORT,
        "essay": SHORT,
    }
    return kind, draw(st.sampled_from([key, key, key, None])), draw(answers[kind] | st.none())


@PATIENT
@given(items(), POINTS)
def test_what_is_earned_is_between_0_and_the_items_points(item: tuple[str, Any, Any], points: Decimal) -> None:
    kind, key, answer = item
    check_key(kind, key)
    check_answer(kind, key, answer)
    before = copy.deepcopy(item)
    earned, is_correct = grade(kind, key, answer, points)
    assert item == before
    if not is_graded_by_machine(kind, key):
        assert (earned, is_correct) == (None, None)
        return
    assert earned is not None
    assert 0 <= earned <= points
    assert earned.as_tuple().exponent == -4
    if is_correct:
        assert earned == points
    elif kind != "multiple_choice":
        assert earned == 0


@settings(PATIENT, max_examples=500)
@given(st.sampled_from(KINDS) | st.text(max_size=5), JSON, JSON)
@example("numeric", {"value": 1}, Decimal("sNaN"))
@example("numeric", {"value": 10**5000}, None)
@example("single_choice", choices("a"), {})
def test_arbitrary_json_is_refused_or_graded(kind: str, key: Any, answer: Any) -> None:
    with suppress(InvalidKey):
        check_key(kind, key)
        is_graded_by_machine(kind, key)
    with suppress(InvalidKey, InvalidAnswer):
        check_answer(kind, key, answer)
        grade(kind, key, answer, TEN)


@PATIENT
@given(st.data())
def test_arbitrary_json_answers_of_a_good_key_are_refused_or_graded(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    key, answer = data.draw(keys(kind)), data.draw(JSON)
    try:
        check_answer(kind, key, answer)
    except InvalidAnswer:
        with pytest.raises(InvalidAnswer):
            grade(kind, key, answer, TEN)
    else:
        grade(kind, key, answer, TEN)


@PATIENT
@given(NUMBERS, NUMBERS, BOUNDS, BOUNDS)
def test_a_number_is_right_as_fractions_have_it(value: Any, answer: Any, tolerance: Any, relative: Any) -> None:
    """Compared with fractions, for all that are not floats with more digits than a double keeps."""
    exact = [Fraction(str(one)) for one in (value, answer, tolerance, relative)]
    floats = [one for one in (value, answer, tolerance, relative) if isinstance(one, float)]
    if any(float(f"{one:.15g}") != one for one in floats):
        return
    within = abs(exact[1] - exact[0]) <= max(exact[2], exact[3] * abs(exact[0]))
    made = grade("numeric", numeric(value, tolerance, relative=relative), answer, TEN)
    assert made.is_correct is within


@PATIENT
@given(SHORT.filter(str.strip))
def test_an_accepted_text_is_right_however_it_is_spaced(text: str) -> None:
    for case_sensitive in (False, True):
        key = accept(text, case_sensitive=case_sensitive)
        for spaced in (text, f" {text}\t", text.replace(" ", "\u2003\n ")):
            assert grade("short_text", key, spaced, TEN) == RIGHT
        assert grade("short_text", key, f"{text}x", TEN) == WRONG
