"""Reading CSV strictly: what is wrong is named by file, line and reason."""

from __future__ import annotations

import gzip
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from studentapi.loading.csv_files import LONGEST_LINE, Line, MalformedFile, read_lines

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b'"id","name"\n"1","one"\n"2","two"\n'


def read(folder: Path, data: bytes, *, packed: bool = False) -> list[tuple[int, int, str]]:
    name = "things.csv.gz" if packed else "things.csv"
    (folder / name).write_bytes(data)
    lines = read_lines(folder, "things", ("id", "name"))
    return [(line.number, line.whole("id", 0, 1000), line.text("name")) for line in lines]


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        GOOD.replace(b'"', b""),
        GOOD.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD,
        b"name,other,id\none,x,1\ntwo,,2\n",
    ],
    ids=["quoted", "plain", "CR LF", "byte order mark", "other order and a further column"],
)
def test_the_ways_to_write_the_same_lines(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == [(2, 1, "one"), (3, 2, "two")]


def test_a_compressed_file_reads_as_the_plain_one(tmp_path: Path) -> None:
    assert read(tmp_path, gzip.compress(GOOD), packed=True) == [(2, 1, "one"), (3, 2, "two")]


def test_text_is_utf_8(tmp_path: Path) -> None:
    assert read(tmp_path, "id,name\n7,Żółć\n".encode()) == [(2, 7, "Żółć")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "things.csv, line 1: the file is empty; its first line has to name the columns"),
        (b"id,name\n", "things.csv, line 1: nothing follows the header: the file is cut off"),
        (b"id,title\n1,x\n", "things.csv, line 1: the column name is missing"),
        (b"id,name,id\n1,x,1\n", "things.csv, line 1: the column id is there twice"),
        (b"id,name\n1,one\n2\n", "things.csv, line 3: 1 columns, where the header has 2"),
        (b"id,name\n1,one,\n", "things.csv, line 2: 3 columns, where the header has 2"),
        (b"id,name\n\n1,one\n", "things.csv, line 2: the line is blank"),
        (b"id,name\n1,one\n\n", "things.csv, line 3: the line is blank"),
        (b"id,name\n1,one\n2,tw", "things.csv, line 3: no line end: the file is cut off here"),
        (b"id,name\n1,\n", "things.csv, line 2: name is blank"),
        (b"id,name\n1,\xe9t\xe9\n", "things.csv, line 2: byte 0xE9 at position 3 is not UTF-8"),
        (b"id,name\n1,o\0ne\n", "things.csv, line 2: a NUL byte within the line"),
        (b"id,name\n1,one\r2,two\n", "things.csv, line 2: a carriage return within the line"),
        (b'id,name\n1,"one\n2,two"\n', "things.csv, line 2: a quote is not closed"),
        (b'id,name\n1,"one"x\n', "things.csv, line 2: a quote in the wrong place"),
        (b"id,name\n1," + LONGEST_LINE * b"x" + b"\n", "things.csv, line 2: longer than 64 KiB"),
    ],
)
def test_what_is_malformed_is_named_by_file_line_and_reason(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(MalformedFile) as caught:
        read(tmp_path, data)
    assert str(caught.value) == message


def test_the_error_has_its_parts(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile) as caught:
        read(tmp_path, b"id,name\n1,\n")
    assert (caught.value.file, caught.value.line, caught.value.reason) == ("things.csv", 2, "name is blank")


def test_a_compressed_file_that_is_cut_off(tmp_path: Path) -> None:
    lines = b"".join(b"%d,name %d\n" % (i, i * i % 997) for i in range(1000))
    whole = gzip.compress(b"id,name\n" + lines)
    with pytest.raises(
        MalformedFile, match=r"things\.csv\.gz, line \d+: the compressed file is cut off here"
    ) as cut:
        read(tmp_path, whole[: len(whole) // 2], packed=True)
    assert cut.value.line is not None
    assert 1 < cut.value.line < 1001


@pytest.mark.parametrize("damage", [b"\x00" * 8, b"not gzip"], ids=["its checksum", "its beginning"])
def test_a_compressed_file_that_is_damaged(tmp_path: Path, damage: bytes) -> None:
    whole = gzip.compress(GOOD)
    data = whole[:-8] + damage if damage[0] == 0 else damage + whole
    with pytest.raises(MalformedFile, match=r"things\.csv\.gz, line \d: the compressed file is damaged"):
        read(tmp_path, data, packed=True)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match=re.escape("things.csv: there is no such file, nor things.csv.gz")):
        list(read_lines(tmp_path, "things", ("id",)))


def test_the_same_file_plain_and_compressed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "things.csv.gz").write_bytes(gzip.compress(GOOD))
    with pytest.raises(MalformedFile, match=re.escape("things.csv: things.csv.gz is there too")):
        read(tmp_path, GOOD)


def line(value: str) -> Line:
    return Line("things.csv", 5, [value], {"x": 0})


@pytest.mark.parametrize("value", ["seven", "1.5", "1_000", " 1", "+1", "٣", "1e3", "0x1", "9" * 19, "?", ""])
def test_what_is_no_whole_number(value: str) -> None:
    with pytest.raises(MalformedFile, match=r"^things\.csv, line 5: x "):
        line(value).whole("x", 0, 10**18)


@pytest.mark.parametrize("value", ["ten", "1.23456", "nan", "inf", "1e1", ".5", "5.", "1,5", "-"])
def test_what_is_no_decimal(value: str) -> None:
    with pytest.raises(MalformedFile, match="x has to be a number with at most 4 decimals"):
        line(value).decimal("x", -100, 100)


@pytest.mark.parametrize("value", ["-1", "101", "100.0001"])
def test_what_is_out_of_range(value: str) -> None:
    with pytest.raises(MalformedFile, match=re.escape(f"x has to be from 0 to 100, not {value!r}")):
        line(value).decimal("x", 0, 100)


def test_values() -> None:
    assert line("-159").whole("x", -1000, 1000) == -159
    assert line("39.5").decimal("x", 0, 100) == Decimal("39.5")
    assert [line(value).whole_or_none("x", 0, 9) for value in ("", "?", "3")] == [None, None, 3]
    assert [line(value).decimal_or_none("x", 0, 9) for value in ("", "?", "3")] == [None, None, 3]
    assert line("TMA").choice("x", ("TMA", "CMA")) == "TMA"


def test_a_message_repeats_only_the_beginning_of_a_value_and_no_control_characters() -> None:
    with pytest.raises(MalformedFile) as caught:
        line("\x1b[31m" + "secret" * 1000).whole("x", 0, 1)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 120


def test_a_repeated_key_is_refused_with_the_line_that_had_it_first() -> None:
    seen: dict[object, int] = {}
    Line("things.csv", 3, ["1"], {"x": 0}).refuse_repeat(1, seen, "thing 1")
    with pytest.raises(MalformedFile, match=r"things\.csv, line 5: thing 1 is already in line 3"):
        line("1").refuse_repeat(1, seen, "thing 1")
