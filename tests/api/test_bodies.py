"""How a JSON body is read: whose objects have a name twice is refused, however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from apiflask import HTTPError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from studentapi.api.validation import MEMBERS_MOST, load_json
from studentapi.gradebook import documents

PATIENT = settings(deadline=None, database=None)
"""No clock decides: the machine may be busy."""
DEEPEST = 254
NAMES = st.sampled_from(["a", "b", ":", '":', "é", "\\", "\\u003a"])
TEXTS = st.text(st.sampled_from(':"\\aé\n\u2028'), max_size=4)
VALUES = st.recursive(
    TEXTS | st.integers(-9, 9) | st.booleans() | st.none(),
    # an object is a tuple of members, in which a name may come twice
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=3).map(tuple),
    max_leaves=8,
)


def written(value: Any, *, ascii_only: bool) -> str:
    match value:
        case tuple():
            members = (
                f"{written(name, ascii_only=ascii_only)}: {written(one, ascii_only=ascii_only)}"
                for name, one in value
            )
            return "{" + ", ".join(members) + "}"
        case list():
            return "[" + ",".join(written(one, ascii_only=ascii_only) for one in value) + "]"
        case _:
            text = json.dumps(value, ensure_ascii=ascii_only)
            return text.replace(":", "\\u003a") if ascii_only else text


def repeats(value: Any) -> bool:
    if isinstance(value, tuple):
        names = [name for name, _ in value]
        return len({*names}) < len(names) or any(repeats(one) for _, one in value)
    return isinstance(value, list) and any(repeats(one) for one in value)


@PATIENT
@given(value=VALUES, ascii_only=st.booleans())
@example(value=(("a", 1), ("a", ":")), ascii_only=True)
@example(value=(("a", ":"), ("a", 1)), ascii_only=False)
def test_a_name_that_comes_twice_is_refused_and_nothing_else(value: Any, ascii_only: bool) -> None:
    body = written(value, ascii_only=ascii_only).encode()
    if repeats(value):
        with pytest.raises(HTTPError) as caught:
            load_json(body)
        assert caught.value.status_code == 422
    else:
        assert load_json(body) == json.loads(body)


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "\\u0061": 2}', b'{"a": 1, "a": "\\u003a"}', b'[{"b": {"a:": 1, "a:": ""}}]']
)
def test_a_name_is_the_same_however_it_is_written(body: bytes) -> None:
    with pytest.raises(HTTPError):
        load_json(body)


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_taken_is_never_nested_too_deeply_to_be_written(opened: bytes, closed: bytes) -> None:
    taken = load_json(opened * DEEPEST + b"1" + closed * DEEPEST)
    assert documents.dumps(taken)
    with pytest.raises(BadRequest, match="nested too deeply"):
        load_json(opened * (DEEPEST + 1) + b"1" + closed * (DEEPEST + 1))


def test_the_members_are_counted_and_not_the_colons_of_texts() -> None:
    assert load_json(b'["' + b":" * (MEMBERS_MOST + 1) + b'"]') == [":" * (MEMBERS_MOST + 1)]
    most = ",".join(f'"{number}":0' for number in range(MEMBERS_MOST))
    assert len(load_json(f"{{{most}}}".encode())) == MEMBERS_MOST
    with pytest.raises(BadRequest, match="members"):
        load_json(f'{{{most},"one more":0}}'.encode())
