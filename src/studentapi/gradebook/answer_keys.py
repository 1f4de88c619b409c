"""What an item's answer key, and an answer to the item, may look like, by the item's kind.

Both come as JSON gives them: dict, list, str, bool, int, float, None; Decimal too. No message repeats anything
of a key or of an answer, so that none tells a student, or a log, what is right.

- single_choice, multiple_choice: `{"choices": [{"id", "text"}, …], "correct": [id, …]}`; for multiple_choice
  also `"partial": "none" | "per_choice"`
- true_false: `{"correct": bool}`
- numeric: `{"value"}`, and `"tolerance"` (absolute) and `"relative"` (a share of the value), 0 unless given
- short_text: `{"accept": [text, …]}`, and `"case_sensitive"`, false unless given
- essay: None. Any other item may have None as well: a person grades it then
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Literal, get_args

from studentapi.gradebook.values import ID_PATTERN

Kind = Literal["single_choice", "multiple_choice", "true_false", "numeric", "short_text", "essay"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MAX_CHOICES = 100
MAX_ACCEPTED = 100
MAX_CHOICE_TEXT = 4_000
MAX_SHORT_TEXT = 1_000
MAX_ESSAY = 50_000
MAX_NUMBER_TEXT = 100
"""These lengths are in characters."""
MAX_DIGITS = 50
MAX_EXPONENT = 400
"""Of ten, above and below 0: every double is inside, and an exact difference stays under 1,000 digits."""

_ID = re.compile(ID_PATTERN)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FLOAT = Context(prec=15)
"""The decimal digits that every double keeps (DBL_DIG); of those beyond, the last are arithmetic's residue."""


class InvalidKey(ValueError):  # noqa: N818 - named for the condition
    """An item of this kind cannot have this key; the message names the member at fault."""


class InvalidAnswer(ValueError):  # noqa: N818 - named for the condition
    """An item of this kind, with this key, cannot be answered so."""


@dataclass(frozen=True, repr=False)
class ChoiceKey:
    """Ids of all choices, and of the correct ones. `per_choice`: each choice counts by itself."""

    choices: frozenset[str]
    correct: frozenset[str]
    per_choice: bool


@dataclass(frozen=True, repr=False)
class TrueFalseKey:
    """Which of the two is correct."""

    correct: bool


@dataclass(frozen=True, repr=False)
class NumericKey:
    """The value, as `read_number` gives it, and how far from it is still right."""

    value: tuple[Decimal, ...]
    tolerance: Decimal
    relative: Decimal


@dataclass(frozen=True, repr=False)
class TextKey:
    """The texts that are right, as they were written."""

    accept: tuple[str, ...]
    case_sensitive: bool


Key = ChoiceKey | TrueFalseKey | NumericKey | TextKey


def check_key(kind: str, key: object) -> None:
    """Raise `InvalidKey` if an item of this kind cannot have this key."""
    read_key(kind, key)


def check_answer(kind: str, key: object, answer: object) -> None:
    """Raise `InvalidAnswer` if an item of this kind, with this key, cannot be answered so; None is no answer.

    Raises `InvalidKey` for a key that `check_key` refuses.
    """
    check_answer_by(kind, read_key(kind, key), answer)


def check_answer_by(kind: str, of: Key | None, answer: object) -> None:
    """As `check_answer`, with the key as `read_key` gives it."""
    if answer is None:
        return
    match kind:
        case "single_choice" | "multiple_choice":
            read_choices(kind, of if isinstance(of, ChoiceKey) else None, answer)
        case "true_false":
            read_truth(answer)
        case "numeric":
            read_number(answer)
        case "short_text":
            read_text(answer)
        case _:
            _text(answer, MAX_ESSAY, "answer", InvalidAnswer)


