"""No value is ever formatted into SQL: every statement in src/ is made of constants and of names of our own.

The walk starts at each call that runs a statement and follows what it is made of: constants, module-level names
in capitals, local variables and what they are assigned, functions of the same file and what they return. What it
cannot follow, it refuses, unless `OURS` declares it: an expression that is a name or a number of our own, never
a client's.
"""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[1] / "src" / "studentapi"
RUNNING = {"read", "records", "execute", "execute_many", "executemany", "fetch", "query", "text"}
"""Names of what runs a statement, its first argument."""
FILES = {"os", "source", "file", "stream", "body", "response", "answer"}
"""What else is read by a method of such a name."""
OURS = {
    # declarations of the gradebook: tables, columns, roles
    "gradebook/resources.py": {"self.table", "reference.name", "column", "value", "one.sql()"},
    # `sort` is a field of the resource, as api/lists.py has checked
    "gradebook/listing.py": {
        "self.sort",
        "resource.table",
        "of.select",
        "of.joins",
        "several.name",
        "resource.fixed_condition",
        "field.name",
        "field.table",
        "one.name",
    },
    "gradebook/writing.py": {"resource.table", "reference.table", "reference.role", "name", "names", "places"},
    "gradebook/bulk.py": {"table", "condition"},  # of `reference`, in bulk_resources.py
    "gradebook/bulk_attempts_known.py": {"attempts.columns()"},
    "gradebook/bulk_resources.py": {
        "resource.table",
        "resource.columns()",
        "resource.fixed",
        "resource.fixed_condition",
        "resource.unique",
        "tuple(wanted[0].given.values)",  # the resource's given fields, as importing.py takes them
    },
    "gradebook/exporting.py": {"resource.table", "resource.fixed_condition"},
    "gradebook/file_columns.py": {"cell"},  # `read` is what reads a cell there, and no statement
    # the loader's tables, constants of tables.py
    "loading/writing.py": {"table.select", "table.insert", "table.select_by_key", "table.update"},
    # the layer that is given statements and passes them on
    "mysql/database.py": {"sql"},
    "mysql/transaction.py": {"head", "tail", "batch"},  # execute_many: rows as PyMySQL escapes them
    "mysql/servers.py": {"statement", "question"},
    "mysql/settlement.py": {"self._insert", "self._purge", "self._select"},
    "mysql/killing.py": {"lost.thread_id()"},  # the server's own number
}
Scope = ast.FunctionDef | ast.Module


