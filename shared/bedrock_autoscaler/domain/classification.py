"""The class of a target's traffic, from what kind of variation it shows.

Variation that the clock predicts can be scheduled; slow wander can be followed by the hour;
anything faster than the lead time belongs to overflow. Formulas: docs/model.md, "Classes".
"""

from dataclasses import fields, replace
from datetime import datetime
from math import log

from bedrock_autoscaler.domain.decision import Classification, Label, Memory, Verdict
from bedrock_autoscaler.domain.demand import Demand
from bedrock_autoscaler.domain.features import Features, measure
from bedrock_autoscaler.domain.target import Classifying
from bedrock_autoscaler.domain.units import floor_hour

_STEADY = frozenset({Label.STEADY, Label.SEASONAL, Label.TRENDING})
_EPISODES = 3.0
_FULL_HISTORY_HOURS = 168.0
_CLEAR_DISTANCE = 0.3
_UNKNOWN_LIMIT = 0.45
_LOWEST_BREAK_EVEN, _HIGHEST_BREAK_EVEN = 0.3, 0.9


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
        now: a class is reconsidered at the first decision of each clock hour.
    """
    features = measure(demand)
    limit = burstiness_limit(rules, break_even)
    raw = first_match(features, rules, limit, favoured=memory.label)
    if _is_due(memory, now):
        memory = _confirmed(raw, memory, rules)
    label = memory.label
    sure = _confidence(features, limit, is_agreed=raw is label)
    classification = Classification(
        label=label,
        verdict=verdict_of(label),
        confidence=0.0 if label is Label.UNKNOWN else sure,
        features=tuple(
            (field.name, float(getattr(features, field.name))) for field in fields(features)
        ),
        margins=_margins(features, rules, limit),
    )
    return classification, memory


def verdict_of(label: Label) -> Verdict:
    """Steady for what the clock or the level predicts, bursty for the rest, unknown if unknown."""
    if label is Label.UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.STEADY if label in _STEADY else Verdict.BURSTY


def burstiness_limit(rules: Classifying, break_even: float | None) -> float:
    """Burstiness at which half of the ideal saving of a fixed size is gone.

    Source: docs/model.md: 0.28 - 0.60 ln(break-even), fitted on gamma demand for break-evens of
    0.3 to 0.9; 0.45 if unknown.
    """
    if rules.burstiness is not None:
        return rules.burstiness
    if break_even is None:
        return _UNKNOWN_LIMIT
    return 0.28 - 0.60 * log(min(max(break_even, _LOWEST_BREAK_EVEN), _HIGHEST_BREAK_EVEN))


def first_match(features: Features, rules: Classifying, limit: float, *, favoured: Label) -> Label:
    """The first rule that holds; thresholds give way by the hysteresis to the favoured label."""

    def ease(label: Label) -> float:
        return 1.0 - rules.hysteresis if favoured is label else 1.0

    burst = _burst(features)
    burst_limit = limit * (1.0 + rules.hysteresis if favoured in _STEADY else ease(Label.BURSTY))
    skill = features.seasonal_skill / ease(Label.SEASONAL)
    checks = (
        (Label.UNKNOWN, features.hours < rules.min_history_hours),
        (Label.IDLE, features.requests_per_day * ease(Label.IDLE) < rules.idle_requests_per_day),
        (
            Label.SEASONAL,
            skill > rules.strong_seasonal_skill
            or (skill > rules.seasonal_skill and burst < burst_limit),
        ),
        (
            Label.INTERMITTENT,
            features.interval > rules.intermittent_interval * ease(Label.INTERMITTENT),
        ),
        (
            Label.BURSTY,
            burst > burst_limit
            or (features.episodes >= _EPISODES and features.burstiness_day > burst_limit),
        ),
        (
            Label.TRENDING,
            abs(features.trend_per_week) > rules.trend_per_week * ease(Label.TRENDING)
            and abs(features.trend_z) > rules.trend_z * ease(Label.TRENDING),
        ),
        (Label.DRIFTING, features.wander > rules.drift * ease(Label.DRIFTING)),
    )
    return next((label for label, holds in checks if holds), Label.STEADY)


def _is_due(memory: Memory, now: datetime) -> bool:
    """Whether the class is up for review: at first, and once in each clock hour."""
    if memory.label is Label.UNKNOWN or memory.decided_at is None:
        return True
    return floor_hour(memory.decided_at) != floor_hour(now)


def _confirmed(raw: Label, memory: Memory, rules: Classifying) -> Memory:
    """Adopt a new label only after it was seen in enough reviews in a row."""
    if memory.label is Label.UNKNOWN or raw is memory.label:
        return replace(memory, label=raw, candidate=raw, confirmations=0)
    seen = memory.confirmations + 1 if raw is memory.candidate else 1
    needed = rules.confirmations_to_steady if raw in _STEADY else rules.confirmations_to_unsteady
    if seen >= needed:
        return replace(memory, label=raw, candidate=raw, confirmations=0)
    return replace(memory, candidate=raw, confirmations=seen)


def _burst(features: Features) -> float:
    """Burstiness that no single bad spell can make."""
    return min(features.burstiness, features.burstiness_robust)


def _margins(features: Features, rules: Classifying, limit: float) -> tuple[tuple[str, float], ...]:
    return (
        ("history_hours", features.hours - rules.min_history_hours),
        ("requests_per_day", features.requests_per_day - rules.idle_requests_per_day),
        ("seasonal_skill", features.seasonal_skill - rules.seasonal_skill),
        ("interval", features.interval - rules.intermittent_interval),
        ("burstiness", _burst(features) - limit),
        ("trend_per_week", abs(features.trend_per_week) - rules.trend_per_week),
        ("wander", features.wander - rules.drift),
    )


def _confidence(features: Features, limit: float, *, is_agreed: bool) -> float:
    """0 to 1: history against a week, distance of the burstiness, and agreement of this tick."""
    history = min(features.hours / _FULL_HISTORY_HOURS, 1.0)
    distance = min(abs(_burst(features) - limit) / _CLEAR_DISTANCE, 1.0)
    return (0.4 + 0.3 * history + 0.3 * distance) * (1.0 if is_agreed else 0.5)
