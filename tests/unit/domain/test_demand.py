from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bedrock_autoscaler.domain.target import RateCombination
from bedrock_autoscaler.domain.traffic.demand import (
    completeness,
    estimate_demand,
    newest_known,
    unit_load,
)
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series
from bedrock_autoscaler.domain.unit_rates.rates import scaled
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, UNIT_RATE, build_traffic
from tests.unit.domain.worlds import build_demand

NAN = float("nan")


def test_the_fuller_of_two_limits_uses_up_a_unit() -> None:
    # 500,000 of 1,000,000 input tokens and 240,000 of 300,000 output tokens: 0.5 and 0.8.
    load = unit_load(np.array([500_000.0]), np.array([240_000.0]), UNIT_RATE)

    assert load == pytest.approx([0.8])


def test_one_limit_over_a_weighted_sum_adds_both_shares() -> None:
    rate = replace(UNIT_RATE, combination=RateCombination.SUM)

    assert unit_load(np.array([500_000.0]), np.array([240_000.0]), rate) == pytest.approx([1.3])


def test_an_embedding_has_input_alone() -> None:
    rate = replace(UNIT_RATE, output_tokens_per_minute=None)

    assert unit_load(np.array([500_000.0]), np.array([240_000.0]), rate) == pytest.approx([0.5])


def test_a_refused_call_counts_once_however_often_it_was_tried() -> None:
    # 100 served calls and 30 throttles at 3 tries a call: 110 calls were wanted.
    traffic = build_traffic(1, invocations=100.0, throttles=30.0)

    assert estimate_demand(traffic, UNIT_RATE, 3.0).requests == pytest.approx([110.0])


def test_refused_calls_are_as_large_as_served_ones() -> None:
    # 100 calls of 10,000 input tokens fill one unit; 10 refused calls add a tenth.
    traffic = build_traffic(
        1, invocations=100.0, input_tokens=1_000_000.0, output_tokens=0.0, throttles=30.0
    )

    assert estimate_demand(traffic, UNIT_RATE, 3.0).load == pytest.approx([1.1])


def test_a_refused_call_is_as_large_as_those_of_its_minute() -> None:
    # 40 calls of 25,000 tokens, then 160 of 6,250: 10 refused calls of the first minute are 0.25.
    traffic = build_traffic(
        2,
        invocations=np.array([40.0, 160.0]),
        input_tokens=1_000_000.0,
        output_tokens=0.0,
        throttles=np.array([30.0, 0.0]),
    )

    assert estimate_demand(traffic, UNIT_RATE, 3.0).load == pytest.approx([1.25, 1.0])


def test_in_a_minute_without_an_answer_calls_have_the_mean_size() -> None:
    # The served minute: 100 calls of 10,000 tokens. The refused one: 60 throttles are 20 calls of
    # 10,000 tokens, 0.2 units.
    traffic = build_traffic(
        2,
        invocations=np.array([100.0, 0.0]),
        input_tokens=np.array([1_000_000.0, 0.0]),
        output_tokens=0.0,
        throttles=np.array([0.0, 60.0]),
    )

    assert estimate_demand(traffic, UNIT_RATE, 3.0).load == pytest.approx([1.0, 0.2])


def test_tokens_of_a_call_that_ends_in_a_refused_minute_are_not_lost() -> None:
    traffic = build_traffic(
        2,
        invocations=np.array([100.0, 0.0]),
        input_tokens=np.array([1_000_000.0, 500_000.0]),
        output_tokens=0.0,
        throttles=np.array([0.0, 60.0]),
    )

    # 0.5 units served and 20 refused calls of the mean size, (1 + 0.5) / 100 units.
    assert estimate_demand(traffic, UNIT_RATE, 3.0).load == pytest.approx([1.0, 0.8])


def test_while_nothing_was_ever_served_the_size_of_calls_is_unknown() -> None:
    traffic = build_traffic(2, invocations=0.0, input_tokens=0.0, output_tokens=0.0, throttles=60.0)
    demand = estimate_demand(traffic, UNIT_RATE, 3.0)

    assert demand.load == pytest.approx([0.0, 0.0])
    assert demand.requests == pytest.approx([20.0, 20.0])


