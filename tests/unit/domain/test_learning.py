"""When and from what a target learns, and how it catches up with a backlog."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bedrock_autoscaler.domain.forecasting.learning import (
    NOTHING_LEARNED,
    Learned,
    learn,
    order_window,
)
from bedrock_autoscaler.domain.forecasting.lookback import PRIOR_WEIGHTS, WINDOWS, moment_at
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.unit.domain.lessons import SIZING, demand_of, long_stays, taught
from tests.unit.domain.worlds import DAY, HALF, build_demand

NAN = float("nan")


# -- when and from what ------------------------------------------------------------------------


def test_before_anything_is_learned_the_prior_trust_holds() -> None:
    assert NOTHING_LEARNED.order_weights == NOTHING_LEARNED.keep_weights == PRIOR_WEIGHTS
    assert NOTHING_LEARNED.weighed().order_weights == pytest.approx(PRIOR_WEIGHTS)


def test_a_moment_teaches_when_its_outcome_was_seen() -> None:
    # The period of a moment ends an hour after it; the series ends at 11:57.
    learned = taught(build_demand((2 * DAY, 1.0)))

    assert learned.until == NOW - 65 * MINUTE


def test_a_history_of_two_hours_teaches_nothing_yet() -> None:
    # The first hour is looked back on, and none of what came after it was seen to its end.
    assert taught(build_demand((119, 1.0))) is NOTHING_LEARNED
    assert taught(build_demand((126, 1.0))) is not NOTHING_LEARNED
    assert taught(build_demand((0, 1.0))) is NOTHING_LEARNED


def test_learning_again_within_a_tick_teaches_nothing() -> None:
    demand = demand_of(long_stays(np.random.default_rng(1)))
    learned = taught(demand)

    assert taught(demand, before=learned) is learned


def test_each_moment_is_learned_once() -> None:
    demand = demand_of(long_stays(np.random.default_rng(1))[: 2 * DAY])
    before = taught(demand, ago=5)

    after = taught(demand, before=before)

    assert before.until is not None
    assert after.until == before.until + 5 * MINUTE
    moment = moment_at(demand, after.until, NOW)
    assert moment.windows() is not None
    # One moment of five minutes counts a third.
    assert sum(after.products) - sum(before.products) > 0
    assert learn(after, demand, NOW, economics=HALF, sizing=SIZING) is after


def test_a_unit_in_full_use_adds_the_share_of_its_minutes() -> None:
    # All windows and both outcomes say that one unit is worth its whole price on demand: 1.
    demand = build_demand((2 * DAY, 1.0))
    before = taught(demand, ago=5)

    after = taught(demand, before=before)

    assert np.subtract(after.products, before.products) == pytest.approx(np.full(55, 1 / 3))
    assert np.subtract(after.ordered, before.ordered) == pytest.approx(np.full(10, 1 / 3))
    assert np.subtract(after.kept, before.kept) == pytest.approx(np.full(10, 1 / 3))


def test_a_moment_with_gaps_teaches_nothing_and_is_passed() -> None:
    load = np.full(2 * DAY, 1.0)
    load[-40:-20] = NAN
    demand = demand_of(load)
    before = taught(demand, ago=15)

    after = taught(demand, before=before)

    assert after.until == NOW - 65 * MINUTE
    assert after.products == before.products


def test_weights_are_reckoned_anew_each_quarter_of_an_hour() -> None:
    demand = demand_of(long_stays(np.random.default_rng(1))[: 3 * DAY])
    # Moments up to 10:50 and 10:55 are learned from in turn: one more of the same quarter, and
    # then, at 11:00, the first one of the next.
    before = taught(demand, ago=5)
    within = taught(demand, before=before)
    assert within.until == NOW - 65 * MINUTE
    assert within.order_weights == before.order_weights
    assert within.products != before.products

    later = learn(
        within,
        replace(demand, load=np.append(demand.load, np.full(5, 1.0))),
        NOW + 5 * MINUTE,
        economics=HALF,
        sizing=SIZING,
    )

    assert later.until == NOW - 60 * MINUTE
    assert later == later.weighed()


def test_what_was_learned_depends_on_prices_of_demand_and_not_of_units() -> None:
    demand = demand_of(long_stays(np.random.default_rng(1))[: 3 * DAY])
    dear = replace(HALF, unit_usd=60.0)

    learned = learn(NOTHING_LEARNED, demand, NOW, economics=dear, sizing=SIZING)

    assert learned == taught(demand)


# -- a backlog ---------------------------------------------------------------------------------


def in_steps(demand: Demand, minutes: int) -> Learned:
    """What is learned by a decision each five minutes over the newest so many minutes."""
    learned = NOTHING_LEARNED
    for ago in range(minutes, -1, -5):
        learned = taught(demand, before=learned, ago=ago)
    return learned.weighed()


def test_a_short_backlog_is_learned_as_it_would_have_been_in_steps() -> None:
    # 24 hours have 288 moments; 60 minutes are looked back on and 60 lie ahead.
    demand = demand_of(long_stays(np.random.default_rng(1))[-DAY:])

    at_once, stepwise = taught(demand).weighed(), in_steps(demand, DAY - 120)

    assert at_once.until == stepwise.until
    assert at_once.products == pytest.approx(stepwise.products)
    assert at_once.ordered == pytest.approx(stepwise.ordered)
    assert at_once.kept == pytest.approx(stepwise.kept)


def test_a_long_backlog_is_learned_from_every_so_many_th_moment() -> None:
    # 4 days have 1,128 moments: each third of them is taken, and counts threefold.
    demand = demand_of(long_stays(np.random.default_rng(1))[-4 * DAY :])

    at_once, stepwise = taught(demand).weighed(), in_steps(demand, 4 * DAY - 120)

    assert at_once.until == stepwise.until
    assert sum(at_once.products) == pytest.approx(sum(stepwise.products), rel=0.02)
    assert at_once.order_weights == pytest.approx(stepwise.order_weights, abs=0.05)
    assert at_once.keep_weights == pytest.approx(stepwise.keep_weights, abs=0.05)


def test_a_stopped_loop_catches_up() -> None:
    demand = demand_of(long_stays(np.random.default_rng(1))[-DAY:])
    before = taught(demand, ago=600)

    caught_up = taught(demand, before=before).weighed()

    assert caught_up.products == pytest.approx(taught(demand).weighed().products)


# -- the window of an order --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lead", "billing", "window"),
    [
        (15, 60, (15, 60)),
        (0, 60, (0, 60)),
        (50, 60, (50, 65)),
        (90, 60, (90, 105)),
        (15, 15, (15, 30)),
    ],
)
def test_an_order_serves_in_what_its_lead_time_leaves_of_the_first_period(
    lead: int, billing: int, window: tuple[int, int]
) -> None:
    sizing = replace(SIZING, lead_minutes=lead, billing_minutes=billing)

    assert order_window(sizing) == window


def test_orders_and_renewals_learn_from_their_own_minutes() -> None:
    # Demand comes at the full hour for 15 minutes: a unit ordered then comes too late for it.
    load = np.zeros(14 * DAY)
    for begin in range(3, len(load), 60):
        load[begin : begin + 15] = 1.0
    sizing = replace(SIZING, decision_minutes=60)

    learned = learn(NOTHING_LEARNED, demand_of(load), NOW, economics=HALF, sizing=sizing)

    assert learned.until == NOW - timedelta(hours=2)
    assert max(learned.ordered) == 0.0
    assert max(learned.kept) > 1.0


def test_weights_stay_where_worths_are_too_large_to_learn_from() -> None:
    # Sums that no ridge can be told apart in: each window has seen the same, by 1e30.
    same = replace(
        NOTHING_LEARNED,
        products=tuple(1e30 for _ in NOTHING_LEARNED.products),
        order_weights=tuple(0.25 for _ in WINDOWS),
    )

    assert same.weighed() == same
