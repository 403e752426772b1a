"""What holds for the class of any traffic."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.domain.classes.classification import classify
from bedrock_autoscaler.domain.decision import NO_MEMORY, Classification
from bedrock_autoscaler.domain.target import UnitRate
from bedrock_autoscaler.domain.traffic.demand import Demand, estimate_demand
from bedrock_autoscaler.domain.traffic.joining import combine
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, THRESHOLDS, UNIT_RATE, build_traffic

RULES = THRESHOLDS.classifying
DAYS = 5
WEEK_BINS = 2016
quick = settings(max_examples=40, deadline=None)


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """Five days: an even level, a daily cycle, or bursts, at few or many calls."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    minutes = np.arange(DAYS * 1440)
    depth = draw(st.sampled_from([0.0, 0.5, 0.95]))
    burst = draw(st.sampled_from([1.0, 3.0, 12.0]))
    rate = 1.0 + depth * np.cos(2 * np.pi * minutes / 1440)
    rate *= np.where(np.repeat(random.random(len(minutes) // 20) < 0.15, 20), burst, 1.0)
    calls = random.poisson(rate * draw(st.sampled_from([0.002, 0.5, 40.0]))).astype(np.float64)
    return build_traffic(
        len(minutes),
        invocations=calls,
        input_tokens=calls * random.integers(500, 3000, len(calls)),
        output_tokens=calls * random.integers(50, 300, len(calls)),
    )


def classified(traffic: Traffic, rate: UnitRate = UNIT_RATE) -> Classification:
    return classified_demand(estimate_demand(traffic, rate, 3.0))


def classified_demand(demand: Demand) -> Classification:
    found, _ = classify(demand, rules=RULES, break_even=0.5, memory=NO_MEMORY, now=NOW)
    event(found.label)
    return found


@quick
@given(traffics(), st.sampled_from([0.125, 3.0, 64.0]))
def test_scaling_tokens_and_the_unit_rate_alike_keeps_class_and_spike(
    traffic: Traffic, factor: float
) -> None:
    assert UNIT_RATE.output_tokens_per_minute is not None
    larger = replace(
        traffic,
        input_tokens=traffic.input_tokens * factor,
        output_tokens=traffic.output_tokens * factor,
    )
    rate = replace(
        UNIT_RATE,
        input_tokens_per_minute=UNIT_RATE.input_tokens_per_minute * factor,
        output_tokens_per_minute=UNIT_RATE.output_tokens_per_minute * factor,
    )

    before, after = classified(traffic), classified(larger, rate)

    assert (after.label, after.verdict) == (before.label, before.verdict)
    assert after.spike == before.spike


@quick
@given(traffics(), st.sampled_from([2.0, 37.0, 4000.0]))
def test_a_trace_at_another_volume_has_the_same_class(traffic: Traffic, times: float) -> None:
    """Also where few calls a minute become many: they come in lots then."""
    larger = replace(traffic, **{name: getattr(traffic, name) * times for name in METRICS})

    assert classified(larger).label is classified(traffic).label


@quick
@given(traffics(), st.permutations(range(4)))
def test_the_order_of_model_ids_does_not_change_the_class(
    traffic: Traffic, order: Sequence[int]
) -> None:
    # A quarter of the calls each, but for what whole numbers leave over.
    shares = [np.floor((traffic.invocations + index) / 4) for index in range(4)]
    parts = [
        replace(
            traffic,
            invocations=share,
            input_tokens=share * 1000,
            output_tokens=share * (50 + index),
        )
        for index, share in enumerate(shares)
    ]

    permuted = combine([parts[index] for index in order])

    assert classified(permuted) == classified(combine(parts))


@quick
@given(traffics(), st.integers(1, 200))
def test_minutes_that_are_not_read_do_not_count_as_silence(traffic: Traffic, every: int) -> None:
    """One minute in `every` six or more is lost; bins are scaled up from the rest."""
    lost = np.arange(len(traffic)) % (every + 5) == 0
    gaps = Traffic(
        start=traffic.start,
        **{name: np.where(lost, np.nan, getattr(traffic, name)) for name in METRICS},
    )
    whole, with_gaps = (dict(classified(one).features) for one in (traffic, gaps))

    assert with_gaps["hours"] == whole["hours"]
    assert with_gaps["requests_per_day"] >= 0.5 * whole["requests_per_day"] - 12
    # Bins with traffic: those whose only calls were lost are gone, by chance up to a dozen more.
    assert 1 / with_gaps["interval"] >= 0.5 / whole["interval"] - 12 / WEEK_BINS


@quick
@given(traffics(), st.integers(1, 59))
def test_deciding_again_within_the_hour_changes_nothing(traffic: Traffic, minutes: int) -> None:
    demand = estimate_demand(traffic, UNIT_RATE, 3.0)
    first, memory = classify(demand, rules=RULES, break_even=0.5, memory=NO_MEMORY, now=NOW)

    again, after = classify(
        demand, rules=RULES, break_even=0.5, memory=memory, now=NOW + minutes * MINUTE
    )

    assert (again, after) == (first, memory)
