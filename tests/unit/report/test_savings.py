"""What a target saved: what was paid, set against all of its traffic on demand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.realised import realise
from bedrock_autoscaler.report.record import Record
from tests.builders import MODEL, NOW, UNLIMITED, build_option, build_traffic, pt_arn
from tests.recorded import build_release
from tests.unit.report.records import (
    BOUGHT,
    BUSY,
    END,
    FULL_USD,
    MINUTES,
    TARGET,
    UNIT_USD,
    alternative,
    build_record,
    decided,
    savings_of,
)


def test_minutes_have_demand_units_and_dollars() -> None:
    realised = realise(build_record())

    assert realised.demand == pytest.approx(np.ones(MINUTES))
    assert (realised.held[44], realised.held[45]) == (0, 1)
    assert (realised.in_service[59], realised.in_service[60]) == (0, 1)
    # Periods start at minutes 45 and 105.
    assert np.flatnonzero(realised.units_usd).tolist() == [45, 105]
    assert realised.units_usd[45] == UNIT_USD
    assert realised.on_demand_usd[:60].sum() == pytest.approx(FULL_USD)
    assert realised.on_demand_usd[60:].sum() == 0.0
    assert realised.paid_usd.sum() == pytest.approx(FULL_USD + 2 * UNIT_USD)


def test_the_ledger_sets_what_was_paid_against_all_on_demand() -> None:
    total = savings_of(build_record()).total

    assert total.demand_unit_hours == pytest.approx(2.0)
    assert total.held_unit_hours == pytest.approx(75 / 60)
    assert total.reference_usd == pytest.approx(2 * FULL_USD)
    # 138.60 on demand, less one hour of it and two paid periods of 20.
    assert total.saved_usd == pytest.approx(FULL_USD - 2 * UNIT_USD)
    assert (total.requests, total.throttles) == (MINUTES * 1_000.0, 0.0)


def test_cached_tokens_are_told_and_cost_nothing() -> None:
    plain = build_record()
    cached = replace(
        plain, total=replace(plain.total, cache_read_tokens=np.full(MINUTES, 20_000.0))
    )

    total = savings_of(cached).total

    assert total.cache_read_tokens == MINUTES * 20_000.0
    assert total.paid_usd == savings_of(plain).total.paid_usd


def test_a_purchase_is_worth_what_its_minutes_would_have_cost_without_it() -> None:
    (row,) = savings_of(build_record()).purchases

    # In service for an hour at one unit's demand; two periods have started.
    assert row.avoided_usd == pytest.approx(FULL_USD)
    assert row.paid_usd == 2 * UNIT_USD
    assert row.expected_usd_per_hour is None


def test_a_release_ends_service_before_the_unit_ends() -> None:
    release = replace(
        build_release(NOW + 85 * MINUTE),
        arn=pt_arn(1),
        state=ReleaseState.DELETED,
        withdrawn_at=NOW + 90 * MINUTE,
    )
    ended = replace(BOUGHT, ended_at=NOW + 100 * MINUTE, state=PurchaseState.RELEASED)
    state = replace(build_record().state, purchases=(ended,), releases=(release,))

    realised = realise(build_record(state=state))

    assert (realised.in_service[89], realised.in_service[90]) == (1, 0)
    assert (realised.held[99], realised.held[100]) == (1, 0)
    assert realised.units_usd.sum() == UNIT_USD


def test_refused_purchases_cost_nothing() -> None:
    refused = replace(BOUGHT, state=PurchaseState.REFUSED, arn=None, in_service_since=None)
    state = replace(build_record().state, purchases=(refused,))

    realised = realise(build_record(state=state))

    assert realised.held.sum() == realised.units_usd.sum() == 0.0


def test_days_are_those_of_utc() -> None:
    # From noon for two days and a half, at the same demand throughout.
    end = NOW + timedelta(hours=60)
    record = build_record(end=end, total=build_traffic(3600, end=end, **BUSY), by_address={})

    savings = savings_of(record)

    assert [(day.isoformat(), sums.minutes) for day, sums in savings.days] == [
        ("2026-11-20", 720),
        ("2026-11-21", 1440),
        ("2026-11-22", 1440),
    ]
    assert savings.total.demand_unit_hours == pytest.approx(60.0)


def test_without_a_unit_rate_only_money_that_was_paid_is_known() -> None:
    target = replace(TARGET, provisioned=None)
    record = build_record(policies={TARGET.settings_version: target})

    total = savings_of(record).total

    assert total.on_demand_usd == pytest.approx(FULL_USD)
    assert (total.demand_unit_hours, total.judged) == (0.0, 0)
    assert (total.all_on_demand_usd, total.saved_usd) == (None, None)
    assert [row.avoided_usd for row in savings_of(record).purchases] == [None]


def days_of(days: int, **members: Any) -> Record:
    """Whole days at one unit's demand on demand, from midnight on, with no unit."""
    start = NOW.replace(hour=0)
    end = start + timedelta(days=days)
    total = build_traffic(days * 1440, end=end, **BUSY)
    state = replace(build_record().state, purchases=())
    whole = {"start": start, "end": end, "total": total, "by_address": {MODEL: total}}
    return build_record(**{**whole, "state": state, **members})


