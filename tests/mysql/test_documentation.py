"""The tables of docs/connections.md are those of the code."""

from pathlib import Path

from pymysql.constants import CR, ER

from studentapi.mysql.errors import CONSEQUENCES, Consequence
from studentapi.mysql.observation import COUNTERS, GAUGES

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/connections.md").read_text()


def table(header: str) -> list[list[str]]:
    """The rows of the table whose header row begins so."""
    lines = DOCUMENT.split(f"\n| {header}", 1)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split(" | ")])
    return rows


def test_every_error_code_stands_there_with_what_follows_from_it() -> None:
    documented = {int(code): consequence for code, _, consequence in table("code |")}
    assert documented == {code: consequence.name for code, consequence in CONSEQUENCES.items()}


def test_error_codes_have_their_own_names() -> None:
    known = {
        value: f"{prefix}{name.removeprefix('ER_').removeprefix('CR_')}"
        for prefix, module in (("ER_", ER), ("CR_", CR))
        for name, value in vars(module).items()
        if isinstance(value, int) and not name.startswith("_")
    }
    for code, name, _ in table("code |"):
        # PyMySQL's list ends before the later codes
        assert known.get(int(code), name) == name, code


def test_every_consequence_is_explained() -> None:
    assert {row[0] for row in table("consequence |")} == {consequence.name for consequence in Consequence}


def test_every_counter_and_gauge_stands_there_with_its_meaning() -> None:
    assert {row[0]: row[1] for row in table("counter |")} == COUNTERS
    assert {row[0]: row[1] for row in table("gauge |")} == GAUGES


def test_every_room_stands_there() -> None:
    rooms = " ".join(row[0] for row in table("room |"))
    for file in (ROOT / "src/studentapi/mysql").glob("[!_]*.py"):
        assert file.name in rooms
