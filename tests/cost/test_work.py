"""The app's work for a request is a number: exact in every run, and no larger than docs/cost.md allows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.cost.measuring import work
from tests.cost.page import EXACT, PAGE, ROOM, Work, read
from tests.cost.work import MEASURES

if TYPE_CHECKING:
    from tests.servers import Server

VERSION = ".".join(map(str, sys.version_info[:2]))
REQUESTS = ("assessment-data", "city")


@pytest.fixture(scope="module")
def counted(server: Server) -> Work:
    """What this Python counts."""
    return work(server)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_no_more_work_than_the_page_allows(request_: str, measure: str, counted: Work) -> None:
    page = read(PAGE.read_text()).work
    assert VERSION in page, "python -m tests.cost --write"
    allowed = page[VERSION][request_][measure] * (1 if measure in EXACT else ROOM)
    assert counted[VERSION][request_][measure] <= allowed, "if that is meant: python -m tests.cost --write"


@pytest.mark.parametrize("request_", REQUESTS)
def test_no_memory_is_taken_for_good(request_: str, counted: Work) -> None:
    assert counted[VERSION][request_]["kept"] == 0


def test_the_page_has_the_counts_of_each_python() -> None:
    page = read(PAGE.read_text()).work
    assert set(page) == {"3.11", "3.12", "3.13"}
    for requests in page.values():
        assert set(requests) == set(REQUESTS)
        for counts in requests.values():
            assert counts.keys() == MEASURES.keys()
            assert counts["kept"] == 0
