from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.classes.classification import classify
from bedrock_autoscaler.domain.classes.spike import measure_spike
from bedrock_autoscaler.domain.decision import NO_MEMORY, Classification, Label, Memory
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, THRESHOLDS
from tests.unit.domain.worlds import DAY, build_demand

RULES = THRESHOLDS.classifying
NAN = float("nan")


def flagged(demand: Demand) -> bool:
    spike = measure_spike(demand, shot_noise=1.0, lot=1.0, rules=RULES)
    assert spike is not None
    return spike.is_flagged(RULES)


def test_more_than_three_times_the_usual_is_a_spike() -> None:
    assert flagged(build_demand((8 * DAY, 1.0), (5, 3.1)))
    assert not flagged(build_demand((8 * DAY, 1.0), (5, 2.9)))


def test_the_limit_and_the_demand_are_of_five_minutes() -> None:
    spike = measure_spike(
        build_demand((8 * DAY, 1.0), (5, 6.0)), shot_noise=1.0, lot=1.0, rules=RULES
    )

    assert spike is not None
    assert spike.demand == pytest.approx(30.0)
    assert spike.limit == pytest.approx(15.0)


def test_the_newest_five_minutes_count_wherever_the_clock_stands() -> None:
    # Three minutes at 6 and two at 1 are 20 units, above 3 x 5; two at 6 and three at 1 are 15.
    assert flagged(build_demand((8 * DAY, 1.0), (3, 6.0)))
    assert flagged(build_demand((8 * DAY + 2, 1.0), (3, 6.0)))
    assert not flagged(build_demand((8 * DAY, 1.0), (2, 6.0)))


def test_what_this_time_of_day_does_on_most_days_is_no_spike() -> None:
    # Eight days with ten times the demand for half an hour, 20 minutes to either side of now.
    day = np.ones(DAY)
    day[-20:] = 10.0
    late = np.concatenate([np.tile(day, 8), np.ones(DAY - 40), np.full(5, 10.0)])

    assert not flagged(Demand(start=NOW - len(late) * MINUTE, load=late, requests=late * 100))


def test_what_it_did_on_one_day_alone_is_a_spike_again() -> None:
    day = np.ones(DAY)
    crowd = day.copy()
    crowd[-20:] = 10.0
    load = np.concatenate([np.tile(day, 6), crowd, day[:-5], np.full(5, 10.0)])

    assert flagged(Demand(start=NOW - len(load) * MINUTE, load=load, requests=load * 100))


def test_a_level_that_has_risen_for_hours_is_expected() -> None:
    # Twice the level for six hours; five times it is not three times today's level.
    assert not flagged(build_demand((8 * DAY, 1.0), (375, 2.0), (5, 5.0)))


def test_a_spike_that_lasts_becomes_the_level() -> None:
    assert flagged(build_demand((8 * DAY, 1.0), (60, 8.0)))
    assert not flagged(build_demand((8 * DAY, 1.0), (80, 8.0)))


def test_the_return_of_usual_demand_after_a_lull_is_no_spike() -> None:
    # The lull halves the expectation at most: 1 is twice 0.5, not three times.
    assert not flagged(build_demand((8 * DAY, 1.0), (400, 0.0), (5, 1.0)))


def test_chance_and_few_calls_are_no_spike() -> None:
    # 0.02 units are 2 calls a minute, 10 in 5 minutes, 0.1 units. Six roots of 10 calls are 19:
    # more than 30 calls are beyond both, 28 beyond neither.
    assert flagged(build_demand((8 * DAY, 0.02), (5, 0.062)))
    assert not flagged(build_demand((8 * DAY, 0.02), (5, 0.056)))
    # 2.5 calls expected, 19 seen: above three times and six roots, but below 20.
    assert not flagged(build_demand((8 * DAY, 0.005), (5, 0.038)))
    assert flagged(build_demand((8 * DAY, 0.005), (5, 0.042)))


@pytest.mark.parametrize(
    "pieces",
    [
        [(DAY - 10, 1.0), (5, 9.0)],
        [(8 * DAY, 1.0), (5, NAN)],
        [(2 * DAY, NAN), (5, 9.0)],
        [(4, 9.0)],
        [(0, 0.0)],
    ],
)
def test_nothing_is_said_without_the_newest_minutes_or_a_day_to_compare(
    pieces: list[tuple[int, float]],
) -> None:
    demand = build_demand(*pieces)

    assert measure_spike(demand, shot_noise=1.0, lot=1.0, rules=RULES) is None


def test_unread_minutes_of_other_days_are_left_out() -> None:
    # The same hours of four of seven days were not read.
    load = np.ones(8 * DAY + 5)
    for day in (1, 3, 4, 6):
        load[-day * DAY - 120 : -day * DAY + 120] = NAN
    load[-5:] = 3.1
    demand = Demand(start=NOW - len(load) * MINUTE, load=load, requests=load * 100)

    assert flagged(demand)


def classified(demand: Demand, memory: Memory) -> Classification:
    classification, _ = classify(demand, rules=RULES, break_even=0.5, memory=memory, now=NOW)
    return classification


def test_the_flag_comes_with_the_class_and_its_margin() -> None:
    classification = classified(build_demand((8 * DAY, 1.0), (5, 6.0)), NO_MEMORY)

    assert (classification.label, classification.spike) == (Label.STEADY, True)
    # Every minute has a multiple of 100 calls, so that they come in lots, five of them expected:
    # 5 + 6 roots of 5 are 18.42, and 30 were seen.
    assert dict(classification.margins)["spike_demand"] == pytest.approx(11.58, abs=0.01)


@pytest.mark.parametrize("label", [Label.BURSTY, Label.INTERMITTENT])
def test_a_burst_of_bursty_traffic_is_no_spike(label: Label) -> None:
    memory = replace(NO_MEMORY, label=label, candidate=label)

    assert not classified(build_demand((8 * DAY, 1.0), (5, 6.0)), memory).spike


def test_the_flag_follows_each_decision_although_the_class_is_kept() -> None:
    calm = build_demand((8 * DAY, 1.0))
    crowd = build_demand((8 * DAY, 1.0), (5, 6.0))
    _, memory = classify(calm, rules=RULES, break_even=0.5, memory=NO_MEMORY, now=NOW)

    at_quarter, memory = classify(
        crowd, rules=RULES, break_even=0.5, memory=memory, now=NOW + 15 * MINUTE
    )
    at_half, memory = classify(calm, rules=RULES, break_even=0.5, memory=memory, now=NOW + HOUR / 2)

    assert (at_quarter.spike, at_half.spike) == (True, False)
    assert memory.classified_at == NOW
