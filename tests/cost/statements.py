"""Short names of statements, the same for every value in them: what is done, and to which tables."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from tests.cost.wire import EXECUTE, PREPARE, QUERY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.cost.wire import Command

_LITERALS = re.compile(r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|/\*.*?\*/""", re.DOTALL)
_WORDS = re.compile(r"\w+|[()]")
_BEFORE_TABLES = frozenset({"FROM", "JOIN", "STRAIGHT_JOIN", "INTO"})
_NO_TABLES = frozenset({"SELECT", "JSON_TABLE"})
_FURTHER = (
    ("ON DUPLICATE KEY UPDATE", "or UPDATE"),
    ("FOR UPDATE", "FOR UPDATE"),
    ("FOR SHARE", "FOR SHARE"),
    ("LOCK IN SHARE MODE", "FOR SHARE"),
)


def names(commands: Iterable[Command]) -> list[str]:
    """The names of all statements, in order; `FOR UPDATE` where rows are locked."""
    return [name for command in commands for name in _names(command)]


def round_trips(commands: Iterable[Command]) -> int:
    """How often the client waits for the server."""
    return sum(command.begins for command in commands)


def folded(several: Iterable[str]) -> list[str]:
    """With what comes several times in a row written once."""
    counted = [(name, len(list(run))) for name, run in groupby(several)]
    return [name if count == 1 else f"{name} × {count}" for name, count in counted]


def texts(commands: Iterable[Command], name: str) -> list[str]:
    """The statements of a name, as they were sent."""
    return [" ".join(command.text.split()) for command in commands if name in _names(command)]


def _names(command: Command) -> Iterator[str]:
    if command.kind not in (QUERY, EXECUTE, PREPARE):
        yield command.kind
        return
    prepare = "PREPARE " if command.kind == PREPARE else ""
    for statement in _LITERALS.sub("''", command.text).split(";"):
        if statement.strip():
            yield prepare + _name(statement)


def _name(statement: str) -> str:
    """What it does and to which tables; those that are only looked into by subqueries are in parentheses."""
    words = _WORDS.findall(statement)
    verb = next(word for word in words if word != "(").upper()
    upper = " ".join(statement.upper().split())
    tables, further = _tables(words, verb), dict.fromkeys(name for sign, name in _FURTHER if sign in upper)
    main = [name for name, is_main in tables.items() if is_main]
    beside = [name for name, is_main in tables.items() if not is_main]
    parts = [verb, ", ".join(main), f"({', '.join(beside)})" if beside else "", *further]
    return " ".join(part for part in parts if part)


def _tables(words: list[str], verb: str) -> dict[str, bool]:
    """The tables of a statement in their order; whether it is more than a subquery that names them."""
    tables: dict[str, bool] = {}
    subqueries: list[bool] = []
    awaited = verb in ("UPDATE", "DELETE")
    for place, word in enumerate(words):
        upper = word.upper()
        if word == "(":
            subqueries.append(words[place + 1 : place + 2] == ["SELECT"] and place > 0)
        elif word == ")":
            subqueries.pop()
        elif upper in _BEFORE_TABLES:
            # behind SELECT, it is said of all joins
            awaited = upper != "STRAIGHT_JOIN" or words[place - 1].upper() != "SELECT"
        elif awaited and (place > 0 or upper != verb):
            if upper not in _NO_TABLES:
                tables[word] = tables.get(word, False) or not any(subqueries)
            awaited = False
    return tables
