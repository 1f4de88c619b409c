"""What the tests of the statements share: they are counted once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cost.measuring import statements
from tests.cost.page import PAGE, Page, read

if TYPE_CHECKING:
    from tests.cost.measuring import Cost, Measured
    from tests.servers import Server


@pytest.fixture(scope="session")
def measured(server: Server) -> dict[str, Measured]:
    """What each case costs now, with upkeep and without."""
    return statements(server)


@pytest.fixture(scope="session")
def costs(measured: dict[str, Measured]) -> dict[str, Cost]:
    """What each case costs where no upkeep is due."""
    return {name: one.usual for name, one in measured.items()}


@pytest.fixture(scope="session")
def page() -> Page:
    return read(PAGE.read_text())
