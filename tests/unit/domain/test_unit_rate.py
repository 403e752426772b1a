"""The unit rate from what a provisioned throughput served and refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.domain.target import RateCombination, UnitRate
from bedrock_autoscaler.domain.traffic.demand import unit_load
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.unit_rates.estimate import (
    UnitTraffic,
    latest_measurement,
    measure_unit_rate,
)
from bedrock_autoscaler.domain.unit_rates.rates import (
    Proportions,
    RateKind,
    RateMeasurement,
    scaled,
)
from bedrock_autoscaler.domain.unit_rates.saturation import Attempts
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import (
    NOW,
    UNIT_RATE,
    build_provisioned,
    build_rate_measurement,
    build_traffic,
)
from tests.unit.domain.buckets import throttled_traffic

ATTEMPTS = Attempts(fewest=1.0, most=3.0)
SUM = replace(UNIT_RATE, combination=RateCombination.SUM)


def measured(
    *traffic: Traffic, stated: UnitRate | None = UNIT_RATE, units: int = 2
) -> RateMeasurement | None:
    throughputs = [UnitTraffic(model_units=units, traffic=one) for one in traffic]
    bought = build_provisioned(unit_rate=stated)
    return measure_unit_rate(throughputs, bought, attempts=ATTEMPTS, at=NOW)


def factor(measurement: RateMeasurement | None, traffic: Traffic, truth: UnitRate) -> float:
    """How many true units a measured one is, for the mix of this traffic."""
    assert measurement is not None
    mix = (np.array([traffic.input_tokens.sum()]), np.array([traffic.output_tokens.sum()]))
    return float((unit_load(*mix, truth) / unit_load(*mix, measurement.rate))[0])


@pytest.mark.parametrize(("load", "swing"), [(0.6, 0.7), (0.8, 0.5)])
@pytest.mark.parametrize("truth", [UNIT_RATE, SUM], ids=["two limits", "weighted sum"])
def test_a_stated_rate_that_is_wrong_is_found_out(
    truth: UnitRate, load: float, swing: float
) -> None:
    traffic = throttled_traffic(truth, load=load, swing=swing)

    found = measured(traffic, stated=scaled(truth, 1.4))

    assert found is not None
    assert found.kind is RateKind.MEASURED
    assert factor(found, traffic, truth) == pytest.approx(1.0, abs=0.04)
    assert found.low * factor(found, traffic, truth) < 1.0 < (found.high or 0) * 1.04
    assert found.proportions is Proportions.STATED
    assert found.rate.combination is truth.combination


def test_without_a_stated_rate_the_mix_that_was_seen_is_measured() -> None:
    traffic = throttled_traffic(SUM, load=0.8)

    found = measured(traffic, stated=None)

    assert found is not None
    assert found.kind is RateKind.MEASURED
    assert factor(found, traffic, SUM) == pytest.approx(1.0, abs=0.04)


def test_different_mixes_tell_what_an_output_token_weighs() -> None:
    # In truth one output token weighs as much as 1,000,000 / 300,000 = 3.33 input tokens.
    traffic = throttled_traffic(SUM, load=0.9, two_kinds=True)

    found = measured(traffic, stated=None)

    assert found is not None
    assert found.proportions is Proportions.MEASURED
    assert found.rate.combination is RateCombination.SUM
    assert found.rate.output_tokens_per_minute is not None
    weight = found.rate.input_tokens_per_minute / found.rate.output_tokens_per_minute
    assert weight == pytest.approx(3.33, rel=0.15)


def test_two_limits_are_told_from_a_sum() -> None:
    traffic = throttled_traffic(UNIT_RATE, load=0.9, two_kinds=True)

    found = measured(traffic, stated=None)

    assert found is not None
    assert found.proportions is Proportions.MEASURED
    assert found.rate.combination is RateCombination.LARGER


def test_little_traffic_gives_a_lower_bound_and_says_so() -> None:
    traffic = throttled_traffic(UNIT_RATE, load=0.3)

    found = measured(traffic)

    assert found is not None
    assert found.kind is RateKind.LOWER_BOUND
    assert found.high is None
    assert found.low == 1.0
    assert 0.3 < factor(found, traffic, UNIT_RATE) < 1.0
    assert "lower bound" in found.rate.source


def test_quarter_hours_without_refusals_make_the_bound() -> None:
    # 500,000 of 1,000,000 input tokens on 2 units: 0.25 of a unit; a minute's store is taken off.
    traffic = build_traffic(
        60, invocations=10.0, input_tokens=500_000.0, output_tokens=0.0, throttles=0.0
    )

    found = measured(traffic)

    assert found is not None
    assert found.rate.input_tokens_per_minute == pytest.approx(1_000_000 * 0.25 * 15 / 16)


def test_nothing_served_says_nothing() -> None:
    silent = build_traffic(60, invocations=0.0, input_tokens=0.0, output_tokens=0.0)

    assert measured(silent) is None
    assert measured(silent, stated=None) is None
    assert measured() is None


def test_refusals_alone_say_nothing() -> None:
    refused = build_traffic(
        60, invocations=0.0, input_tokens=0.0, output_tokens=0.0, throttles=100.0
    )

    assert measured(refused) is None


def test_an_embedding_has_one_limit() -> None:
    truth = replace(UNIT_RATE, output_tokens_per_minute=None)
    traffic = throttled_traffic(truth, load=0.8)

    found = measured(traffic, stated=None)

    assert found is not None
    assert found.rate.output_tokens_per_minute is None
    assert factor(found, traffic, truth) == pytest.approx(1.0, abs=0.04)


def test_throughputs_of_different_size_are_put_together() -> None:
    one = throttled_traffic(UNIT_RATE, load=0.8, units=1, seed=2)
    four = throttled_traffic(UNIT_RATE, load=0.8, units=4, seed=3)
    bought = build_provisioned(unit_rate=UNIT_RATE)

    found = measure_unit_rate(
        [UnitTraffic(model_units=1, traffic=one), UnitTraffic(model_units=4, traffic=four)],
        bought,
        attempts=ATTEMPTS,
        at=NOW,
    )

    assert found is not None
    assert found.kind is RateKind.MEASURED
    assert factor(found, four, UNIT_RATE) == pytest.approx(1.0, abs=0.04)


def test_minutes_that_were_not_read_are_left_out() -> None:
    traffic = throttled_traffic(UNIT_RATE, load=0.8)
    whole = measured(traffic)
    longer = span(traffic, traffic.start - 24 * HOUR, traffic.end + 24 * HOUR)

    found = measured(longer)

    assert found is not None
    assert whole is not None
    assert found.kind is RateKind.MEASURED
    assert found.rate.input_tokens_per_minute == pytest.approx(
        whole.rate.input_tokens_per_minute, rel=0.01
    )


@settings(max_examples=10, deadline=None)
@given(times=st.floats(0.01, 100.0), load=st.sampled_from([0.3, 0.8]))
def test_tokens_and_rate_scaled_alike_give_the_same_interval(times: float, load: float) -> None:
    traffic = throttled_traffic(UNIT_RATE, load=load, days=2)
    larger = replace(
        traffic,
        input_tokens=traffic.input_tokens * times,
        output_tokens=traffic.output_tokens * times,
    )

    before, after = measured(traffic), measured(larger, stated=scaled(UNIT_RATE, times))

    assert before is not None
    assert after is not None
    assert after.kind is before.kind
    assert after.low == pytest.approx(before.low, rel=1e-4)
    assert after.rate.input_tokens_per_minute == pytest.approx(
        before.rate.input_tokens_per_minute * times, rel=1e-4
    )


def test_a_measurement_outlives_the_minutes_that_it_came_from() -> None:
    before = build_rate_measurement()
    half = [calm(input_tokens=500_000.0)]
    bound = measured(half[0].traffic, units=1)

    assert latest_measurement(before, bound, half) is before
    assert latest_measurement(before, None, half) is before
    assert latest_measurement(None, bound, half) is bound


@pytest.mark.parametrize(("units", "ends"), [(1.04, False), (1.06, True)])
def test_a_bound_above_the_measured_interval_ends_it(units: float, *, ends: bool) -> None:
    # A quarter hour's mean counts by 15/16; the measured interval ends at 1.05.
    before = build_rate_measurement(high=1.05)

    assert is_ended(before, calm(input_tokens=units * 16 / 15 * 1e6), UNIT_RATE) == ends


def test_a_bound_is_held_against_a_measurement_at_the_mix_that_was_served() -> None:
    """However the two rates weigh output: their input limits alone say nothing."""
    before = build_rate_measurement(
        rate=replace(UNIT_RATE, output_tokens_per_minute=600_000.0), high=1.03
    )
    corrected = replace(UNIT_RATE, output_tokens_per_minute=200_000.0)

    # 300,000 output tokens are 1.4 units (by 15/16) of the corrected rate, and 0.45 measured ones;
    # 700,000 are 1.06 of its upper end.
    assert not is_ended(before, calm(output_tokens=300_000.0), corrected)
    assert is_ended(before, calm(output_tokens=700_000.0), corrected)


@pytest.mark.parametrize(
    ("inputs", "outputs", "ends"),
    [
        # Units of the upper end by 15/16, over 1 + half of ln(mix / 0.5):
        # the mix that was measured: 1.05.
        (44_800.0, 22_400.0, True),
        # Mix 0.06, an eighth: 1.05 over 2.
        (82_300.0, 4_940.0, False),
        # No output at all: 1.88 and 2.19, each over 2.
        (160_000.0, 0.0, False),
        (187_000.0, 0.0, True),
    ],
)
def test_another_mix_contradicts_an_observed_one_only_beyond_what_the_mixes_differ(
    inputs: float, outputs: float, *, ends: bool
) -> None:
    seen = UnitRate(
        input_tokens_per_minute=80_000.0,
        output_tokens_per_minute=40_000.0,
        combination=RateCombination.SUM,
        source="test",
    )
    before = build_rate_measurement(rate=seen, high=1.0, proportions=Proportions.OBSERVED_MIX)

    assert is_ended(before, calm(input_tokens=inputs, output_tokens=outputs), None) == ends


def calm(*, input_tokens: float = 0.0, output_tokens: float = 0.0) -> UnitTraffic:
    """A day of a single unit that refused nothing; tokens a minute."""
    traffic = build_traffic(input_tokens=input_tokens, output_tokens=output_tokens)
    return UnitTraffic(model_units=1, traffic=traffic)


def is_ended(before: RateMeasurement, served: UnitTraffic, stated: UnitRate | None) -> bool:
    """Whether the bound that this traffic gives takes the place of the measurement."""
    bound = measured(served.traffic, stated=stated, units=1)
    assert bound is not None
    assert bound.kind is RateKind.LOWER_BOUND
    return latest_measurement(before, bound, [served]) is bound


def test_a_newer_measurement_and_one_of_another_model_take_the_place() -> None:
    before = build_rate_measurement()
    newer = build_rate_measurement(rate=scaled(UNIT_RATE, 0.9))
    other = build_rate_measurement(kind=RateKind.LOWER_BOUND, model_id="another", high=None)

    assert latest_measurement(before, newer, []) is newer
    assert latest_measurement(before, other, []) is other
