"""The usual day of a target: its mean demand by quarter of an hour, learned online.

It says how demand grows from the last half hour to the coming hour as a rule. It travels from
decision to decision beside the trust in the look-back windows, and is none of what a decision
looks back on: so more demand at any minute never lowers a forecast. Source: docs/model.md,
section "Forecast".
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = 15
_QUARTERS = 1440 // _QUARTER
_BEFORE, _AFTER = 2, 4
"""Quarters of an hour that make the last half hour and the coming hour."""
_NEWEST_DAY = 0.2
"""Share of the newest day in the mean."""
_LEAST_KNOWN = 8
"""Minutes of a quarter that must have been read."""
_DIGITS = 4
_FEW_UNITS = 0.25
"""Added to both sides of a ratio: next to nothing has no growth to speak of."""
_MOST = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a target usually needs around a time of day, in units.

    Attributes:
        before: mean over the half hour before.
        after: mean over the hour that follows.
    """

    before: float
    after: float

    @property
    def growth(self) -> float:
        """The factor from the half hour before to the hour that follows, 1/4 to 4."""
        return _ratio(self.after, self.before)

    def level(self, newest: float) -> float:
        """The factor from a usual half hour before to one of so much demand, 1/4 to 4."""
        return _ratio(newest, self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyProfile:
    """Mean demand by quarter of an hour of the UTC day.

    Attributes:
        until: end of the newest quarter that went into it; None before the first.
        units: model units by quarter; None where none was seen.
    """

    until: datetime | None = None
    units: tuple[float | None, ...] = (None,) * _QUARTERS

    def usual_at(self, moment: datetime) -> Usual | None:
        """What is usual around the quarter that begins nearest to a moment; None where unseen."""
        nearest = round(whole_minutes(moment - _EPOCH) / _QUARTER)
        quarters = range(nearest - _BEFORE, nearest + _AFTER)
        units = [self.units[quarter % _QUARTERS] for quarter in quarters]
        known = [value for value in units if value is not None]
        if len(known) < len(units):
            return None
        return Usual(before=sum(known[:_BEFORE]) / _BEFORE, after=sum(known[_BEFORE:]) / _AFTER)

    def up_to(self, demand: Demand, end: datetime) -> "DailyProfile":
        """The profile with the quarters that ended by then and were not in it."""
        seen_from = demand.start if self.until is None else max(self.until, demand.start)
        first = -(-whole_minutes(seen_from - _EPOCH) // _QUARTER)
        last = whole_minutes(end - _EPOCH) // _QUARTER
        if first >= last:
            return self
        units = list(self.units)
        start = whole_minutes(demand.start - _EPOCH)
        for quarter in range(first, last):
            begin = quarter * _QUARTER - start
            mean = _mean(demand.load[begin : begin + _QUARTER])
            if mean is not None:
                units[quarter % _QUARTERS] = _moved(units[quarter % _QUARTERS], mean)
        return DailyProfile(until=_EPOCH + last * _QUARTER * MINUTE, units=tuple(units))


NO_PROFILE = DailyProfile()


def _mean(minutes: Series) -> float | None:
    """The mean of those that were read; None where they are too few."""
    known = minutes[~np.isnan(minutes)]
    return float(known.mean()) if len(known) >= _LEAST_KNOWN else None


def _moved(before: float | None, mean: float) -> float:
    moved = mean if before is None else before + _NEWEST_DAY * (mean - before)
    return round(moved, _DIGITS)


def _ratio(units: float, before: float) -> float:
    return min(max((units + _FEW_UNITS) / (before + _FEW_UNITS), 1.0 / _MOST), _MOST)
