"""Samples of where Python code is, as py-spy writes them, summed up by layer and by function."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
FLASK, PYDANTIC, MYSQL, REST = "Flask, Werkzeug", "APIFlask, Pydantic", "studentapi.mysql", "studentapi's rest"
DBUTILS, PYMYSQL, MYSQLCLIENT = "DBUtils", "PyMySQL", "mysqlclient"
VIEW, NOWHERE = "the app's own view", "uWSGI and the rest"
LAYERS = (FLASK, PYDANTIC, VIEW, REST, MYSQL, DBUTILS, PYMYSQL, MYSQLCLIENT, NOWHERE)
"""In the order of the tables. NOWHERE: no frame of the stack is of any of them."""
OWN = (REST, MYSQL)
CONNECTIONS = (MYSQL, DBUTILS, PYMYSQL, MYSQLCLIENT)
"""What stands between a view and the database."""

MOST_TORN = 0.1
"""Of the lines."""

_PACKAGES = {
    **dict.fromkeys(("flask", "werkzeug", "blinker", "itsdangerous", "markupsafe"), FLASK),
    **dict.fromkeys(("apiflask", "webargs", "marshmallow", "apispec", "pydantic", "pydantic_core"), PYDANTIC),
    "dbutils": DBUTILS,
    "pymysql": PYMYSQL,
    "MySQLdb": MYSQLCLIENT,
    "lab": VIEW,
}
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>[^()]+?)(?::\d+)?\)")
_INSTALLED = re.compile(r".*/(?:site|dist)-packages/")


@dataclass
class Stacks:
    """How many samples there are, `by_layer` of the innermost layer, and `by_function` of the innermost frame.

    `by_file`: those of studentapi's layers, by the file of its innermost frame.
    """

    samples: int = 0
    by_layer: dict[str, int] = field(default_factory=dict)
    by_function: dict[str, int] = field(default_factory=dict)
    by_file: dict[str, int] = field(default_factory=dict)

    def share(self, *layers: str) -> float:
        """The part of the samples that is in these layers."""
        return sum(self.by_layer.get(layer, 0) for layer in layers) / self.samples if self.samples else 0.0

    def of_files(self, *files: str) -> float:
        """The part of the samples that is in these files of studentapi's, or in what they called."""
        return sum(self.by_file.get(file, 0) for file in files) / self.samples if self.samples else 0.0

    def files(self, most: int) -> list[tuple[str, float]]:
        """Of the files of studentapi those with most samples, and their shares."""
        ranked = sorted(self.by_file.items(), key=lambda one: (-one[1], one[0]))
        return [(name, count / self.samples) for name, count in ranked[:most]]

    def top(self, most: int) -> list[tuple[str, float]]:
        """The functions with most samples of their own, and their shares."""
        ranked = sorted(self.by_function.items(), key=lambda one: (-one[1], one[0]))
        return [(name, count / self.samples) for name, count in ranked[:most]]


def read(lines: Iterable[str]) -> Stacks:
    """What py-spy's raw format says: frames with semicolons between, outermost first, a space, and how often.

    A stack without frames is of a thread that runs no Python. py-spy does not stop what it looks at, so that a
    frame may change while it is read: such lines are left out. Raises `ValueError`, which quotes the first of
    them, where there are more than `MOST_TORN`: then it is something else.
    """
    layers, functions, own = Counter[str](), Counter[str](), Counter[str]()
    read = 0
    torn = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        read += 1
        stack, _, count = line.rstrip().rpartition(" ")
        frames = [_FRAME.fullmatch(frame) for frame in stack.split(";")] if stack else []
        known = [(frame["function"], frame["file"]) for frame in frames if frame is not None]
        if not count.isdecimal() or len(known) != len(frames):
            torn.append(f"line {number} is no stack with a number behind it: {line[:80]!r}")
            continue
        functions[_called(*known[-1]) if known else NOWHERE] += int(count)
        found, path = _place(file for _, file in reversed(known))
        layers[found] += int(count)
        if found in OWN:
            own[path] += int(count)
    if torn and len(torn) > max(1, MOST_TORN * read):
        raise ValueError(f"{len(torn)} of {read} lines cannot be read: {torn[0]}")
    return Stacks(layers.total(), *(dict(one.most_common()) for one in (layers, functions, own)))


def _place(files: Iterable[str]) -> tuple[str, str]:
    """The layer of a stack, given its files, innermost first; and the path of the file that makes it so.

    The standard library, and any package that is no layer of its own, works for who calls it.
    """
    for file in files:
        path = _within(file)
        if path is not None and (found := _layer(path)) is not None:
            return found, path
    return NOWHERE, ""


def _layer(path: str) -> str | None:
    package, _, rest = path.partition("/")
    if package == "studentapi":
        return MYSQL if rest.startswith("mysql/") else REST
    return _PACKAGES.get(package)


def _within(file: str) -> str | None:
    """The path of a package's file, from the package on; None for the standard library's, and what is no file."""
    installed = _INSTALLED.match(file)
    if installed:
        return file[installed.end() :]
    for folder in (ROOT / "src", ROOT):
        if file.startswith(f"{folder}/"):
            return file[len(f"{folder}/") :]
    return None


def _called(function: str, file: str) -> str:
    """A function as a table names it."""
    return f"{function} ({_within(file) or '/'.join(Path(file).parts[-2:])})"
