"""What counts as demand of several addresses."""

import numpy as np
import pytest

from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.domain.traffic.joining import combine
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, build_target, build_traffic, pt_arn

NAN = float("nan")


def test_a_refusal_that_shows_on_demand_again_counts_once() -> None:
    # The PT refused 30 tries; 6 of them were refused on demand too.
    parts = {
        MODEL: build_traffic(3, throttles=6.0),
        pt_arn(1): build_traffic(3, throttles=30.0),
    }
    total = combine(list(parts.values()))

    assert counted(total, parts, build_target()).throttles == pytest.approx([6.0] * 3)


def test_without_a_way_on_demand_every_refusal_counts() -> None:
    parts = {MODEL: build_traffic(3), pt_arn(1): build_traffic(3, throttles=30.0)}
    total = combine(list(parts.values()))

    assert counted(total, parts, build_target(options=())) is total


def test_gaps_of_the_sum_stay_and_hours_before_a_pt_count() -> None:
    gap = build_traffic(3, throttles=np.array([6.0, NAN, 6.0]))
    # The PT is known from the last minute on alone.
    parts = {MODEL: gap, pt_arn(1): build_traffic(1, throttles=2.0)}

    found = counted(gap, parts, build_target())

    np.testing.assert_equal(found.throttles, [6.0, NAN, 4.0])
    assert found.end == NOW - 3 * MINUTE