class Statements:
    """What a file runs, and whether a value could be formatted into it."""

    def __init__(self, code: str, ours: set[str] | None = None) -> None:
        self._tree = ast.parse(code)
        self._ours = ours or set()
        self.used: set[str] = set()

    def faults(self) -> Iterator[str]:
        """Each call with a statement that cannot be vouched for."""
        for scope, call in self._calls(self._tree, self._tree):
            for culprit in self._unsafe(call.args[0], scope, frozenset()):
                yield f"line {call.lineno}: {ast.unparse(culprit)}"

    def _calls(self, node: ast.AST, scope: Scope) -> Iterator[tuple[Scope, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, ast.FunctionDef) else scope
            if isinstance(child, ast.Call) and child.args and self._runs(child.func):
                yield inner, child
            yield from self._calls(child, inner)

    def _runs(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Attribute):
            other = isinstance(function.value, ast.Name) and function.value.id in FILES | self._imported
            return function.attr in RUNNING - {"text"} and not other
        return isinstance(function, ast.Name) and function.id == "text"

    def _unsafe(  # noqa: C901, PLR0912 - a case for each form of an expression
        self, node: ast.AST, scope: Scope, seen: frozenset[tuple[str, Scope]]
    ) -> Iterator[ast.AST]:
        """The parts of an expression that might be a value."""
        if isinstance(node, ast.expr) and (text := ast.unparse(node)) in self._ours:
            self.used.add(text)
            return
        parts: list[ast.expr | None]
        match node:
            case ast.Constant() | None:
                return
            case ast.JoinedStr():
                parts = list(node.values)
            case ast.FormattedValue() | ast.Starred() | ast.NamedExpr() | ast.Subscript():
                parts = [node.value]
            case ast.BinOp(op=ast.Mult()):  # one thing, several times
                parts = [node.left]
            case ast.BinOp(op=ast.Add()):
                parts = [node.left, node.right]
            case ast.BoolOp():
                parts = list(node.values)
            case ast.IfExp():
                parts = [node.body, node.orelse]
            case ast.List() | ast.Tuple() | ast.Set():
                parts = list(node.elts)
            case ast.Dict():
                parts = list(node.values)
            case ast.GeneratorExp() | ast.ListComp():
                parts = [node.elt]
            case ast.Call(func=ast.Attribute(attr="join", value=glue), args=[joined]):
                parts = [glue, joined]
            case ast.Call(func=ast.Name(id="text"), args=[given]):
                parts = [given]
            case (
                ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))
                | ast.Attribute(value=ast.Name(id="self"), attr=name)  # a property
            ) if name in self._functions:
                parts, scope = self._returned(name), self._functions[name]
                if (name, scope) in seen:
                    return
                seen |= {(name, scope)}
            case ast.Name(id=name):
                if (name, scope) in seen or (name.isupper() and not self._is_local(name, scope)):
                    return
                parts, seen = self._assigned(name, scope), seen | {(name, scope)}
                if not parts:
                    yield node
            case _:
                yield node
                return
        for part in parts:
            if part is not None:
                yield from self._unsafe(part, scope, seen)

    @cached_property
    def _functions(self) -> dict[str, ast.FunctionDef]:
        return {node.name: node for node in ast.walk(self._tree) if isinstance(node, ast.FunctionDef)}

    @cached_property
    def _imported(self) -> set[str]:
        """Modules, whose functions may have such names, too."""
        imports = (node for node in ast.walk(self._tree) if isinstance(node, ast.Import | ast.ImportFrom))
        return {one.asname or one.name for node in imports for one in node.names}

    def _returned(self, name: str) -> list[ast.expr | None]:
        """What a function of the file may return; of several things, the first is the SQL."""
        returned = [node.value for node in ast.walk(self._functions[name]) if isinstance(node, ast.Return)]
        return [value.elts[0] if isinstance(value, ast.Tuple) else value for value in returned]

    def _is_local(self, name: str, scope: Scope) -> bool:
        return isinstance(scope, ast.FunctionDef) and bool(self._assigned(name, scope))

    def _assigned(self, name: str, scope: Scope) -> list[ast.expr | None]:
        """What a variable is made of; nothing for a parameter, or one that is filled in another way."""
        found: list[ast.expr | None] = []
        for node in ast.walk(scope):
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        found += self._given(target, value, name)
                case ast.AnnAssign(target=ast.Name(id=known), value=value) if known == name:
                    found.append(value)
                case ast.AugAssign(target=ast.Name(id=known), value=value) if known == name:
                    found.append(value)
                case ast.NamedExpr(target=ast.Name(id=known), value=value) if known == name:
                    found.append(value)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=known), attr="append"), args=[value]):
                    found += [value] if known == name else []
                case ast.For(target=ast.Name(id=known), iter=value) if known == name:
                    found.append(value)
                case ast.comprehension(target=ast.Name(id=known), iter=value) if known == name:
                    found.append(value)
        return found

    def _given(self, target: ast.expr, value: ast.expr, name: str) -> list[ast.expr]:
        if isinstance(target, ast.Name):
            return [value] if target.id == name else []
        if not isinstance(target, ast.Tuple):
            return []
        names = [one.id if isinstance(one, ast.Name) else "" for one in target.elts]
        if name not in names:
            return []
        if isinstance(value, ast.Tuple):
            return [value.elts[names.index(name)]]
        return [value]  # what a function returns: SQL, and the values that go with it


