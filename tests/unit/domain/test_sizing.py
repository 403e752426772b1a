from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.economics.costs import Economics, Tier
from bedrock_autoscaler.domain.forecasting.forecast import Forecast
from bedrock_autoscaler.domain.forecasting.lookback import PRIOR_WEIGHTS, WINDOWS
from bedrock_autoscaler.domain.forecasting.use import Sets, curves_of, units_needed
from bedrock_autoscaler.domain.sizing.margins import Margins
from bedrock_autoscaler.domain.sizing.worth import SizePlan, plan_size, wanted_units
from tests.builders import THRESHOLDS
from tests.unit.domain.worlds import HALF, ON_DEMAND_USD, UNIT_USD

SIZING = THRESHOLDS.sizing
TIGHT = replace(
    HALF, tiers=(Tier(address="a", capacity_units=0.5, usd_per_unit_hour=ON_DEMAND_USD),)
)
MARGINS = Margins(first=1.15, grow=1.15, keep=0.95)
"""As shipped: a unit is bought from 39.85 USD an hour on, and kept from 32.92."""


def expecting(*samples: float, economics: Economics = HALF, units: int = 2) -> Forecast:
    """These demands, equally likely by all windows; two units more than held are looked at."""
    windows = Sets.of(
        pieces=(np.array(samples),),
        members=np.ones((len(WINDOWS), 1)),
        instead=tuple(range(len(WINDOWS))),
    )
    weights = np.array(PRIOR_WEIGHTS)
    curves = curves_of(windows, economics, max(units_needed(windows), units))
    mixed = curves.mixed(weights)
    return Forecast(order=mixed, keep=mixed, by_window=curves, windows=windows, weights=weights)


def plan(
    *samples: float, held: int = 0, peak: float = 10.0, margins: Margins = MARGINS
) -> SizePlan:
    return plan_size(
        expecting(*samples, units=held + 2),
        margins=margins,
        economics=HALF,
        sizing=SIZING,
        held=held,
        peak=peak,
    )


# -- growing -----------------------------------------------------------------------------------


def test_as_many_units_are_wanted_as_are_each_worth_their_margin() -> None:
    # The third unit serves 0.57 of 69.30, 39.50: less than 39.85.
    assert plan(2.57).grow_to == 2
    # 0.58 of it is 40.19.
    assert plan(2.58).grow_to == 3


def test_a_demand_of_hundreds_of_units_is_seen_whole() -> None:
    found = plan(900.0, held=600, peak=900.0)

    assert found.grow_to == 900
    assert found.alternatives[0].overflow_usd == pytest.approx(900 * ON_DEMAND_USD)


def test_growth_goes_at_most_one_unit_beyond_the_highest_demand_on_record() -> None:
    assert plan(9.0, peak=2.5).grow_to == 4


def test_a_higher_margin_for_the_first_unit_lets_none_be_bought() -> None:
    careful = replace(MARGINS, first=1.5)

    # From 51.98 on: 0.7 of a unit is 48.51, 0.8 is 55.44.
    assert plan(2.7, held=2, margins=careful).grow_to == 2
    assert plan(2.8, held=2, margins=careful).grow_to == 3


def test_units_that_come_with_the_first_one_need_the_usual_margin() -> None:
    careful = replace(MARGINS, first=1.5)

    # The first is worth 69.30, and the second one 41.58.
    assert plan(1.6, margins=careful).grow_to == 2


def test_what_is_held_is_not_shrunk_by_growing() -> None:
    # The second unit is worth 6.93.
    expected = expecting(1.0, 1.2, units=4).order

    assert wanted_units(expected, MARGINS, HALF, 2) == (1, ())
    assert wanted_units(expected, MARGINS, HALF, 0) == (1, ())


def test_a_plan_says_from_which_worth_on_units_are_bought_and_kept() -> None:
    sized = plan(1.0, margins=Margins(first=2.0, grow=1.2, keep=0.9))

    assert (sized.first_usd, sized.grow_usd, sized.keep_usd) == pytest.approx(
        (69.30, 41.58, 31.185)
    )


# -- keeping -----------------------------------------------------------------------------------


def test_keeping_needs_less_than_growing() -> None:
    # Worth of the second unit: 0.5 x 69.30 = 34.65, between 0.95 and 1.15 of as much.
    sized = plan(1.5, held=2)

    assert sized.grow_to == 1
    assert sized.keep == 2


def test_units_held_above_any_forecast_are_worth_nothing() -> None:
    sized = plan(1.0, held=3)

    assert sized.keep_worth == pytest.approx([69.30, 0.0, 0.0, 0.0, 0.0])
    assert sized.keep == 1


def test_units_above_the_highest_demand_on_record_may_be_worth_keeping() -> None:
    sized = plan(4.0, held=4, peak=1.0)

    assert sized.keep == 4
    assert sized.grow_to == 2


def test_what_was_bought_as_one_is_kept_as_one() -> None:
    # 1.9 of 4 units: together 1.9 x 69.30 = 131.67, and 4 x 0.95 x 34.65 = 131.67.
    sized = plan(1.9 + 1e-6, held=4)

    assert sized.keep == 2
    assert sized.is_worth_keeping(4, 4)
    assert not plan(1.9 - 1e-6, held=4).is_worth_keeping(4, 4)
    # The last two of them alone serve nothing, the last three serve 0.9.
    assert not sized.is_worth_keeping(4, 2)
    assert not sized.is_worth_keeping(4, 3)


def test_a_purchase_larger_than_what_stays_is_judged_by_all_of_it() -> None:
    # A throughput of 3 units where 2 stay: both serve, 138.60 USD, and three cost 98.75 at 0.95.
    assert plan(2.0, held=2).is_worth_keeping(2, 3)
    assert not plan(1.4, held=2).is_worth_keeping(2, 3)


def test_units_are_kept_while_more_are_wanted() -> None:
    # A unit ordered now is expected to be busy, although the hour until then is idle.
    wanted, idle = expecting(2.0, units=3), expecting(0.0, units=3)
    forecast = replace(wanted, keep=idle.keep)

    sized = plan_size(forecast, margins=MARGINS, economics=HALF, sizing=SIZING, held=1, peak=2.0)

    assert sized.grow_to == 2
    assert sized.keep == 1
    assert sized.is_worth_keeping(1, 1)


def test_a_fleet_larger_than_is_looked_at_is_not_cut_down_to_it() -> None:
    assert plan(1700.0, held=1600, peak=1700.0).keep == 1602


# -- what is shown -----------------------------------------------------------------------------


def test_every_size_has_its_dollars_for_the_coming_hour() -> None:
    sized = plan(0.5, 1.5, held=1)

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
        expecting(1.0, economics=TIGHT),
        margins=MARGINS,
        economics=TIGHT,
        sizing=replace(SIZING, billing_minutes=30),
        held=0,
        peak=1.0,
    )

    # Half an hour: 0.5 on demand at 69.30 and 0.5 throttled at 693.
    assert sized.alternatives[0].overflow_usd == pytest.approx(0.5 * 69.30 / 2)
    assert sized.alternatives[0].throttle_usd == pytest.approx(0.5 * 693.0 / 2)
    assert sized.alternatives[1].units_usd == pytest.approx(34.65 / 2)


def test_a_plan_says_how_far_windows_are_trusted_and_agree() -> None:
    sized = plan(1.0)

    assert sized.weights == dict(zip(WINDOWS, PRIOR_WEIGHTS, strict=True))
    assert sized.use == pytest.approx([1.0, 0.0])
    assert sized.agreement == pytest.approx([1.0, 0.0])
