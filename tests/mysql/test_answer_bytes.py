"""Answers as bytes: in whatever pieces they come, broken at any place, all at once or step by step."""

import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymysql import converters, err
from pymysql.constants import FIELD_TYPE

from studentapi.mysql.answers import FIRST_CHUNK, Answer, read_whole
from studentapi.mysql.columns import Decoding

DECODING = Decoding("utf8", converters.decoders, use_unicode=True)


class Pieces:
    """A stream of given bytes, in pieces of given sizes; it ends where they end."""

    def __init__(self, data: bytes, sizes: Callable[[], int]) -> None:
        self._data, self._sizes = data, sizes
        self.discarded = False

    def receive(self, most: int) -> bytes:
        if not self._data:
            raise err.OperationalError(2013, "over")
        size = min(self._sizes(), most)
        piece, self._data = self._data[:size], self._data[size:]
        return piece

    def discard(self) -> None:
        self.discarded = True


def answer_of(stream: Pieces) -> Answer:
    return Answer(stream, "utf8", DECODING.layout, 1, stream.receive(FIRST_CHUNK))


def packets(*payloads: bytes, first: int = 1) -> bytes:
    return b"".join(
        struct.pack("<HBB", len(payload) & 0xFFFF, len(payload) >> 16, (first + number) % 256) + payload
        for number, payload in enumerate(payloads)
    )


def text(value: bytes | None) -> bytes:
    if value is None:
        return b"\xfb"
    if len(value) < 251:
        return bytes([len(value)]) + value
    if len(value) < 2**16:
        return b"\xfc" + struct.pack("<H", len(value)) + value
    return b"\xfd" + struct.pack("<I", len(value))[:3] + value


def column(name: bytes) -> bytes:
    words = b"".join(map(text, (b"def", b"db", b"t", b"t", name, name)))
    return words + struct.pack("<BHIBHBxx", 12, 45, 400, FIELD_TYPE.VAR_STRING, 0, 0)


UNREADABLE = (
    err.Error,
    RuntimeError,
    LookupError,
    ValueError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    struct.error,
)
EOF = b"\xfe\x00\x00\x22\x00"
rows_of_text = st.lists(
    st.tuples(*[st.none() | st.text(max_size=5) | st.integers(200, 300).map("x".__mul__)] * 2), max_size=300
)

TWO_ROWS = packets(b"\x01", column(b"a"), EOF, text(b"first"), text(b"second"), EOF)
one_byte_other = st.builds(
    lambda at, value: TWO_ROWS[:at] + bytes([value]) + TWO_ROWS[at + 1 :],
    st.integers(0, len(TWO_ROWS) - 1),
    st.integers(0, 255),
)


@settings(deadline=None)
@given(rows=rows_of_text, seed=st.integers(0, 2**32), known=st.booleans())
def test_an_answer_may_come_in_any_pieces(rows: list[tuple[str | None, ...]], seed: int, known: bool) -> None:
    lines = [b"".join(text(None if value is None else value.encode()) for value in row) for row in rows]
    data = packets(b"\x02", column(b"a"), column("ü".encode()), EOF, *lines, EOF)
    chance = random.Random(seed)
    before = answer_of(Pieces(data, lambda: len(data)))
    whole = before.read()
    assert whole == (("a", "ü"), tuple(rows), len(rows), 0)
    assert before.status == 0x22
    answer = answer_of(Pieces(data + b"farewell", lambda: chance.randint(1, 400)))
    assert answer.read(before.known if known else None) == whole
    assert b"farewell".startswith(answer.rest())


@settings(deadline=None)
@given(rows=rows_of_text, part=st.floats(0, 1, exclude_max=True))
def test_an_answer_that_is_all_there_is_read_at_once_and_no_part_of_one(
    rows: list[tuple[str | None, ...]], part: float
) -> None:
    lines = [b"".join(text(None if value is None else value.encode()) for value in row) for row in rows]
    data = packets(b"\x02", column(b"a"), column(b"b"), EOF, *lines, EOF)
    before = answer_of(Pieces(data, lambda: len(data)))
    whole = before.read()
    assert before.known is not None
    assert read_whole(data, before.known) == (whole, 0x22)
    assert read_whole(data[: int(part * len(data))], before.known) is None
    assert read_whole(data + b"farewell", before.known) is None
    assert read_whole(data[:-2] + b"\x22\x80", before.known) == (whole, 0x8022)
    assert read_whole(data[:-2] + b"\x2a\x00", before.known) is None  # it says that more follows
    assert read_whole(data + packets(EOF, first=1), before.known) is None  # and here more has come
    assert read_whole(data.replace(b"\x03def", b"\x03dEf", 1), before.known) is None


@settings(deadline=None)
@given(data=st.data())
def test_what_is_read_at_once_is_what_is_read_step_by_step(data: st.DataObject) -> None:
    bad = data.draw(one_byte_other)
    before = answer_of(Pieces(TWO_ROWS, lambda: len(TWO_ROWS)))
    before.read()
    assert before.known is not None
    answer = answer_of(Pieces(bad, lambda: len(bad)))
    try:
        found = read_whole(bad, before.known)
    except UNREADABLE:
        with pytest.raises(UNREADABLE):
            answer.read()
        return
    if found is not None:
        assert found == (answer.read(), answer.status)


@settings(deadline=None)
@given(data=st.data())
def test_bytes_that_are_no_answer_are_an_error_and_never_a_row_too_many(data: st.DataObject) -> None:
    bad = data.draw(one_byte_other)
    stream = Pieces(bad, lambda: len(bad))
    try:
        result = answer_of(stream).read()
    except UNREADABLE:
        return
    assert len(result.rows) <= 2


@pytest.mark.parametrize(("number", "kind"), [(0, err.OperationalError), (9, err.InternalError)])
@pytest.mark.parametrize("place", [0, 3, 4])
def test_a_packet_out_of_order_closes_the_stream(number: int, kind: type[err.Error], place: int) -> None:
    pieces = [packets(one, first=at + 1) for at, one in enumerate([b"\x01", column(b"a"), EOF, text(b"x"), EOF])]
    pieces[place] = pieces[place][:3] + bytes([number]) + pieces[place][4:]
    data = b"".join(pieces)
    stream = Pieces(data, lambda: len(data))
    with pytest.raises(kind):
        answer_of(stream).read()
    assert stream.discarded


def test_a_row_that_is_longer_or_shorter_than_its_packet_closes_the_stream() -> None:
    for row in (text(b"x") + b"!", b"\x05x"):
        data = packets(b"\x01", column(b"a"), EOF, row, EOF)
        stream = Pieces(data, lambda data=data: len(data))  # type: ignore[misc]
        with pytest.raises(err.InternalError):
            answer_of(stream).read()
        assert stream.discarded
        good = packets(b"\x01", column(b"a"), EOF, EOF)
        before = answer_of(Pieces(good, lambda good=good: len(good)))  # type: ignore[misc]
        before.read()
        assert before.known is not None
        assert read_whole(data, before.known) is None