FILES_OF_SOURCE = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES_OF_SOURCE, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_value_is_formatted_into_a_statement(file: Path) -> None:
    statements = Statements(file.read_text(), OURS.get(str(file.relative_to(SOURCE))))
    assert not list(statements.faults()), "a parameter belongs there; or, for a name of our own, a line in OURS"


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_declared_ours_is_there(name: str) -> None:
    statements = Statements((SOURCE / name).read_text(), OURS[name])
    list(statements.faults())
    assert statements.used == OURS[name]


BAD = {
    "an f-string": "db.read(f\"SELECT 1 WHERE a = '{a}'\")",
    "percent": "db.read(\"SELECT 1 WHERE a = '%s'\" % a)",
    "format": 'db.execute("SELECT {}".format(a))',
    "plus": 'tx.execute("SELECT " + a, ())',
    "a parameter": "db.read(a)",
    "join": 'db.records("SELECT " + ", ".join(a))',
    "a variable": 'sql = "SELECT"\n    sql += a\n    db.read(sql)',
    "a variable in an f-string": 'where = f"a = {a}"\n    db.read(f"SELECT 1 WHERE {where}")',
    "a list": 'parts = ["x"]\n    parts.append(a)\n    db.read("SELECT " + " AND ".join(parts))',
    "a generator": 'db.read("SELECT " + ", ".join(f"{one}" for one in a))',
    "either way": 'db.read("SELECT 1" if a else a)',
    "an attribute": "db.read(a.sql)",
    "a call": "db.read(str(a))",
    "a function of the file": 'db.read(made(a))\ndef made(b):\n    return f"SELECT {b}"',
    "several things": 'sql, params = made(a)\n    db.read(sql, params)\ndef made(b):\n    return f"{b}", []',
    "a name as before": 'sql = made(a)\n    db.read(sql)\ndef made(b):\n    sql = f"{b}"\n    return sql',
    "replace": 'db.read("SELECT x".replace("x", a))',
    "a name in capitals that is local": 'SQL = f"SELECT {a}"\n    db.read(SQL)',
    "many": 'tx.execute_many(f"INSERT INTO t (a) VALUES ({a})", [])',
    "SQLAlchemy": 'connection.execute(text(f"SELECT {a}"))',
}
GOOD = {
    "parameters": 'db.read("SELECT 1 WHERE a = %s", (a,))',
    "constants of the module": 'db.read(f"SELECT {_COLUMNS} FROM t WHERE a = %s", (a,))',
    "a choice of constants": 'order = "DESC" if a else "ASC"\n    db.read(f"SELECT 1 ORDER BY b {order}")',
    "as many places as values": 'db.read("SELECT " + ", ".join("%s" for _ in a), a)',
    "conditions": 'parts = []\n    parts.append("a = %s")\n    db.read("SELECT " + " AND ".join(parts), (a,))',
    "a function of the file": 'db.read(made(a))\ndef made(b):\n    return "SELECT 1" if b else "SELECT 2"',
    "a look into constants": 'db.read(f"SELECT 1 WHERE a {_OPERATORS[a]} %s", (a,))',
    "a file": "file.read(a)",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_the_walk_finds(code: str) -> None:
    assert list(Statements(f"def work(db, a):\n    {code}\n").faults())


@pytest.mark.parametrize("code", GOOD.values(), ids=GOOD)
def test_the_walk_lets_through(code: str) -> None:
    assert not list(Statements(f"_COLUMNS = 'a'\n_OPERATORS = {{}}\ndef work(db, a):\n    {code}\n").faults())


def test_every_statement_is_seen() -> None:
    """The walk is of no use where it passes by: this many calls there are at least."""
    calls = 0
    for file in FILES_OF_SOURCE:
        statements = Statements(file.read_text())
        calls += len(list(statements._calls(statements._tree, statements._tree)))
    assert calls > 50
