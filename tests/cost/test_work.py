"""The app's work for a request is a number: what docs/cost.md says, no more and no less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cost.counts import MEASURES, as_locked, room
from tests.cost.measuring import work

if TYPE_CHECKING:
    from tests.cost.counts import Counts, Where
    from tests.cost.page import Page
    from tests.servers import Server

REQUESTS = ("assessment-data", "city", "list")
WRITE = "if that is meant: python -m tests.cost --write"


@pytest.fixture(scope="module")
def counted(server: Server) -> tuple[Where, Counts]:
    """What this Python counts with this server."""
    ((where, counts),) = work(server).items()
    return where, counts


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_the_work_that_the_page_says(
    request_: str, measure: str, counted: tuple[Where, Counts], page: Page
) -> None:
    here, counts = counted
    there = next((where for where in page.work if where.is_like(here)), None)
    assert there is not None, WRITE
    said, found = page.work[there][request_][measure], counts[request_][measure]
    assert abs(found - said) <= room(measure, said, same=False), WRITE
    assert found > 0 or measure == "kept"
    if here == there and as_locked():
        assert abs(found - said) <= room(measure, said, same=True), WRITE


def test_the_page_has_the_counts_of_each_python_with_each_server(page: Page) -> None:
    assert [(where.version, where.server) for where in page.work] == [
        (python, server) for python in ("3.11", "3.12", "3.13") for server in ("MariaDB", "MySQL")
    ]
    for requests in page.work.values():
        assert tuple(requests) == REQUESTS
        for counts in requests.values():
            assert counts.keys() == MEASURES.keys()
            assert [measure for measure, count in counts.items() if count <= 0] == ["kept"]
