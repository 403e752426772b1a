"""A plan is scored on a trace: what is served where, and what it costs."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES, Term
from bedrock_autoscaler.backtest.timeline import CommitPurchase, Plan, Route, TimelineLine, plan_of
from bedrock_autoscaler.backtest.trace import Trace
from tests.unit.backtest.worlds import PLAIN, START, score, trace_of


def line(
    row: int,
    units: int | None = None,
    *,
    commit: tuple[CommitPurchase, ...] = (),
    shares: Mapping[Route, float] | None = None,
    spill: tuple[Route, ...] | None = None,
) -> TimelineLine:
    return TimelineLine(
        minute=START + timedelta(minutes=row),
        provisioned_units=units,
        commit=commit,
        shares=shares,
        spill=spill,
    )


def test_all_on_demand_pays_for_each_token() -> None:
    trace = trace_of([100.0, 50.0, 0.0])

    found = score(trace, PLAIN, ())

    # 150 tokens at 20 USD for 1,000.
    assert found.total_usd == pytest.approx(3.0)
    assert found.on_demand_usd == pytest.approx(3.0)
    assert (found.peak_units, found.changes, found.pt_utilisation) == (0, 0, 0.0)


def test_output_tokens_load_units_by_weight_and_cost_their_own_price() -> None:
    trace = Trace.of("two", START, ([1.0, 1.0], [0.0, 0.0], [10.0, 50.0]))
    scenario = replace(PLAIN, output_weight=5.0, output_1k=100.0, creation_minutes=0)

    found = score(trace, scenario, (line(0, 1),))

    # Loads 50 and 250 on a unit of 100: 150 of 250 spill, so 30 of 50 output tokens are paid.
    assert found.on_demand_usd == pytest.approx(30 * 100 / 1000)
    assert found.pt_utilisation == pytest.approx(150 / 200)


@pytest.mark.parametrize("allowed", [1, 0])
def test_tokens_that_load_nothing_are_paid_on_demand_whatever_is_held(allowed: int) -> None:
    # Output has no weight. The first minute is output alone; the unit serves the second one.
    trace = Trace.of("out", START, ([1.0, 1.0], [0.0, 50.0], [30.0, 30.0]))
    scenario = replace(
        PLAIN, output_weight=0.0, output_1k=100.0, creation_minutes=0, overflow=bool(allowed)
    )

    found = score(trace, scenario, (line(0, 1),))

    # 30 output tokens at 100 USD for 1,000, where anything goes on demand.
    assert found.on_demand_usd == pytest.approx(3.0 * allowed)
    assert found.throttled_tokens == 0.0


def test_unit_serves_only_after_its_creation() -> None:
    trace = trace_of([100.0] * 60)

    found = score(trace, PLAIN, (line(0, 1),))

    # 15 minutes on demand at 2 USD, one paid hour at 60 USD.
    assert found.on_demand_usd == pytest.approx(30.0)
    assert found.pt_usd == pytest.approx(60.0)
    assert found.pt_utilisation == pytest.approx(1.0)


def test_started_hour_is_paid_whole_after_a_deletion() -> None:
    trace = trace_of([0.0] * 240)

    # Held for 61 minutes: two hours are paid.
    found = score(trace, PLAIN, (line(10, 1), line(71, 0)))

    assert found.unit_hours_paid == pytest.approx(2.0)
    assert found.changes == 2


def test_unit_deleted_at_the_end_of_its_hour_pays_no_further_one() -> None:
    trace = trace_of([0.0] * 240)

    found = score(trace, PLAIN, (line(10, 1), line(70, 0)))

    assert found.unit_hours_paid == pytest.approx(1.0)


def test_paid_time_is_counted_within_the_scored_minutes_only() -> None:
    trace = trace_of([0.0] * 100)

    # Paid from minute 10 to 130, scored from 40 to 100.
    found = score(trace, PLAIN, (line(10, 1),), score_from=40)

    assert found.unit_hours_paid == pytest.approx(1.0)
    assert found.changes == 0
    assert found.peak_units == 1


def test_deletion_takes_the_unit_with_the_least_paid_time_left() -> None:
    trace = trace_of([0.0] * 180)

    # At minute 55 the first unit has 5 paid minutes left and the second 35: the first goes, and
    # the second runs on to the end, three periods of which 150 minutes lie in the trace.
    found = score(trace, PLAIN, (line(0, 1), line(30, 2), line(55, 1)))

    assert found.unit_hours_paid == pytest.approx((60 + 150) / 60)


def test_unit_deleted_while_being_created_is_paid_and_never_serves() -> None:
    trace = trace_of([100.0] * 60)

    found = score(trace, PLAIN, (line(0, 1), line(14, 0)))

    assert found.pt_usd == pytest.approx(60.0)
    assert found.on_demand_usd == pytest.approx(120.0)


def test_commitment_is_charged_pro_rata_and_ends_with_its_term() -> None:
    minutes = 31 * DAY_MINUTES
    trace = trace_of([100.0] * minutes)
    scenario = replace(PLAIN, unit_hour_1m=36.0)
    bought = line(0, commit=(CommitPurchase(units=2, term=Term.ONE_MONTH),))

    found = score(trace, scenario, (bought,), score_from=29 * DAY_MINUTES)

    # Two units, of whose 30 days one is scored; the other scored day is served on demand.
    assert found.commitment_usd == pytest.approx(2 * 24 * 36.0)
    assert found.unit_hours_paid == pytest.approx(48.0)
    assert found.on_demand_usd == pytest.approx(2.0 * DAY_MINUTES)
    assert found.pt_usd == 0


def test_traffic_that_finds_no_room_is_throttled_and_penalised_beside_the_bill() -> None:
    trace = trace_of([100.0, 400.0], requests=[4.0, 4.0])
    scenario = replace(PLAIN, on_demand_tpm=100.0, cross_region_factor=2.0, cross_region_price=1.1)

    found = score(trace, scenario, ())

    # Second minute: 100 on demand, 200 cross-Region, 100 throttled.
    assert found.on_demand_usd == pytest.approx(4.0)
    assert found.cross_region_usd == pytest.approx(4.4)
    assert found.throttled_tokens == pytest.approx(100 / 500)
    assert found.throttled_requests == pytest.approx(1 / 8)
    assert found.violation_minutes == 1
    assert found.objective_usd == pytest.approx(8.4 + 20.0)


def test_request_quota_limits_the_share_of_a_minute() -> None:
    trace = trace_of([100.0, 100.0], requests=[10.0, 40.0])

    found = score(trace, replace(PLAIN, on_demand_rpm=10.0), ())

    # A quarter of the second minute's requests fit.
    assert found.on_demand_usd == pytest.approx(2.0 + 0.5)
    assert found.throttled_tokens == pytest.approx(75 / 200)


def test_without_overflow_only_units_serve() -> None:
    trace = trace_of([100.0] * 20)

    found = score(trace, replace(PLAIN, overflow=False), (line(0, 1),))

    # In service for the last 5 of 20 minutes.
    assert found.throttled_tokens == pytest.approx(0.75)
    assert found.on_demand_usd == 0


def test_spill_decides_what_becomes_of_the_rest() -> None:
    trace = trace_of([100.0])

    found = score(trace, PLAIN, (line(0, spill=(Route.PT,)),))

    assert found.throttled_tokens == pytest.approx(1.0)


def test_shares_offer_traffic_before_it_spills() -> None:
    trace = trace_of([100.0] * 2)
    scenario = replace(PLAIN, creation_minutes=0)
    shared = line(0, 1, shares={Route.PT: 0.25, Route.ON_DEMAND: 0.75})

    found = score(trace, scenario, (shared, line(1, shares={Route.PT: 1.0})))

    assert found.on_demand_usd == pytest.approx(1.5)
    assert found.pt_utilisation == pytest.approx(125 / 200)


def test_refuses_to_score_no_minute() -> None:
    with pytest.raises(ValueError, match=re.escape("leaves none of 2 minutes")):
        Replay(trace_of([1.0, 1.0]), PLAIN, 2)


def test_refuses_a_term_that_is_not_sold() -> None:
    trace = trace_of([1.0])

    with pytest.raises(ValueError, match="term 1m is not sold"):
        plan_of((line(0, commit=(CommitPurchase(units=1, term=Term.ONE_MONTH),)),), trace, PLAIN)


def test_score_document_has_the_keys_of_the_contract() -> None:
    document = Replay(trace_of([1.0]), PLAIN).score(Plan(units=np.zeros(1, np.int64))).to_document()

    assert list(document) == [
        "total_usd",
        "pt_usd",
        "commitment_usd",
        "on_demand_usd",
        "cross_region_usd",
        "throttled_requests",
        "throttled_tokens",
        "violation_minutes",
        "pt_utilisation",
        "unit_hours_paid",
        "changes",
        "peak_units",
    ]


def test_the_minutes_of_a_paid_hour_cost_alike_and_what_spills_its_own_price() -> None:
    trace = trace_of([100.0] * 20 + [300.0] + [0.0] * 69)

    usd = Replay(trace, PLAIN).usd_by_minute(plan_of((line(0, 1), line(30, 0)), trace, PLAIN))

    # 60 USD for an hour of a unit, 2 for 100 tokens until it serves, 4 for 200 beyond it.
    assert usd[:15] == pytest.approx(3.0)
    assert usd[20] == pytest.approx(5.0)
    assert usd[21:60] == pytest.approx(1.0)
    assert usd[60:] == pytest.approx(0.0)


def test_commitments_have_no_cost_by_the_minute() -> None:
    trace = trace_of([100.0] * 3)
    scenario = replace(PLAIN, unit_hour_1m=30.0)
    bought = (CommitPurchase(units=1, term=Term.ONE_MONTH),)
    plan = plan_of((line(0, commit=bought),), trace, scenario)

    with pytest.raises(ValueError, match="charged by their term"):
        Replay(trace, scenario).usd_by_minute(plan)
