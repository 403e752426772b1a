from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.domain.acting.controls import Controls, UnitsOverride
from bedrock_autoscaler.domain.decide import decide, decide_capacity, decide_routing
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Decision,
    Label,
    Purchase,
    Release,
    Situation,
)
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED
from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.joining import combine
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    UNIT_PRICE,
    UNLIMITED,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_option,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.unit.domain.outcomes import due
from tests.unit.domain.worlds import half_price_target, units_traffic

DAY = 1440


def situation(*pieces: tuple[int, float], **overrides: Any) -> Situation:
    """A capacity tick of the half-price target after this demand."""
    series = overrides.pop("series", {})
    observation = build_observation(traffic=units_traffic(*pieces, **series), by_option=())
    changed = {"target": half_price_target(), "observation": observation} | overrides
    return build_situation(**changed)


def codes(decision: Decision) -> list[ReasonCode]:
    return [reason.code for reason in decision.reasons]


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


def test_memory_is_handed_on() -> None:
    decision = decide(situation((2 * DAY, 1.0)))

    assert decision.memory.label is Label.STEADY
    assert decision.memory.decided_at == NOW
    assert decision.memory.learned.until == NOW - 65 * MINUTE
    # Two days at 69.30 an hour, a little of them forgotten, and nothing was held.
    assert decision.memory.balance.traffic_usd == pytest.approx(69.30 * 48, rel=0.06)
    assert decision.memory.balance.saved_usd == pytest.approx(0.0)


def test_each_decision_learns_and_books_what_came_since_the_last_one() -> None:
    tick = situation((2 * DAY, 1.0), fleet=build_fleet(build_pt(1)))
    known = Balance(traffic_usd=100.0, saved_usd=10.0)
    earlier = replace(NO_MEMORY, decided_at=NOW - 30 * MINUTE, balance=known)

    balance = decide(replace(tick, memory=earlier)).memory.balance

    assert balance.traffic_usd == pytest.approx(100.0 + 69.30 / 2, rel=0.002)
    assert balance.saved_usd == pytest.approx(10.0 + (69.30 - 34.65) / 2, rel=0.002)


def test_deciding_again_at_the_same_moment_learns_and_books_nothing() -> None:
    tick = situation((2 * DAY, 1.0), fleet=build_fleet(build_pt(1)))
    first = decide(tick).memory

    assert decide(replace(tick, memory=first)).memory == first


def test_a_decision_rests_on_what_was_learned_before_it() -> None:
    # Two days that teach to trust the days; nothing was learned of them before this decision.
    pieces = [(60, 2.0), (180, 0.0), (60, 1.0), (420, 0.0)] * 4
    tick = situation(*pieces)

    first = decide(tick)
    second = decide(replace(tick, memory=first.memory))

    weight = "weight_this_hour_yesterday"
    assert dict(first.numbers)[weight] == pytest.approx(0.1)
    assert dict(second.numbers)[weight] == pytest.approx(
        first.memory.learned.order_weights[WINDOWS.index("this_hour_yesterday")]
    )
    assert dict(second.numbers)[weight] > 0.15


def test_a_tick_without_prices_keeps_what_was_learned() -> None:
    before = decide(situation((2 * DAY, 1.0))).memory
    blind = situation(
        (2 * DAY, 1.0), target=build_target(provisioned=build_provisioned(price=None))
    )

    after = decide(replace(blind, memory=before, scheduled_at=NOW + 5 * MINUTE)).memory

    assert after.learned == before.learned
    assert after.balance == before.balance
    assert after.decided_at == NOW + 5 * MINUTE


def test_server_errors_are_remembered_for_half_an_hour() -> None:
    errors = np.concatenate([np.zeros(2 * DAY - 30), np.full(30, 10.0)])

    decision = decide(situation((2 * DAY, 1.0), series={"server_errors": errors}))

    # 10 of 110 calls failed, more than 5 %.
    assert decision.memory.blocked_until == NOW + 30 * MINUTE
    assert ReasonCode.REGIONAL_SHORTAGE in codes(decision)


def test_an_older_block_is_kept_while_errors_are_few() -> None:
    memory = replace(NO_MEMORY, blocked_until=NOW + 5 * MINUTE)

    assert decide(situation((2 * DAY, 1.0), memory=memory)).memory.blocked_until == (
        NOW + 5 * MINUTE
    )


def test_without_a_unit_rate_traffic_is_classified_all_the_same() -> None:
    target = build_target(provisioned=build_provisioned(unit_rate=None))

    decision = decide(situation((2 * DAY, 1.0), target=target))

    assert decision.classification is not None
    assert decision.classification.label is Label.STEADY
    assert decision.alternatives == ()


def pressed(throttles: float) -> Traffic:
    return build_traffic(30, throttles=throttles)


def test_while_no_unit_serves_all_refusals_are_pressure() -> None:
    throttles = np.concatenate([np.zeros(2 * DAY - 30), np.full(30, 50.0)])
    calm = ((MODEL, pressed(0.0)),)
    tick = situation((2 * DAY, 1.0), series={"throttles": throttles})

    decision = decide(replace(tick, observation=replace(tick.observation, by_option=calm)))

    # 50 of 150 attempts.
    assert dict(decision.numbers)["throttled_share"] == pytest.approx(1 / 3)


