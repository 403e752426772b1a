from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from bedrock_autoscaler.domain.units import (
    as_utc,
    compact,
    floor_hour,
    floor_minute,
    floor_period,
    iso,
    significant,
    usd,
    usd_text,
    whole_minutes,
)

MOMENT = datetime(2026, 11, 20, 12, 34, 56, 789, tzinfo=UTC)


def test_money_is_rounded_half_even_to_a_millionth() -> None:
    # Both lie exactly between two millionths; the even neighbour wins.
    assert usd("0.0000005") == Decimal("0.000000")
    assert usd("0.0000015") == Decimal("0.000002")


@pytest.mark.parametrize(
    ("amount", "text"), [("40.000000", "40.00"), ("0.000375", "0.000375"), ("12.5", "12.50")]
)
def test_money_in_a_sentence_has_cents_where_they_say_all(amount: str, text: str) -> None:
    assert usd_text(Decimal(amount)) == text


def test_a_float_keeps_the_digits_it_was_written_with() -> None:
    assert usd(60.5) == Decimal("60.500000")


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_refuses_what_is_no_amount(amount: str) -> None:
    with pytest.raises(ValueError, match=f"'{amount}' is not a finite number of dollars"):
        usd(amount)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(123456.789, 123457.0), (0.0012345678, 0.00123457), (-2.0000001, -2.0), (0.0, 0.0)],
)
def test_keeps_six_significant_digits(value: float, rounded: float) -> None:
    assert significant(value) == rounded


def test_infinity_has_no_digits_to_round() -> None:
    assert significant(float("inf")) == float("inf")


def test_moments_are_brought_to_utc() -> None:
    vienna = timezone(timedelta(hours=1))

    assert as_utc(MOMENT.astimezone(vienna)) == MOMENT
    assert iso(MOMENT.astimezone(vienna)) == "2026-11-20T12:34:56Z"
    assert compact(MOMENT.astimezone(vienna)) == "20261120T123456Z"


def test_refuses_a_moment_without_a_zone() -> None:
    with pytest.raises(ValueError, match=r"2026-11-20T12:34:56\.000789 has no time zone"):
        as_utc(MOMENT.replace(tzinfo=None))


def test_floors_to_minute_hour_and_period() -> None:
    assert iso(floor_minute(MOMENT)) == "2026-11-20T12:34:00Z"
    assert iso(floor_hour(MOMENT)) == "2026-11-20T12:00:00Z"
    # Periods of 7 minutes since midnight: 12:34 is minute 754 = 107 * 7 + 5, so 749 = 12:29.
    assert iso(floor_period(MOMENT, timedelta(minutes=7))) == "2026-11-20T12:29:00Z"


def test_counts_whole_minutes_towards_zero() -> None:
    assert whole_minutes(timedelta(seconds=119)) == 1
    assert whole_minutes(timedelta(seconds=-119)) == -1
