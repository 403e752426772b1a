"""What to ask CloudWatch for: it bills each metric asked for, whatever the minutes.

Every look asks for the four series that always matter. The others are asked for once an hour, and
each time while something calls for them: units held or on their way, whose release must rest on
everything; refused calls, whose cause the others tell; several ways to route, of which one may
fail; or what showed anything at the last whole look.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.routing.lawfulness import seen_options
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import (
    CORE,
    METRICS,
    Observation,
    Traffic,
    known_total,
)
from bedrock_autoscaler.domain.units import HOUR, MINUTE, floor_hour

type Births = tuple[tuple[str, datetime | None], ...]
"""Addresses whose traffic is a target's, and since when each exists; None: always."""

REREAD = timedelta(hours=3)
"""A whole look reaches back so far, for what CloudWatch has corrected since."""

DAY = timedelta(days=1)
"""Older history is asked for by days of UTC."""

_MOST_HISTORY = 14 * DAY
_KEPT = 15 * DAY - HOUR
"""CloudWatch keeps sums by the minute for 15 days, and a call that begins earlier is answered with
no minute at all, so that no day that began earlier is asked for; up to an hour passes until what
has settled is read. Source: the CloudWatch user guide, metrics retention, and the API reference of
MetricStat, `Period`."""

_LEAST_MINUTES = 60
_ERRORS = ("client_errors", "server_errors")
_ONLY_WITH_REFUSALS = frozenset({*_ERRORS, "quota_tokens"})
_BEYOND_CORE = tuple(name for name in METRICS if name not in {*CORE, *_ONLY_WITH_REFUSALS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one target is asked for.

    Attributes:
        start: the first minute.
        series: names of METRICS.
        is_whole: all series, far enough back for the history.
        unread: days of the history that are still to be asked for, in this order: those before
            `start`, and those that were kept without an address of now.
        addresses: whose traffic the history has once these days are read; none for the routing
            loop, which keeps nothing.
    """

    start: datetime
    series: tuple[str, ...]
    is_whole: bool
    unread: tuple[datetime, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def earliest(self) -> datetime:
        """The first minute that may be asked for."""
        return min((self.start, *self.unread))


def capacity_look(
    target: Target,
    fleet: Fleet,
    before: Observation | None,
    *,
    births: Births,
    end: datetime,
) -> Look:
    """The look of the capacity loop: whole in the first tick after each full hour, else narrow.

    It reaches hours back, so that a target is decided on what is newest whatever else is unread.

    Args:
        target: whose traffic it is.
        fleet: what it holds.
        before: what the previous tick observed.
        births: the addresses that are its own now.
        end: the minute after the last settled one.
    """
    days = target.thresholds.observing.history_days * DAY
    oldest = floor_hour(end - min(days, _MOST_HISTORY))
    is_whole = _is_due(before, end)
    minutes = max(_LEAST_MINUTES, target.thresholds.gating.mass_silence_minutes)
    start = floor_hour(end - REREAD) if is_whole else max(end - minutes * MINUTE, oldest)
    return Look(
        start=start,
        series=METRICS if is_whole else _series(target, fleet, before),
        is_whole=is_whole,
        unread=_unread(before, births, start, oldest=oldest, kept=end - _KEPT),
        addresses=tuple(address for address, _ in births),
    )


def routing_look(
    target: Target, fleet: Fleet, before: Observation | None, *, start: datetime, end: datetime
) -> Look:
    """The look of the routing loop from `start` on, which is what it has not read yet."""
    is_whole = _is_due(before, end)
    series = METRICS if is_whole else _series(target, fleet, before)
    return Look(start=start, series=series, is_whole=is_whole)


def floor_day(moment: datetime) -> datetime:
    """The start of its day of UTC."""
    return floor_hour(moment).replace(hour=0)


def days_between(start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The days of UTC that [start, end) touches, newest first."""
    first = floor_day(start)
    count = -((first - end) // DAY) if start < end else 0
    return tuple(first + index * DAY for index in reversed(range(count)))


def series_in_use(traffic: Traffic) -> tuple[str, ...]:
    """The series beyond CORE that show anything and mean something without refused calls."""
    found, shows = [], dict[int, bool]()
    for name in _BEYOND_CORE:
        series = getattr(traffic, name)
        if id(series) not in shows:  # those without a point are one array
            shows[id(series)] = known_total(series) > 0
        if shows[id(series)]:
            found.append(name)
    return tuple(found)


def _is_due(before: Observation | None, end: datetime) -> bool:
    """Whether no whole look was taken in this hour."""
    return before is None or before.whole_at is None or before.whole_at < floor_hour(end)


def _unread(
    before: Observation | None,
    births: Births,
    start: datetime,
    *,
    oldest: datetime,
    kept: datetime,
) -> tuple[datetime, ...]:
    """Days that no look has reached for some address, newest first, then what was left before."""
    reached = before.whole_at if before is not None else None
    missed = days_between(max(reached or oldest, oldest), start)
    left = before.unread if before is not None else ()
    found = dict.fromkeys((*missed, *_kept_without(before, births, oldest), *left))
    return tuple(day for day in found if day + DAY > oldest and day >= kept)


def _kept_without(
    before: Observation | None, births: Births, oldest: datetime
) -> tuple[datetime, ...]:
    """Days that looks have reached without an address that existed then, newest first.

    Records of before addresses were noted tell of none.
    """
    if before is None or before.whole_at is None or not before.addresses:
        return ()
    added = [birth or oldest for address, birth in births if address not in before.addresses]
    return days_between(max(min(added), oldest), before.whole_at) if added else ()


def _series(target: Target, fleet: Fleet, before: Observation | None) -> tuple[str, ...]:
    if fleet.throughputs or fleet.open_purchase_units or before is None:
        return METRICS
    if known_total(before.traffic.throttles) > 0:
        return METRICS
    wanted = {*CORE, *before.in_use, *(_ERRORS if _may_reroute(target) else ())}
    return tuple(name for name in METRICS if name in wanted)


def _may_reroute(target: Target) -> bool:
    return len(seen_options(target, target.calls_from())) > 1
