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
    bound = build_rate_measurement(
        kind=RateKind.LOWER_BOUND, rate=scaled(UNIT_RATE, 0.5), low=1.0, high=None
    )

    assert latest_measurement(before, bound) is before
    assert latest_measurement(before, None) is before
    assert latest_measurement(None, bound) is bound


def test_a_bound_above_the_measured_interval_ends_it() -> None:
    before = build_rate_measurement(high=1.05)
    bound = build_rate_measurement(
        kind=RateKind.LOWER_BOUND, rate=scaled(UNIT_RATE, 1.1), low=1.0, high=None
    )

    assert latest_measurement(before, bound) is bound


def test_a_newer_measurement_and_one_of_another_model_take_the_place() -> None:
    before = build_rate_measurement()
    newer = build_rate_measurement(rate=scaled(UNIT_RATE, 0.9))
    other = build_rate_measurement(kind=RateKind.LOWER_BOUND, model_id="another", high=None)

    assert latest_measurement(before, newer) is newer
    assert latest_measurement(before, other) is other
