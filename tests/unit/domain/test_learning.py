from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.domain.forecasting.learning import (
    NOTHING_LEARNED,
    Learned,
    learn,
    order_window,
)
from bedrock_autoscaler.domain.forecasting.lookback import PRIOR_WEIGHTS, WINDOWS, moment_at
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, THRESHOLDS
from tests.unit.domain.worlds import HALF, build_demand

DAY = 1440
NAN = float("nan")
SIZING = THRESHOLDS.sizing
RECENT = WINDOWS[: WINDOWS.index("last_hour") + 1]
DAYS = ("this_hour_yesterday", "this_hour_of_7_days")


def demand_of(load: Series) -> Demand:
    """This demand up to the end of the settled minutes at NOW."""
    return replace(build_demand((len(load), 0.0)), load=load)


def taught(demand: Demand, *, before: Learned = NOTHING_LEARNED, ago: int = 0) -> Learned:
    """What is learned of the demand as it was so many minutes ago."""
    then = replace(
        demand,
        load=demand.load[: len(demand) - ago],
        requests=demand.requests[: len(demand) - ago],
    )
    return learn(before, then, NOW - ago * MINUTE, economics=HALF, sizing=SIZING)


def trust(weights: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(WINDOWS, weights, strict=True))


# -- what the weights come to ------------------------------------------------------------------


def hours_of_a_day(random: np.random.Generator, days: int) -> Series:
    """Each day has the same hours, of 0 to 2 units without an order."""
    return np.tile(np.repeat(random.random(24) * 2, 60), days)


def long_stays(random: np.random.Generator, days: int = 14) -> Series:
    """Levels of 0 to 2 units that stay for 7 hours on average, at no time of day in particular."""
    stays = random.integers(300, 541, 5 * days)
    return np.repeat(random.random(5 * days) * 2, stays)[: days * DAY]


def moving_hours(random: np.random.Generator, days: int) -> Series:
    """Each day's hours are those of the day before, but three in ten are new."""
    hours, found = random.random(24) * 2, []
    for _ in range(days):
        hours = np.where(random.random(24) < 0.3, random.random(24) * 2, hours)
        found.append(np.repeat(hours, 60))
    return np.concatenate(found)


@pytest.mark.parametrize("seed", range(3))
def test_the_longer_days_are_alike_the_more_they_are_trusted(seed: int) -> None:
    load = hours_of_a_day(np.random.default_rng(seed), 56)
    trusted = []
    for days in (2, 7, 14, 56):
        weights = trust(taught(demand_of(load[: days * DAY])).order_weights)
        trusted.append(sum(weights[name] for name in DAYS))

    # 0.22 before anything is learned; in the end nothing but the days, which tell all.
    assert trusted == sorted(trusted)
    assert trusted[0] > 0.4
    assert trusted[-1] == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_what_lasts_is_trusted_as_far_as_it_lasts(seed: int) -> None:
    load = long_stays(np.random.default_rng(seed), 56)

    learned = taught(demand_of(load))

    # A level ends within a minute once in 420. Of the hour ahead it holds 1 - 30 / 420 = 0.93 on
    # average, of the minutes 15 to 60 it holds 1 - 37.5 / 420 = 0.91; after it any level may come.
    # Eight weeks show about 190 levels.
    kept, ordered = trust(learned.keep_weights), trust(learned.order_weights)
    assert sum(kept[name] for name in RECENT) == pytest.approx(0.93, abs=0.05)
    assert sum(ordered[name] for name in RECENT) == pytest.approx(0.91, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_of_two_windows_of_days_the_one_that_predicts_is_trusted(seed: int) -> None:
    load = moving_hours(np.random.default_rng(seed), 56)

    weights = trust(taught(demand_of(load)).order_weights)

    # The mean of seven days follows a new hour slowly.
    assert weights["this_hour_yesterday"] > 3 * weights["this_hour_of_7_days"]


def test_what_is_learned_at_even_demand_is_that_it_stays() -> None:
    learned = taught(build_demand((14 * DAY, 1.5)))

    # All windows say the same: which of them is trusted does not matter.
    assert sum(learned.order_weights) == pytest.approx(1.0, abs=0.01)
    assert sum(learned.keep_weights) == pytest.approx(1.0, abs=0.01)


def test_traffic_that_never_lasts_teaches_to_expect_little() -> None:
    # Twenty minutes in ten hours, at no time of day twice: when a unit is in service they are over.
    load = np.zeros(14 * DAY)
    for begin in range(0, len(load) - 60, 601):
        load[begin : begin + 20] = 2.0

    learned = taught(demand_of(load))

    # 0.6 before anything is learned.
    weights = trust(learned.order_weights)
    assert sum(weights[name] for name in RECENT) < 0.15


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.sampled_from([0.1, 1.0, 5.0]), st.sampled_from([60, 700, 4000]))
def test_no_weight_is_ever_below_0(seed: int, wander: float, minutes: int) -> None:
    random = np.random.default_rng(seed)
    load = np.abs(np.cumsum(random.normal(0, wander, minutes)))

    learned = taught(demand_of(load))

    assert min(*learned.order_weights, *learned.keep_weights) >= 0
    assert np.isfinite([*learned.products, *learned.ordered, *learned.kept]).all()


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
