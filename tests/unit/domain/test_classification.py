from dataclasses import replace
from datetime import timedelta

import pytest

from bedrock_autoscaler.domain.classification import (
    burstiness_limit,
    classify,
    first_match,
    verdict_of,
)
from bedrock_autoscaler.domain.decision import NO_MEMORY, Label, Memory, Verdict
from bedrock_autoscaler.domain.features import Features
from tests.builders import NOW, THRESHOLDS
from tests.unit.domain.worlds import build_demand

RULES = THRESHOLDS.classifying
LIMIT = 0.45
DAY = 1440
CALM = Features(
    hours=168.0,
    requests_per_day=100_000.0,
    interval=1.0,
    seasonal_skill=0.0,
    burstiness=0.1,
    burstiness_robust=0.1,
    burstiness_day=0.1,
    wander=0.1,
    episodes=0.0,
    trend_per_week=0.0,
    trend_z=0.0,
)


@pytest.mark.parametrize(
    ("changed", "label"),
    [
        ({}, Label.STEADY),
        ({"hours": 23.9}, Label.UNKNOWN),
        ({"requests_per_day": 11.9}, Label.IDLE),
        # Foretold well although it also bursts; foretold somewhat and calm.
        ({"seasonal_skill": 0.81, "burstiness": 2.0, "burstiness_robust": 2.0}, Label.SEASONAL),
        ({"seasonal_skill": 0.51}, Label.SEASONAL),
        ({"seasonal_skill": 0.79, "burstiness": 2.0, "burstiness_robust": 2.0}, Label.BURSTY),
        ({"interval": 3.0}, Label.INTERMITTENT),
        ({"burstiness": 0.5, "burstiness_robust": 0.5}, Label.BURSTY),
        # A single bad spell is in the first figure, not in the second.
        ({"burstiness": 5.0, "burstiness_robust": 0.1}, Label.STEADY),
        ({"episodes": 3.0, "burstiness_day": 0.5}, Label.BURSTY),
        ({"episodes": 2.0, "burstiness_day": 0.5}, Label.STEADY),
        ({"trend_per_week": -0.14, "trend_z": -2.7}, Label.TRENDING),
        ({"trend_per_week": 0.14, "trend_z": 2.5}, Label.STEADY),
        ({"wander": 0.41}, Label.DRIFTING),
    ],
)
def test_the_first_rule_that_holds_gives_the_class(changed: dict[str, float], label: Label) -> None:
    features = replace(CALM, **changed)

    assert first_match(features, RULES, LIMIT, favoured=Label.UNKNOWN) is label


@pytest.mark.parametrize(
    ("changed", "current"),
    [
        # Each lies a quarter beyond its threshold or less, on the side of another class.
        ({"requests_per_day": 15.9}, Label.IDLE),
        ({"seasonal_skill": 0.38}, Label.SEASONAL),
        ({"interval": 2.2}, Label.INTERMITTENT),
        ({"burstiness": 0.34, "burstiness_robust": 0.34}, Label.BURSTY),
        ({"burstiness": 0.56, "burstiness_robust": 0.56}, Label.STEADY),
        ({"trend_per_week": 0.10, "trend_z": 2.0}, Label.TRENDING),
        ({"wander": 0.31}, Label.DRIFTING),
    ],
)
def test_the_class_in_force_gets_the_benefit_of_the_doubt(
    changed: dict[str, float], current: Label
) -> None:
    features = replace(CALM, **changed)

    assert first_match(features, RULES, LIMIT, favoured=current) is current
    assert first_match(features, RULES, LIMIT, favoured=Label.UNKNOWN) is not current


def test_the_limit_on_bursts_falls_as_units_get_dearer() -> None:
    # 0.28 - 0.60 ln 0.5 = 0.28 + 0.416 = 0.696; outside 0.3 to 0.9 the fit ends.
    assert burstiness_limit(RULES, 0.5) == pytest.approx(0.696, abs=0.001)
    assert burstiness_limit(RULES, 0.9) == pytest.approx(0.343, abs=0.001)
    assert burstiness_limit(RULES, 5.0) == burstiness_limit(RULES, 0.9)
    assert burstiness_limit(RULES, 0.0) == burstiness_limit(RULES, 0.3)


def test_the_limit_has_a_default_and_may_be_fixed() -> None:
    assert burstiness_limit(RULES, None) == LIMIT
    assert burstiness_limit(replace(RULES, burstiness=0.6), 0.5) == 0.6


