"""The minutes that speak for the coming hour: the newest ones, and the same hour on earlier days.

Each window's minutes are taken as equally likely for the hour to come. How far each window is
trusted is learned, see `learning`. Source: docs/model.md, section "Forecast".
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise

import numpy as np

from bedrock_autoscaler.domain.forecasting.use import Sets
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import whole_minutes

_DAY = 1440
_DAYS = 7
_HISTORY_STEP = 5
_RECENT = (5, 15, 30, 60, 180, 360, _DAY)
_AGES = tuple(pairwise((0, *_RECENT)))

WINDOWS = (
    "last_5_minutes",
    "last_15_minutes",
    "last_30_minutes",
    "last_hour",
    "last_3_hours",
    "last_6_hours",
    "last_day",
    "this_hour_yesterday",
    "this_hour_of_7_days",
    "history",
)
PRIOR_WEIGHTS = (0.1, 0.15, 0.15, 0.2, 0.1, 0.0, 0.05, 0.1, 0.12, 0.03)
"""Trust before anything is learned: mostly the last hour, a quarter the daily shape."""

_LAST_DAY, _YESTERDAY, _WEEK, _HISTORY = range(len(_RECENT) - 1, len(WINDOWS))
# Each recent window is the piece between the one before it and its own beginning, and all shorter
# ones; the pieces of the days are yesterday's hour and that of the six days before.
_MEMBERS = np.tril(np.ones((len(WINDOWS), len(WINDOWS))))
_MEMBERS[_YESTERDAY:, : _LAST_DAY + 1] = 0.0
_MEMBERS[_HISTORY, :_HISTORY] = 0.0
_INSTEAD = (*range(1, _LAST_DAY + 1), _HISTORY, _LAST_DAY, _YESTERDAY, _HISTORY)


@cache
def _with_others(count: int) -> tuple[Series, tuple[int, ...]]:
    """The members and stand-ins of the windows, and of so many sets of one piece each."""
    sets = len(WINDOWS) + count
    members = np.eye(sets)
    members[: len(WINDOWS), : len(WINDOWS)] = _MEMBERS
    return members, (*_INSTEAD, *range(len(WINDOWS), sets))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """A minute of a demand series, and how much of the series was seen by then.

    Attributes:
        load: demand in units, oldest first; NaN where nothing was read.
        has_gaps: whether anything was not read.
        position: of the moment in the series.
        seen: positions before this one were seen by then.
    """

    load: Series
    has_gaps: bool
    position: int
    seen: int

    def windows(self, *others: Series) -> Sets | None:
        """The known minutes of each of `WINDOWS`; None when no minute is known.

        A window without a known minute borrows from the next longer one, the days from the
        last day, and that from the history.

        Args:
            others: further minutes, each of which makes a set of its own after the windows.
        """
        history = self._known(self.load[: self.seen : _HISTORY_STEP])
        if not history.size:
            history = self._known(self.load[: self.seen])
        if not history.size:
            return None
        recent = [
            self._known(self.load[max(self.seen - end, 0) : max(self.seen - begin, 0)])
            for begin, end in _AGES
        ]
        days = [self._hour_of(age) for age in range(1, _DAYS + 1)]
        pieces = (*recent, days[0], np.concatenate(days[1:]), history, *others)
        return Sets.of(pieces, *_with_others(len(others)))

    def outcome(self, begin: int, end: int, min_known: float) -> Series | None:
        """The minutes from `begin` to `end` after the moment, unless too few are known."""
        minutes = self.load[self.position + begin : self.position + end]
        known = self._known(minutes)
        return known if len(known) >= min_known * (end - begin) and len(known) else None

    def _hour_of(self, age: int) -> Series:
        """The hour that begins at this clock time, some days ago."""
        begin = self.position - age * _DAY
        return self._known(self.load[begin : begin + 60]) if begin >= 0 else np.empty(0)

    def _known(self, minutes: Series) -> Series:
        return minutes[~np.isnan(minutes)] if self.has_gaps else minutes


def moment_at(demand: Demand, at: datetime, now: datetime, gaps_as: float | None = None) -> Moment:
    """The moment `at`, seen with the same delay as the series is seen at `now`.

    Args:
        demand: what is known now.
        at: not after now.
        now: the moment of the decision.
        gaps_as: demand that a gap stands for; None leaves gaps out.
    """
    load, has_gaps = demand.load, demand.has_gaps
    if gaps_as is not None and has_gaps:
        load, has_gaps = np.nan_to_num(load, nan=gaps_as), False
    position = whole_minutes(at - demand.start)
    delay = whole_minutes(now - demand.end)
    return Moment(
        load=load, has_gaps=has_gaps, position=position, seen=min(position - delay, len(load))
    )
