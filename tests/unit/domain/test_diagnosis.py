from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Quota
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis, Way, diagnose
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from tests.builders import UNLIMITED, build_traffic

NAN = float("nan")
QUOTA = replace(UNLIMITED, tokens_per_minute=100_000.0)


def last(minutes: int, value: float, before: float = 0.0) -> Series:
    """An hour whose newest minutes differ."""
    return np.concatenate([np.full(60 - minutes, before), np.full(minutes, value)])


def diagnosis(quota: Quota | None = QUOTA, **series: Any) -> Diagnosis:
    traffic = build_traffic(60, **series)
    return diagnose(traffic, [Way(traffic=traffic, quota=quota)], max_error_share=0.05)


def test_calm_traffic_shows_no_pressure() -> None:
    found = diagnosis()

    assert found.reason.code is ReasonCode.NO_PRESSURE
    assert found.allows_growth


def test_one_throttle_in_a_thousand_is_no_pressure() -> None:
    # 30 minutes of 60 calls; 2 throttles are 0.11 %, 1 is 0.06 %.
    assert diagnosis(throttles=last(1, 1.0)).reason.code is ReasonCode.NO_PRESSURE
    assert diagnosis(throttles=last(2, 1.0)).reason.code is not ReasonCode.NO_PRESSURE


def test_throttles_at_a_used_quota_are_a_lack_of_capacity() -> None:
    # 60,000 + 12,000 of 100,000 tokens: 72 % of the quota. 10 of 70 attempts are throttled.
    found = diagnosis(throttles=last(30, 10.0))

    assert found.reason.code is ReasonCode.CAPACITY_SHORT
    assert found.throttled_share == pytest.approx(1 / 7)
    assert found.allows_growth


def test_throttles_far_below_the_quota_are_reserved_output() -> None:
    # 72,000 of 200,000 tokens are used, 36 %, and still calls are refused.
    found = diagnosis(replace(QUOTA, tokens_per_minute=200_000.0), throttles=last(30, 10.0))

    assert found.reason.code is ReasonCode.OUTPUT_RESERVATION
    assert "14.29% of attempts were throttled at 36% of the quota" in found.reason.message
    assert not found.allows_growth


def test_burndown_counts_towards_the_quota() -> None:
    # 60,000 + 5 x 12,000 = 120,000 of 200,000: 60 %.
    quota = replace(QUOTA, tokens_per_minute=200_000.0, output_burndown=5.0)

    assert diagnosis(quota, throttles=last(30, 10.0)).reason.code is ReasonCode.CAPACITY_SHORT


def test_a_full_request_quota_is_no_matter_of_tokens() -> None:
    # Tokens stand at 36 %, requests at 60 of 66.
    quota = replace(QUOTA, tokens_per_minute=200_000.0, requests_per_minute=66.0)

    assert diagnosis(quota, throttles=last(30, 10.0)).reason.code is ReasonCode.CAPACITY_SHORT


@pytest.mark.parametrize("quota", [None, UNLIMITED])
def test_without_a_token_quota_throttles_are_a_lack_of_capacity(quota: Quota | None) -> None:
    assert diagnosis(quota, throttles=last(30, 10.0)).reason.code is ReasonCode.CAPACITY_SHORT


def test_a_single_minute_is_over_before_capacity_comes() -> None:
    throttles = last(30, 0.0)
    throttles[40] = 500.0

    found = diagnosis(throttles=throttles)

    assert found.reason.code is ReasonCode.ONE_HOT_MINUTE
    assert "all 500 throttles of 30 minutes fell in one minute" in found.reason.message
    assert not found.allows_growth


