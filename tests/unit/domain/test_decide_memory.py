"""What a decision learns, books and remembers for the next one."""

from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import NO_MEMORY, Label
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED
from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    build_fleet,
    build_observation,
    build_option,
    build_provisioned,
    build_pt,
    build_situation,
    build_target,
    build_traffic,
)
from tests.unit.domain.worlds import DAY, codes, situation


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


@pytest.mark.parametrize("loop", Loop)
def test_each_loop_keeps_an_order_of_its_own_until_it_has_been_calm(loop: Loop) -> None:
    """The order of the capacity loop is published while the routing loop stands still."""
    options = (build_option(), build_option(address=PROFILE))
    throttled, calm = build_traffic(30, throttles=6.0), build_traffic(30)
    first = build_situation(
        loop=loop,
        target=build_target(options=options),
        observation=build_observation(by_option=((MODEL, throttled), (PROFILE, calm))),
    )
    seen = build_observation(by_option=((MODEL, calm), (PROFILE, calm)))
    memory = decide(first).memory

    orders = []
    for minutes in (5, 15):
        tick = replace(first, observation=seen, memory=memory, scheduled_at=NOW + minutes * MINUTE)
        decision = decide(tick)
        memory = decision.memory
        orders.append([route.address for route in decision.routes])

    assert orders == [[PROFILE, MODEL], [MODEL, PROFILE]]


def test_the_capacity_loop_leaves_a_way_out_for_as_long_as_it_refuses() -> None:
    options = (build_option(address=PROFILE), build_option())
    refusing = build_traffic(30, invocations=0.0, client_errors=5.0)
    first = build_situation(
        target=build_target(options=options),
        observation=build_observation(by_option=((PROFILE, refusing), (MODEL, build_traffic(30)))),
    )
    quiet = build_observation(by_option=((MODEL, build_traffic(30)),))

    memory = decide(first).memory
    later = decide(replace(first, observation=quiet, memory=memory, scheduled_at=NOW + 45 * MINUTE))

    assert [route.address for route in later.routes] == [MODEL]
