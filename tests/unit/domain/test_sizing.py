from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.decision import ExpertRecord
from bedrock_autoscaler.domain.economics import Tier
from bedrock_autoscaler.domain.forecast import Future
from bedrock_autoscaler.domain.judging import Track
from bedrock_autoscaler.domain.sizing import (
    SizePlan,
    count_worth,
    full_use,
    mixed_worth,
    plan_size,
    worth_of_units,
)
from tests.builders import THRESHOLDS
from tests.unit.domain.worlds import HALF, ON_DEMAND_USD, UNIT_USD

SIZING = THRESHOLDS.sizing
UNTRIED = Track(records=(), recent=np.empty(0), settling=3, is_judged=False)
TIGHT = replace(
    HALF, tiers=(Tier(address="a", capacity_units=0.5, usd_per_unit_hour=ON_DEMAND_USD),)
)


def future(name: str, *samples: float) -> Future:
    return Future(name=name, samples=np.array(samples))


def plan(*forecasts: Future, held: int = 0, peak: float = 10.0, track: Track = UNTRIED) -> SizePlan:
    return plan_size(forecasts, track=track, economics=HALF, sizing=SIZING, held=held, peak=peak)


def test_a_unit_is_worth_the_overflow_that_it_avoids() -> None:
    worth = worth_of_units(np.array([0.5, 1.5]), HALF, most=4)

    # Unit 1 serves 0.5 and 1.0, 0.75 on average, of 69.30; unit 2 serves 0 and 0.5.
    assert worth == pytest.approx([0.75 * 69.30, 0.25 * 69.30, 0.0, 0.0])


def test_a_unit_is_worth_the_throttling_that_it_avoids() -> None:
    worth = worth_of_units(np.array([1.5]), TIGHT, most=2)

    # Without a unit 0.5 go on demand and 1.0 is throttled at 693; with one 0.5 go on demand; with
    # two nothing.
    assert worth == pytest.approx([693.0, 34.65])


@pytest.mark.parametrize("samples", [[], [0.0], [0.0, 0.0]])
def test_without_demand_no_unit_is_worth_anything(samples: list[float]) -> None:
    assert worth_of_units(np.array(samples), HALF, most=3) == pytest.approx(np.zeros(3))


def test_no_more_units_are_looked_at_than_asked_for() -> None:
    assert worth_of_units(np.array([1e6]), HALF, most=2) == pytest.approx([69.30, 69.30])


def test_counts_the_units_in_a_row_that_are_worth_their_price() -> None:
    assert count_worth(np.array([5.0, 3.0, 1.0, 4.0]), 3.0) == 2
    assert count_worth(np.array([5.0, 3.0]), 1.0) == 2
    assert count_worth(np.array([5.0]), 6.0) == 0


def test_full_use_fills_units_and_every_quota() -> None:
    assert full_use(HALF, 2) == 3.0
    assert full_use(TIGHT, 2) == 3.5


def test_untried_forecasts_count_alike() -> None:
    sized = plan(future("a", 2.0), future("zero", 0.0))

    # Half of the trust says 2 units, half says none: each unit is worth 34.65, less than 1.05 of
    # its price, but worth keeping.
    assert sized.weights == {"a": 0.5, "zero": 0.5}
    assert sized.worth[:2] == pytest.approx([34.65, 34.65])
    assert sized.grow_to == 0
    assert sized.keep == 2


def test_growth_needs_more_than_keeping() -> None:
    # Worth of the second unit: 0.51 x 69.30 = 35.34, between 0.92 and 1.05 of 34.65.
    sized = plan(future("a", 1.51))

    assert (sized.grow_to, sized.keep) == (1, 2)


def test_growth_goes_at_most_one_unit_beyond_the_highest_demand_on_record() -> None:
    assert plan(future("a", 9.0), peak=2.5).grow_to == 4


def test_units_held_above_any_forecast_are_worth_nothing() -> None:
    sized = plan(future("a", 1.0), held=3)

    assert sized.worth == pytest.approx([69.30, 0.0, 0.0, 0.0])
    assert sized.keep == 1


def test_units_above_the_highest_demand_on_record_may_be_worth_keeping() -> None:
    # A forecast scales an earlier day up beyond what was ever seen.
    sized = plan(future("a", 4.0), held=4, peak=1.0)

    assert sized.keep == 4
    assert sized.grow_to == 2


def test_a_fleet_larger_than_is_looked_at_is_not_cut_down_to_it() -> None:
    assert plan(future("a", 700.0), held=600, peak=700.0).keep == 601


def test_a_forecast_without_data_has_no_say() -> None:
    sized = plan(future("a", 2.0), future("b"), future("zero", 0.0))

    assert sized.weights == {"a": 0.5, "zero": 0.5}
    assert sized.trust == pytest.approx({"a": 1 / 3, "b": 1 / 3, "zero": 1 / 3})


def test_the_record_decides_who_is_heard() -> None:
    records = (
        ExpertRecord(name="a", loss_usd=100.0, proposals=()),
        ExpertRecord(name="zero", loss_usd=200.0, proposals=()),
    )
    sized = plan(future("a", 2.0), future("zero", 0.0), track=replace(UNTRIED, records=records))

    assert sized.weights["a"] > 0.999
    assert sized.grow_to == 2
    # Each proposes by its own forecast.
    assert [entry.proposals for entry in sized.experts] == [(2,), (0,)]


def test_mixed_worth_follows_the_trust() -> None:
    forecasts = [future("a", 1.0), future("zero", 0.0)]

    worth = mixed_worth(forecasts, {"a": 0.75, "zero": 0.25}, HALF, most=2)

    assert worth == pytest.approx([0.75 * 69.30, 0.0])


def test_every_size_has_its_dollars_for_the_coming_hour() -> None:
    sized = plan(future("a", 0.5, 1.5), held=1)

    # From none to two above the larger of held, 1, and wanted, 1.
    assert [entry.units for entry in sized.alternatives] == [0, 1, 2, 3]
    none, one, two, _ = sized.alternatives
    assert none.total_usd == pytest.approx(69.30)  # a mean demand of 1 on demand
    assert one.units_usd == pytest.approx(UNIT_USD)
    assert one.overflow_usd == pytest.approx(0.25 * 69.30)  # 0 and 0.5 overflow
    assert one.total_usd == pytest.approx(34.65 + 17.325)
    assert one.utilization == pytest.approx(0.75)  # 0.5 and 1.0 served
    assert two.utilization == pytest.approx(0.5)  # 1.0 of two units
    assert none.utilization == 0.0


def test_alternatives_are_priced_for_the_billing_period() -> None:
    sized = plan_size(
        [future("a", 1.0)],
        track=UNTRIED,
        economics=TIGHT,
        sizing=replace(SIZING, billing_minutes=30),
        held=0,
        peak=1.0,
    )

    # Half an hour: 0.5 on demand at 69.30 and 0.5 throttled at 693.
    assert sized.alternatives[0].overflow_usd == pytest.approx(0.5 * 69.30 / 2)
    assert sized.alternatives[0].throttle_usd == pytest.approx(0.5 * 693.0 / 2)
    assert sized.alternatives[1].units_usd == pytest.approx(34.65 / 2)
