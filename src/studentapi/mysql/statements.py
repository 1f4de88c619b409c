"""What a statement's text tells: whether it only reads, and whether it leaves something behind in its session."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_READS = re.compile(r"[\s(]*(SELECT|SHOW|EXPLAIN)\b", re.IGNORECASE)
_SESSION = re.compile(
    r"""\s*(?P<first>SET(?!\s+(TRANSACTION|GLOBAL|PERSIST|PERSIST_ONLY|STATEMENT|PASSWORD)\b|\s+@@(GLOBAL|PERSIST)\b)
        |USE|PREPARE|EXECUTE\s+IMMEDIATE|HANDLER|LOCK\s+(TABLES?|INSTANCE)
        |FLUSH\s+TABLES\b.*\bLOCK|CREATE\s+(OR\s+REPLACE\s+)?TEMPORARY)\b
    |\b(?P<call>GET_LOCK)\s*\(
    |\bINTO\s+(?P<into>@\w+)
    |\A\s*SET\b.*?(?<!@)(?P<set>@\w+)\s*:?=
    |(?P<assigned>@\w+)\s*:=""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_LITERALS = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|/\*(?!M?!).*?\*/|/\*M?!\d*|(?:--\s|\#)[^\n]*""",
    re.DOTALL,
)


_CHANGES = re.compile(r"\bINTO\s+(OUTFILE|DUMPFILE)\b|\bNEXTVAL\s*\(|\bNEXT\s+VALUE\s+FOR\b", re.IGNORECASE)
LONGEST = 4096
"""Characters that are looked at."""


class Nature(NamedTuple):
    """`reads`: the statement changes no data. `leaves`: what of its session outlives it, or None."""

    reads: bool
    leaves: str | None


def nature(sql: str) -> Nature:
    """Look at a statement as it is written, before its parameters are put in; at the beginning of a long one.

    WITH may begin a DELETE, and so counts as no read. A session's state is a variable, a temporary table, a lock,
    a prepared statement, or a setting: gone, without a word from the server, when its connection is replaced.
    """
    # What is long has data in it, which is not to be kept.
    return _nature(sql) if len(sql) <= LONGEST else _look(sql[:LONGEST])


def _look(sql: str) -> Nature:
    bare = _LITERALS.sub(" ", sql)
    found = _SESSION.match(bare) or next(
        (match for match in _SESSION.finditer(bare) if match["first"] is None), None
    )
    leaves = None
    if found is not None:
        leaves = found["first"] or found["call"] or found["into"] or found["set"] or found["assigned"]
        leaves = " ".join(leaves.upper().split())
    return Nature(_READS.match(bare) is not None and _CHANGES.search(bare) is None, leaves)


_nature = lru_cache(maxsize=1024)(_look)
