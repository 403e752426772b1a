"""Which class a target's features make it, and how far each stands from its threshold.

Source: docs/model.md, section "Classes".
"""

from math import log, log1p

from bedrock_autoscaler.domain.classes.features import Features
from bedrock_autoscaler.domain.decision import Label, Verdict
from bedrock_autoscaler.domain.thresholds import Classifying

STEADY_LABELS = frozenset({Label.STEADY, Label.SEASONAL, Label.TRENDING})
_FULL_HISTORY_HOURS = 168.0
_UNKNOWN_LIMIT = 0.45
_LOWEST_BREAK_EVEN, _HIGHEST_BREAK_EVEN = 0.3, 0.9
_LARGEST_FALL = -0.999999


def verdict_of(label: Label) -> Verdict:
    """Steady for what the clock or the level predicts, bursty for the rest, unknown if unknown."""
    if label is Label.UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.STEADY if label in STEADY_LABELS else Verdict.BURSTY


def burstiness_limit(rules: Classifying, break_even: float | None) -> float:
    """Burstiness above which traffic is bursty.

    The rules fix it as shipped. Where they do not, it is the burstiness at which half of the
    ideal saving of a fixed size is gone.

    Source: docs/model.md: 0.28 - 0.60 ln(break-even), fitted on gamma demand for break-evens of
    0.3 to 0.9; 0.45 if unknown.
    """
    if rules.burstiness is not None:
        return rules.burstiness
    if break_even is None:
        return _UNKNOWN_LIMIT
    return 0.28 - 0.60 * log(min(max(break_even, _LOWEST_BREAK_EVEN), _HIGHEST_BREAK_EVEN))


def burst_of(features: Features, *, quiet: bool) -> float:
    """Burstiness that no single bad spell makes; of the newest day alone after a quiet time."""
    lasting = min(features.burstiness, features.burstiness_robust)
    return min(lasting, features.burstiness_day) if quiet else lasting


def first_match(
    features: Features,
    rules: Classifying,
    limit: float,
    *,
    favoured: Label,
    quiet: bool = False,
) -> Label:
    """The first rule that holds; thresholds give way by the hysteresis to the favoured label.

    Args:
        features: what was measured.
        rules: thresholds.
        limit: of the burstiness.
        favoured: the class in force.
        quiet: the newest day has been calm for long enough to count alone.
    """

    def ease(label: Label) -> float:
        return 1.0 - rules.hysteresis if favoured is label else 1.0

    burst, burst_day = burst_of(features, quiet=quiet), features.burstiness_day
    burst_limit = limit * (1.0 + rules.hysteresis if favoured in STEADY_LABELS else 1.0)
    burst_limit *= ease(Label.BURSTY)
    skill = features.seasonal_skill / ease(Label.SEASONAL)
    trending = ease(Label.TRENDING)
    drifting = ease(Label.DRIFTING)
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
            or (features.episodes >= rules.burst_episodes and burst_day > burst_limit),
        ),
        (
            Label.TRENDING,
            _steepness(features.trend_per_week) > log1p(rules.trend_per_week) * trending
            and abs(features.trend_z) > rules.trend_z * trending,
        ),
        (
            Label.DRIFTING,
            features.wander > rules.drift * drifting
            and features.wander_lasting > rules.lasting_drift * drifting,
        ),
    )
    return next((label for label, holds in checks if holds), Label.STEADY)


def margins(
    features: Features, rules: Classifying, limit: float, *, quiet: bool
) -> tuple[tuple[str, float], ...]:
    """Each feature minus its threshold, hysteresis left out, by name of the rule."""
    return (
        ("history_hours", features.hours - rules.min_history_hours),
        ("requests_per_day", features.requests_per_day - rules.idle_requests_per_day),
        ("strong_seasonal_skill", features.seasonal_skill - rules.strong_seasonal_skill),
        ("seasonal_skill", features.seasonal_skill - rules.seasonal_skill),
        ("interval", features.interval - rules.intermittent_interval),
        ("burstiness", burst_of(features, quiet=quiet) - limit),
        ("episodes", features.episodes - rules.burst_episodes),
        ("trend_per_week", _steepness(features.trend_per_week) - log1p(rules.trend_per_week)),
        ("trend_z", abs(features.trend_z) - rules.trend_z),
        ("wander", features.wander - rules.drift),
        ("wander_lasting", features.wander_lasting - rules.lasting_drift),
    )


def confidence(features: Features, limit: float, *, quiet: bool, is_agreed: bool) -> float:
    """0 to 1: history against a week, distance of the burstiness, and agreement of this hour."""
    history = min(features.hours / _FULL_HISTORY_HOURS, 1.0)
    distance = min(abs(burst_of(features, quiet=quiet) - limit) / limit, 1.0)
    return (0.4 + 0.3 * history + 0.3 * distance) * (1.0 if is_agreed else 0.5)


def _steepness(growth_per_week: float) -> float:
    """Size of a change whichever way: doubling and halving are equally steep."""
    return abs(log1p(max(growth_per_week, _LARGEST_FALL)))
