"""`--again`: a part measured anew takes its place in what was written, or leaves it as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lab.bench import __main__ as command
from lab.bench.results import Measured, Place, Results, Slice

if TYPE_CHECKING:
    from pathlib import Path

CITY, LIST = Place("mariadb", "city", 2, 8, 8), Place("mariadb", "list", 2, 8, 8)
SERVERS = {"mariadb": "MariaDB 10.11.1"}


def run(place: Place, requests: int) -> Results:
    """What was found at one place, here."""
    peer = "studentapi" if place is CITY else "service"
    found = Results("2026-01-01", quick=False, machine=command.machine(SERVERS), servers=SERVERS)
    found.peers = {peer: "studentapi"}
    found.measured = [Measured(place, peer, [Slice(requests, 1.0, 2.0, 6.0, 0.3, 0.1, 0, requests, 0)])]
    return found


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A bench.json with two places."""
    city, lists = run(CITY, 100), run(LIST, 50)
    whole = replace(city, peers=city.peers | lists.peers, measured=city.measured + lists.measured)
    whole.write(tmp_path / "bench.json")
    return tmp_path / "bench.json"


def again(written: Path, found: Results | None, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[int, str]:
    """The command's status and what it says, where `found` is measured; None: nothing may be."""

    def measured(*_: object, **__: object) -> Results:
        assert found is not None
        return found

    monkeypatch.setattr(command, "run_all", measured)
    ended = CliRunner().invoke(command.main, ["--again", "--into", str(written.parent), *more])
    return ended.exit_code, ended.output


def test_a_part_takes_the_place_of_what_was_found_before(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, said = again(written, run(CITY, 200), monkeypatch, "--route", "city")
    assert status == 0, said
    rates = {one.place: one.slices[0].requests for one in Results.read(written).measured}
    assert rates == {CITY: 200, LIST: 50}


def test_what_cannot_stand_beside_it_leaves_it_as_it_is(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written.read_bytes()
    other = replace(run(CITY, 200), servers={"mariadb": "MariaDB 11.4.1"})
    status, said = again(written, other, monkeypatch, "--route", "city")
    assert status == 1
    assert "nothing is written" in said
    assert "mariadb: MariaDB 10.11.1 then, MariaDB 11.4.1 now" in said
    assert written.read_bytes() == before


@pytest.mark.parametrize("more", [("--peer", "studentapi"), ("--quick",)])
def test_who_stands_there_is_not_replaced_by_less(
    written: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    status, said = again(written, None, monkeypatch, *more)
    assert (status, "--again measures all apps of a place" in said) == (2, True)


def test_another_machine_is_told_before_anything_is_measured(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(Results.read(written), machine={"memory": "1 GiB"}).write(written)
    status, said = again(written, None, monkeypatch)
    assert status == 2
    assert "memory: 1 GiB then" in said


@pytest.mark.parametrize("seconds", ["nan", "inf", "0"])
def test_what_is_no_time_is_refused_before_anything_is_measured(seconds: str) -> None:
    ended = CliRunner().invoke(command.main, ["--seconds", seconds])
    assert (ended.exit_code, "Invalid value for '--seconds'" in ended.output) == (2, True)
