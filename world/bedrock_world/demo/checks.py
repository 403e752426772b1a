"""What the demo proves of the decision log once the replay has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.reviewing.replaying import Difference, replay
from bedrock_autoscaler.backtest.core_policy import CorePolicy, CoreSettings
from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.backtest.scenario_target import target_of
from bedrock_autoscaler.backtest.timeline import Plan
from bedrock_autoscaler.cli.decisions.sources import Ledger
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_world.demo.errors import DemoError
from bedrock_world.demo.plan import TARGET, DemoPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCheck:
    """The decision log, decided again.

    Attributes:
        decisions: all of the replay, oldest first.
        differences: decisions that come out differently on their recorded inputs.
        verdicts: capacity decisions put through the backtest's decision code.
        other_verdicts: those of them with another verdict, action or number of units.
        target: as the last decision had it.
    """

    decisions: tuple[Decision, ...]
    differences: tuple[Difference, ...]
    verdicts: int
    other_verdicts: tuple[str, ...]
    target: Target


def check_log(ledger: Ledger, plan: DemoPlan) -> LogCheck:
    """Read every decision back with its inputs, and decide again.

    Once by the application's own replay, which compares everything; and the capacity decisions
    as a backtest decides them, comparing the class and the number of units that is wanted.

    Raises:
        DemoError: there is no decision, or one cannot be read.
    """
    end = plan.trace.end + timedelta(minutes=1)
    decisions = ledger.decisions.between(TARGET, None, plan.start, end)
    differences, others, verdicts = [], [], 0
    target: Target | None = None
    for decision in decisions:
        recorded = ledger.decisions.load(decision.id, ledger.history)
        if recorded is None:
            raise DemoError(f"decision {decision.id} was listed but cannot be loaded")
        target = recorded.situation.target
        difference = replay(recorded)
        if difference is not None:
            differences.append(difference)
        if decision.loop is Loop.CAPACITY:
            verdicts += 1
            if not _backtest_agrees(recorded, plan):
                others.append(decision.id)
    if target is None:
        raise DemoError("the deployed functions recorded no decision; read their logs")
    return LogCheck(
        decisions=decisions,
        differences=tuple(differences),
        verdicts=verdicts,
        other_verdicts=tuple(others),
        target=target,
    )


def _backtest_agrees(recorded: RecordedDecision, plan: DemoPlan) -> bool:
    """Whether a backtest's target, made from the scenario, leads to the same verdict.

    Its on-demand options are the recorded ones: a scenario counts quotas in input equivalents,
    Bedrock in tokens, and the two differ with the mix of each minute.
    """
    situation = recorded.situation
    made = target_of(
        plan.scenario(),
        slo=situation.target.slo,
        guard_rails=situation.target.guard_rails,
        thresholds=situation.target.thresholds,
        day=plan.start.date(),
    )
    target = replace(made, options=situation.target.options)
    return _verdict(decide(replace(situation, target=target))) == _verdict(recorded.decision)


def _verdict(decision: Decision) -> tuple[object, ...]:
    found = decision.classification
    return (found.label, found.verdict, decision.desired_units) if found else ()


def _settings(target: Target) -> CoreSettings:
    return CoreSettings(
        slo=target.slo,
        guard_rails=target.guard_rails,
        thresholds=target.thresholds,
        publication_lag_minutes=target.thresholds.observing.settling_minutes,
        shown={},
    )


def backtest_score(plan: DemoPlan, target: Target) -> Score:
    """The replayed minutes through a backtest of the same policy, scored like the baselines.

    It starts without any memory at the first replayed minute, as the deployed one did.
    """
    scenario, trace = plan.scenario(), plan.trace
    policy = CorePolicy(scenario, _settings(target), plan.start)
    units = np.zeros(len(trace), dtype=np.int64)
    held = 0
    for row in range(plan.first, len(trace), policy.interval_minutes):
        seen = trace.cut(max(0, row - policy.publication_lag_minutes))
        step = policy.decide(seen, trace.minute_at(row))
        held = held if step.provisioned_units is None else step.provisioned_units
        units[row : row + policy.interval_minutes] = held
    return Replay(trace, scenario, plan.first).score(Plan(units=units))


def holds(decisions: Sequence[Decision]) -> int:
    """Capacity decisions that changed nothing."""
    return sum(one.is_hold for one in decisions if one.loop is Loop.CAPACITY)