@pytest.mark.parametrize(
    ("label", "verdict"),
    [
        (Label.UNKNOWN, Verdict.UNKNOWN),
        (Label.STEADY, Verdict.STEADY),
        (Label.SEASONAL, Verdict.STEADY),
        (Label.TRENDING, Verdict.STEADY),
        (Label.IDLE, Verdict.BURSTY),
        (Label.INTERMITTENT, Verdict.BURSTY),
        (Label.DRIFTING, Verdict.BURSTY),
        (Label.BURSTY, Verdict.BURSTY),
    ],
)
def test_the_verdict_follows_from_the_class(label: Label, verdict: Verdict) -> None:
    assert verdict_of(label) is verdict


def classes_of_idle_hours(memory: Memory, *, minutes_apart: int, times: int) -> list[Label]:
    """The class of silent traffic at decisions so far apart."""
    found = []
    for number in range(times):
        now = NOW + timedelta(minutes=number * minutes_apart)
        classification, memory = classify(
            build_demand((2 * DAY, 0.0)), rules=RULES, break_even=0.5, memory=memory, now=now
        )
        memory = replace(memory, decided_at=now)
        found.append(classification.label)
    return found


STEADY = replace(
    NO_MEMORY, label=Label.STEADY, candidate=Label.STEADY, decided_at=NOW - timedelta(hours=1)
)


def test_the_first_class_is_taken_on_at_once() -> None:
    assert classes_of_idle_hours(NO_MEMORY, minutes_apart=15, times=1) == [Label.IDLE]


def test_another_class_must_show_in_two_hours_in_a_row() -> None:
    assert classes_of_idle_hours(STEADY, minutes_apart=60, times=3) == [
        Label.STEADY,
        Label.IDLE,
        Label.IDLE,
    ]


def test_a_class_is_reviewed_once_an_hour_however_often_is_decided() -> None:
    # At 12:00, 12:15, 12:30 and 12:45 the first review counts; at 13:00 the second.
    assert classes_of_idle_hours(STEADY, minutes_apart=15, times=5) == [Label.STEADY] * 4 + [
        Label.IDLE
    ]


def test_a_steady_class_takes_twelve_hours_to_come_back() -> None:
    memory = replace(STEADY, label=Label.IDLE, candidate=Label.IDLE)
    found = []
    for hour in range(13):
        now = NOW + timedelta(hours=hour)
        classification, memory = classify(
            build_demand((2 * DAY, 1.0)), rules=RULES, break_even=0.5, memory=memory, now=now
        )
        memory = replace(memory, decided_at=now)
        found.append(classification.label)

    assert found == [Label.IDLE] * 11 + [Label.STEADY] * 2


def test_a_candidate_that_changes_starts_again() -> None:
    memory = replace(STEADY, candidate=Label.BURSTY, confirmations=1)

    classification, after = classify(
        build_demand((2 * DAY, 0.0)), rules=RULES, break_even=0.5, memory=memory, now=NOW
    )

    assert classification.label is Label.STEADY
    assert (after.candidate, after.confirmations) == (Label.IDLE, 1)


def test_a_class_carries_its_evidence() -> None:
    classification, _ = classify(
        build_demand((2 * DAY, 1.0)), rules=RULES, break_even=0.5, memory=NO_MEMORY, now=NOW
    )

    margins = dict(classification.margins)
    assert classification.label is Label.STEADY
    assert dict(classification.features)["hours"] == pytest.approx(48, abs=0.2)
    # No bursts at all: the whole limit of 0.696 is left.
    assert margins["burstiness"] == pytest.approx(-0.696, abs=0.001)
    # 0.4 + 0.3 x 48 / 168 + 0.3 for a clear distance.
    assert classification.confidence == pytest.approx(0.786, abs=0.001)


def test_disagreement_halves_the_confidence() -> None:
    classification, _ = classify(
        build_demand((2 * DAY, 0.0)), rules=RULES, break_even=0.5, memory=STEADY, now=NOW
    )

    assert classification.confidence == pytest.approx(0.786 / 2, abs=0.001)


def test_nothing_is_known_with_no_confidence() -> None:
    classification, _ = classify(
        build_demand((60, 1.0)), rules=RULES, break_even=0.5, memory=NO_MEMORY, now=NOW
    )

    assert classification.label is Label.UNKNOWN
    assert classification.confidence == 0.0