def read_key(kind: str, key: object) -> Key | None:
    """Read a key; None where a person grades. Raises `InvalidKey`."""
    if kind not in KINDS:
        raise InvalidKey(f"kind is one of {', '.join(KINDS)}")
    if key is None:
        return None
    if kind == "essay":
        raise InvalidKey("answer_key of an essay is null: a person grades it")
    if not isinstance(key, dict):
        raise InvalidKey("answer_key is an object, or null")
    match kind:
        case "single_choice" | "multiple_choice":
            return _choice_key(kind, key)
        case "true_false":
            _members(key, "answer_key", {"correct"})
            if not isinstance(key["correct"], bool):
                raise InvalidKey("correct is true or false")
            return TrueFalseKey(key["correct"])
        case "numeric":
            return _numeric_key(key)
        case _:
            return _text_key(key)


def read_choices(kind: str, key: ChoiceKey | None, answer: object) -> frozenset[str]:
    """Read the chosen ids, in any order: a list of them, or of a single_choice the id. Raises `InvalidAnswer`."""
    if kind == "single_choice":
        if not isinstance(answer, str):
            raise InvalidAnswer("answer is the id of a choice, a string")
        chosen = [answer]
    else:
        if not isinstance(answer, list) or not all(isinstance(one, str) for one in answer):
            raise InvalidAnswer("answer is a list of the ids of choices, strings")
        chosen = answer
    if len(chosen) > MAX_CHOICES:
        raise InvalidAnswer(f"answer has more than {MAX_CHOICES} choices")
    if len(set(chosen)) < len(chosen):
        raise InvalidAnswer("answer has a choice twice")
    if not all(_ID.fullmatch(one) if key is None else one in key.choices for one in chosen):
        raise InvalidAnswer("answer has an id that no choice of this item has")
    return frozenset(chosen)


def read_truth(answer: object) -> bool:
    """Read true or false; 0, 1 and words are neither. Raises `InvalidAnswer`."""
    if not isinstance(answer, bool):
        raise InvalidAnswer("answer is true or false")
    return answer


def read_number(answer: object) -> tuple[Decimal, ...]:
    """Read a number, or its decimal text, exactly. Raises `InvalidAnswer`.

    A float is the shortest text that gives it; where that has more than 15 digits, as 0.1 + 0.2 has, it is
    also that text rounded to 15.
    """
    return _number(answer, "answer", InvalidAnswer)


def read_text(answer: object) -> str:
    """Read a short text; an empty one is an answer. Raises `InvalidAnswer`."""
    return _text(answer, MAX_SHORT_TEXT, "answer", InvalidAnswer)


def _choice_key(kind: str, key: dict[str, object]) -> ChoiceKey:
    _members(key, "answer_key", {"choices", "correct"}, {"partial"} if kind == "multiple_choice" else set())
    ids = _choice_ids(key["choices"])
    correct, partial = key["correct"], key.get("partial", "none")
    if not isinstance(correct, list) or not all(isinstance(one, str) and one in ids for one in correct):
        raise InvalidKey("correct is a list of ids that choices have")
    if len(set(correct)) < len(correct):
        raise InvalidKey("correct has an id twice")
    if kind == "single_choice" and len(correct) != 1:
        raise InvalidKey("correct of a single_choice has exactly one id")
    if not correct:
        raise InvalidKey("correct has at least one id")
    if partial not in ("none", "per_choice"):
        raise InvalidKey("partial is none or per_choice")
    return ChoiceKey(frozenset(ids), frozenset(correct), partial == "per_choice")


def _choice_ids(choices: object) -> set[str]:
    if not isinstance(choices, list) or not 1 <= len(choices) <= MAX_CHOICES:
        raise InvalidKey(f"choices is a list of 1 to {MAX_CHOICES} choices")
    ids: set[str] = set()
    for position, choice in enumerate(choices):
        name = f"choices[{position}]"
        if not isinstance(choice, dict):
            raise InvalidKey(f"{name} is an object with an id and a text")
        # shown to students: a further member could tell whether the choice is correct
        _members(choice, name, {"id", "text"})
        if not isinstance(choice["id"], str) or not _ID.fullmatch(choice["id"]):
            raise InvalidKey(f"{name}.id is a string of 1 to 64 of A-Z a-z 0-9 . _ : -")
        if choice["id"] in ids:
            raise InvalidKey(f"{name}.id is that of a choice before it")
        ids.add(choice["id"])
        _filled(choice["text"], MAX_CHOICE_TEXT, f"{name}.text")
    return ids


