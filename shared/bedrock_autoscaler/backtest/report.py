"""The report of a backtest: the policy beside what could have been used instead."""

from collections.abc import Mapping
from dataclasses import dataclass

from bedrock_autoscaler.backtest.baselines import BASELINES
from bedrock_autoscaler.backtest.optimum import METHOD, METHOD_WITH_TERMS, optimum_score
from bedrock_autoscaler.backtest.policy import ClassRecord, PolicyRun
from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES
from bedrock_autoscaler.backtest.timeline import plan_of
from bedrock_autoscaler.domain.units import iso, significant


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a backtest found; `to_document` is the Report of the contract.

    Attributes:
        trace: what was replayed: name, first minute, minutes, scale, first scored minute.
        scenario: the scenario document with its defaults.
        settings: the settings in force.
        policy_name: which policy it was.
        policy: its score.
        baselines: scores of the others, by name.
        clairvoyant: the score of the plan that knows the future.
        may_commit: whether the run may buy commitments, which the clairvoyant's bound then allows.
        classes: the policy's traffic classes, in the order of time.
        scored_minutes: how many minutes the scores cover.
    """

    trace: Mapping[str, object]
    scenario: Mapping[str, object]
    settings: Mapping[str, object]
    policy_name: str
    policy: Score
    baselines: Mapping[str, Score]
    clairvoyant: Score
    may_commit: bool
    classes: tuple[ClassRecord, ...]
    scored_minutes: int

    def to_document(self) -> dict[str, object]:
        """The JSON object of the contract; the same report gives the same document."""
        return {
            "trace": dict(self.trace),
            "scenario": dict(self.scenario),
            "settings": dict(self.settings),
            "policy": self.policy.to_document(),
            "baselines": {name: score.to_document() for name, score in self.baselines.items()},
            "clairvoyant": self.clairvoyant.to_document(),
            "classes": [record.to_document() for record in self.classes],
            "extra": self._extra(),
        }

    def scores(self) -> dict[str, Score]:
        """All scores by name: the policy, the baselines, the clairvoyant."""
        return {
            "policy": self.policy,
            **self.baselines,
            "clairvoyant": self.clairvoyant,
        }

    def _extra(self) -> dict[str, object]:
        """How the numbers came about, and those that the contract has no key for."""
        scores = self.scores()
        days = self.scored_minutes / DAY_MINUTES
        least = self.clairvoyant.objective_usd
        return {
            "policy_name": self.policy_name,
            "clairvoyant_method": METHOD_WITH_TERMS if self.may_commit else METHOD,
            "objective": "total_usd plus throttle_factor on-demand prices for what was throttled",
            "objective_usd": {
                name: round(score.objective_usd, 6) for name, score in scores.items()
            },
            "objective_over_clairvoyant": {
                name: significant(score.objective_usd / least) if least > 0 else None
                for name, score in scores.items()
            },
            "changes_per_day": {
                name: significant(score.changes / days) for name, score in scores.items()
            },
            "scored_minutes": self.scored_minutes,
        }


def report_of(
    replay: Replay,
    run: PolicyRun,
    *,
    policy_name: str,
    settings: Mapping[str, object],
    scale: float,
) -> Report:
    """Score a policy's timeline, all baselines and the clairvoyant over one replay.

    Args:
        replay: the trace, scaled, under its scenario.
        run: what the policy did on that trace.
        policy_name: for the report.
        settings: the settings in force.
        scale: what the traffic was multiplied with, for the report.

    Raises:
        SolverMissingError: the clairvoyant's solver is not installed.
    """
    trace = replay.trace
    plan = plan_of(run.lines, trace, replay.scenario)
    may_commit = bool(plan.commitments or settings.get("consents"))
    return Report(
        trace={
            "name": trace.name,
            "start": iso(trace.start),
            "minutes": len(trace),
            "scale": scale,
            "score_from": iso(trace.minute_at(replay.score_from)),
        },
        scenario=replay.scenario.to_document(),
        settings=settings,
        policy_name=policy_name,
        policy=replay.score(plan),
        baselines={name: replay.score(other(replay)) for name, other in BASELINES.items()},
        clairvoyant=optimum_score(replay, is_warm=True, may_commit=may_commit),
        may_commit=may_commit,
        classes=run.classes,
        scored_minutes=len(trace) - replay.score_from,
    )
