"""From scores of single traces to the few figures that are printed and committed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.units import significant
from benchmarks.population import Part
from benchmarks.scoring import ON_DEMAND, OPTIMUM, Outcome, PairResult

CLOSED = ("quota50-x2", "custom50-x2")
"""Scenarios in which all on demand is no way out; `no harm` is asked of the others."""

SLIGHT_HARM, HARM = 0.02, 0.05
"""Cost above all on demand from which a trace is counted, and that no trace may exceed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One policy in one scenario over one part of the traces.

    Attributes:
        scenario: its name.
        part: which traces.
        policy: its name.
        traces: how many of them were scored.
        median, p90, worst: of the score, objective / optimum.
        throttled_share: mean over the traces, from 0 to 1.
        changes_per_week: median over the traces.
        changes_per_week_p90: 90th percentile over the traces.
        slight_harm_share: share of the traces whose objective is more than 2% above that of all
            on demand.
        harm_share: likewise, more than 5%.
        worst_harm: the largest excess over all on demand; negative where all traces save.
    """

    scenario: str
    part: Part
    policy: str
    traces: int
    median: float
    p90: float
    worst: float
    throttled_share: float
    changes_per_week: float
    changes_per_week_p90: float
    slight_harm_share: float
    harm_share: float
    worst_harm: float

    def to_document(self) -> dict[str, object]:
        """Plain JSON values, figures to six digits."""
        return {
            key: significant(value) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }


def summarise(results: Sequence[PairResult], part: Part) -> tuple[Summary, ...]:
    """One summary a scenario and policy, in the order of the results; none for an empty part."""
    chosen = [result for result in results if part in (Part.ALL, result.part)]
    scenarios = dict.fromkeys(result.scenario for result in chosen)
    return tuple(
        _summary(policy, part, [result for result in chosen if result.scenario == scenario])
        for scenario in scenarios
        for policy in next(item for item in chosen if item.scenario == scenario).outcomes
        if policy != OPTIMUM
    )


def _summary(policy: str, part: Part, results: Sequence[PairResult]) -> Summary:
    outcomes = [result.outcomes[policy] for result in results]
    scores = _ratios(outcomes, [result.outcomes[OPTIMUM] for result in results])
    harm = _ratios(outcomes, [result.outcomes[ON_DEMAND] for result in results]) - 1.0
    changes = np.array([outcome.changes_per_week for outcome in outcomes])
    return Summary(
        scenario=results[0].scenario,
        part=part,
        policy=policy,
        traces=len(results),
        median=float(np.median(scores)),
        p90=float(np.percentile(scores, 90)),
        worst=float(scores.max()),
        throttled_share=float(np.mean([outcome.throttled_share for outcome in outcomes])),
        changes_per_week=float(np.median(changes)),
        changes_per_week_p90=float(np.percentile(changes, 90)),
        slight_harm_share=float(np.mean(harm > SLIGHT_HARM)),
        harm_share=float(np.mean(harm > HARM)),
        worst_harm=float(harm.max()),
    )


def _ratios(outcomes: Sequence[Outcome], others: Sequence[Outcome]) -> NDArray[np.float64]:
    """Objectives of the first over those of the second."""
    above = np.array([outcome.objective_usd for outcome in outcomes])
    ratios: NDArray[np.float64] = above / np.array([other.objective_usd for other in others])
    return ratios
