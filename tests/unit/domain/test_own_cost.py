"""What the autoscaler costs: the bounds, and the arithmetic behind them."""

import pytest

from bedrock_autoscaler.adapters.running_prices import load_running_prices
from bedrock_autoscaler.domain.economics.own_cost import (
    STEADY_MINUTES,
    Part,
    Running,
    kept_usd,
    month_usd,
    usage,
)

USD = load_running_prices().usd


def each(running: Running, part: Part | None = None) -> float:
    """USD per target and month."""
    return month_usd(usage(running), USD, part) / running.targets


@pytest.mark.parametrize(
    ("minutes", "most"), [(STEADY_MINUTES, 0.30), (1, 3.0)], ids=["steady", "bursty"]
)
@pytest.mark.parametrize(("targets", "places"), [(10_000, 80), (1_000, 80), (200, 1)])
def test_a_target_with_one_series_costs_no_more_than_promised(
    minutes: int, most: float, targets: int, places: int
) -> None:
    assert each(Running(targets=targets, places=places, minutes=minutes)) <= most


@pytest.mark.parametrize(("targets", "places"), [(10, 1), (100, 1), (100, 80)])
def test_few_targets_pay_more_only_for_what_there_is_anyway(targets: int, places: int) -> None:
    fleet = Running(targets=targets, places=places)

    assert each(fleet, Part.TARGETS) <= 0.30
    assert month_usd(usage(fleet), USD, Part.STACK) <= 9.80
    assert month_usd(usage(fleet), USD, Part.PLACES) <= 0.83 * places + 0.01 * targets
    assert each(fleet) > 0.30


def test_the_parts_are_the_whole() -> None:
    fleet = Running(targets=1_000, places=80)

    assert sum(each(fleet, part) for part in Part) == pytest.approx(each(fleet))


def test_metrics_are_counted_by_hand() -> None:
    # 2,920 visits: four each but for 730 whole looks of nine. Of ten targets together, and a batch
    # more for what is left over, each look has a heartbeat.
    steady = Running(targets=100)
    own = 4 * 2_190 + 9 * 730
    assert steady.looks == pytest.approx(100 * 2_920 * (1 / 10 + 1 / 10))
    assert steady.metrics == pytest.approx(100 * own + steady.looks)
    # A second series doubles all but the heartbeats.
    double = Running(targets=100, series=2)
    assert double.metrics == pytest.approx(200 * own + steady.looks)
    # Alone in its place, a target has each look for itself.
    assert Running(targets=80, places=80).looks == pytest.approx(80 * 2_920)


def test_each_source_region_has_a_heartbeat() -> None:
    def quantity(service: str, regions: int) -> float:
        lines = usage(Running(targets=100, source_regions=regions))
        return next(line.quantity for line in lines if line.service == service)

    assert [quantity("Heartbeats, written", regions) for regions in (0, 2)] == [43_800, 3 * 43_800]
    assert [quantity("Heartbeats, kept", regions) for regions in (0, 2)] == [1, 3]
    lists = "Lists of metrics, at most"
    assert quantity(lists, 2) == 3 * quantity(lists, 0)


def test_the_capacity_loop_ticks_no_oftener_than_every_five_minutes() -> None:
    bursty, steady = Running(minutes=1), Running(minutes=15)

    assert (bursty.visits, bursty.capacity_visits) == (43_800, 43_800 / 5)
    assert steady.capacity_visits == steady.visits == 2_920


def test_what_is_kept_is_told_apart() -> None:
    lines = usage(Running(targets=100))

    assert 0 < kept_usd(lines, USD) < month_usd(lines, USD)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"targets": 0}, "0 is too few targets"),
        ({"places": 2}, "2 places are more than the 1 targets in them"),
        ({"minutes": 16}, "16 minutes between two visits are more than the 15"),
        ({"minutes": 0}, "0 is too few minutes"),
        ({"series": 0}, "0 is too few series"),
        ({"source_regions": -1}, "-1 is too few source_regions"),
    ],
)
def test_what_is_no_fleet_is_refused(wrong: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Running(**wrong)


def test_every_price_has_a_source() -> None:
    prices = load_running_prices()

    assert all(price.source and price.usd > 0 for price in prices.prices.values())
    used = {line.price for line in usage(Running())}
    assert used == set(prices.prices)
