"""What a look asks for: little while nothing calls for more."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from bedrock_autoscaler.application.observing.looking import (
    DAY,
    Births,
    capacity_look,
    routing_look,
    series_in_use,
)
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import CORE, METRICS, Observation
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    build_fleet,
    build_observation,
    build_option,
    build_pt,
    build_target,
    build_thresholds,
    build_traffic,
    pt_arn,
)

END = NOW + 30 * MINUTE
BIRTHS: Births = ((MODEL, None),)
ARN = pt_arn(1)


def seen(**overrides: object) -> Observation:
    """What was observed five minutes ago, with a whole look in this hour."""
    known = replace(build_observation(), whole_at=NOW)
    return replace(known, **overrides)  # type: ignore[arg-type] # a test names fields


def series(
    before: Observation | None, target: Target | None = None, fleet: Fleet | None = None
) -> set[str]:
    """What the capacity loop asks for half past the hour."""
    return set(
        capacity_look(
            target or build_target(), fleet or build_fleet(), before, births=BIRTHS, end=END
        ).series
    )


def test_a_quiet_target_is_asked_for_the_core_over_an_hour() -> None:
    look = capacity_look(build_target(), build_fleet(), seen(), births=BIRTHS, end=END)

    assert (set(look.series), look.is_whole) == (set(CORE), False)
    assert look.start == END - HOUR


@pytest.mark.parametrize(
    ("before", "target", "fleet", "more"),
    [
        (seen(), build_target(), build_fleet(build_pt()), set(METRICS)),
        (seen(), build_target(), build_fleet(open_purchase_units=1), set(METRICS)),
        (seen(traffic=build_traffic(throttles=1.0)), build_target(), build_fleet(), set(METRICS)),
        (seen(in_use=("cache_read_tokens",)), build_target(), build_fleet(), {"cache_read_tokens"}),
        (
            seen(),
            build_target(options=(build_option(), build_option(address=PROFILE))),
            build_fleet(),
            {"client_errors", "server_errors"},
        ),
    ],
    ids=["units", "purchase open", "throttles", "in use", "several ways"],
)
def test_what_calls_for_more_is_asked_for_more(
    before: Observation, target: Target, fleet: Fleet, more: set[str]
) -> None:
    assert series(before, target, fleet) == set(CORE) | more


@pytest.mark.parametrize("before", [seen(whole_at=NOW - MINUTE), seen(whole_at=None), None])
def test_a_whole_look_comes_once_an_hour_and_reaches_back(before: Observation | None) -> None:
    look = capacity_look(build_target(), build_fleet(), before, births=BIRTHS, end=END)

    assert (look.series, look.is_whole) == (METRICS, True)
    assert look.start == NOW - 3 * HOUR


# NOW is a noon: the 14 days before it lie in 15 days of UTC, its own first.
TODAY = NOW - 12 * HOUR
DAYS = tuple(TODAY - index * DAY for index in range(15))


@pytest.mark.parametrize(
    ("before", "unread"),
    [
        (None, DAYS),  # nobody ever looked
        (seen(whole_at=None), DAYS),
        (seen(), ()),
        (seen(whole_at=NOW - 3 * HOUR), ()),  # as far back as this look reaches
        (seen(whole_at=NOW - 3 * HOUR - MINUTE), DAYS[:1]),
        (seen(whole_at=TODAY), DAYS[:1]),
        (seen(whole_at=TODAY - MINUTE), DAYS[:2]),
        (seen(whole_at=NOW - 60 * DAY), DAYS),
        (seen(unread=(DAYS[3], DAYS[1])), (DAYS[3], DAYS[1])),  # what was refused comes last
        (seen(whole_at=TODAY, unread=(DAYS[3], DAYS[0])), (DAYS[0], DAYS[3])),
        (seen(unread=(DAYS[-1], DAYS[-1] - DAY)), DAYS[-1:]),  # too old to be looked at
    ],
)
def test_days_that_no_look_has_reached_are_to_be_read_newest_first(
    before: Observation | None, unread: tuple[datetime, ...]
) -> None:
    look = capacity_look(build_target(), build_fleet(), before, births=BIRTHS, end=END)

    assert look.unread == unread
    assert look.earliest == min((look.start, *unread))


@pytest.mark.parametrize(
    ("births", "unread"),
    [
        (((MODEL, None),), ()),
        (((MODEL, None), (PROFILE, None)), DAYS),  # nobody knows since when it is called
        (((MODEL, None), (ARN, TODAY - DAY)), DAYS[:2]),  # an adopted PT, or another's
        (((MODEL, None), (ARN, NOW - 60 * DAY)), DAYS),
        (((MODEL, None), (ARN, NOW)), ()),  # bought since
        (((MODEL, None), (ARN, TODAY), (PROFILE, None)), DAYS),
        ((), ()),  # one that went away
    ],
    ids=["known", "new", "adopted", "adopted and old", "bought", "two", "gone"],
)
@pytest.mark.parametrize("whole_at", [NOW, NOW - MINUTE], ids=["narrow", "whole"])
def test_days_that_were_kept_without_an_address_which_existed_then_are_to_be_read(
    births: Births, unread: tuple[datetime, ...], whole_at: datetime
) -> None:
    before = seen(addresses=(MODEL,), whole_at=whole_at)

    look = capacity_look(build_target(), build_fleet(), before, births=births, end=END)

    assert look.unread == unread
    assert look.addresses == tuple(address for address, _ in births)


def test_what_a_new_address_lacks_comes_before_what_was_refused() -> None:
    before = seen(addresses=(MODEL,), unread=(DAYS[1], DAYS[4]))
    births = (*BIRTHS, (ARN, DAYS[2]))

    look = capacity_look(build_target(), build_fleet(), before, births=births, end=END)

    assert look.unread == (*DAYS[:3], DAYS[4])


def test_a_record_without_addresses_makes_no_day_unread() -> None:
    births = (*BIRTHS, (PROFILE, None))

    look = capacity_look(build_target(), build_fleet(), seen(), births=births, end=END)

    assert (look.unread, look.addresses) == ((), (MODEL, PROFILE))


def test_no_day_is_asked_for_that_cloudwatch_has_no_minutes_of() -> None:
    target = build_target(thresholds=build_thresholds(observing={"history_days": 28}))

    look = capacity_look(target, build_fleet(), None, births=BIRTHS, end=END)

    # It keeps 15 days, of which the oldest has begun before.
    assert look.unread[-1] == TODAY - 14 * DAY


@pytest.mark.parametrize("minutes", [-60, -3, -1, 0, 57, 59])
def test_no_day_is_asked_for_that_began_15_days_ago_when_it_is_read(minutes: int) -> None:
    end = TODAY + minutes * MINUTE

    look = capacity_look(build_target(), build_fleet(), None, births=BIRTHS, end=end)

    # What has settled is up to an hour old, as the settings may ask for.
    assert end + HOUR - look.unread[-1] <= 15 * DAY


def test_a_look_right_after_midnight_leaves_the_day_before() -> None:
    look = capacity_look(build_target(), build_fleet(), None, births=BIRTHS, end=TODAY + 3 * HOUR)

    assert look.start == TODAY
    assert look.unread[0] == TODAY - DAY


def test_the_routing_loop_looks_from_where_it_has_not_read() -> None:
    start = END - 4 * MINUTE
    narrow = routing_look(build_target(), build_fleet(), seen(), start=start, end=END)
    whole = routing_look(build_target(), build_fleet(), None, start=start, end=END)

    assert (narrow.start, set(narrow.series), narrow.is_whole) == (start, set(CORE), False)
    assert (whole.start, whole.series, whole.is_whole) == (start, METRICS, True)


def test_a_series_is_in_use_when_it_shows_anything_and_says_something_alone() -> None:
    traffic = build_traffic(60, cache_read_tokens=5.0, quota_tokens=7.0, client_errors=1.0)
    gaps = build_traffic(60, cache_write_tokens=np.full(60, np.nan))

    assert series_in_use(traffic) == ("cache_read_tokens",)
    assert series_in_use(gaps) == ()
