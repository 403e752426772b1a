"""Whether the facts of now allow a release, and how fast one may follow another."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from bedrock_autoscaler.domain.acting.gate import may_shrink, shrink_pace
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    build_fleet,
    build_guard_rails,
    build_option,
    build_target,
    build_thresholds,
)
from tests.unit.domain.worlds import DAY, build_demand

NAN = float("nan")
CALM = Diagnosis(
    reason=Reason(code=ReasonCode.NO_PRESSURE, message="calm"),
    allows_growth=True,
    throttled_share=0.0,
    server_error_share=0.0,
)


def objections(
    demand: Demand | None = None,
    *,
    diagnosis: Diagnosis = CALM,
    blocked_until: datetime | None = None,
    complete: bool = True,
    **target: Any,
) -> list[ReasonCode]:
    reasons = may_shrink(
        build_target(**target),
        build_fleet(complete=complete),
        demand if demand is not None else build_demand((120, 1.0)),
        diagnosis=diagnosis,
        blocked_until=blocked_until,
        now=NOW,
    )
    return [reason.code for reason in reasons]


def test_two_hours_of_whole_and_fresh_data_allow_a_release() -> None:
    assert objections() == []


def test_mantle_traffic_is_unseen_so_nothing_is_released() -> None:
    assert objections(uses_mantle=True) == [ReasonCode.MANTLE_UNSEEN]


@pytest.mark.parametrize(
    ("regions", "codes"), [((), [ReasonCode.REGION_UNSEEN]), (("us-west-2",), [])]
)
def test_calls_from_other_regions_hold_all_unless_their_metrics_are_read(
    regions: tuple[str, ...], codes: list[ReasonCode]
) -> None:
    options = (build_option(), build_option(region="us-west-2"), build_option(region="us-east-1"))
    found = may_shrink(
        build_target(options=options),
        build_fleet(),
        build_demand((DAY, 1.0)),
        diagnosis=CALM,
        blocked_until=None,
        now=NOW,
        regions=regions,
    )

    assert [reason.code for reason in found] == codes


def test_a_list_that_was_not_read_to_its_end_releases_nothing() -> None:
    assert objections(complete=False) == [ReasonCode.INVENTORY_INCOMPLETE]


@pytest.mark.parametrize("unread", [0, 1, 2])
def test_a_day_of_the_history_that_is_still_to_be_read_releases_nothing(unread: int) -> None:
    found = may_shrink(
        build_target(),
        build_fleet(),
        build_demand((DAY, 1.0)),
        diagnosis=CALM,
        blocked_until=None,
        now=NOW,
        unread=unread,
    )

    assert [(reason.code, reason.numbers) for reason in found] == [
        (ReasonCode.DATA_INCOMPLETE, (("unread_days", float(unread)),))
    ] * bool(unread)


def test_less_than_two_hours_is_too_little() -> None:
    assert objections(build_demand((119, 1.0))) == [ReasonCode.HISTORY_SHORT]
    # Ten days of which two hours less a minute are known.
    assert objections(build_demand((9 * DAY, NAN), (119, 1.0))) == [ReasonCode.HISTORY_SHORT]


def test_how_much_history_it_takes_is_a_setting() -> None:
    thresholds = build_thresholds(gating={"min_history_minutes": DAY})

    assert objections(build_demand((DAY - 1, 1.0)), thresholds=thresholds) == [
        ReasonCode.HISTORY_SHORT
    ]
    assert objections(build_demand((DAY, 1.0)), thresholds=thresholds) == []


def test_a_tenth_of_the_newest_hour_may_be_missing() -> None:
    assert objections(build_demand((DAY, 1.0), (6, NAN), (54, 1.0))) == []
    assert objections(build_demand((DAY, 1.0), (7, NAN), (53, 1.0))) == [ReasonCode.DATA_INCOMPLETE]


def test_the_newest_half_hour_must_be_read_whole() -> None:
    assert objections(build_demand((DAY, 1.0), (1, NAN), (30, 1.0))) == []
    assert objections(build_demand((DAY, 1.0), (1, NAN), (29, 1.0))) == [ReasonCode.DATA_INCOMPLETE]


def test_so_must_the_newest_decision_period_where_it_is_longer() -> None:
    thresholds = build_thresholds(sizing={"decision_minutes": 60})
    demand = build_demand((DAY, 1.0), (1, NAN), (59, 1.0))

    assert objections(demand, thresholds=thresholds) == [ReasonCode.DATA_INCOMPLETE]


@pytest.mark.parametrize(("age", "codes"), [(10, []), (11, [ReasonCode.DATA_STALE])])
def test_data_may_be_ten_minutes_old(age: int, codes: list[ReasonCode]) -> None:
    demand = build_demand((2 * DAY, 1.0))

    # The built series ends 3 minutes before NOW.
    assert objections(replace(demand, start=demand.start - (age - 3) * MINUTE)) == codes


def test_without_any_minute_everything_is_missing() -> None:
    assert objections(build_demand((DAY, NAN))) == [
        ReasonCode.HISTORY_SHORT,
        ReasonCode.DATA_INCOMPLETE,
        ReasonCode.DATA_STALE,
        ReasonCode.DATA_INCOMPLETE,
    ]


def test_server_errors_block_for_a_while() -> None:
    assert objections(blocked_until=NOW + MINUTE) == [ReasonCode.SERVER_ERRORS]
    assert objections(blocked_until=NOW) == []


@pytest.mark.parametrize(("share", "codes"), [(0.01, []), (0.011, [ReasonCode.THROTTLED_LATELY])])
def test_traffic_that_is_refused_is_no_lack_of_demand(
    share: float, codes: list[ReasonCode]
) -> None:
    # slo.max_throttled_share is 1 %.
    assert objections(diagnosis=replace(CALM, throttled_share=share)) == codes


@pytest.mark.parametrize(
    ("fleet", "codes"),
    [
        ({}, []),
        ({"releases_last_day": 3}, []),
        ({"releases_last_day": 4}, [ReasonCode.RELEASES_PER_DAY]),
        # As shipped there is no cooldown.
        ({"last_grow_at": NOW}, []),
        # Another run noted it, by its own clock, after this tick's scheduled time.
        ({"last_grow_at": NOW + 5 * MINUTE}, []),
        ({"last_release_at": NOW + 5 * MINUTE}, []),
        # The clock stepped back: a change in the future is not long ago.
        ({"last_release_at": NOW + 60 * MINUTE}, [ReasonCode.SHRINK_COOLDOWN]),
    ],
)
def test_releases_keep_their_pace(fleet: dict[str, Any], codes: list[ReasonCode]) -> None:
    found = shrink_pace(build_target(), build_fleet(**fleet), NOW)

    assert [reason.code for reason in found] == codes


@pytest.mark.parametrize(
    ("fleet", "codes"),
    [
        ({"last_grow_at": NOW - 29 * MINUTE}, [ReasonCode.SHRINK_COOLDOWN]),
        ({"last_grow_at": NOW - 30 * MINUTE}, []),
        ({"last_release_at": NOW - 29 * MINUTE}, [ReasonCode.SHRINK_COOLDOWN]),
    ],
)
def test_a_pause_between_changes_may_be_asked_for(
    fleet: dict[str, Any], codes: list[ReasonCode]
) -> None:
    thresholds = build_thresholds(gating={"shrink_cooldown_minutes": 30})

    found = shrink_pace(build_target(thresholds=thresholds), build_fleet(**fleet), NOW)

    assert [reason.code for reason in found] == codes


def test_no_release_may_be_forbidden_altogether() -> None:
    target = build_target(guard_rails=build_guard_rails(max_releases_per_day=0))

    assert shrink_pace(target, build_fleet(), NOW)[0].code is ReasonCode.RELEASES_PER_DAY


def test_gaps_are_counted() -> None:
    demand = build_demand((2 * DAY, 1.0))
    demand.load[-4:-2] = np.nan

    (reason,) = may_shrink(
        build_target(), build_fleet(), demand, diagnosis=CALM, blocked_until=None, now=NOW
    )

    assert dict(reason.numbers) == {"gaps": 2.0, "minutes": 30.0}


def test_errors_of_now_hold_everything_even_where_none_are_remembered() -> None:
    forgetful = build_thresholds(gating={"error_memory_minutes": 0})
    failing = replace(CALM, server_error_share=0.5)

    assert objections(diagnosis=failing, thresholds=forgetful) == [ReasonCode.SERVER_ERRORS]
