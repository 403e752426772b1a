"""Traffic cut and overlaid, with its gaps kept."""

import numpy as np

from bedrock_autoscaler.application.observing.merging import first_gap, gap, overlaid, silent_before
from bedrock_autoscaler.domain.traffic.observation import METRICS
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_traffic


def test_a_gap_has_no_minute_that_was_read() -> None:
    missing = gap(NOW, NOW + 3 * MINUTE)

    assert len(missing) == 3
    assert all(np.isnan(getattr(missing, name)).all() for name in METRICS)


def test_new_minutes_win_and_old_ones_fill_their_gaps() -> None:
    older = build_traffic(4, end=NOW, invocations=np.array([1.0, 2.0, 3.0, 4.0]))
    newer = build_traffic(2, end=NOW + MINUTE, invocations=np.array([np.nan, 9.0]))

    merged = overlaid(older, newer, NOW - 3 * MINUTE, NOW + 2 * MINUTE)

    # Minutes -3, -2 from the old part, -1 from the old one too since the re-read failed there,
    # 0 from the new one; minute 1 is in neither.
    np.testing.assert_equal(merged.invocations, [2.0, 3.0, 4.0, 9.0, np.nan])
    np.testing.assert_equal(np.isnan(merged.output_tokens), np.isnan(merged.invocations))


def test_without_old_minutes_the_new_ones_stand_alone() -> None:
    merged = overlaid(None, build_traffic(2, end=NOW), NOW - 3 * MINUTE, NOW)

    np.testing.assert_equal(merged.invocations, [np.nan, 60.0, 60.0])


def test_what_did_not_exist_had_no_traffic() -> None:
    unread = build_traffic(4, end=NOW, invocations=np.nan)

    silent = silent_before(unread, NOW - 2 * MINUTE)

    np.testing.assert_equal(silent.invocations, [0.0, 0.0, np.nan, np.nan])


def test_a_birth_before_the_series_changes_nothing() -> None:
    traffic = build_traffic(2, end=NOW)

    np.testing.assert_equal(silent_before(traffic, NOW - MINUTE * 9).invocations, [60.0, 60.0])


def test_finds_the_first_unread_minute() -> None:
    traffic = build_traffic(3, end=NOW, invocations=np.array([1.0, np.nan, np.nan]))

    assert first_gap(traffic) == NOW - 2 * MINUTE
    assert first_gap(build_traffic(3, end=NOW)) == NOW
