"""Quantities and moments: their conversions, and how they stand in a sentence."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

_MILLIONTH = Decimal("0.000001")


def usd(amount: float | str | Decimal) -> Decimal:
    """An amount of money, rounded half-even to a millionth of a dollar.

    Raises:
        ValueError: the amount is not a finite number.
    """
    value = Decimal(str(amount))
    if not value.is_finite():
        message = f"amount {amount!r} is not a finite number of dollars"
        raise ValueError(message)
    return value.quantize(_MILLIONTH, rounding=ROUND_HALF_EVEN)


def significant(value: float, digits: int = 6) -> float:
    """`value` rounded to `digits` significant digits; 0, NaN and infinities pass through.

    Two processors may differ in the last bits of a sum; a decision is compared at 6 digits.
    """
    return float(f"{value:.{digits}g}")


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: the moment carries no time zone.
    """
    if moment.tzinfo is None:
        message = f"moment {moment.isoformat()} has no time zone; give it one (UTC)"
        raise ValueError(message)
    return moment.astimezone(UTC)


def floor_minute(moment: datetime) -> datetime:
    """The start of the minute that `moment` lies in, in UTC."""
    return as_utc(moment).replace(second=0, microsecond=0)


def floor_hour(moment: datetime) -> datetime:
    """The start of the hour that `moment` lies in, in UTC."""
    return as_utc(moment).replace(minute=0, second=0, microsecond=0)


def floor_period(moment: datetime, period: timedelta) -> datetime:
    """The latest multiple of `period` since midnight UTC that is not after `moment`."""
    moment = as_utc(moment)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // period * period


def whole_minutes(duration: timedelta) -> int:
    """The number of whole minutes in a duration, rounded towards zero."""
    return int(duration / MINUTE)


def usd_text(amount: Decimal) -> str:
    """`40.00`, `0.000375`: dollars in a sentence, to the cent where that says all."""
    exact = usd(amount)
    return f"{exact:.2f}" if exact == round(exact, 2) else f"{exact.normalize():f}"


def without_exponent(amount: Decimal) -> Decimal:
    """The same without zeros at its end, which prints as `60` and never as `6E+1`."""
    return Decimal(f"{amount.normalize():f}")


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with a trailing Z, to the second: `2025-04-01T09:15:00Z`."""
    return f"{as_utc(moment).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def compact(moment: datetime) -> str:
    """The form used inside names and ids: `20250401T091500Z`."""
    return iso(moment).replace("-", "").replace(":", "")


def moment_text(moment: datetime) -> str:
    """`2025-04-01 09:15 UTC`: a moment in a sentence."""
    return f"{as_utc(moment):%Y-%m-%d %H:%M} UTC"


def end_text(moment: datetime | None) -> str:
    """Until when something runs, for a person."""
    return moment_text(moment) if moment is not None else "an unknown time"


def count_text(number: int, noun: str) -> str:
    """`1 release`, `2 releases`: so many of something in a sentence."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def in_a_day(made: int, most: int, noun: str) -> str:
    """How many of what a bound of a day counts were made, and how many may be."""
    return f"{count_text(made, noun)} in 24 hours, allowed: {most}"


def units_text(number: int) -> str:
    """`1 unit`, `2 units`: a number of model units in a sentence."""
    return count_text(number, "unit")
