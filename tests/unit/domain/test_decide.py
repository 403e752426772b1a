"""A whole decision, from its situation to its reasons."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.controls import Controls, UnitsOverride
from bedrock_autoscaler.domain.decide import decide, decide_capacity, decide_routing
from bedrock_autoscaler.domain.decision import Label, Purchase, Release
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
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
    pt_arn,
)
from tests.unit.domain.outcomes import due
from tests.unit.domain.worlds import DAY, codes, half_price_target, situation, units_traffic


def test_each_loop_has_its_decision() -> None:
    capacity = situation((2 * DAY, 1.0))
    routing = replace(capacity, loop=Loop.ROUTING)

    assert decide(capacity) == decide_capacity(capacity)
    assert decide(routing) == decide_routing(routing)
    assert decide(routing).actions == ()


def test_a_purchase_is_argued_from_prices_to_saving() -> None:
    decision = decide(situation((2 * DAY, 1.0)))

    # Even demand is expected to last: without a unit it costs 69.30, with one its price.
    assert isinstance(decision.actions[0], Purchase)
    assert decision.actions[0].usd_per_hour == Decimal("34.65")
    none, one = decision.alternatives[:2]
    assert none.total_usd == pytest.approx(69.30)
    assert one.total_usd == pytest.approx(34.65)
    assert decision.expected_saving_usd_per_hour == pytest.approx(69.30 - 34.65)
    assert (decision.desired_units, decision.allowed_units, decision.actual_units) == (1, 1, 0)
    assert decision.classification is not None
    assert decision.classification.label is Label.STEADY


def test_a_hold_saves_nothing_and_says_how_many_are_wanted() -> None:
    # Growth is wanted, but a purchase is open.
    decision = decide(situation((2 * DAY, 2.0), fleet=build_fleet(open_purchase_units=1)))

    assert decision.is_hold
    assert decision.expected_saving_usd_per_hour == 0.0
    assert (decision.desired_units, decision.allowed_units, decision.actual_units) == (2, 1, 0)


@pytest.mark.parametrize(
    "asked",
    [
        {"guard_rails": build_guard_rails(min_units=5)},
        {"controls": Controls(units=UnitsOverride(units=5, until=NOW + MINUTE, by="jane"))},
    ],
    ids=["min_units", "override"],
)
def test_what_a_person_asks_for_is_bought_with_its_dollars(asked: dict[str, Any]) -> None:
    """Of 0.2 units the first one saves 13.86 USD, and each of the five costs 34.65."""
    decision = decide(situation((2 * DAY, 0.2), target=half_price_target(**asked)))

    assert decision.allowed_units == 5
    assert decision.expected_saving_usd_per_hour == pytest.approx(13.86 - 5 * 34.65)


def test_the_routes_of_a_capacity_decision_are_those_of_its_fleet() -> None:
    decision = decide(situation((2 * DAY, 1.0), fleet=build_fleet(build_pt(1))))

    assert [route.address for route in decision.routes] == [pt_arn(1), MODEL]


def test_without_a_unit_rate_traffic_is_classified_all_the_same() -> None:
    target = build_target(provisioned=build_provisioned(unit_rate=None))

    decision = decide(situation((2 * DAY, 1.0), target=target))

    assert decision.classification is not None
    assert decision.classification.label is Label.STEADY
    assert decision.alternatives == ()


def test_the_price_of_traffic_is_that_of_the_newest_week() -> None:
    # Eight days ago calls were all output; the week since has the usual mix.
    traffic = units_traffic((7 * DAY + 600, 1.0))
    inputs = traffic.input_tokens.copy()
    inputs[:600] = 0.0
    tick = situation((7 * DAY + 600, 1.0))
    old = replace(tick.observation, traffic=replace(traffic, input_tokens=inputs))

    numbers = dict(decide(replace(tick, observation=old)).numbers)

    assert numbers["break_even_utilization"] == pytest.approx(0.5)


def test_deciding_the_same_situation_twice_gives_equal_decisions() -> None:
    tick = situation((3 * DAY, 1.3), fleet=build_fleet(build_pt(1)))

    assert decide(tick) == decide(tick)


def test_no_reason_is_given_twice() -> None:
    evidence = (build_pt_traffic(pt_arn(1)),)
    tick = situation((2 * DAY, 0.0), fleet=build_fleet(build_pt(1)))
    tick = replace(tick, observation=replace(tick.observation, provisioned=evidence))

    decision = decide(replace(tick, target=replace(tick.target, uses_mantle=True)))

    assert len(set(decision.reasons)) == len(decision.reasons)
    assert codes(decision).count(ReasonCode.MANTLE_UNSEEN) == 2


@pytest.mark.parametrize("hours", [1, 12, 23])
def test_a_fresh_target_may_grow_before_it_may_shrink(hours: int) -> None:
    decision = decide(situation((hours * 60, 1.0)))

    assert not decision.is_hold
    assert decision.classification is not None
    assert decision.classification.label is Label.UNKNOWN


def test_an_unread_day_is_said_once_and_holds_what_is_idle() -> None:
    """Without it the unit would leave, in the last tick before the end of its hour."""
    pt = due(1)
    observation = build_observation(
        traffic=units_traffic((2 * DAY, 0.0)),
        by_option=(),
        provisioned=(build_pt_traffic(pt.arn),),
    )
    tick = build_situation(
        target=half_price_target(), fleet=build_fleet(pt), observation=observation
    )
    behind = replace(tick, observation=replace(observation, unread=(NOW,)))

    assert not decide(tick).is_hold
    assert decide(behind).is_hold
    assert codes(decide(behind)).count(ReasonCode.DATA_INCOMPLETE) == 1


def test_dearer_units_are_wanted_less() -> None:
    dear = build_provisioned(price=replace(UNIT_PRICE, usd_per_hour=Decimal("69.30")))

    assert decide(situation((2 * DAY, 1.0), target=build_target(provisioned=dear))).is_hold


def test_work_that_may_wait_is_sized_for_as_long_as_it_is_called() -> None:
    """What is deferred to batch makes no call: to subtract it again would count it twice."""
    usual = situation((2 * DAY, 2.0))
    slo = replace(usual.target.slo, deferrable_share=0.9)
    waiting = replace(usual, target=replace(usual.target, slo=slo))

    assert [decide(each).desired_units for each in (usual, waiting)] == [2, 2]


@pytest.mark.parametrize(
    "rails", [{}, {"max_units": 1}, {"max_units": 0}, {"max_usd_per_hour": Decimal("0.01")}]
)
@pytest.mark.parametrize("units", [0.0, 2.0])
def test_a_cap_below_what_is_held_releases_nothing_that_pays(
    rails: dict[str, Any], units: float
) -> None:
    """Two units in the last tick before the end of their hour; only those that idle may leave."""
    pts = (due(1), due(2))
    observation = build_observation(
        traffic=units_traffic((2 * DAY, units)),
        by_option=(),
        provisioned=tuple(build_pt_traffic(pt.arn) for pt in pts),
    )
    target = half_price_target(guard_rails=build_guard_rails(**rails))

    decision = decide(
        build_situation(target=target, fleet=build_fleet(*pts), observation=observation)
    )

    assert [type(action) for action in decision.actions] == ([] if units else [Release])
