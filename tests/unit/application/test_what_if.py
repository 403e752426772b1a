"""Stored decisions, decided again under other settings."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from bedrock_autoscaler.application.reviewing.what_if import WhatIf, what_if
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    UNLIMITED,
    build_fleet,
    build_observation,
    build_option,
    build_provisioned,
    build_target,
    build_traffic,
)
from tests.holds import ON_DEMAND_USD_PER_HOUR, Greedy, limited, ticks


def test_the_same_settings_make_no_difference() -> None:
    target = build_target(provisioned=build_provisioned())

    result = what_if(target, ticks(3, target))

    assert result.decisions == 37
    assert (result.turns, result.before) == ((), result.after)
    assert result.is_priced


def test_units_are_billed_by_the_started_hour_and_take_overflow_after_their_lead() -> None:
    found = what_if(limited(1), ticks(3, limited(0)), Greedy())

    # Bought at once, seen for three hours: held for 3 unit-hours. Periods start at 0, 1 and 2 h.
    assert found.after.unit_hours == pytest.approx(3.0)
    assert found.after.units_usd == pytest.approx(3 * 60.5)
    # 177 of the 180 minutes are settled by the last decision; from minute 15 on a unit takes
    # half of the demand.
    hours_before, hours_after = 15 / 60, (177 - 15) / 60
    assert found.before.overflow_usd == pytest.approx(
        ON_DEMAND_USD_PER_HOUR * (hours_before + hours_after)
    )
    assert found.after.overflow_usd == pytest.approx(
        ON_DEMAND_USD_PER_HOUR * (hours_before + hours_after / 2)
    )
    assert (found.before.units_usd, found.before.peak_units) == (0.0, 0)
    assert (found.after.purchases, found.after.peak_units) == (1, 1)
    assert found.after.total_usd == pytest.approx(found.after.units_usd + found.after.overflow_usd)


def test_each_decision_that_differs_is_named() -> None:
    found = what_if(limited(1), ticks(0.5, limited(0)), Greedy())

    # The unit is bought in the first decision; in the six others it is wanted beside none.
    assert [turn.before.scheduled_at for turn in found.turns] == [
        NOW + k * 5 * MINUTE for k in range(7)
    ]
    assert [len(turn.after.actions) for turn in found.turns] == [1, 0, 0, 0, 0, 0, 0]
    assert (found.first, found.last) == (NOW, NOW + 30 * MINUTE)


def test_what_neither_units_nor_quota_take_is_throttled() -> None:
    quota = replace(UNLIMITED, requests_per_minute=250.0)

    def throttled(units: int) -> Target:
        return replace(limited(units), options=(build_option(quota=quota),))

    found = what_if(throttled(1), ticks(3, throttled(0)), Greedy())

    # 250 of 1,000 calls a minute fit the quota, so that three quarters are throttled; once a unit
    # takes half of the demand, a quarter is.
    assert found.before.throttled_share == pytest.approx(0.75)
    assert found.before.throttled_calls == pytest.approx(750 * 177)
    assert found.after.throttled_calls == pytest.approx(750 * 15 + 250 * (177 - 15))


def test_a_purchase_shows_in_the_next_situation_as_a_fleet_of_its_own() -> None:
    script = Greedy()

    what_if(limited(2), ticks(0.5, limited(0)), script)

    own = [situation for situation in script.seen if situation.target == limited(2)]
    first, second, *_, last = own
    assert first.fleet.throughputs == ()
    (creating,) = second.fleet.throughputs
    assert (creating.status, creating.model_units) == (Status.CREATING, 2)
    assert second.fleet.purchases_last_day == 1
    assert second.fleet.spend.day_usd == Decimal("121.0")
    assert second.observation.model_units_used == 2
    (serving,) = last.fleet.throughputs
    assert (serving.status, serving.in_service_since) == (Status.IN_SERVICE, NOW + 15 * MINUTE)
    assert last.fleet.last_grow_at == NOW + 15 * MINUTE
    others = [situation for situation in script.seen if situation.target == limited(0)]
    assert all(situation.fleet.throughputs == () for situation in others)


def test_minutes_that_were_not_read_are_told_and_in_no_sum() -> None:
    recorded = ticks(1, limited(0))
    last = recorded[-1].situation
    traffic = last.observation.traffic
    invocations = np.array(traffic.invocations)
    invocations[-10:] = np.nan
    gapped = build_traffic(
        len(traffic),
        end=traffic.end,
        invocations=invocations,
        input_tokens=traffic.input_tokens,
        output_tokens=traffic.output_tokens,
    )
    # Only the last decision shows the hour; before it nothing was new.
    first = recorded[0]
    observation = build_observation(traffic=gapped)
    ends = replace(recorded[-1], situation=replace(last, observation=observation))

    found = what_if(limited(0), [first, ends], Greedy())

    assert found.unread_minutes == 10
    assert found.before.overflow_usd == pytest.approx(ON_DEMAND_USD_PER_HOUR * 47 / 60)


def test_without_a_price_there_are_no_dollars() -> None:
    target = build_target(provisioned=build_provisioned(price=None))

    found = what_if(target, ticks(1, target))

    assert not found.is_priced
    assert found.before.total_usd == 0.0


def test_late_ticks_are_left_out() -> None:
    recorded = [
        replace(one, situation=replace(one.situation, is_late=True)) for one in ticks(1, limited(0))
    ]

    assert what_if(limited(1), recorded, Greedy()) == WhatIf(
        target="chat",
        first=None,
        last=None,
        decisions=0,
        unread_minutes=0,
        is_priced=False,
        before=what_if(limited(1), []).before,
        after=what_if(limited(1), []).after,
        turns=(),
    )


def test_a_dearer_margin_buys_nothing_by_the_rules_themselves() -> None:
    now = build_target()
    strict = replace(
        now,
        thresholds=replace(now.thresholds, sizing=replace(now.thresholds.sizing, grow_margin=5.0)),
    )
    quota = replace(UNLIMITED, tokens_per_minute=500_000.0)
    now, strict = (replace(one, options=(build_option(quota=quota),)) for one in (now, strict))
    found = what_if(strict, ticks(4, now), decide)

    # A quarter of a unit fits the quota. The rest is worth ten times its price on demand, 247.50
    # USD an hour for a full unit of 60.50: 4.1 times its price, above 1.15 and below 5.
    assert (found.before.peak_units, found.after.peak_units) == (2, 0)


def test_caps_count_what_was_booked_before_the_first_decision() -> None:
    script = Greedy()
    fleet = build_fleet(purchases_last_day=2, releases_last_day=1, last_grow_at=NOW - HOUR)
    fleet = replace(fleet, spend=replace(fleet.spend, day_usd=Decimal(7), month_usd=Decimal(9)))

    what_if(limited(0), ticks(13, limited(0), fleet, every=HOUR), script)

    first, last = script.seen[0].fleet, script.seen[-1].fleet
    assert (first.purchases_last_day, first.releases_last_day) == (2, 1)
    assert first.last_grow_at == NOW - HOUR
    assert (first.spend.day_usd, first.spend.month_usd) == (Decimal(7), Decimal(9))
    # 13 hours after noon is the next day of the same month.
    assert (last.spend.day_usd, last.spend.month_usd) == (Decimal(0), Decimal(9))
