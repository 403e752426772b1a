"""Results of pairs with scores that are easy to aggregate by hand."""

from collections.abc import Mapping

import numpy as np

from benchmarks.population import Part
from benchmarks.scoring import ON_DEMAND, OPTIMUM, Outcome, PairResult

OURS = "ours"


def outcome(objective: float, *, changes: float = 0.0, throttled: float = 0.0) -> Outcome:
    return Outcome(
        objective_usd=objective, throttled_share=throttled, changes_per_week=changes, seconds=0.5
    )


def pair_result(
    ours: Outcome,
    *,
    on_demand: float = 200.0,
    part: Part = Part.TUNING,
    scenario: str = "claude50-x2",
    others: Mapping[str, Outcome] | None = None,
) -> PairResult:
    """A pair whose optimum costs 100."""
    return PairResult(
        scenario=scenario,
        part=part,
        outcomes={
            OPTIMUM: outcome(100.0),
            OURS: ours,
            ON_DEMAND: outcome(on_demand),
            **(others or {}),
        },
        remembered=False,
        decision_seconds=np.array([0.001, 0.003], dtype=np.float32),
        long_history_seconds=np.array([0.003], dtype=np.float32),
    )
