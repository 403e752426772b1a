"""Filling in and overlaying traffic without ever turning a gap into a zero."""

from datetime import datetime

import numpy as np

from bedrock_autoscaler.domain.joining import span
from bedrock_autoscaler.domain.observation import METRICS, Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes


def gap(start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end), none of which was read."""
    return span(Traffic.empty(start), start, end)


def overlaid(older: Traffic | None, newer: Traffic, start: datetime, end: datetime) -> Traffic:
    """The minutes [start, end): what `newer` read, and what `older` knows where it did not."""
    fresh = span(newer, start, end)
    if older is None:
        return fresh
    known = span(older, start, end)
    return _chosen(np.isnan(fresh.invocations), known, fresh)


def silent_before(traffic: Traffic, birth: datetime) -> Traffic:
    """The same minutes, with zeros before `birth`: what did not exist had no traffic."""
    unborn = np.arange(len(traffic)) < whole_minutes(birth - traffic.start)
    silence = Traffic(start=traffic.start, **{name: np.zeros(len(traffic)) for name in METRICS})
    return _chosen(unborn, silence, traffic)


def first_gap(traffic: Traffic) -> datetime:
    """The first minute that was not read, or the end of the series when all were."""
    missing = np.flatnonzero(np.isnan(traffic.invocations))
    return traffic.start + int(missing[0]) * MINUTE if missing.size else traffic.end


def _chosen(where: np.typing.NDArray[np.bool_], one: Traffic, other: Traffic) -> Traffic:
    """`one` in the minutes of `where`, `other` in the rest."""

    def pick(name: str) -> Series:
        picked: Series = np.where(where, getattr(one, name), getattr(other, name))
        return picked

    return Traffic(start=one.start, **{name: pick(name) for name in METRICS})
