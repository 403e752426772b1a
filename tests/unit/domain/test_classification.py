from dataclasses import replace
from datetime import timedelta

import pytest

from bedrock_autoscaler.domain.classes.classification import classify, review
from bedrock_autoscaler.domain.classes.features import Features
from bedrock_autoscaler.domain.classes.labels import burstiness_limit, first_match, verdict_of
from bedrock_autoscaler.domain.decision import NO_MEMORY, Classification, Label, Memory, Verdict
from bedrock_autoscaler.domain.traffic.demand import Demand
from tests.builders import NOW, THRESHOLDS
from tests.unit.domain.worlds import DAY, build_demand

RULES = THRESHOLDS.classifying
COMPUTED = replace(RULES, burstiness=None)
LIMIT = 0.3
CALM = Features(
    hours=168.0,
    recent_hours=72.0,
    requests_per_day=100_000.0,
    interval=1.0,
    seasonal_skill=0.0,
    burstiness=0.1,
    burstiness_robust=0.1,
    burstiness_day=0.1,
    wander=0.1,
    wander_lasting=0.1,
    episodes=0.0,
    trend_per_week=0.0,
    trend_z=0.0,
    shot_noise=1.0,
    lot=1.0,
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
        ({"burstiness": 0.31, "burstiness_robust": 0.31}, Label.BURSTY),
        # A single bad spell is in the first figure, not in the second.
        ({"burstiness": 5.0, "burstiness_robust": 0.1}, Label.STEADY),
        ({"episodes": 3.0, "burstiness_day": 0.5}, Label.BURSTY),
        ({"episodes": 2.0, "burstiness_day": 0.5}, Label.STEADY),
        # A fall by a tenth is less steep than it looks: 1 / 0.9 = 1.111; 1 / 0.91 = 1.099.
        ({"trend_per_week": -0.10, "trend_z": -2.4}, Label.TRENDING),
        ({"trend_per_week": -0.09, "trend_z": -2.4}, Label.STEADY),
        ({"trend_per_week": 0.14, "trend_z": 2.2}, Label.STEADY),
        # Slow variation, and the same made by one step or one crowd.
        ({"wander": 0.41, "wander_lasting": 0.29}, Label.DRIFTING),
        ({"wander": 0.41, "wander_lasting": 0.27}, Label.STEADY),
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
        ({"burstiness": 0.23, "burstiness_robust": 0.23}, Label.BURSTY),
        ({"burstiness": 0.37, "burstiness_robust": 0.37}, Label.STEADY),
        ({"trend_per_week": 0.08, "trend_z": 1.8}, Label.TRENDING),
        ({"wander": 0.31, "wander_lasting": 0.22}, Label.DRIFTING),
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
    assert burstiness_limit(COMPUTED, 0.5) == pytest.approx(0.696, abs=0.001)
    assert burstiness_limit(COMPUTED, 0.9) == pytest.approx(0.343, abs=0.001)
    assert burstiness_limit(COMPUTED, 5.0) == burstiness_limit(COMPUTED, 0.9)
    assert burstiness_limit(COMPUTED, 0.0) == burstiness_limit(COMPUTED, 0.3)


def test_the_limit_has_a_default_and_may_be_fixed() -> None:
    assert burstiness_limit(COMPUTED, None) == 0.45
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


IDLE = build_demand((2 * DAY, 0.0))
EVEN = build_demand((2 * DAY, 1.0))
STEADY = replace(
    NO_MEMORY, label=Label.STEADY, candidate=Label.STEADY, decided_at=NOW - timedelta(hours=1)
)


def classes_of(
    demand: Demand, memory: Memory, *, minutes_apart: int, times: int
) -> list[Classification]:
    """What unchanging demand is called at decisions so far apart."""
    found = []
    for number in range(times):
        now = NOW + timedelta(minutes=number * minutes_apart)
        classification, memory = classify(
            demand, rules=RULES, break_even=0.5, memory=memory, now=now
        )
        found.append(classification)
    return found


def labels_of(demand: Demand, memory: Memory, *, minutes_apart: int, times: int) -> list[Label]:
    found = classes_of(demand, memory, minutes_apart=minutes_apart, times=times)
    return [classification.label for classification in found]


def test_the_first_class_is_taken_on_at_once() -> None:
    assert labels_of(IDLE, NO_MEMORY, minutes_apart=15, times=1) == [Label.IDLE]


def test_another_class_must_show_in_two_hours_in_a_row() -> None:
    assert labels_of(IDLE, STEADY, minutes_apart=60, times=3) == [
        Label.STEADY,
        Label.IDLE,
        Label.IDLE,
    ]


def test_a_class_is_reviewed_once_an_hour_however_often_is_decided() -> None:
    # At 12:00, 12:15, 12:30 and 12:45 the first review counts; at 13:00 the second.
    assert labels_of(IDLE, STEADY, minutes_apart=15, times=5) == [Label.STEADY] * 4 + [Label.IDLE]


def test_between_two_reviews_the_last_class_stands() -> None:
    first, memory = classify(EVEN, rules=RULES, break_even=0.5, memory=NO_MEMORY, now=NOW)
    later = NOW + timedelta(minutes=59)

    second, after = classify(IDLE, rules=RULES, break_even=0.5, memory=memory, now=later)

    assert second.features == first.features
    assert after == memory


def test_missed_hours_are_caught_up_by_one_review() -> None:
    # After a pause of five hours one review, not five: the second says idle.
    assert labels_of(IDLE, STEADY, minutes_apart=300, times=2) == [Label.STEADY, Label.IDLE]


def test_a_steady_class_takes_twelve_hours_to_come_back() -> None:
    memory = replace(STEADY, label=Label.IDLE, candidate=Label.IDLE)

    found = labels_of(EVEN, memory, minutes_apart=60, times=13)

    assert found == [Label.IDLE] * 11 + [Label.STEADY] * 2


def reviewed(features: Features, memory: Memory, *, times: int) -> list[Label]:
    """The class after each of so many reviews of the same features."""
    found = []
    for _ in range(times):
        classification, memory = review(features, rules=RULES, break_even=0.5, memory=memory)
        found.append(classification.label)
    return found


BURSTY = replace(NO_MEMORY, label=Label.BURSTY, candidate=Label.BURSTY)


def test_a_quiet_day_ends_bursty_although_older_bursts_are_still_seen() -> None:
    # The newest 24 hours vary less than half of the limit of 0.3; the days before them more.
    calmer = replace(CALM, burstiness=0.6, burstiness_robust=0.6, burstiness_day=0.14)

    assert reviewed(calmer, BURSTY, times=12) == [Label.BURSTY] * 11 + [Label.STEADY]


def test_a_day_that_is_not_quite_calm_keeps_bursty() -> None:
    restless = replace(CALM, burstiness=0.6, burstiness_robust=0.6, burstiness_day=0.16)

    assert reviewed(restless, BURSTY, times=30) == [Label.BURSTY] * 30


def test_days_that_were_hardly_read_say_nothing_against_the_class() -> None:
    unread = replace(CALM, recent_hours=11.0)

    assert reviewed(unread, BURSTY, times=30) == [Label.BURSTY] * 30


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
    # No bursts at all: the whole limit is left.
    assert margins["burstiness"] == pytest.approx(-0.3)
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
