"""The class of a target's traffic, from what kind of variation it shows.

Variation that the clock predicts can be scheduled; slow wander can be followed by the hour;
anything faster than the lead time belongs to overflow. The class is reviewed once in each clock
hour, since its thresholds count hours; between reviews the last one stands, and only the spike
flag is looked at anew. Formulas: docs/model.md, "Classes".
"""

from dataclasses import asdict, replace
from datetime import datetime

from bedrock_autoscaler.domain.classes.features import Features, measure
from bedrock_autoscaler.domain.classes.labels import (
    STEADY_LABELS,
    burstiness_limit,
    confidence,
    first_match,
    margins,
    verdict_of,
)
from bedrock_autoscaler.domain.classes.spike import measure_spike
from bedrock_autoscaler.domain.decision import Classification, Label, Memory
from bedrock_autoscaler.domain.thresholds import Classifying
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.units import floor_hour

_FEWEST_RECENT_HOURS = 12.0
_SPIKES_ARE_NORMAL = frozenset({Label.UNKNOWN, Label.BURSTY, Label.INTERMITTENT})
_QUIET_SHARE = 0.5


def classify(
    demand: Demand,
    *,
    rules: Classifying,
    break_even: float | None,
    memory: Memory,
    now: datetime,
) -> tuple[Classification, Memory]:
    """The class with its evidence, and the memory that keeps it from flapping.

    Args:
        demand: the history, oldest first.
        rules: thresholds.
        break_even: utilization at which a unit pays; sets the burstiness threshold unless the
            rules fix it.
        memory: of the previous decision; its label gets the benefit of the hysteresis.
        now: the class is reviewed if a clock hour has begun since the last review, once however
            many hours have.
    """
    kept = memory.classification
    if kept is None or _is_due(memory, now):
        kept, memory = review(measure(demand), rules=rules, break_even=break_even, memory=memory)
        memory = replace(memory, classification=kept, classified_at=now)
    return _with_spike(kept, demand, rules), memory


def review(
    features: Features, *, rules: Classifying, break_even: float | None, memory: Memory
) -> tuple[Classification, Memory]:
    """One hourly review: the class of these features, given the class in force."""
    limit = burstiness_limit(rules, break_even)
    memory = _counted_quiet(features, limit, memory)
    quiet = memory.quiet_reviews >= rules.quiet_hours
    raw = first_match(features, rules, limit, favoured=memory.label, quiet=quiet)
    if _is_seen(features) or memory.label is Label.UNKNOWN:
        memory = _confirmed(raw, memory, rules, quiet=quiet)
    label = memory.label
    sure = confidence(features, limit, quiet=quiet, is_agreed=raw is label)
    classification = Classification(
        label=label,
        verdict=verdict_of(label),
        confidence=0.0 if label is Label.UNKNOWN else sure,
        features=tuple(asdict(features).items()),
        margins=margins(features, rules, limit, quiet=quiet),
    )
    return classification, memory


def _is_due(memory: Memory, now: datetime) -> bool:
    at = memory.classified_at
    return at is None or floor_hour(at) != floor_hour(now)


def _is_seen(features: Features) -> bool:
    """Whether enough of the newest days was read to say anything against the class in force."""
    return features.recent_hours >= min(_FEWEST_RECENT_HOURS, features.hours)


def _counted_quiet(features: Features, limit: float, memory: Memory) -> Memory:
    """Count reviews in a row at which the newest day varied less than half of the limit."""
    if not _is_seen(features):
        return memory
    is_quiet = features.burstiness_day < _QUIET_SHARE * limit
    return replace(memory, quiet_reviews=memory.quiet_reviews + 1 if is_quiet else 0)


def _confirmed(raw: Label, memory: Memory, rules: Classifying, *, quiet: bool) -> Memory:
    """Adopt a new label after enough reviews in a row; a quiet time has confirmed its own."""
    ends_burst = quiet and memory.label is Label.BURSTY
    if memory.label is Label.UNKNOWN or raw is memory.label or ends_burst:
        return replace(memory, label=raw, candidate=raw, confirmations=0)
    seen = memory.confirmations + 1 if raw is memory.candidate else 1
    needed = (
        rules.confirmations_to_steady if raw in STEADY_LABELS else rules.confirmations_to_unsteady
    )
    if seen >= needed:
        return replace(memory, label=raw, candidate=raw, confirmations=0)
    return replace(memory, candidate=raw, confirmations=seen)


def _with_spike(kept: Classification, demand: Demand, rules: Classifying) -> Classification:
    """The kept class with the spike flag of now; bursts are what bursty traffic does."""
    if kept.label in _SPIKES_ARE_NORMAL:
        return kept
    features = dict(kept.features)
    spike = measure_spike(
        demand, shot_noise=features["shot_noise"], lot=features["lot"], rules=rules
    )
    if spike is None:
        return kept
    return replace(
        kept,
        spike=spike.is_flagged(rules),
        margins=(*kept.margins, ("spike_demand", spike.demand - spike.limit)),
    )
