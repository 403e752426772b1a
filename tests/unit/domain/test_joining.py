"""Putting traffic together side by side and end to end."""

import numpy as np
import pytest

from bedrock_autoscaler.domain.traffic.joining import combine, join, remainder, span
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_traffic
from tests.comparing import plain

NAN = float("nan")


def test_a_gap_in_one_part_is_a_gap_in_the_sum() -> None:
    first = build_traffic(3, invocations=np.array([1.0, NAN, 3.0]))
    second = build_traffic(3, invocations=np.array([10.0, 20.0, 30.0]))

    total = combine([first, second])

    assert plain(total.invocations) == (11.0, None, 33.0)
    assert plain(total.output_tokens) == (24_000.0, None, 24_000.0)


def test_parts_over_different_minutes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 different spans"):
        combine([build_traffic(3), build_traffic(4)])
    with pytest.raises(ValueError, match="0 different spans"):
        combine([])


def test_what_no_part_carries_remains() -> None:
    whole = build_traffic(3, invocations=np.array([5.0, NAN, 3.0]), throttles=4.0)
    part = build_traffic(3, invocations=np.array([2.0, 1.0, NAN]), throttles=1.0)
    newest = build_traffic(1, invocations=7.0, throttles=2.0)

    rest = remainder(whole, [part, newest])

    assert plain(rest.invocations) == (3.0, None, 0.0)
    assert plain(rest.throttles) == (3.0, None, 2.0)


def test_joining_keeps_the_older_values_and_leaves_a_gap_between() -> None:
    older = build_traffic(2, end=NOW, invocations=1.0)
    overlapping = build_traffic(3, end=NOW + MINUTE, invocations=2.0)
    later = build_traffic(1, end=NOW + 3 * MINUTE, invocations=3.0)

    assert plain(join(older, overlapping).invocations) == (1.0, 1.0, 2.0)
    assert plain(join(older, later).invocations) == (1.0, 1.0, None, None, 3.0)
    assert join(older, older) is older


def test_joining_to_nothing_adds_no_minutes() -> None:
    nothing = build_traffic(0, end=NOW - HOUR)
    newer = build_traffic(2, end=NOW)

    assert plain(join(nothing, newer)) == plain(newer)


def test_a_span_is_cut_and_filled_with_gaps() -> None:
    traffic = build_traffic(2, end=NOW, invocations=np.array([1.0, 2.0]))

    wider = span(traffic, NOW - 3 * MINUTE, NOW + MINUTE)
    narrower = span(traffic, NOW - MINUTE, NOW)
    apart = span(traffic, NOW + HOUR, NOW + HOUR + MINUTE)

    assert plain(wider.invocations) == (None, 1.0, 2.0, None)
    assert plain(narrower.invocations) == (2.0,)
    assert plain(apart.invocations) == (None,)
    assert apart.start == NOW + HOUR