def test_refusals_of_a_full_unit_are_none_where_on_demand_takes_the_calls() -> None:
    throttles = np.concatenate([np.zeros(2 * DAY - 30), np.full(30, 50.0)])
    tick = situation(
        (2 * DAY, 1.0), series={"throttles": throttles}, fleet=build_fleet(build_pt(1))
    )
    calm = replace(tick.observation, by_option=((MODEL, pressed(0.0)),))
    tight = replace(tick.observation, by_option=((MODEL, pressed(6.0)),))

    assert dict(decide(replace(tick, observation=calm)).numbers)["throttled_share"] == 0.0
    # 6 of 66 attempts on demand.
    assert dict(decide(replace(tick, observation=tight)).numbers)["throttled_share"] == (
        pytest.approx(1 / 11)
    )


def test_the_quota_that_explains_refusals_is_that_of_their_way() -> None:
    # 72,000 tokens a minute on demand are 36 % of its quota and are refused all the same.
    quota = replace(UNLIMITED, tokens_per_minute=200_000.0)
    target = replace(half_price_target(), options=(build_option(quota=quota),))
    tick = situation((2 * DAY, 1.0), target=target, fleet=build_fleet(build_pt(1)))
    tight = replace(tick.observation, by_option=((MODEL, pressed(6.0)),))

    decision = decide(replace(tick, observation=tight))

    assert decision.reasons[0].code is ReasonCode.OUTPUT_RESERVATION


def refused_at_a_third_of_its_quota(*, elsewhere: float = 0.0, aside: float = 0.0) -> Situation:
    """Two ways and no unit: the first refuses at 36 % of 200,000 tokens, the second as told.

    Args:
        elsewhere: throttles a minute of the second way, at as much of as large a quota.
        aside: throttles a minute that no way shows.
    """
    quota = replace(UNLIMITED, tokens_per_minute=200_000.0)
    options = (build_option(quota=quota), build_option(address=PROFILE, quota=quota))
    ways = (pressed(6.0), pressed(elsewhere))
    whole = combine(ways)
    observation = build_observation(
        traffic=replace(whole, throttles=whole.throttles + aside),
        by_option=tuple(zip((MODEL, PROFILE), ways, strict=True)),
    )
    return build_situation(target=build_target(options=options), observation=observation)


def test_without_units_too_each_way_is_held_against_its_own_quota() -> None:
    # Both ways together use 72 % of a quota that is the first one's alone.
    reason = decide(refused_at_a_third_of_its_quota()).reasons[0]

    assert reason.code is ReasonCode.OUTPUT_RESERVATION
    assert dict(reason.numbers)["quota_use"] == pytest.approx(0.36)


@pytest.mark.parametrize(("elsewhere", "aside"), [(0.0, 0.0), (3.0, 0.0), (0.0, 4.0), (3.0, 4.0)])
def test_no_refusal_is_lost_between_the_ways(elsewhere: float, aside: float) -> None:
    tick = refused_at_a_third_of_its_quota(elsewhere=elsewhere, aside=aside)

    reason = decide(tick).reasons[0]

    numbers, refused = dict(reason.numbers), 6.0 + elsewhere + aside
    # A quota that nobody knows may be full.
    short = ReasonCode.CAPACITY_SHORT if aside else ReasonCode.OUTPUT_RESERVATION
    assert reason.code is short
    assert numbers["throttles"] == 30 * refused
    assert numbers["throttled_share"] == pytest.approx(refused / (120 + refused))


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


def test_nothing_is_learned_and_no_balance_opened_before_the_history_is_read() -> None:
    tick = situation((2 * DAY, 1.0))
    behind = replace(tick, observation=replace(tick.observation, unread=(NOW,)))

    early, known = decide(behind), decide(tick)
    late = decide(replace(tick, memory=early.memory))

    assert (early.memory.learned, early.memory.balance) == (NOTHING_LEARNED, NO_BALANCE)
    assert late.memory.learned == known.memory.learned != NOTHING_LEARNED
    assert late.memory.balance != NO_BALANCE


def test_what_units_save_is_booked_while_old_days_are_read() -> None:
    tick = situation((2 * DAY, 1.0), fleet=build_fleet(build_pt(1)))
    known = replace(tick, memory=decide(tick).memory, scheduled_at=NOW + 15 * MINUTE)
    behind = replace(known, observation=replace(tick.observation, unread=(NOW,)))

    assert decide(behind).memory.balance == decide(known).memory.balance != known.memory.balance


def test_what_the_first_unit_of_a_new_target_loses_is_booked_though_days_are_unread() -> None:
    fresh = situation((180, 0.0), fleet=build_fleet(build_pt(1)))
    behind = replace(fresh, observation=replace(fresh.observation, unread=(NOW,)))

    assert decide(behind).memory.balance == decide(fresh).memory.balance
    assert decide(behind).memory.balance.saved_usd < 0


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
