"""What a person sets by hand: pauses, change windows, and overrides within every bound."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from bedrock_autoscaler.domain.units import moment_text

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_WEEK = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWindow:
    """A recurring span in which nothing is released; purchases go on.

    Attributes:
        cron: five fields (minute, hour, day of month, month, day of week) of its starts.
        minutes: its length.
        zone: the IANA time zone that the fields are read in.
    """

    cron: str
    minutes: int
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsOverride:
    """So many units, whatever sizing wants, until then; every bound still holds."""

    units: int
    until: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOverride:
    """This on-demand way goes first until then."""

    address: str
    until: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The hand on the lever.

    Attributes:
        pause_growth: nothing is bought.
        pause_shrink: nothing is released; a drain already begun stops before its Delete.
        shrink_windows: likewise while one of these is open.
        pause_growth_until, pause_shrink_until: the same until then; it ends by itself.
        approval_above_usd_per_hour: a purchase that costs more waits for a person's consent to
            it; None: none waits.
    """

    pause_growth: bool = False
    pause_shrink: bool = False
    shrink_windows: tuple[ChangeWindow, ...] = ()
    units: UnitsOverride | None = None
    route: RouteOverride | None = None
    pause_growth_until: datetime | None = None
    pause_shrink_until: datetime | None = None
    approval_above_usd_per_hour: Decimal | None = None

    def units_at(self, now: datetime) -> UnitsOverride | None:
        """The override of units in force."""
        return self.units if self.units is not None and now < self.units.until else None

    def route_at(self, now: datetime) -> RouteOverride | None:
        """The override of the first route in force."""
        return self.route if self.route is not None and now < self.route.until else None

    def growth_problem(self, now: datetime) -> str | None:
        """What a person set against buying now; None when nothing."""
        if self.pause_growth:
            return "controls.pause_growth is set"
        return _pause("growth", self.pause_growth_until, now)

    def shrink_problem(self, now: datetime) -> str | None:
        """What a person set against releasing now; None when nothing."""
        if self.pause_shrink:
            return "controls.pause_shrink is set"
        pause = _pause("shrink", self.pause_shrink_until, now)
        if pause is not None:
            return pause
        for window in self.shrink_windows:
            if is_open(window, now):
                return f"the change window {window.cron!r} ({window.zone}) is open"
        return None


NO_CONTROLS = Controls()
"""Nothing is set by hand."""


def _pause(direction: str, until: datetime | None, now: datetime) -> str | None:
    if until is None or now >= until:
        return None
    return f"controls.pause_{direction}_until is {moment_text(until)}"


def is_open(window: ChangeWindow, now: datetime) -> bool:
    """Whether `now` lies within a span of the window.

    A start that daylight saving skips comes an hour later by the clock; one that comes twice
    starts the window the first time. The span is elapsed time.
    """
    minutes, hours, *_ = fields = parse_cron(window.cron)
    zone, length = zone_of(window.zone), timedelta(minutes=window.minutes)
    day = (now - length).astimezone(zone).date() - _DAY
    while day <= now.astimezone(zone).date():
        if _is_day(fields, day):
            for hour in hours:
                for minute in minutes:
                    local = datetime.combine(day, time(hour, minute), tzinfo=zone)
                    if timedelta(0) <= now - local.astimezone(UTC) < length:
                        return True
        day += _DAY
    return False


def zone_of(name: str) -> tzinfo:
    """The time zone of this name; UTC needs no time zone database.

    Raises:
        KeyError: it is not known here.
        ValueError: it is no name of a zone.
    """
    return UTC if name == "UTC" else ZoneInfo(name)


def parse_cron(text: str) -> tuple[frozenset[int], ...]:
    """The values of the five fields; each is `*`, or a list of numbers, ranges and steps.

    Raises:
        ValueError: it has another form, or a value lies out of its range.
    """
    parts = text.split()
    if len(parts) != len(_RANGES):
        raise ValueError(f"{text!r} has {len(parts)} fields, not five: {', '.join(_FIELDS)}")
    return tuple(
        _values(part, low, high, name)
        for part, (low, high), name in zip(parts, _RANGES, _FIELDS, strict=True)
    )


def _values(part: str, low: int, high: int, name: str) -> frozenset[int]:
    found: set[int] = set()
    for piece in part.split(","):
        span, _, step = piece.partition("/")
        first, dash, last = span.partition("-")
        try:
            start = low if span == "*" else int(first)
            end = high if span == "*" or (step and not dash) else int(last if dash else first)
            every = int(step) if step else 1
        except ValueError as error:
            raise ValueError(f"{piece!r} is no value of {name}") from error
        if not (low <= start <= end <= high and every >= 1):
            raise ValueError(f"{piece!r} is no value of {name}, which goes from {low} to {high}")
        found.update(range(start, end + 1, every))
    return frozenset(found)


def _is_day(parsed: tuple[frozenset[int], ...], day: date) -> bool:
    """As cron has it: where both kinds of days are restricted, either of them counts."""
    _, _, days, months, weekdays = parsed
    if day.month not in months:
        return False
    in_month = day.day in days
    in_week = bool({day.isoweekday() % _WEEK, day.isoweekday()} & weekdays)
    any_day, any_weekday = len(days) == _RANGES[2][1], weekdays >= frozenset(range(_WEEK))
    if any_day or any_weekday:
        return (any_day or in_month) and (any_weekday or in_week)
    return in_month or in_week