def test_a_day_without_a_unit_rate_is_in_no_saving() -> None:
    before = replace(TARGET, provisioned=None, settings_version="v0")
    record = days_of(
        2,
        decisions=(
            decided(NOW, 0, settings_version="v0"),
            decided(NOW + timedelta(days=1), 0, alternative(0, FULL_USD)),
        ),
        policies={"v0": before, TARGET.settings_version: TARGET},
    )

    savings = savings_of(record)

    (_, first), (_, second) = savings.days
    assert first.on_demand_usd == pytest.approx(24 * FULL_USD)
    assert first.saved_usd is None
    assert second.saved_usd == pytest.approx(0.0)
    assert savings.total.paid_usd == pytest.approx(48 * FULL_USD)
    assert savings.total.all_on_demand_usd == pytest.approx(24 * FULL_USD)
    assert savings.total.saved_usd == pytest.approx(0.0)


def test_a_period_counts_by_its_minutes_with_a_reference() -> None:
    missing = np.full(MINUTES, 1_000.0)
    missing[45:60] = np.nan  # a quarter of the first period, from its start on
    total = build_traffic(
        MINUTES, end=END, input_tokens=1e6, output_tokens=300_000.0, invocations=missing
    )

    found = savings_of(build_record(total=total)).total

    # Of the first two periods 45 of 60 and 15 of 15 minutes; the served hour is saved.
    assert found.units_usd == 2 * UNIT_USD
    assert found.saved_usd == pytest.approx(FULL_USD - 1.75 * UNIT_USD)


def test_where_no_way_on_demand_has_a_price_nothing_is_known_to_be_saved() -> None:
    target = replace(TARGET, options=())

    total = savings_of(build_record(policies={TARGET.settings_version: target})).total

    assert (total.paid_usd, total.saved_usd) == (2 * UNIT_USD, None)


def test_a_purchase_counts_the_periods_that_started_in_the_span() -> None:
    since = NOW - timedelta(days=10)
    old = replace(BOUGHT, recorded_at=since, billed_from=since, in_service_since=since)
    state = replace(build_record().state, purchases=(old,))

    savings = savings_of(build_record(state=state))

    # Two of the 242 periods begin in these two hours; one that begins at their end is not in.
    (row,) = savings.purchases
    assert row.paid_usd == savings.total.units_usd == 2 * UNIT_USD


def test_a_period_that_starts_within_the_minute_of_the_end_is_paid() -> None:
    late = replace(
        BOUGHT,
        recorded_at=NOW,
        billed_from=NOW + timedelta(seconds=30),
        ended_at=NOW + timedelta(minutes=60, seconds=45),
        state=PurchaseState.RELEASED,
    )
    state = replace(build_record().state, purchases=(late,))

    assert savings_of(build_record(state=state)).total.units_usd == 2 * UNIT_USD


def test_the_month_is_that_of_the_last_moment_of_the_span() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    start = end - timedelta(days=2)
    held = replace(BOUGHT, recorded_at=start, billed_from=start, in_service_since=start)
    total = build_traffic(2 * 1440, end=end, **BUSY)
    record = build_record(
        start=start,
        end=end,
        total=total,
        by_address={pt_arn(1): total},
        decisions=(decided(start, 1, alternative(1, 0.0)),),
        state=replace(build_record().state, purchases=(held,)),
    )

    assert savings_of(record).month_units_usd == 48 * UNIT_USD


def test_a_large_fleet_is_priced_at_its_size() -> None:
    # 100 units' worth of traffic, served by 100 units; a further one has nothing to do.
    large = build_traffic(MINUTES, end=END, input_tokens=1e8, output_tokens=3e7, invocations=1e5)
    since = NOW - timedelta(hours=1)
    many = replace(
        BOUGHT, model_units=100, recorded_at=since, billed_from=since, in_service_since=since
    )
    spare = replace(many, model_units=1, decision_id="spare", arn=pt_arn(2))
    record = build_record(
        total=large,
        by_address={pt_arn(1): large},
        state=replace(build_record().state, purchases=(many, spare)),
    )

    avoided = [row.avoided_usd for row in savings_of(record).purchases]

    # Without the 100 the spare one serves a unit's worth.
    assert avoided == pytest.approx([2 * 99 * FULL_USD, 0.0])


def test_traffic_at_an_address_without_a_price_counts_at_the_first_one() -> None:
    record = build_record()
    (traffic, *_) = record.by_address.values()
    strange = build_record(by_address={"another.model": traffic})

    assert realise(strange).on_demand_usd.sum() == pytest.approx(FULL_USD)


def test_minutes_of_which_it_is_not_known_who_served_are_in_neither_sum() -> None:
    record = build_record()
    (traffic, units) = record.by_address.values()
    calls = traffic.invocations.copy()
    calls[:30] = np.nan
    untold = replace(traffic, invocations=calls)

    total = savings_of(replace(record, by_address={MODEL: untold, pt_arn(1): units})).total

    # Half of the first hour is left on both sides, and the whole second one of the reference.
    assert total.on_demand_usd == pytest.approx(FULL_USD / 2)
    assert total.reference_usd == pytest.approx(1.5 * FULL_USD)
    assert total.known_minutes == MINUTES


def test_nothing_is_saved_before_a_unit_is_held() -> None:
    # The stated quota has room for half of the traffic, which was all sent there and served.
    half = replace(UNLIMITED, tokens_per_minute=650_000)
    target = replace(TARGET, options=(build_option(quota=half),))
    record = build_record(
        policies={TARGET.settings_version: target},
        state=replace(build_record().state, purchases=()),
        by_address={MODEL: build_record().total},
    )

    total = savings_of(record).total

    assert total.saved_usd == pytest.approx(0.0)
    assert total.reference_usd == pytest.approx(2 * FULL_USD)


def test_without_any_price_tokens_on_demand_cost_nothing_known() -> None:
    target = replace(TARGET, options=(build_option(price=None),))
    record = build_record(policies={TARGET.settings_version: target})

    assert realise(record).on_demand_usd.sum() == 0.0