def _numeric_key(key: dict[str, object]) -> NumericKey:
    _members(key, "answer_key", {"value"}, {"tolerance", "relative"})
    bounds = {name: max(_number(key.get(name, 0), name, InvalidKey)) for name in ("tolerance", "relative")}
    for name, bound in bounds.items():
        if bound < 0:
            raise InvalidKey(f"{name} is 0 or more")
    return NumericKey(_number(key["value"], "value", InvalidKey), **bounds)


def _text_key(key: dict[str, object]) -> TextKey:
    _members(key, "answer_key", {"accept"}, {"case_sensitive"})
    accept, case_sensitive = key["accept"], key.get("case_sensitive", False)
    if not isinstance(accept, list) or not 1 <= len(accept) <= MAX_ACCEPTED:
        raise InvalidKey(f"accept is a list of 1 to {MAX_ACCEPTED} texts")
    texts = tuple(_filled(one, MAX_SHORT_TEXT, f"accept[{position}]") for position, one in enumerate(accept))
    if not isinstance(case_sensitive, bool):
        raise InvalidKey("case_sensitive is true or false")
    return TextKey(texts, case_sensitive)


def _members(
    key: dict[str, object], name: str, required: set[str], optional: frozenset[str] | set[str] = frozenset()
) -> None:
    for member in sorted(required):
        if member not in key:
            raise InvalidKey(f"{name} has no {member}")
    if not key.keys() <= required | optional:
        # unnamed: someone may have written the answers as names
        raise InvalidKey(f"{name} has a member besides {', '.join(sorted(required | optional))}")


def _filled(value: object, longest: int, name: str) -> str:
    text = _text(value, longest, name, InvalidKey)
    if not text.strip():
        raise InvalidKey(f"{name} is blank")
    return text


def _text(value: object, longest: int, name: str, invalid: type[ValueError]) -> str:
    if not isinstance(value, str):
        raise invalid(f"{name} is a string")
    if len(value) > longest:
        raise invalid(f"{name} is longer than {longest} characters")
    if _SURROGATE.search(value):  # JSON can write it, UTF-8 and so the database cannot
        raise invalid(f"{name} has half of a surrogate pair")
    return value


def _number(value: object, name: str, invalid: type[ValueError]) -> tuple[Decimal, ...]:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise invalid(f"{name} is a number or its decimal text")
    if isinstance(value, int):
        # before anything makes its digits, which takes long for a huge one
        if abs(value) >= 10**MAX_DIGITS:
            raise invalid(f"{name} has more than {MAX_DIGITS} digits")
        return (Decimal(value),)
    if isinstance(value, str):
        exact = _from_text(value, name, invalid)
    else:
        exact = Decimal(repr(value)) if isinstance(value, float) else value
    if not exact.is_finite():
        raise invalid(f"{name} is finite")
    if len(exact.as_tuple().digits) > MAX_DIGITS:
        raise invalid(f"{name} has more than {MAX_DIGITS} digits")
    if abs(exact.adjusted()) > MAX_EXPONENT:
        raise invalid(f"{name} has an exponent of ten beyond {MAX_EXPONENT}")
    if isinstance(value, float) and (rounded := _FLOAT.plus(exact)) != exact:
        return (exact, rounded)
    return (exact,)


def _from_text(value: str, name: str, invalid: type[ValueError]) -> Decimal:
    text = value.strip() if len(value) <= MAX_NUMBER_TEXT else ""
    if "," in text:
        raise invalid(f"{name} is written with a decimal point and without commas")
    if not _NUMBER.fullmatch(text):
        raise invalid(f"{name} is a number or its decimal text, digits with at most a sign, a point, an exponent")
    return Decimal(text)
