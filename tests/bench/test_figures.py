"""What slices come to, which of them are compared, and who is told to have reached what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.bench import plan
from lab.bench.figures import Ratio, figures, ranked, ratio, spread, tail
from lab.bench.results import Measured, Place, Results, Slice
from lab.bench.targets import AGAINST, Verdict, verdicts
from lab.bench.words import millis, outcome, rated, times
from lab.peers import PEERS, ROUTES

PLACE = Place("mariadb", "city", 2, 8, 8)
SLICE = Slice(1000, 1.0, 2.0, 6.0, app=0.3, database=0.1, connects=0, statements=1000, pings=0)


def measured(*rates: int, name: str = "studentapi") -> Measured:
    return Measured(PLACE, name, [replace(SLICE, requests=rate) for rate in rates])


def test_rates_are_medians_so_one_disturbed_round_moves_nothing() -> None:
    assert figures(measured(1000, 10, 1100)).rate == 1000


def test_cpu_time_and_counts_are_per_request_over_all_rounds() -> None:
    slices = [replace(SLICE, connects=100), replace(SLICE, requests=3000, app=0.9, database=0.3, statements=3400)]
    found = figures(Measured(PLACE, "timer", slices))
    assert found.app_us == pytest.approx(300)
    assert found.database_us == pytest.approx(100)
    assert found.cpu_us == pytest.approx(400)
    assert found.app_share == pytest.approx(0.75)
    assert [found.connects, found.statements] == pytest.approx([0.025, 1.1])


def test_a_ratio_is_taken_within_each_round() -> None:
    # the machine was ten times slower in the second round, for both
    assert ratio(measured(2000, 200, 2200), measured(1000, 100, 1000)) == Ratio(2.0, 2.0, 2.2)


def test_rounds_that_do_not_pair_are_not_compared() -> None:
    with pytest.raises(ValueError, match="longer"):
        ratio(measured(2000), measured(1000, 1000))


def test_the_tail_is_the_slow_requests_over_the_middle_one() -> None:
    assert tail(measured(1000, 1000)) == Ratio(3.0, 3.0, 3.0)


def test_the_fastest_comes_first() -> None:
    there = {name: measured(rate, name=name) for name, rate in {"timer": 5, "go": 9, "orm": 1}.items()}
    assert [name for name, _ in ranked(there)] == ["go", "timer", "orm"]


@pytest.mark.parametrize(("found", "at_most", "reached"), [
    (2.2, False, True), (2.196, False, True), (2.194, False, False), (2.0, True, True), (2.21, True, False),
])  # fmt: skip
def test_a_target_is_reached_as_its_figure_is_printed(found: float, at_most: bool, reached: bool) -> None:
    one = Verdict("mariadb", "city", "", 2.2, spread([found]), at_most)
    assert one.standing == ("reached" if reached else "not reached")


@pytest.mark.parametrize(("found", "said"), [
    ([2.2, 2.3, 2.4, 2.5, 2.1], "reached"),
    ([2.2, 2.3, 2.4, 2.1, 2.1], "undecided"),
    ([2.1, 2.1, 2.4, 2.1, 2.1], "not reached"),
    ([2.1, 2.1, 2.4, 2.3, 2.1], "undecided"),
    ([2.3, 2.0], "undecided"),
])  # fmt: skip
def test_a_target_is_undecided_where_the_rounds_do_not_agree(found: list[float], said: str) -> None:
    assert Verdict("mariadb", "city", "", 2.2, spread(found)).standing == said


def test_what_was_not_measured_has_not_reached_its_target() -> None:
    assert Verdict("mariadb", "city", "", 2.2, None).standing == "not measured"


def test_a_target_says_in_how_many_rounds_it_was_reached() -> None:
    found = ratio(measured(2200, 2100, 2196, 3000), measured(1000, 1000, 1000, 1000))
    one = Verdict("mariadb", "city", "", 2.2, found)
    assert outcome(one) == "2.20 (2.10–3.00), 3 of 4 rounds"
    assert outcome(replace(one, at_most=True)) == "2.20 (2.10–3.00), 3 of 4 rounds"
    assert outcome(replace(one, found=ratio(measured(2200), measured(1000)))) == "2.20"
    assert not outcome(replace(one, found=None))


def test_every_target_names_a_peer_that_has_the_route() -> None:
    routes = {peer.name: peer.routes for peer in PEERS}
    assert all(route in routes[name] for route, name, _, _ in AGAINST)


def test_targets_are_judged_where_there_are_as_many_processes_as_at_first() -> None:
    narrow = replace(PLACE, processes=1, threads=16)
    results = Results(
        "2026-01-01", quick=False, machine={}, servers={"mariadb": "MariaDB"},
        measured=[
            measured(2400), measured(1000, name="per_request"),
            Measured(narrow, "studentapi", [SLICE]), Measured(narrow, "per_request", [SLICE]),
        ],
    )  # fmt: skip
    first, *others = verdicts(results)
    assert (first.found, first.standing) == (Ratio(2.4, 2.4, 2.4), "reached")
    assert [one.found for one in others if one.title.startswith("against")] == [None] * (len(AGAINST) - 1)
    # where that size could not be measured, another does not stand in for it
    results.measured = results.measured[2:]
    assert {one.standing for one in verdicts(results)} == {"not measured"}


def test_a_factor_is_judged_by_the_digits_that_are_told() -> None:
    nearly = Verdict("mariadb", "city", "against x", 40.0, spread([39.97]))
    assert (nearly.standing, outcome(nearly)) == ("reached", "40.0")
    less = Verdict("mariadb", "city", "against x", 40.0, spread([39.94]))
    assert (less.standing, outcome(less)) == ("not reached", "39.9")


def test_rounds_begin_with_everyone_in_turn_and_come_in_pairs_that_mirror_each_other() -> None:
    for many in range(1, len(PEERS) + 1):
        names = [peer.name for peer in PEERS[:many]]
        orders = [plan.order(names, number) for number in range(2 * len(names))]
        assert all(sorted(order) == sorted(names) for order in orders)
        assert {order[0] for order in orders[::2]} == set(names)
        assert all(back == there[::-1] for there, back in zip(orders[::2], orders[1::2], strict=True))


def test_all_routes_are_measured_as_wide_as_the_machine_and_the_city_as_in_the_answer() -> None:
    blocks = list(plan.blocks(plan.FULL, ROUTES, quick=False))
    wide = [block.route for block in blocks if block.size == plan.WIDE]
    assert wide == list(ROUTES)
    assert [block.clients for block in blocks if block.route == "city" and block.size == plan.ANSWER] == [
        1,
        4,
        8,
        16,
    ]
    assert {block.route for block in blocks if block.size == plan.ANSWER} == set(ROUTES)


def test_a_quick_run_has_every_target_in_it() -> None:
    blocks = list(plan.blocks(plan.QUICK, ROUTES, quick=True))
    assert {block.route for block in blocks if block.size == plan.WIDE} >= {route for route, *_ in AGAINST}
    assert sum(block.rounds * block.seconds for block in blocks) < 15


def test_a_run_says_what_to_type_for_it_again() -> None:
    options: list[tuple[str, object]] = [
        ("server", ()),
        ("route", ("city", "list")),
        ("rounds", 2),
        ("seconds", None),
    ]
    assert plan.command([], quick=False) == "make bench"
    assert plan.command([("peer", ())], quick=True) == "make bench QUICK=1"
    again: list[tuple[str, object]] = [("server", ("mysql",)), ("again", True)]
    assert plan.command(again, quick=False) == 'make bench ARGS="--server mysql --again"'
    assert plan.command([("again", False)], quick=False) == "make bench"
    assert plan.command(options, quick=False) == 'make bench ARGS="--route city --route list --rounds 2"'


def test_figures_have_the_digits_that_mean_something() -> None:
    assert [rated(5.6), rated(4961.4)] == ["5.6", "4,961"]
    assert [millis(0.912), millis(23.45), millis(991.2)] == ["0.91", "23.4", "991"]
    assert times(Ratio(2.217, 1.996, 44.04)) == "2.22 (2.00–44.0)"
