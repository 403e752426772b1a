"""Filling in and overlaying traffic without ever turning a gap into a zero."""

from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic, each_series
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes


def gap(start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end), none of which was read."""
    return span(Traffic.empty(start), start, end)


def overlaid(older: Traffic | None, newer: Traffic, start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end): what `newer` read, and what `older` knows where it did not."""
    fresh = span(newer, start, end)
    if older is None:
        return fresh
    missing = np.isnan(fresh.invocations)
    return _chosen(missing, span(older, start, end), fresh) if missing.any() else fresh


def silent_before(traffic: Traffic, birth: datetime) -> Traffic:
    """The same minutes, with zeros before `birth`: what did not exist had no traffic."""
    minutes = whole_minutes(birth - traffic.start)
    if minutes <= 0:
        return traffic
    silence = Traffic(start=traffic.start, **dict.fromkeys(METRICS, np.zeros(len(traffic))))
    return _chosen(np.arange(len(traffic)) < minutes, silence, traffic)


def first_gap(traffic: Traffic) -> datetime:
    """The first minute that was not read, or the end of the series when all were."""
    missing = np.flatnonzero(np.isnan(traffic.invocations))
    return traffic.start + int(missing[0]) * MINUTE if missing.size else traffic.end


def _chosen(where: np.typing.NDArray[np.bool_], one: Traffic, other: Traffic) -> Traffic:
    """`one` in the minutes of `where`, `other` in the rest."""

    def pick(chosen: Series, otherwise: Series) -> Series:
        picked: Series = np.where(where, chosen, otherwise)
        return picked

    return Traffic(start=one.start, **each_series(pick, one, other))