@pytest.mark.parametrize(
    ("loud", "expected"),
    [
        # Minutes of the newest half hour with 50 throttles each.
        ([5, 6, 7], ReasonCode.THROTTLES_ENDED),
        ([5, 9, 13], ReasonCode.THROTTLES_ENDED),
        ([5, 10, 13], ReasonCode.CAPACITY_SHORT),
        ([18, 19], ReasonCode.THROTTLES_ENDED),
        ([18, 19, 20], ReasonCode.CAPACITY_SHORT),
        ([28, 29], ReasonCode.CAPACITY_SHORT),
    ],
    ids=["over", "close together", "came back", "just over", "not over yet", "running"],
)
def test_one_episode_that_is_over_for_ten_minutes_has_ended(
    loud: list[int], expected: ReasonCode
) -> None:
    throttles = last(30, 0.0)
    throttles[[30 + minute for minute in loud]] = 50.0

    found = diagnosis(throttles=throttles)

    assert found.reason.code is expected
    assert found.allows_growth == (expected is ReasonCode.CAPACITY_SHORT)


def test_each_verdict_carries_its_evidence() -> None:
    throttles = last(30, 0.0)
    throttles[40:43] = 50.0

    found = diagnosis(throttles=throttles)

    # 150 of 150 + 1,800 attempts; the last of three throttled minutes is followed by 17 calm ones.
    assert dict(found.reason.numbers) == pytest.approx(
        {
            "throttled_share": 150 / 1950,
            "server_error_share": 0.0,
            "throttles": 150.0,
            "throttled_minutes": 3.0,
            "calm_minutes": 17.0,
            "quota_use": 0.72,
            "unused_quota_tokens_per_call": 28_000 / 60,
        }
    )


def test_reserved_output_says_how_much_each_call_keeps_from_others() -> None:
    # 72,000 of 200,000 tokens are used; 60 calls keep 128,000 from others, 2,133 each.
    found = diagnosis(replace(QUOTA, tokens_per_minute=200_000.0), throttles=last(30, 10.0))

    assert "about 2,133 quota tokens each" in found.reason.message


def test_where_nothing_was_served_no_call_keeps_anything() -> None:
    found = diagnosis(
        invocations=0.0, input_tokens=0.0, output_tokens=0.0, throttles=last(30, 10.0)
    )

    assert "unused_quota_tokens_per_call" not in dict(found.reason.numbers)


def test_refusals_that_dwarf_falling_answers_are_a_retry_storm() -> None:
    # Served: 15 minutes of 60, then 15 of 30, 1,350 in all; 30 x 150 = 4,500 throttles.
    served = np.concatenate([np.full(45, 60.0), np.full(15, 30.0)])
    found = diagnosis(invocations=served, throttles=last(30, 150.0))

    assert found.reason.code is ReasonCode.RETRY_STORM
    assert not found.allows_growth


def test_many_refusals_of_steady_answers_are_no_storm() -> None:
    # 1,800 served against 6,000 throttles, but the answers do not fall.
    assert diagnosis(throttles=last(30, 200.0)).reason.code is ReasonCode.CAPACITY_SHORT


def test_server_errors_come_first() -> None:
    # 4 of 64 calls failed: 6.25 %.
    found = diagnosis(server_errors=last(30, 4.0), throttles=last(30, 10.0))

    assert found.reason.code is ReasonCode.REGIONAL_SHORTAGE
    assert found.server_error_share == pytest.approx(0.0625)
    assert not found.allows_growth


def test_only_the_newest_half_hour_counts() -> None:
    assert diagnosis(throttles=last(30, 0.0, before=50.0)).reason.code is ReasonCode.NO_PRESSURE


def test_a_gap_is_evidence_of_nothing() -> None:
    assert diagnosis(throttles=last(30, NAN)).reason.code is ReasonCode.NO_PRESSURE
    empty = Traffic.empty(build_traffic(1).start)
    assert diagnose(empty, [], max_error_share=0.05).reason.code is ReasonCode.NO_PRESSURE


def test_the_ways_are_judged_together_aligned_at_their_end() -> None:
    calm, pressed = build_traffic(60), build_traffic(10, throttles=10.0)
    ways = [Way(traffic=calm, quota=None), Way(traffic=pressed, quota=None)]

    # 100 throttles against 30 x 60 + 10 x 60 served: 100 / 2,500.
    assert diagnose(calm, ways, max_error_share=0.05).throttled_share == pytest.approx(0.04)
