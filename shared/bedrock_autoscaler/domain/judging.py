"""The record of each forecast: what following it would have cost, and how far it is trusted.

Source: docs/model.md, section "Forecast".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp

from bedrock_autoscaler.domain.decision import ExpertRecord
from bedrock_autoscaler.domain.economics import Economics
from bedrock_autoscaler.domain.observation import Series
from bedrock_autoscaler.domain.target import Sizing

_FORGETTING_MINUTES = 3 * 1440.0
_TRUST = 20.0
_LEAST_TRUST = 30.0
_CHURN_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """What experts are judged by at one decision.

    Attributes:
        records: of the experts, from the previous decision.
        recent: known demand of the newest decision period, in units (may be empty).
        settling: newest minutes that are not seen yet.
        is_judged: these records come from a decision of this very tick: they stay as they are.
    """

    records: tuple[ExpertRecord, ...]
    recent: Series
    settling: int
    is_judged: bool


def judge(
    track: Track, wanted: Mapping[str, int], economics: Economics, sizing: Sizing
) -> tuple[ExpertRecord, ...]:
    """Charge each expert for its proposal whose window is now observed; keep the new one.

    An expert that was not there before starts level with the best, so that neither its arrival
    nor its record of nothing gives it the say.

    Args:
        track: the records so far and what was seen since.
        wanted: units that each expert proposes now; one without data proposes what it did last.
        economics: prices.
        sizing: decision period and lead time.
    """
    if track.is_judged:
        return track.records
    delay = proposal_delay(sizing, track.settling)
    known = {record.name: record for record in track.records}
    best = min((record.loss_usd for record in track.records), default=0.0)
    updated = []
    for name in dict.fromkeys([*known, *wanted]):
        record = known.get(name) or ExpertRecord(name=name, loss_usd=best, proposals=())
        proposals = record.proposals
        proposal = wanted.get(name, proposals[-1] if proposals else 0)
        updated.append(
            ExpertRecord(
                name=name,
                loss_usd=_charged(record, track, economics, sizing),
                proposals=(*proposals[-delay:], proposal),
            )
        )
    return tuple(updated)


def proposal_delay(sizing: Sizing, settling: int) -> int:
    """Decisions between a proposal and the one that sees the period it was made for.

    A proposal speaks of the time from `lead_minutes` on. The newest period seen began one
    period and the settling time ago.
    """
    return -(-(sizing.lead_minutes + settling) // sizing.decision_minutes) + 1


def weigh(records: Iterable[ExpertRecord], names: Iterable[str]) -> dict[str, float]:
    """Trust by name: exponential in the loss relative to the best; equal while nothing is known."""
    known = {record.name: record.loss_usd for record in records}
    best = min(known.values(), default=0.0)
    scale = best if best > 0 else 1.0
    excess = {name: (known.get(name, best) - best) / scale for name in names}
    raw = {name: exp(-_TRUST * min(value, _LEAST_TRUST)) for name, value in excess.items()}
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def _charged(record: ExpertRecord, track: Track, economics: Economics, sizing: Sizing) -> float:
    """The loss with the newest period added and older ones forgotten; USD."""
    proposals, recent = record.proposals, track.recent
    delay = proposal_delay(sizing, track.settling)
    if len(proposals) < delay or not recent.size:
        return record.loss_usd
    units = proposals[-delay]
    before = proposals[-delay - 1] if len(proposals) > delay else units
    hours = sizing.decision_minutes / 60.0
    churn = _CHURN_SHARE * economics.unit_usd * max(units - before, 0)
    kept = exp(-sizing.decision_minutes / _FORGETTING_MINUTES)
    return record.loss_usd * kept + economics.cost_of_holding(units, recent) * hours + churn
