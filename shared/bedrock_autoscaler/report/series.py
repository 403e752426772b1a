"""What a report plots, whoever made it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_MOST_POINTS = 1500


class MarkKind(StrEnum):
    """What happened at a marked moment."""

    PURCHASE = "purchase"
    RELEASE = "release"
    ROUTES = "routes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A decision that changed something."""

    moment: datetime
    kind: MarkKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunSeries:
    """A run, minute by minute; all series have the length of `moments`.

    Attributes:
        moments: rising minutes.
        demand: model units asked for.
        served: model units served, by kind of route, in the order in which they are stacked.
        throttled: model units that nobody served.
        in_service, held: units that could serve, and units that existed.
        spent_usd: money spent so far, by who spent it.
        marks: decisions, oldest first.
    """

    moments: tuple[datetime, ...]
    demand: Series
    served: Mapping[str, Series]
    throttled: Series
    in_service: Series
    held: Series
    spent_usd: Mapping[str, Series]
    marks: tuple[Mark, ...]


def thinned(run: RunSeries) -> RunSeries:
    """The same run in at most 1,500 points: means of traffic, last values of what holds on.

    A plot is a thousand pixels wide; more points make the page larger and no clearer.
    """
    step = -(-len(run.moments) // _MOST_POINTS)
    if step <= 1:
        return run
    return RunSeries(
        moments=run.moments[::step],
        demand=_means(run.demand, step),
        served={name: _means(series, step) for name, series in run.served.items()},
        throttled=_means(run.throttled, step),
        in_service=_lasts(run.in_service, step),
        held=_lasts(run.held, step),
        spent_usd={name: _lasts(series, step) for name, series in run.spent_usd.items()},
        marks=run.marks,
    )


def _means(series: Series, step: int) -> Series:
    starts = np.arange(0, len(series), step)
    sums: Series = np.add.reduceat(series, starts)
    means: Series = sums / np.diff(np.append(starts, len(series)))
    return means


def _lasts(series: Series, step: int) -> Series:
    ends = np.minimum(np.arange(step, len(series) + step, step), len(series)) - 1
    values: Series = series[ends]
    return values
