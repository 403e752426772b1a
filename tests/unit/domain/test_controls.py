"""Change windows and overrides, on both days on which clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.acting.controls import (
    ChangeWindow,
    Controls,
    RouteOverride,
    UnitsOverride,
    is_open,
    parse_cron,
)
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW

OFFICE = ChangeWindow(cron="0 9 * * 1-5", minutes=480)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T08:59", False),  # a Friday
        ("2026-11-20T09:00", True),
        ("2026-11-20T16:59:59", True),
        ("2026-11-20T17:00", False),
        ("2026-11-21T12:00", False),  # Saturday
        ("2026-11-23T12:00", True),  # Monday
    ],
)
def test_a_window_is_open_from_its_start_for_its_length(moment: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_open(OFFICE, at(moment)) is expected


def test_a_window_may_reach_over_midnight_month_and_leap_day() -> None:
    night = ChangeWindow(cron="0 22 * * *", minutes=600)
    leap = ChangeWindow(cron="0 0 29 2 *", minutes=1_440)

    assert is_open(night, at("2026-12-01T07:59"))
    assert not is_open(night, at("2026-12-01T08:00"))
    assert is_open(leap, at("2028-02-29T23:59"))
    assert not is_open(leap, at("2027-03-01T00:00"))


def test_a_start_that_daylight_saving_skips_comes_an_hour_later_by_the_clock() -> None:
    """2027-03-28 has no 02:30 in Berlin: 01:59 CET (00:59 UTC) is followed by 03:00 CEST."""
    window = ChangeWindow(cron="30 2 * * *", minutes=60, zone="Europe/Berlin")

    assert not is_open(window, at("2027-03-28T01:29"))
    assert is_open(window, at("2027-03-28T01:30"))  # 03:30 CEST
    assert is_open(window, at("2027-03-28T02:29"))
    assert not is_open(window, at("2027-03-28T02:30"))


def test_a_start_that_comes_twice_opens_the_window_the_first_time() -> None:
    """2026-10-25 has 02:30 twice in Berlin: at 00:30 and at 01:30 UTC."""
    window = ChangeWindow(cron="30 2 * * *", minutes=60, zone="Europe/Berlin")

    assert is_open(window, at("2026-10-25T00:30"))
    assert is_open(window, at("2026-10-25T01:29"))
    assert not is_open(window, at("2026-10-25T01:30"))


@pytest.mark.parametrize("moment", ["2027-03-28T12:00", "2026-10-25T12:00"])
def test_a_window_over_the_change_lasts_its_elapsed_time(moment: str) -> None:
    noon = at(moment)
    window = ChangeWindow(cron="0 0 * * 0", minutes=1_440, zone="Europe/Berlin")
    opened = [
        noon + step * 30 * MINUTE
        for step in range(-60, 60)
        if is_open(window, noon + step * 30 * MINUTE)
    ]

    assert max(opened) - min(opened) == timedelta(minutes=1_440 - 30)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)), st.integers(1, 10_080))  # noqa: DTZ001 - hypothesis wants bounds without a zone
def test_a_window_that_starts_every_minute_is_always_open(moment: datetime, minutes: int) -> None:
    window = ChangeWindow(cron="* * * * *", minutes=minutes, zone="America/New_York")

    assert is_open(window, moment.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "minutes", "weekdays"),
    [
        ("* * * * *", set(range(60)), set(range(8))),
        ("*/15 * * * 1-3", {0, 15, 30, 45}, {1, 2, 3}),
        ("5,10-12 * * * 0,7", {5, 10, 11, 12}, {0, 7}),
        ("50/5 * * * *", {50, 55}, set(range(8))),
        ("0-10/5 * * * *", {0, 5, 10}, set(range(8))),
    ],
)
def test_reads_lists_ranges_and_steps(text: str, minutes: set[int], weekdays: set[int]) -> None:
    fields = parse_cron(text)

    assert (set(fields[0]), set(fields[4])) == (minutes, weekdays)


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
     "* * * * 8", "5-3 * * * *", "*/0 * * * *", "a * * * *", "1-x * * * *", "-1 * * * *"],
)  # fmt: skip
def test_refuses_what_is_no_cron(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no value of|fields, not five"):
        parse_cron(text)


def test_utc_needs_no_time_zone_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime may have none; other zones are then refused with the settings."""
    monkeypatch.setattr("bedrock_autoscaler.domain.acting.controls.ZoneInfo", None)

    assert is_open(OFFICE, at("2026-11-20T09:00"))


def test_either_kind_of_day_counts_where_both_are_restricted() -> None:
    window = ChangeWindow(cron="0 0 1 * 1", minutes=1_440)

    assert is_open(window, at("2026-12-01T12:00"))  # the first, a Tuesday
    assert is_open(window, at("2026-12-07T12:00"))  # a Monday
    assert not is_open(window, at("2026-12-08T12:00"))


def test_sunday_is_0_and_7() -> None:
    for day in ("0", "7"):
        assert is_open(ChangeWindow(cron=f"0 0 * * {day}", minutes=60), at("2026-11-22T00:30"))


def test_a_month_is_a_restriction_of_its_own() -> None:
    assert not is_open(ChangeWindow(cron="0 0 * 12 *", minutes=60), at("2026-11-20T00:30"))


def test_says_what_holds_releases() -> None:
    assert Controls().shrink_problem(NOW) is None
    assert Controls(pause_shrink=True).shrink_problem(NOW) == "controls.pause_shrink is set"
    assert Controls(shrink_windows=(OFFICE,)).shrink_problem(NOW) == (
        "the change window '0 9 * * 1-5' (UTC) is open"
    )
    assert Controls(shrink_windows=(OFFICE,)).shrink_problem(at("2026-11-21T12:00")) is None


def test_overrides_end_by_themselves() -> None:
    units = UnitsOverride(units=2, until=NOW, by="jane")
    route = RouteOverride(address=MODEL, until=NOW, by="jane")
    controls = Controls(units=units, route=route)

    assert controls.units_at(NOW - MINUTE) == units
    assert controls.route_at(NOW - MINUTE) == route
    assert (controls.units_at(NOW), controls.route_at(NOW)) == (None, None)


def test_a_pause_ends_by_itself_in_each_direction() -> None:
    growth = Controls(pause_growth_until=NOW + MINUTE)
    shrink = Controls(pause_shrink_until=NOW + MINUTE)

    assert growth.growth_problem(NOW) == "controls.pause_growth_until is 2026-11-20 12:01 UTC"
    assert growth.growth_problem(NOW + MINUTE) is None
    assert growth.shrink_problem(NOW) is None
    assert shrink.shrink_problem(NOW) == "controls.pause_shrink_until is 2026-11-20 12:01 UTC"
    assert shrink.shrink_problem(NOW + MINUTE) is None
    assert shrink.growth_problem(NOW) is None
    assert Controls(pause_growth=True).growth_problem(NOW) == "controls.pause_growth is set"
