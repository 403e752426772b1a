from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic, each_series
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_traffic


def test_series_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lengths differ: .*'throttles': 2"):
        replace(build_traffic(3), throttles=np.zeros(2))


def test_its_end_is_the_first_minute_after_it() -> None:
    traffic = build_traffic(10, end=NOW)

    assert len(traffic) == 10
    assert traffic.end == NOW


def test_since_cuts_in_front_and_keeps_the_minute_that_a_moment_lies_in() -> None:
    traffic = build_traffic(10, end=NOW)

    # 3.5 minutes before the end lies in the fourth-last minute.
    assert len(traffic.since(NOW - 3.5 * MINUTE)) == 4
    assert traffic.since(NOW - 3.5 * MINUTE).start == NOW - 4 * MINUTE


def test_since_stays_within_the_series() -> None:
    traffic = build_traffic(10, end=NOW)

    assert len(traffic.since(NOW - 60 * MINUTE)) == 10
    assert len(traffic.since(NOW + MINUTE)) == 0


def test_empty_traffic_has_all_series_and_no_minute() -> None:
    empty = Traffic.empty(NOW)

    assert all(getattr(empty, name).size == 0 for name in METRICS)
    assert empty.end == NOW


def test_metrics_that_share_one_array_go_on_sharing_one() -> None:
    quiet, calls = np.zeros(3), np.array([1.0, 2.0, 3.0])
    traffic = Traffic(start=NOW, **(dict.fromkeys(METRICS, quiet) | {"invocations": calls}))

    doubled = each_series(lambda one, other: one + other, traffic, traffic)

    assert doubled["invocations"].tolist() == [2.0, 4.0, 6.0]
    assert doubled["throttles"] is doubled["quota_tokens"]
    assert doubled["throttles"].tolist() == [0.0, 0.0, 0.0]


def test_written_tokens_are_the_input_with_what_a_cache_was_given() -> None:
    plain = build_traffic(minutes=3)
    cached = replace(plain, cache_write_tokens=np.array([0.0, 5.0, np.nan]))

    assert plain.written_tokens is plain.input_tokens
    written = cached.written_tokens
    assert written[:2].tolist() == [plain.input_tokens[0], plain.input_tokens[1] + 5.0]
    assert np.isnan(written[2])


def test_a_gap_in_what_a_cache_was_given_is_one_where_nothing_else_was_written() -> None:
    traffic = replace(build_traffic(minutes=3), cache_write_tokens=np.array([0.0, np.nan, 0.0]))

    assert np.isnan(traffic.written_tokens).tolist() == [False, True, False]
