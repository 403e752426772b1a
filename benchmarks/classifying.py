"""Runs the classifier and the naive designs over one history, as the capacity loop would."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from bedrock_autoscaler.adapters.documents.seeing import ClassifyingDocument
from bedrock_autoscaler.domain.classes.classification import classify, review
from bedrock_autoscaler.domain.classes.features import Features
from bedrock_autoscaler.domain.decision import NO_MEMORY, Label, Memory
from bedrock_autoscaler.domain.thresholds import Classifying
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE
from benchmarks.naive_classifiers import NAIVE, SYNTETOS, cut_score, syntetos_boylan

TICK_MINUTES = 15
"""The shipped period of the capacity loop."""
SETTLING_MINUTES = 3
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
SHIPPED = "this classifier"
_HISTORY = 14 * 1440
_HOUR = 60
_RULES: Classifying = ClassifyingDocument().to_domain()
_PLAIN = replace(
    _RULES,
    hysteresis=0.0,
    confirmations_to_steady=1,
    confirmations_to_unsteady=1,
    quiet_hours=1_000_000,
)
_COMPUTED = replace(_RULES, burstiness=None)
VARIANTS: Mapping[str, tuple[Classifying, float | None]] = {
    "... without hysteresis": (_PLAIN, None),
    "... limit from u* = .4": (_COMPUTED, 0.4),
    "... limit from u* = .65": (_COMPUTED, 0.65),
    "... limit from u* = .85": (_COMPUTED, 0.85),
}
"""The same features under other rules: (rules, break-even)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What each design called a history.

    Attributes:
        hours: minutes, from the start of the history, of the hourly reviews.
        labels: of each design at each of them.
        spikes: minutes of the ticks whose spike flag was up.
    """

    hours: tuple[int, ...]
    labels: Mapping[str, tuple[Label, ...]]
    spikes: tuple[int, ...]


def run_designs(
    load: Series, calls: Series, cuts: Mapping[str, float], start: datetime = MONDAY
) -> Run:
    """Every design over a history of minutes, from its first tick to its end."""
    labels: dict[str, list[Label]] = {name: [] for name in (SHIPPED, *VARIANTS, SYNTETOS, *cuts)}
    memory, memories = NO_MEMORY, dict.fromkeys(VARIANTS, NO_MEMORY)
    hours, spikes = [], []
    for minute in range(TICK_MINUTES, len(load) + 1, TICK_MINUTES):
        demand = _seen(load, calls, minute, start)
        found, memory = classify(
            demand, rules=_RULES, break_even=None, memory=memory, now=start + minute * MINUTE
        )
        if found.spike:
            spikes.append(minute)
        if minute % _HOUR:
            continue
        hours.append(minute)
        labels[SHIPPED].append(found.label)
        for name, label in _variants(Features(**dict(found.features)), memories):
            labels[name].append(label)
        for name, label in _naive(demand, cuts):
            labels[name].append(label)
    return Run(
        hours=tuple(hours),
        labels={name: tuple(found) for name, found in labels.items()},
        spikes=tuple(spikes),
    )


def naive_scores(load: Series, calls: Series, minutes: range) -> dict[str, Series]:
    """The scores of the naive designs at these minutes, to set their cuts by."""
    seen = [_seen(load, calls, minute, MONDAY) for minute in minutes]
    return {
        name: np.array([naive.score(demand.load, demand.requests) for demand in seen])
        for name, naive in NAIVE.items()
    }


def _seen(load: Series, calls: Series, minute: int, start: datetime) -> Demand:
    """The settled minutes of the last two weeks, as the loop sees them at this minute."""
    end = max(minute - SETTLING_MINUTES, 0)
    first = max(end - _HISTORY, 0)
    return Demand(start=start + first * MINUTE, load=load[first:end], requests=calls[first:end])


def _variants(features: Features, memories: dict[str, Memory]) -> Iterator[tuple[str, Label]]:
    for name, (rules, break_even) in VARIANTS.items():
        found, memories[name] = review(
            features, rules=rules, break_even=break_even, memory=memories[name]
        )
        yield name, found.label


def _naive(demand: Demand, cuts: Mapping[str, float]) -> Iterator[tuple[str, Label]]:
    yield SYNTETOS, syntetos_boylan(demand.load, demand.requests)
    for name, cut in cuts.items():
        yield name, cut_score(NAIVE[name].score(demand.load, demand.requests), cut)
