"""What readings mean: which series belong to an address, and what proves silence."""

from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.measuring import (
    Listing,
    Measured,
    has_calls,
    matching_ids,
    quiet_minutes,
    total,
    unread_since,
)
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, build_observation, build_pt, build_traffic, pt_arn
from tests.fakes.memory_metrics import MemoryMetrics

PROFILE_ARN = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123"


def measured(**by_id: Traffic) -> Measured:
    """The ten minutes before NOW, of which the `ModelId`s named have these."""
    start = NOW - 10 * MINUTE
    reading = MetricsReading(
        start=start, read=np.ones(10, dtype=np.bool_), traffic=by_id, problems=()
    )
    return Measured(reading=reading, listed=frozenset(by_id), start=start, end=NOW)


def test_an_address_matches_itself_its_arn_and_the_id_at_its_end() -> None:
    listed = {"abc123", "abc1234", PROFILE_ARN, MODEL}

    assert matching_ids(PROFILE_ARN, listed) == ("abc123", PROFILE_ARN)
    assert matching_ids("abc123", listed) == ("abc123", PROFILE_ARN)


def test_an_address_that_is_not_listed_yet_is_asked_for_all_the_same() -> None:
    assert matching_ids(pt_arn(1), {MODEL}) == (pt_arn(1),)


def test_adds_what_is_filed_under_several_ids_of_one_address() -> None:
    found = measured(
        abc123=build_traffic(10, end=NOW, invocations=2.0),
        **{PROFILE_ARN: build_traffic(10, end=NOW, invocations=1.0)},
    )

    np.testing.assert_equal(found.of(PROFILE_ARN).invocations, np.full(10, 3.0))


def test_an_address_that_was_not_in_the_reading_is_a_gap() -> None:
    assert np.isnan(measured().of(MODEL).invocations).all()


def test_nothing_read_at_all_is_a_gap() -> None:
    unread = Measured(reading=None, listed=frozenset(), start=NOW - MINUTE, end=NOW)

    assert np.isnan(unread.of(MODEL).invocations).all()


def test_a_gap_of_one_part_is_a_gap_of_the_sum() -> None:
    one = build_traffic(2, end=NOW, invocations=np.array([1.0, np.nan]))
    other = build_traffic(2, end=NOW, invocations=5.0)

    summed = total([one, other], NOW - 2 * MINUTE, NOW)

    np.testing.assert_equal(summed.invocations, [6.0, np.nan])


def test_the_sum_of_nothing_is_a_gap() -> None:
    assert np.isnan(total([], NOW - MINUTE, NOW).invocations).all()


@pytest.mark.parametrize(
    ("invocations", "expected"),
    [
        ([0.0, 0.0, 0.0], 3),
        ([0.0, 5.0, 0.0], 1),
        ([0.0, 0.0, 5.0], 0),
        # A minute that was not read proves nothing.
        ([0.0, np.nan, 0.0], 1),
        ([0.0, 0.0, np.nan], 0),
    ],
)
def test_counts_newest_silent_minutes_in_a_row(invocations: list[float], expected: int) -> None:
    assert quiet_minutes(build_traffic(3, end=NOW, invocations=np.array(invocations))) == expected


def test_a_throttled_call_is_no_silence() -> None:
    refused = build_traffic(2, end=NOW, invocations=0.0, throttles=np.array([0.0, 1.0]))

    assert quiet_minutes(refused) == 0
    assert has_calls(refused)


def test_a_pt_is_seen_by_calls_since_it_entered_service() -> None:
    pt = build_pt(in_service_since=NOW - 5 * MINUTE)
    early = build_traffic(10, end=NOW, invocations=np.array([3.0] + [0.0] * 9))
    late = build_traffic(10, end=NOW, invocations=np.array([0.0] * 6 + [3.0] + [0.0] * 3))

    assert not measured(**{pt.arn: early}).evidence(pt, None).seen
    evidence = measured(**{pt.arn: late}).evidence(pt, None)

    assert evidence.seen
    assert evidence.quiet_minutes == 3


def test_evidence_is_carried_on_from_the_previous_tick() -> None:
    # Before: silent for 7 minutes up to minute -4. Now: the minutes from -10 on are silent, of
    # which 6 were counted before, so that 1 earlier one adds to the 10.
    pt = build_pt(in_service_since=NOW - 60 * MINUTE)
    silent = build_traffic(10, end=NOW, invocations=0.0)
    known = measured(**{pt.arn: build_traffic(10, end=NOW, invocations=0.0)}).evidence(pt, None)
    before = build_observation(
        traffic=build_traffic(30, end=NOW - 4 * MINUTE),
        provisioned=(replace(known, seen=True, quiet_minutes=7),),
    )

    evidence = measured(**{pt.arn: silent}).evidence(pt, before)

    assert evidence.seen
    assert evidence.quiet_minutes == 11


def test_silence_is_not_carried_over_a_hole_between_two_readings() -> None:
    pt = build_pt(in_service_since=NOW - 60 * MINUTE)
    silent = measured(**{pt.arn: build_traffic(10, end=NOW, invocations=0.0)})
    before = build_observation(
        traffic=build_traffic(30, end=NOW - 12 * MINUTE),
        provisioned=(replace(silent.evidence(pt, None), quiet_minutes=7),),
    )

    assert silent.evidence(pt, before).quiet_minutes == 10


def test_reads_on_from_the_first_minute_that_is_missing() -> None:
    start = NOW - 5 * MINUTE
    known = build_traffic(5, end=NOW - MINUTE, invocations=np.array([1.0, 1.0, np.nan, 1.0, 1.0]))

    assert unread_since(None, start, NOW) == start
    assert unread_since(known, start, NOW) == NOW - 4 * MINUTE
    assert unread_since(build_traffic(9, end=NOW - MINUTE), start, NOW) == NOW - MINUTE
    assert unread_since(build_traffic(9, end=NOW), start, NOW) == NOW


def test_asks_for_listed_ids_once_in_a_quarter_of_an_hour() -> None:
    metrics = MemoryMetrics()
    listing = Listing(metrics)
    metrics.put(MODEL, NOW, invocations=1.0)
    first = listing.at(NOW)
    metrics.put("new", NOW, invocations=1.0)

    assert first == listing.at(NOW + 14 * MINUTE) == {MODEL}
    assert listing.at(NOW + 15 * MINUTE) == {MODEL, "new"}


def test_asks_again_when_the_clock_stepped_back() -> None:
    metrics = MemoryMetrics()
    listing = Listing(metrics)
    listing.at(NOW)
    metrics.put("new", NOW, invocations=1.0)

    assert listing.at(NOW - MINUTE) == {"new"}


def test_an_unreadable_list_is_an_error_not_an_empty_list() -> None:
    metrics = MemoryMetrics()
    metrics.fail_next(ObservationError("down"), method="model_ids")

    with pytest.raises(ObservationError, match="down"):
        Listing(metrics).at(NOW)
