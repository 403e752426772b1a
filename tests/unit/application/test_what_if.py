"""Stored decisions, decided again under other settings."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import override

import numpy as np
import pytest

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.reviewing.what_if import WhatIf, what_if
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Decision,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Status
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    UNLIMITED,
    build_decision,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_option,
    build_provisioned,
    build_pt,
    build_situation,
    build_target,
    build_traffic,
)

LAG = 3 * MINUTE
# Two full units of input a minute; the output takes less of its own limit.
DEMAND = {"invocations": 1_000.0, "input_tokens": 2_000_000.0, "output_tokens": 60_000.0}
# At 0.33 and 2.75 USD a million: 0.66 + 0.165 = 0.825 USD a minute, 49.50 an hour on demand.
ON_DEMAND_USD_PER_HOUR = 49.5


def ticks(
    hours: float,
    target: Target,
    fleet: Fleet | None = None,
    *,
    every: timedelta = 5 * MINUTE,
    start: datetime = NOW,
) -> list[RecordedDecision]:
    """Recorded holds of a target, one each five minutes; the fleet stays what it was."""
    end = start + timedelta(hours=hours)
    whole = build_traffic(24 * 60 + int(hours * 60), end=end, **DEMAND)
    recorded = []
    moment = start
    while moment <= end:
        situation = build_situation(
            target=target,
            scheduled_at=moment,
            fleet=fleet or build_fleet(),
            observation=build_observation(traffic=until(whole, moment - LAG)),
        )
        recorded.append(
            RecordedDecision(
                decision=build_decision(), situation=situation, history=None, code_version="1"
            )
        )
        moment += every
    return recorded


def until(traffic: Traffic, end: datetime) -> Traffic:
    """The minutes before `end`."""
    minutes = int((end - traffic.start) / MINUTE)
    series = {
        name: getattr(traffic, name)[:minutes]
        for name in ("invocations", "input_tokens", "output_tokens")
    }
    return build_traffic(minutes, end=end, **series)


class Script:
    """A core that always wants the most that its settings allow; it keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Situation] = []

    def __call__(self, situation: Situation) -> Decision:
        self.seen.append(situation)
        held = situation.fleet.staying_units
        wanted = situation.target.guard_rails.max_units
        actions: tuple[Purchase, ...] = ()
        if wanted > held:
            actions = (
                Purchase(model_id=PT_MODEL, model_units=wanted - held, usd_per_hour=Decimal(60)),
            )
        return build_decision(
            scheduled_at=situation.scheduled_at,
            actions=actions,
            desired_units=wanted,
            allowed_units=wanted,
            memory=NO_MEMORY,
        )


def limited(units: int) -> Target:
    return build_target(guard_rails=build_guard_rails(max_units=units))


def test_the_same_settings_make_no_difference() -> None:
    target = build_target(provisioned=build_provisioned())

    result = what_if(target, ticks(3, target))

    assert result.decisions == 37
    assert (result.turns, result.before) == ((), result.after)
    assert result.is_priced


def test_units_are_billed_by_the_started_hour_and_take_overflow_after_their_lead() -> None:
    found = what_if(limited(1), ticks(3, limited(0)), Script())

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
    found = what_if(limited(1), ticks(0.5, limited(0)), Script())

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

    found = what_if(throttled(1), ticks(3, throttled(0)), Script())

    # 250 of 1,000 calls a minute fit the quota, so that three quarters are throttled; once a unit
    # takes half of the demand, a quarter is.
    assert found.before.throttled_share == pytest.approx(0.75)
    assert found.before.throttled_calls == pytest.approx(750 * 177)
    assert found.after.throttled_calls == pytest.approx(750 * 15 + 250 * (177 - 15))


def test_a_purchase_shows_in_the_next_situation_as_a_fleet_of_its_own() -> None:
    script = Script()

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


class Releasing(Script):
    """Releases the one unit in its first decision, and restores it in the third."""

    def __init__(self, *, restores: bool) -> None:
        super().__init__()
        self.restores = restores

    @override
    def __call__(self, situation: Situation) -> Decision:
        self.seen.append(situation)
        age = (situation.scheduled_at - NOW) // (5 * MINUTE)
        actions: tuple[Release | Restore, ...] = ()
        for pt in situation.fleet.owned:
            if age == 0 and situation.target.guard_rails.max_units == 0:
                actions = (Release(arn=pt.arn, model_units=1),)
            if age == 2 and self.restores and pt.draining:
                actions = (Restore(arn=pt.arn, model_units=1),)
        return build_decision(scheduled_at=situation.scheduled_at, actions=actions)


