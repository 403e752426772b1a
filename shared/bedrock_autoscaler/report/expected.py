"""What a decision expected, and how sure it was: the class, demand, trust, units and the money."""

import re
from collections.abc import Iterator, Mapping

from bedrock_autoscaler.domain.decision import Classification, Decision, Memory

_LEAST_SHOWN = 0.005
_WEIGHT, _WORTH = "weight_", re.compile(r"worth_of_unit_(\d+)_usd_per_hour")
_TOLD = re.compile(
    r"demand_p[\d.]+_units|(use|worth|keeping|trust_that|weight|units?|first|purchase)_\w+"
)
"""Numbers that the sentences here have told already."""


def expected_lines(decision: Decision) -> Iterator[str]:
    """The forecast of a decision as sentences; further numbers by their name."""
    if decision.classification is not None:
        yield from _class_lines(decision.classification)
    numbers = dict(decision.numbers)
    yield from _demand_lines(numbers, decision.memory)
    yield from _trust_lines(numbers)
    yield from _unit_lines(numbers)
    yield from _money_lines(numbers, decision.memory)
    for name, value in numbers.items():
        if not _TOLD.fullmatch(name):
            yield f"{name.replace('_', ' ')}: {value:,.6g}"


def _class_lines(classification: Classification) -> Iterator[str]:
    yield (
        f"class {classification.label.value} ({classification.verdict.value}), "
        f"confidence {classification.confidence:.2f}"
        f"{', spike: far above what this time of day asks for' if classification.spike else ''}"
    )
    features = ", ".join(f"{name} {value:.4g}" for name, value in classification.features)
    if features:
        yield f"features: {features}"
    margins = ", ".join(f"{name} {value:+.4g}" for name, value in classification.margins)
    if margins:
        yield f"above (+) or below (-) the threshold by: {margins}"


def _demand_lines(numbers: Mapping[str, float], memory: Memory) -> Iterator[str]:
    """The central intervals, and how often demand fell inside of them lately."""
    try:
        median, low_80, high_80, low_95, high_95 = (
            numbers[f"demand_p{percentile}_units"]
            for percentile in ("50", "10", "90", "2.5", "97.5")
        )
    except KeyError:
        return
    yield (
        f"demand while a unit ordered now would serve: {median:.2f} units in half of the minutes "
        f"or fewer, {low_80:.2f} to {high_80:.2f} in 80% of them, {low_95:.2f} to {high_95:.2f} in "
        "95%"
    )
    seen = memory.calibration
    if seen.judged:
        yield (
            f"of {seen.judged:,.0f} minutes judged lately {seen.within_80:.0%} fell into the 80% "
            f"interval, {seen.within_95:.0%} into that of 95%"
        )


def _trust_lines(numbers: Mapping[str, float]) -> Iterator[str]:
    """The look-back windows that are trusted, the most trusted first."""
    weights = [
        (value, name.removeprefix(_WEIGHT))
        for name, value in numbers.items()
        if name.startswith(_WEIGHT) and value >= _LEAST_SHOWN
    ]
    if weights:
        ranked = sorted(weights, key=lambda weight: (-weight[0], weight[1]))
        told = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for value, name in ranked)
        yield f"trust in what was seen: {told}"


def _unit_lines(numbers: Mapping[str, float]) -> Iterator[str]:
    """What each unit would do and avoid, and how much of the trust agrees that it pays."""
    for match in filter(None, map(_WORTH.fullmatch, numbers)):
        unit, worth = match[1], numbers[match[0]]
        use, trust = numbers.get(f"use_of_unit_{unit}"), numbers.get(f"trust_that_unit_{unit}_pays")
        keeping = numbers.get(f"keeping_unit_{unit}_usd_per_hour")
        if use is None or trust is None or keeping is None:
            continue
        yield (
            f"unit {unit}: in use {use:.2f}, avoids {worth:,.2f} USD an hour ({keeping:,.2f} if it "
            f"is held already); windows with {trust:.0%} of the trust say that it pays"
        )


def _money_lines(numbers: Mapping[str, float], memory: Memory) -> Iterator[str]:
    """From which worth on units are bought and kept, and what they have saved so far."""
    first = numbers.get("first_unit_is_bought_from_usd_per_hour")
    further = numbers.get("units_are_bought_from_usd_per_hour")
    kept = numbers.get("units_are_kept_from_usd_per_hour")
    if first is None or further is None or kept is None:
        return
    with_it = "" if first == further else f" (those bought with it from {further:,.2f})"
    yield (f"a unit is bought from {first:,.2f} USD an hour on{with_it} and kept from {kept:,.2f}")
    purchase = numbers.get("purchase_is_worth_usd_per_hour")
    if purchase is not None:
        yield (
            "purchases of the day run short: units that only avoid throttling must together be "
            f"worth {purchase:,.2f} USD an hour above that"
        )
    saved = memory.balance.saved_usd
    verb = "saved" if saved >= 0 else "lost"
    yield (
        f"units have {verb} {abs(saved):,.2f} USD so far, of traffic worth "
        f"{memory.balance.traffic_usd:,.2f} on demand (money of two weeks ago counts half)"
    )
