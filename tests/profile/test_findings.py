"""What is said of a run follows from its figures, whatever these are."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.profile import floor
from lab.profile.findings import ceilings, findings, gaps, tails
from lab.profile.measure import ROUNDS
from lab.profile.page import text
from lab.profile.picture import write_picture
from lab.profile.results import Profile, Results, Slice
from lab.profile.stacks import FLASK, MYSQL, PYMYSQL, REST, Stacks

if TYPE_CHECKING:
    from pathlib import Path

BARE = "a bare function"


def profile(peer: str, rate: int, app: float, stacks: Stacks | None) -> Profile:
    """`app` µs of it a request, three quarters of them user time, and 100 µs each of database and client."""
    user, system, other = (rate * value / 1e6 for value in (app * 3 / 4, app / 4, 100))
    one = Slice(rate, 1.0, user, system, database=other, client=other, p50_ms=2.0, p99_ms=6.0)
    return Profile("mariadb", "city", peer, [one] * ROUNDS, stacks)


def made_up(*, ours: int = 700, sampled: bool = True) -> Results:
    """studentapi at `ours` requests/s to a bare function's 1000; its call costs 50 µs, the floor is 20."""
    stacks = Stacks(100, {FLASK: 60, MYSQL: 30, PYMYSQL: 10}, {"read (a.py)": 60, "write (b.py)": 40})
    return Results(
        "2026-01-02",
        machine={"processors": "2 × a processor"},
        servers={"mariadb": "MariaDB 11"},
        peers={"studentapi": "studentapi", "bare": BARE},
        floors={"mariadb": {floor.SOCKETS: [19, 20, 30], floor.PYMYSQL: [80.0], floor.READ: [50.0]}},
        profiles=[
            profile("studentapi", ours, 400, stacks if sampled else None),
            profile("bare", 1000, 200, Stacks(10, {PYMYSQL: 10}, {"read (a.py)": 10}) if sampled else None),
        ],
    )


def test_the_ceiling_takes_off_what_a_call_costs_beyond_the_floor() -> None:
    (one,) = ceilings(made_up(), "mariadb")
    assert (one.title, one.target) == (BARE, 0.75)
    assert one.measured.median == pytest.approx(0.7)
    assert one.by_cpu == pytest.approx(400 / 600)
    # of 600 µs in all, 30 are beyond the floor; 120 are what the sample finds of 300 µs user time
    assert one.at_floor == pytest.approx(0.7 * 600 / 570)
    assert one.codeless == pytest.approx(0.7 * 600 / 480)
    # 0.7 / 0.75 of 600 µs are 560, so that 40 of the 50 have to go
    assert one.allowed == pytest.approx(10)


def test_what_flask_costs_is_what_two_apps_differ_by_beside_their_calls() -> None:
    said = next(findings(made_up(), "mariadb"))
    assert "leaves 230 µs for Flask, 57 % of the app" in said
    assert "60 % of studentapi's user time in Flask and Werkzeug, 180 µs of 300 µs" in said


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (760, "reached in this run"),
        (740, "a call would have to cost 42 µs, 2.1 times the floor, in place of 50 µs"),
        (700, "a call would have to cost 10 µs, less than the floor, in place of 50 µs"),
        (650, "more than a whole call costs would have to be saved"),
        (500, "which connections alone could not reach"),
    ],
)
def test_each_target_is_judged_by_the_figures(ours: int, said: str) -> None:
    *_, judged = findings(made_up(ours=ours), "mariadb")
    assert judged.startswith(f"**Against {BARE}**: {ours / 1000:.2f} times")
    assert said in judged


def with_service(*, rate: int = 1000) -> Results:
    """The service at `rate` requests/s to mysqlclient's 1000 for assessment data: 200 µs less of 1200."""
    stacks = Stacks(100, {REST: 40, FLASK: 60}, {}, {"studentapi/logs.py": 20, "studentapi/app.py": 20})
    results = made_up()
    results.peers |= {"service": "studentapi", "mysqlclient": "a rival"}
    results.profiles = [
        replace(profile("service", rate, 800, stacks), route="assessment-data"),
        replace(profile("mysqlclient", 1000, 1000, None), route="assessment-data"),
    ]
    return results


def test_a_rival_that_is_too_near_is_told_with_what_it_is_spared() -> None:
    (said,) = gaps(with_service(rate=1100), "mariadb")
    assert said.startswith("**Assessment data against a rival**: 1.10 times its requests/s, 1.20 by CPU time.")
    assert "The target is 1.2. The app takes" in said
    assert "takes 800 µs to the rival's 1,000, the database server 100 to 100" in said
    # 20 % of 600 µs user time
    assert "finds 120 µs in what the rival is spared" in said
    assert said.endswith(f"it would be {1200 / 880:.2f} times by CPU time.")
    (said,) = gaps(with_service(rate=1200), "mariadb")
    assert "The target is 1.2, and reached in this run. The app takes" in said
    results = with_service()
    service = results.profiles[0]
    service.slices = [replace(one, user=one.user + one.requests * 50 / 1e6) for one in service.slices]
    (said,) = gaps(results, "mariadb")
    assert "The target is 1.2; by CPU time, 50 µs of 1,050 µs too many." in said


@pytest.mark.parametrize(("alone", "processors", "blamed"), [(2.0, 1, True), (9.0, 1, False), (2.0, 2, False)])
def test_the_tail_is_put_down_to_the_processors_where_they_are_busy_and_a_client_alone_has_none(
    alone: float, processors: int, blamed: bool
) -> None:
    results = made_up()
    results.processors = processors
    for clients, rate, tail in ((1, 500, alone), (8, 1600, 5.0)):
        one = replace(profile("studentapi", rate, 400, None), clients=clients)
        one.slices = [replace(each, p99_ms=each.p50_ms * tail) for each in one.slices]
        results.tails.append(one)
    (said,) = tails(results, "mariadb")
    assert "with 8 clients the 99th percentile is 5.00 times the median; the target is 4." in said
    assert f"It is {alone:.1f} with 1. " in said
    assert f"{50 / processors / 1.6667:.0f} % busy with 1 client, {96 / processors:.0f} % with 8" in said
    assert f"By 8 clients it is 3.0 for {BARE}" in said
    assert ("it waits for a processor" in said) is blamed
    assert "| city lookup | MariaDB | 8 | 1,600 | 2.00 | 10.0 | 5.00 |" in text(results)


def test_rounds_far_apart_are_warned_of() -> None:
    results = made_up()
    assert "Rounds of one ratio differ" not in text(results)
    last = results.profiles[0].slices[-1]
    results.profiles[0].slices[-1] = replace(last, seconds=2 * last.seconds)
    assert "Rounds of one ratio differ by up to 2.0 times" in text(results)


@pytest.mark.parametrize("sampled", [True, False])
def test_a_run_is_kept_and_comes_out_as_the_same_page(tmp_path: Path, *, sampled: bool) -> None:
    results = made_up(sampled=sampled)
    results.write(tmp_path / "profile.json")
    again = Results.read(tmp_path / "profile.json")
    assert again == results
    page = text(again)
    assert ("user µs by layer" in page) == sampled
    assert "| plain sockets, prepared statement | 20.0 | 1.0 |" in page
    # every row of a table has as many cells as its head
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1, table
    write_picture(again, tmp_path / "profile.svg")
    assert (tmp_path / "profile.svg").read_text().count("<rect") > len(results.profiles)
