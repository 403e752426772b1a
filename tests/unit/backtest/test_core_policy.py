"""What the decision core is shown of a backtest's fleet, and what consents let it commit to."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bedrock_autoscaler.backtest.core_policy import CorePolicy
from bedrock_autoscaler.backtest.policy import PolicyContext, run_policy
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import Term
from bedrock_autoscaler.backtest.timeline import CommitPurchase, Plan, plan_of
from bedrock_autoscaler.cli.backtest.policies import core_policy
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.unit.backtest.worlds import PLAIN, START, trace_of

if TYPE_CHECKING:
    from datetime import datetime

TERMS = replace(PLAIN, unit_hour_1m=36.0, unit_hour_6m=20.0)
MONTH: Mapping[str, object] = {"units": 2, "term": "one_month", "max_usd_per_hour": 36}
DEMAND = (1, 2, 3, 4)
"""Units in use hour by hour, each in turn: as many purchases. Then nothing for as many again."""


def policy_under(settings: Mapping[str, object] | None) -> CorePolicy:
    return core_policy(
        PolicyContext(
            scenario=TERMS, settings=settings, settings_path=None, start=START, score_from=START
        )
    )


def test_the_backtest_keeps_the_share_of_an_hour_as_the_deployed_core_does() -> None:
    load = [100.0 * units for units in DEMAND for _ in range(60)] + [0.0] * 60 * 2 * len(DEMAND)
    trace = trace_of(load)
    policy = policy_under(None)
    left: list[tuple[datetime, int]] = []
    held, shown = 0, set()
    for minute in range(60, len(load), policy.interval_minutes):
        now = START + minute * MINUTE
        seen = trace.cut(minute)
        told = policy.situation(seen, now).fleet.released_last_hour
        assert told == sum(units for at, units in left if at > now - HOUR)
        units = policy.decide(seen, now).provisioned_units
        if units is not None and units < held:
            assert told == 0 or told + held - units <= max(1, (held + told) // 4)
            left.append((now, held - units))
        held = held if units is None else units
        shown.add(told)
    assert len(left) > 1
    assert held == 0
    assert shown > {0}


def test_work_of_some_minutes_an_hour_does_not_hold_what_it_never_pays_for() -> None:
    # Ten units' worth in twelve minutes of each hour: two units bought in them serve a fifth of
    # what they could, where half is the break-even, and at the end of each period they are busy.
    hour = [1000.0] * 6 + [0.0] * 48 + [1000.0] * 6
    trace = trace_of(hour * 72)
    run = run_policy(policy_under(None), trace, TERMS)
    replay = Replay(trace, TERMS)
    plan = plan_of(run.lines, trace, TERMS)
    nothing = Plan(units=np.zeros(len(trace), dtype=np.int64))

    assert plan.units.max() == 2
    assert plan.units[-1] == 0
    # Lost is at most the budget, 1 % of the traffic and two unit-hours, and the last hour of both.
    lost = replay.score(plan).total_usd - replay.score(nothing).total_usd
    assert 0 < lost < 0.01 * replay.score(nothing).total_usd + 4 * TERMS.unit_hour


def test_what_even_days_saved_holds_nothing_for_some_minutes_an_hour() -> None:
    hour = [1000.0] * 6 + [0.0] * 48 + [1000.0] * 6
    trace = trace_of([200.0] * (3 * 1440) + hour * 24)
    plan = plan_of(run_policy(policy_under(None), trace, TERMS).lines, trace, TERMS)

    assert plan.units[3 * 1440] == 2
    assert plan.units[-12 * 60 :].max() == 0


def test_a_consent_commits_once_to_what_it_names() -> None:
    trace = trace_of([100.0] * 600)
    run = run_policy(policy_under({"consents": [MONTH]}), trace, TERMS)
    bought = [(line.minute, line.commit) for line in run.lines if line.commit]

    assert bought == [(START, (CommitPurchase(units=2, term=Term.ONE_MONTH),))]
    # Two units serve the demand of one: no further one is ordered, and these are not given up.
    assert all(line.provisioned_units is None for line in run.lines)
    score = Replay(trace, TERMS).score(plan_of(run.lines, trace, TERMS))
    assert (score.pt_usd, score.commitment_usd) == (0.0, 720.0)  # 2 units, 10 hours, 36 USD


def test_when_the_term_is_over_the_units_are_gone() -> None:
    trace = trace_of([100.0] * (31 * 24 * 60))
    policy = policy_under({"consents": [MONTH]})
    held = {}
    for day in (0, 1, 29, 30):
        now = START + 24 * day * HOUR
        policy.decide(trace.cut(24 * 60 * day), now)
        held[day] = policy.situation(trace.cut(24 * 60 * day), now).fleet.committed_units

    assert held == {0: 2, 1: 2, 29: 2, 30: 0}


@pytest.mark.parametrize(
    ("change", "hour"),
    [
        ({}, 0),
        ({"valid_from": "2025-04-01T02:00:00Z"}, 2),
        ({"valid_until": "2025-03-31T23:59:00Z"}, None),
        ({"max_usd_per_hour": 35.99}, None),
    ],
    ids=["always", "from", "until", "too dear"],
)
def test_a_consent_holds_for_its_time_and_price(
    change: Mapping[str, object], hour: int | None
) -> None:
    trace = trace_of([100.0] * 240)
    run = run_policy(policy_under({"consents": [{**MONTH, **change}]}), trace, TERMS)
    when = [line.minute for line in run.lines if line.commit]

    assert when == ([] if hour is None else [START + hour * HOUR])


def test_without_a_consent_nothing_is_committed() -> None:
    run = run_policy(policy_under(None), trace_of([100.0] * 600), TERMS)

    assert not any(line.commit for line in run.lines)


def test_the_settings_shown_are_those_in_force_and_decide_alike() -> None:
    stated = {"sizing": {"grow_margin": 1.5}, "slo": {"throttle_cost_factor": 3.0}}
    trace = trace_of([100.0] * 600)

    policy = policy_under(stated)

    shown: Any = policy.settings()
    # What the scenario and the contract say counts, whatever a document says of it.
    assert shown["slo"]["throttle_cost_factor"] == TERMS.throttle_factor
    assert shown["observing"]["settling_minutes"] == policy.publication_lag_minutes == 2
    assert (shown["sizing"]["grow_margin"], shown["sizing"]["keep_margin"]) == (1.5, 0.95)
    again = run_policy(policy_under(shown), trace, TERMS)
    assert again == run_policy(policy, trace, TERMS)


def test_shipped_defaults_are_shown_where_there_is_no_document() -> None:
    shown: Any = policy_under(None).settings()

    assert shown["guard_rails"]["max_purchases_per_day"] == 6
    assert "consents" not in shown
