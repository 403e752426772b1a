"""Instances of an endpoint follow its calls, within bounds, rests and what was read."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.fleet.instances import Scalings, scale_endpoints
from bedrock_autoscaler.domain.option import InferenceOption
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    build_guard_rails,
    build_observation,
    build_situation,
    build_target,
    build_traffic,
)
from tests.endpoints import ENDPOINT, build_endpoint, build_endpoint_state, build_instance_rails

LONG_AGO = NOW - 2 * HOUR


def option(**changes: Any) -> InferenceOption:
    """Up to ten instances of 40 calls a minute, so that one is planned for 32."""
    return build_endpoint(instances=build_instance_rails(**{"max_instances": 10} | changes))


def scale(
    calls: Any = 30.0,
    running: int = 2,
    *,
    throttles: float = 0.0,
    changed_at: datetime = LONG_AGO,
    is_settled: bool = True,
    changes: int = 0,
    traffic: Traffic | None = None,
    rails: dict[str, Any] | None = None,
    **target: Any,
) -> Scalings:
    seen = traffic or build_traffic(30, invocations=calls, throttles=throttles)
    state = build_endpoint_state(
        instances=running,
        is_settled=is_settled,
        changed_at=changed_at,
        changes_last_day=changes,
    )
    return scale_endpoints(
        build_situation(
            target=build_target(options=(option(**(rails or {})),), provisioned=None, **target),
            observation=build_observation(by_option=((ENDPOINT, seen),), endpoints=(state,)),
        )
    )


def change(found: Scalings) -> tuple[int, int] | None:
    assert len(found.reasons) == 1
    if not found.changes:
        return None
    (made,) = found.changes
    return made.from_instances, made.to_instances


def newest(*calls: float) -> Traffic:
    """Half an hour of 30 calls a minute that ends in these."""
    return build_traffic(30, invocations=np.concatenate([np.full(30 - len(calls), 30.0), calls]))


def test_it_grows_to_what_is_needed_at_once() -> None:
    # 200 / 32 = 6.25.
    assert change(scale(200.0)) == (2, 7)


def test_a_day_has_its_bound_on_changes() -> None:
    held = scale(200.0, changes=24)

    assert change(scale(200.0, changes=23)) == (2, 7)
    assert change(held) is None
    (reason,) = held.reasons
    assert "24 changes in 24 hours, allowed: 24; 7 instances wanted" in reason.message
    # What is right as it is needs no change.
    assert "are right" in scale(30.0, 1, changes=24).reasons[0].message


def test_throttled_calls_count_once_for_all_their_tries() -> None:
    # 60 + 120 / 3 = 100, and 100 / 32 = 3.1.
    assert change(scale(60.0, throttles=120.0)) == (2, 4)


def test_one_high_minute_is_no_reason_to_grow() -> None:
    assert change(scale(traffic=newest(500.0), running=1)) is None
    assert change(scale(traffic=newest(500.0, 500.0), running=1)) == (1, 10)


def test_it_shrinks_by_one_on_a_calm_half_hour() -> None:
    assert change(scale(30.0, 4)) == (4, 3)


def test_one_busy_minute_or_a_gap_in_half_an_hour_holds_a_shrink() -> None:
    busy, gap = np.full(30, 30.0), np.full(30, 30.0)
    busy[3], gap[3] = 130.0, np.nan

    assert change(scale(busy, 4)) is None
    assert change(scale(gap, 4)) is None
    assert change(scale(traffic=build_traffic(29, invocations=30.0), running=4)) is None


def test_a_gap_does_not_hold_growth() -> None:
    gap = np.full(30, 200.0)
    gap[-1] = np.nan

    assert change(scale(gap)) == (2, 7)


@pytest.mark.parametrize(
    ("calls", "running", "minutes", "expected"),
    [
        (200.0, 2, 14, None),
        (200.0, 2, 15, (2, 7)),
        (30.0, 4, 59, None),
        (30.0, 4, 60, (4, 3)),
    ],
)
def test_it_rests_between_changes(
    calls: float, running: int, minutes: int, expected: tuple[int, int] | None
) -> None:
    assert change(scale(calls, running, changed_at=NOW - minutes * MINUTE)) == expected


def test_its_bounds_and_the_dollars_of_the_target_trim_it() -> None:
    assert change(scale(900.0)) == (2, 10)
    rails = build_guard_rails(max_usd_per_hour=Decimal(7))
    assert change(scale(900.0, guard_rails=rails)) == (2, 3)
    (reason,) = scale(900.0, 10).reasons
    assert "29 would be needed" in reason.message


def test_bounds_that_moved_are_come_back_to() -> None:
    # Fewer one by one, whoever asks for it; more at once.
    assert change(scale(30.0, 12)) == (12, 11)
    rails = build_guard_rails(max_usd_per_hour=Decimal(7))
    assert change(scale(float("nan"), 8, guard_rails=rails)) == (8, 7)
    assert change(scale(0.0, 1, rails={"min_instances": 3})) == (1, 3)


def test_a_person_may_pause_either_direction() -> None:
    assert change(scale(200.0, controls=Controls(pause_growth=True))) is None
    assert change(scale(30.0, 4, controls=Controls(pause_growth=True))) == (4, 3)
    assert change(scale(30.0, 4, controls=Controls(pause_shrink=True))) is None


def test_nothing_is_changed_while_it_changes_or_is_not_known() -> None:
    assert change(scale(200.0, is_settled=False)) is None
    unread = scale_endpoints(
        build_situation(
            target=build_target(options=(option(),), provisioned=None),
            observation=build_observation(by_option=()),
        )
    )
    assert change(unread) is None


def test_an_endpoint_without_bounds_is_left_alone() -> None:
    target = build_target(options=(replace(option(), instances=None),), provisioned=None)

    assert scale_endpoints(build_situation(target=target)) == Scalings(changes=(), reasons=())


@given(
    st.lists(st.floats(min_value=0, max_value=2000), min_size=30, max_size=30),
    st.integers(min_value=1, max_value=10),
)
def test_it_never_leaves_its_bounds_and_more_calls_never_want_fewer(
    calls: list[float], running: int
) -> None:
    made = change(scale(np.array(calls), running))
    more = change(scale(np.array(calls) * 1.5, running))

    result, bigger = (found[1] if found else running for found in (made, more))
    assert 1 <= result <= 10
    assert bigger >= result
