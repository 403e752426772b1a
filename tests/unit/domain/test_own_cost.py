"""What the autoscaler costs: the bounds, and the counted calls behind them."""

import pytest

from bedrock_autoscaler.adapters.running_prices import load_running_prices
from bedrock_autoscaler.domain.economics.own_cost import (
    BURSTY_MINUTES,
    STEADY_MINUTES,
    Running,
    capacity_visits_per_month,
    kept_usd,
    metrics_per_month,
    month_usd,
    usage,
    visits_per_month,
)

USD = load_running_prices().usd


def each(running: Running) -> float:
    """USD per target and month."""
    return month_usd(usage(running), USD) / running.targets


@pytest.mark.parametrize(
    ("minutes", "most"), [(STEADY_MINUTES, 0.30), (BURSTY_MINUTES, 3.0)], ids=["steady", "bursty"]
)
@pytest.mark.parametrize(("targets", "places"), [(10_000, 80), (100, 1)])
def test_a_target_with_one_series_costs_no_more_than_promised(
    minutes: int, most: float, targets: int, places: int
) -> None:
    assert each(Running(targets=targets, places=places, minutes=minutes)) <= most


def test_the_shared_part_weighs_on_few_targets() -> None:
    alone, many = Running(), Running(targets=1_000)

    assert each(alone) > 10 * each(many)


def test_metrics_are_counted_by_hand() -> None:
    # 2,920 visits: four each but for 730 whole looks of eleven, and one heartbeat for ten targets.
    steady = Running(targets=100)
    assert metrics_per_month(steady) == pytest.approx(4 * 2_190 + 11 * 730 + 292)
    # A second series doubles all but the heartbeat.
    double = Running(targets=100, series=2)
    assert metrics_per_month(double) == pytest.approx(2 * (4 * 2_190 + 11 * 730) + 292)


def test_the_capacity_loop_ticks_no_oftener_than_every_five_minutes() -> None:
    assert visits_per_month(1) == 43_800
    assert capacity_visits_per_month(1) == 43_800 / 5
    assert capacity_visits_per_month(15) == visits_per_month(15)


def test_what_is_kept_is_told_apart() -> None:
    lines = usage(Running(targets=100))

    assert 0 < kept_usd(lines, USD) < month_usd(lines, USD)


@pytest.mark.parametrize(
    "wrong", [{"targets": 0}, {"places": 2}, {"minutes": 16}, {"minutes": 0}, {"series": 0}]
)
def test_what_is_no_fleet_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="targets"):
        Running(**wrong)


def test_every_price_has_a_source() -> None:
    prices = load_running_prices()

    assert all(price.source and price.usd > 0 for price in prices.prices.values())
    used = {line.price for line in usage(Running())}
    assert used == set(prices.prices)