def test_cache_writes_load_a_unit_and_cache_reads_do_not() -> None:
    traffic = build_traffic(
        1,
        input_tokens=200_000.0,
        output_tokens=0.0,
        cache_write_tokens=300_000.0,
        cache_read_tokens=900_000.0,
    )

    assert estimate_demand(traffic, UNIT_RATE, 3.0).load == pytest.approx([0.5])


def test_a_gap_stays_a_gap_and_silence_is_zero() -> None:
    traffic = build_traffic(
        2, invocations=np.array([NAN, 0.0]), input_tokens=0.0, output_tokens=0.0
    )
    demand = estimate_demand(traffic, UNIT_RATE, 3.0)

    assert np.isnan(demand.load[0])
    assert demand.load[1] == 0


def test_minutes_before_the_series_count_as_missing() -> None:
    assert completeness(np.array([1.0, NAN, 1.0]), 4) == 0.5
    assert completeness(np.array([1.0]), 0) == 1.0


def test_finds_the_newest_minute_that_was_read() -> None:
    demand = build_demand((5, 1.0), (2, NAN))

    # The series ends 3 minutes before NOW; its last two minutes are gaps.
    assert newest_known(demand) == NOW - 6 * MINUTE
    assert demand.end == NOW - 3 * MINUTE
    assert len(demand) == 7


def test_without_any_known_minute_there_is_no_newest() -> None:
    assert newest_known(build_demand((5, NAN))) is None


SERIES = arrays(np.float64, 40, elements=st.integers(0, 500).map(float))


@given(calls=SERIES, throttles=SERIES, more=SERIES, attempts=st.floats(1, 10))
def test_more_throttles_never_mean_less_demand(
    calls: Series, throttles: Series, more: Series, attempts: float
) -> None:
    traffic = build_traffic(40, invocations=calls, input_tokens=calls * 1e4, throttles=throttles)
    pressed = replace(traffic, throttles=throttles + more)

    before = estimate_demand(traffic, UNIT_RATE, attempts)
    after = estimate_demand(pressed, UNIT_RATE, attempts)

    assert (after.load >= before.load * (1 - 1e-9)).all()
    assert (after.requests >= before.requests).all()


@given(calls=SERIES, throttles=SERIES, times=st.floats(0.01, 100))
def test_tokens_and_rate_scaled_alike_leave_the_demand(
    calls: Series, throttles: Series, times: float
) -> None:
    traffic = build_traffic(40, invocations=calls, input_tokens=calls * 1e4, throttles=throttles)
    scaled_traffic = replace(
        traffic,
        input_tokens=traffic.input_tokens * times,
        output_tokens=traffic.output_tokens * times,
    )

    before = estimate_demand(traffic, UNIT_RATE, 3.0)
    after = estimate_demand(scaled_traffic, scaled(UNIT_RATE, times), 3.0)

    assert after.load == pytest.approx(before.load, rel=1e-9)


@given(calls=SERIES, throttles=SERIES, holes=arrays(np.bool_, 40))
def test_a_minute_that_was_not_read_is_missing_and_no_other(
    calls: Series, throttles: Series, holes: np.typing.NDArray[np.bool_]
) -> None:
    gaps = np.where(holes, NAN, throttles)
    traffic = build_traffic(40, invocations=calls, throttles=gaps)

    demand = estimate_demand(traffic, UNIT_RATE, 3.0)

    assert (np.isnan(demand.load) == holes).all()
    assert (np.isnan(demand.requests) == holes).all()


@given(calls=SERIES, throttles=SERIES, times=st.floats(0.01, 100))
def test_so_many_times_the_calls_are_so_many_times_the_demand(
    calls: Series, throttles: Series, times: float
) -> None:
    traffic = build_traffic(40, invocations=calls, input_tokens=calls * 1e4, throttles=throttles)
    larger = replace(traffic, **{name: getattr(traffic, name) * times for name in METRICS})

    before = estimate_demand(traffic, UNIT_RATE, 3.0)
    after = estimate_demand(larger, UNIT_RATE, 3.0)

    assert after.load == pytest.approx(before.load * times, rel=1e-9)
