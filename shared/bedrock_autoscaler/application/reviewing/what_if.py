"""What other settings would have done: stored decisions, decided again one after the other.

Two runs start from the fleet and the memory of the first decision and meet the same recorded
observations: one under the settings that each decision was taken under, one under the proposed
ones. In both, what is decided is carried out on a simulated fleet (a purchase serves after
`sizing.lead_minutes`, a release ends with its paid period), also where the target only advises;
so the two differ by the settings alone. Both are billed by the proposed settings' prices, unit rate
and quotas: those are facts on which the past is judged, not conduct.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.reviewing.simulated import Outcome, Sums
from bedrock_autoscaler.application.reviewing.simulating import Run
from bedrock_autoscaler.domain.decide import decide as decide_by_rules
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.economics.costs import unit_hour_usd
from bedrock_autoscaler.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A decision that would have been another one: both as they come out in their runs."""

    before: Decision
    after: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Both runs over the same decisions.

    Attributes:
        first, last: scheduled times of the first and last decision; None without any.
        decisions: how many were decided again.
        unread_minutes: minutes between them that were never read, and are in no sum.
        is_priced: whether unit price and rate are known, so that there are dollars at all.
        before, after: as it was set, and as proposed.
        turns: the decisions that differ in what they want or do, oldest first.
    """

    target: str
    first: datetime | None
    last: datetime | None
    decisions: int
    unread_minutes: int
    is_priced: bool
    before: Outcome
    after: Outcome
    turns: tuple[Turn, ...]


def what_if(
    target: Target,
    recorded: Iterable[RecordedDecision],
    decide: Callable[[Situation], Decision] = decide_by_rules,
) -> WhatIf:
    """Decide stored capacity decisions again, as they were set and under `target`.

    Args:
        target: as it would be set.
        recorded: decisions of its capacity loop with their whole situations, oldest first. Late
            ticks are left out: nothing followed from them.
        decide: the decision core.
    """
    runs: tuple[Run, Run] | None = None
    turns: list[Turn] = []
    moments: list[datetime] = []
    for one in recorded:
        situation = one.situation
        if situation.is_late:
            continue
        runs = runs or (Run(None, decide, situation), Run(target, decide, situation))
        old, new = (run.step(situation) for run in runs)
        moments.append(situation.scheduled_at)
        if _essence(old) != _essence(new):
            turns.append(Turn(before=old, after=new))
        for run in runs:
            run.account(target, situation)
    before, after = (run.sums for run in runs) if runs else (Sums(), Sums())
    usd = unit_hour_usd(target)
    return WhatIf(
        target=target.name,
        first=moments[0] if moments else None,
        last=moments[-1] if moments else None,
        decisions=len(moments),
        unread_minutes=after.unread,
        is_priced=after.is_priced,
        before=before.outcome(usd),
        after=after.outcome(usd),
        turns=tuple(turns),
    )


def _essence(decision: Decision) -> tuple[object, ...]:
    """What is wanted and done; not the names of what it is done to."""
    actions = tuple((type(action).__name__, action.model_units) for action in decision.actions)
    return decision.desired_units, decision.allowed_units, actions