def test_a_release_ends_service_at_once_and_the_bill_with_its_paid_period() -> None:
    # Bought 100 minutes before: its second hour ends 20 minutes after the first decision.
    fleet = build_fleet(build_pt())

    found = what_if(limited(0), ticks(2, limited(1), fleet), Releasing(restores=False))

    assert (found.after.releases, found.before.releases) == (1, 0)
    assert found.after.unit_hours == pytest.approx(20 / 60)
    assert found.after.units_usd == 0.0
    # Hours that start at 20 and 80 minutes.
    assert found.before.units_usd == pytest.approx(2 * 60.5)
    assert found.after.overflow_usd == pytest.approx(ON_DEMAND_USD_PER_HOUR * 117 / 60)
    assert found.before.overflow_usd == pytest.approx(ON_DEMAND_USD_PER_HOUR / 2 * 117 / 60)


def test_a_restored_unit_serves_on_and_is_paid_on() -> None:
    fleet = build_fleet(build_pt())

    found = what_if(limited(0), ticks(2, limited(1), fleet), Releasing(restores=True))

    assert found.after.units_usd == found.before.units_usd
    # Ten minutes went by without it.
    assert found.after.overflow_usd - found.before.overflow_usd == pytest.approx(
        ON_DEMAND_USD_PER_HOUR / 2 * 10 / 60
    )


def left_within_the_hour(script: Script, minutes: int) -> tuple[int, int]:
    """Units of the last hour, and releases of the day, so many minutes after the first decision."""
    (shown,) = (
        situation.fleet
        for situation in script.seen
        if situation.target == limited(0) and situation.scheduled_at == NOW + minutes * MINUTE
    )
    return shown.released_last_hour, shown.releases_last_day


def test_a_release_counts_until_the_next_delete_would_come_an_hour_after_it() -> None:
    script = Releasing(restores=False)

    what_if(limited(0), ticks(2, limited(1), build_fleet(build_pt())), script)

    # It is gone after 20 minutes, and what is released then is deleted 13 minutes later at first.
    assert left_within_the_hour(script, 5) == (1, 1)
    assert left_within_the_hour(script, 65) == (1, 1)
    assert left_within_the_hour(script, 70) == (0, 1)


def test_a_release_that_was_taken_back_counts_no_more() -> None:
    script = Releasing(restores=True)

    what_if(limited(0), ticks(2, limited(1), build_fleet(build_pt())), script)

    assert left_within_the_hour(script, 10) == (1, 1)
    assert left_within_the_hour(script, 15) == (0, 0)


def test_what_left_within_the_hour_before_the_first_decision_counts_for_that_hour() -> None:
    script = Script()

    what_if(limited(0), ticks(2, limited(1), build_fleet(released_last_hour=3)), script)

    assert left_within_the_hour(script, 55) == (3, 0)
    assert left_within_the_hour(script, 60) == (0, 0)


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

    found = what_if(limited(0), [first, ends], Script())

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

    assert what_if(limited(1), recorded, Script()) == WhatIf(
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
    script = Script()
    fleet = build_fleet(purchases_last_day=2, releases_last_day=1, last_grow_at=NOW - HOUR)
    fleet = replace(fleet, spend=replace(fleet.spend, day_usd=Decimal(7), month_usd=Decimal(9)))

    what_if(limited(0), ticks(13, limited(0), fleet, every=HOUR), script)

    first, last = script.seen[0].fleet, script.seen[-1].fleet
    assert (first.purchases_last_day, first.releases_last_day) == (2, 1)
    assert first.last_grow_at == NOW - HOUR
    assert (first.spend.day_usd, first.spend.month_usd) == (Decimal(7), Decimal(9))
    # 13 hours after noon is the next day of the same month.
    assert (last.spend.day_usd, last.spend.month_usd) == (Decimal(0), Decimal(9))
