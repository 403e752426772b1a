"""What holds however much of the metrics is missing."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    UNIT_PRICE,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_target,
)
from tests.unit.domain.properties import quick, releases_of, subtle
from tests.unit.domain.strategies import IDLE_ENDS, clear_situations, traffic_of
from tests.unit.domain.verges import Verge, verges


@st.composite
def deletions(draw: st.DrawFn) -> list[tuple[float, int]]:
    """Where to delete, as a share of the history, and how many minutes."""
    spot = st.tuples(st.floats(0, 1), st.sampled_from([1, 3, 30, 60, 700, 1500]))
    return draw(st.lists(spot, min_size=1, max_size=8))


def without(traffic: Traffic, spots: list[tuple[float, int]], thinned: int) -> Traffic:
    """The traffic with these minutes deleted, and every so many-th one (0: none)."""
    gone = np.zeros(len(traffic), dtype=bool)
    for share, minutes in spots:
        begin = round(share * len(traffic))
        gone[begin : begin + minutes] = True
    if thinned:
        gone[::thinned] = True
    series = {}
    for name in METRICS:
        values = getattr(traffic, name).copy()
        values[gone] = np.nan
        series[name] = values
    return Traffic(start=traffic.start, **series)


def releases(situation: Situation) -> bool:
    return releases_of(decide(situation))


@subtle
@given(clear_situations(IDLE_ENDS), deletions(), st.sampled_from([0, 0, 0, 5, 7, 61]))
def test_deleting_any_points_never_turns_a_hold_or_a_growth_into_a_release(
    situation: Situation, spots: list[tuple[float, int]], thinned: int
) -> None:
    """Holds at a constant mix of tokens, since prices per unit follow the mix that was read.

    It holds as shipped; a target whose class decides on its units (`bursty_may_hold_units` is
    false) may be classified otherwise on fewer points.
    """
    before = releases(situation)
    traffic = without(situation.observation.traffic, spots, thinned)
    fewer = replace(situation, observation=replace(situation.observation, traffic=traffic))

    after = releases(fewer)

    event(f"release before {before}, after {after}")
    assert before or not after


@subtle
@given(verges(), st.data())
def test_deleting_what_speaks_for_a_unit_never_releases_it(
    verge: Verge, data: st.DataObject
) -> None:
    situation = verge.situation
    length = len(situation.observation.traffic)
    spots = data.draw(st.lists(st.sampled_from(verge.spots), min_size=1, max_size=5))
    traffic = without(
        situation.observation.traffic, [(begin / length, count) for begin, count in spots], 0
    )
    fewer = replace(situation, observation=replace(situation.observation, traffic=traffic))

    before, after = releases(situation), releases(fewer)

    event(f"release before {before}, after {after}")
    assert before or not after


def held(fleet: Fleet, usd_per_hour: float, traffic: Traffic) -> Situation:
    """A first decision on this fleet, whose units have this price."""
    price = replace(UNIT_PRICE, usd_per_hour=Decimal(str(usd_per_hour)))
    return build_situation(
        target=build_target(
            provisioned=build_provisioned(price=price), guard_rails=build_guard_rails(max_units=20)
        ),
        observation=build_observation(
            traffic=traffic,
            by_option=(),
            provisioned=tuple(build_pt_traffic(pt.arn) for pt in fleet.throughputs),
            model_unit_quota=100,
        ),
        fleet=fleet,
    )


def without_first(minutes: int, traffic: Traffic) -> Traffic:
    return without(traffic, [(0.0, minutes)], 0)


@pytest.mark.parametrize("gone", [0, 700, 1440])
def test_a_gap_never_lets_a_small_throughput_go_before_a_larger_one(gone: int) -> None:
    # The last release of the day; the larger one, of four units, is worth less than its price.
    larger = build_pt(1, model_units=4, created_at=NOW - 116 * MINUTE)
    small = build_pt(2, model_units=1, created_at=NOW - 98 * MINUTE)
    fleet = build_fleet(larger, small, releases_last_day=3)
    traffic = traffic_of([(1400, 0.5), (1300, 2.0), (150, 3.0), (30, 0.5)])

    decision = decide(held(fleet, 20, without_first(gone, traffic)))

    assert not decision.actions
    assert ReasonCode.RELEASES_FOR_LARGER in {reason.code for reason in decision.reasons}


def test_a_gap_in_a_first_look_releases_nothing_for_a_loss() -> None:
    # Ten units in use by 96 %, dearer than their traffic: what it cost so far allows that loss.
    fleet = build_fleet(
        *(build_pt(number, created_at=NOW - 99 * MINUTE) for number in range(1, 11))
    )
    traffic = traffic_of([(20160, 9.86)])

    whole, gaps = (
        decide(held(fleet, 60.5, without_first(gone, traffic))) for gone in (0, 20160 - 180)
    )

    assert not whole.actions
    assert not gaps.actions
    assert ReasonCode.LOSS_BUDGET_USED in {reason.code for reason in gaps.reasons}


@quick
@given(clear_situations(), deletions())
def test_deleting_points_never_makes_a_purchase_cross_what_was_seen(
    situation: Situation, spots: list[tuple[float, int]]
) -> None:
    traffic = without(situation.observation.traffic, spots, 0)
    fewer = replace(situation, observation=replace(situation.observation, traffic=traffic))
    known = traffic.invocations[~np.isnan(traffic.invocations)] / 100.0
    peak = float(known.max(initial=0.0))

    decision = decide(fewer)

    if decision.desired_units > situation.fleet.staying_units:
        assert decision.desired_units <= np.ceil(peak) + 1
