from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bedrock_autoscaler.domain.decision import NO_MEMORY, Memory
from bedrock_autoscaler.domain.forecasting.forecast import Forecast, Forecaster
from bedrock_autoscaler.domain.forecasting.lookback import PRIOR_WEIGHTS, WINDOWS
from bedrock_autoscaler.domain.traffic.demand import Demand
from tests.builders import NOW
from tests.unit.domain.worlds import DAY, HALF, UNIT_USD, build_demand, trusting

NAN = float("nan")


def forecaster(demand: Demand, memory: Memory = NO_MEMORY, units: int = 3) -> Forecaster:
    return Forecaster(demand=demand, now=NOW, learned=memory.learned, economics=HALF, units=units)


def forecast(demand: Demand, memory: Memory = NO_MEMORY, gaps_as: float | None = None) -> Forecast:
    found = forecaster(demand, memory).forecast(gaps_as)
    assert found is not None
    return found


def test_even_demand_is_expected_to_last() -> None:
    found = forecast(build_demand((2 * DAY, 1.5)))

    assert found.order.used == pytest.approx([1.0, 0.5, 0.0])
    assert found.order.worth == pytest.approx([69.30, 34.65, 0.0])
    assert found.keep.worth == pytest.approx(found.order.worth)


def test_windows_count_as_far_as_they_are_trusted() -> None:
    # The last hour had 2 units, and 12:00 to 13:00 of yesterday, 1437 to 1377 minutes ago, had 1.
    demand = build_demand((1443, 0.0), (60, 1.0), (1317, 0.0), (60, 2.0))

    found = forecast(demand, trusting(last_hour=0.5, this_hour_yesterday=0.25))

    # 0.75 of the trust says that the first unit is used, 0.5 that the second one is.
    assert found.order.used == pytest.approx([0.75, 0.5, 0.0])
    assert found.order.worth == pytest.approx([0.75 * 69.30, 0.5 * 69.30, 0.0])


def test_before_anything_is_learned_the_prior_trust_counts() -> None:
    # Silence but for the last hour: 5, 15, 30 and 60 minutes say 1, three hours a third, six a
    # sixth, the day a 24th and the history a 48th.
    demand = build_demand((2 * DAY - 60, 0.0), (60, 1.0))
    said = dict.fromkeys(WINDOWS[:4], 1.0) | {
        "last_3_hours": 1 / 3,
        "last_6_hours": 1 / 6,
        "last_day": 1 / 24,
        "history": 1 / 48,
    }

    used = forecast(demand).order.used[0]

    prior = dict(zip(WINDOWS, PRIOR_WEIGHTS, strict=True))
    assert used == pytest.approx(sum(prior[name] * share for name, share in said.items()))


def test_orders_and_renewals_have_trust_of_their_own() -> None:
    demand = build_demand((2 * DAY - 60, 0.0), (60, 1.0))
    learned = replace(
        trusting(last_hour=1.0).learned, keep_weights=trusting(last_day=1.0).learned.keep_weights
    )

    found = forecast(demand, replace(NO_MEMORY, learned=learned))

    assert found.order.used[0] == 1.0
    assert found.keep.used[0] == pytest.approx(1 / 24)
    assert found.weight_of()["last_hour"] == 1.0


def test_each_window_says_something_by_itself() -> None:
    found = forecast(build_demand((2 * DAY - 60, 0.0), (60, 1.0)))

    said = dict(zip(WINDOWS, found.by_window.used[:, 0], strict=True))
    assert said["last_hour"] == 1.0
    assert said["last_3_hours"] == pytest.approx(1 / 3)


def test_agreement_is_the_share_of_the_trust_by_which_a_unit_pays() -> None:
    demand = build_demand((2 * DAY - 60, 0.0), (60, 1.0))

    found = forecast(demand, trusting(last_hour=0.6, last_3_hours=0.3, last_day=0.1))

    # At 34.65 the last hour alone says so; a third of 69.30 is 23.10.
    assert found.agreement(UNIT_USD) == pytest.approx([0.6, 0.0, 0.0])
    assert found.agreement(23.0) == pytest.approx([0.9, 0.0, 0.0])


def test_where_nothing_is_trusted_nothing_agrees() -> None:
    found = forecast(build_demand((2 * DAY, 1.0)), trusting())

    assert found.order.worth.tolist() == [0.0, 0.0, 0.0]
    assert found.agreement(UNIT_USD).tolist() == [0.0, 0.0, 0.0]


def test_as_many_units_are_looked_at_as_the_highest_minute_fills() -> None:
    demand = build_demand((2 * DAY, 0.5), (5, 6.2))

    assert len(forecast(demand).order.worth) == 7
    found = forecaster(demand, units=9).forecast()
    assert found is not None
    assert len(found.order.worth) == 9


def test_gaps_may_stand_for_a_demand() -> None:
    demand = build_demand((2 * DAY, 0.5), (30, NAN), (30, 0.5))
    trusted = trusting(last_hour=1.0)

    assert forecast(demand, trusted).order.used[0] == pytest.approx(0.5)
    assert forecast(demand, trusted, gaps_as=0.0).order.used[0] == pytest.approx(0.25)
    assert forecast(demand, trusted, gaps_as=5.0).order.used[0] == pytest.approx(0.75)


def test_without_a_known_minute_nothing_is_forecast() -> None:
    assert forecaster(build_demand((DAY, NAN))).forecast() is None
    assert forecaster(build_demand((0, 1.0))).forecast() is None


def test_more_demand_at_any_minute_never_lowers_a_forecast() -> None:
    random = np.random.default_rng(3)
    demand = build_demand((3 * DAY, 0.0))
    demand = replace(demand, load=random.gamma(0.5, 2.0, len(demand)))
    for _ in range(20):
        raised = demand.load + random.gamma(0.1, 1.0, len(demand)) * (random.random() < 0.5)
        weights = dict(zip(WINDOWS, random.random(len(WINDOWS)), strict=True))
        before = forecast(demand, trusting(**weights)).order.worth
        after = forecast(replace(demand, load=raised), trusting(**weights)).order.worth

        assert (after[: len(before)] >= before[: len(after)] - 1e-9).all()


def test_a_series_that_ends_late_still_aligns_by_the_clock() -> None:
    # 12:00 to 13:00 of yesterday had 1 unit, and the newest half hour was not seen.
    demand = build_demand((1443, 0.0), (60, 1.0), (1377, 0.0))
    late = Demand(start=demand.start, load=demand.load[:-30], requests=demand.requests[:-30])

    assert late.end == NOW - timedelta(minutes=33)
    assert forecast(late, trusting(this_hour_yesterday=1.0)).order.used[0] == 1.0
