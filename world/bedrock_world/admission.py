"""Limits per minute, and the pools of capacity that calls are admitted to.

All instants here are seconds since the epoch: this is the path of every request.
"""

import heapq
from dataclasses import dataclass
from typing import Protocol

from bedrock_world.settings import Window

_MINUTE = 60.0


class Meter(Protocol):
    """What is left of a limit per minute."""

    def fits(self, at: float, amount: float) -> bool:
        """Whether `amount` may be taken at an instant."""

    def take(self, at: float, amount: float) -> None:
        """Take `amount`, which may overdraw."""

    def give_back(self, at: float, taken_at: float, amount: float) -> None:
        """Return a part of what was taken at `taken_at`; a negative amount takes more."""


class MinuteMeter:
    """Each clock minute grants the limit anew; nothing is carried over."""

    __slots__ = ("_limit", "_minute", "_used")

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._minute = 0
        self._used = 0.0

    def _roll(self, at: float) -> None:
        minute = int(at // _MINUTE)
        if minute > self._minute:
            self._minute, self._used = minute, 0.0

    def fits(self, at: float, amount: float) -> bool:
        """Whether the minute has `amount` left."""
        self._roll(at)
        return self._used + amount <= self._limit

    def take(self, at: float, amount: float) -> None:
        """Use up `amount` of the minute."""
        self._roll(at)
        self._used += amount

    def give_back(self, at: float, taken_at: float, amount: float) -> None:
        """Return to the same minute; a later one owes nothing, but pays for what runs over."""
        self._roll(at)
        if amount < 0 or int(taken_at // _MINUTE) == self._minute:
            self._used = max(0.0, self._used - amount)


class BucketMeter:
    """A token bucket: `burst_seconds` worth of the limit, refilled without pause."""

    __slots__ = ("_at", "_capacity", "_level", "_limit", "_rate")

    def __init__(self, limit: float, burst_seconds: float) -> None:
        self._limit = limit
        self._rate = limit / _MINUTE
        self._capacity = self._rate * burst_seconds
        self._level = self._capacity
        self._at = 0.0

    def _refill(self, at: float) -> None:
        if at > self._at:
            self._level = min(self._capacity, self._level + (at - self._at) * self._rate)
            self._at = at

    def fits(self, at: float, amount: float) -> bool:
        """Whether the bucket holds `amount`; a full bucket lets one larger call pass on credit."""
        self._refill(at)
        full = self._level >= self._capacity and amount <= self._limit
        return amount <= self._level or full

    def take(self, at: float, amount: float) -> None:
        """Take `amount`; the level may fall below zero."""
        self._refill(at)
        self._level -= amount

    def give_back(self, at: float, taken_at: float, amount: float) -> None:
        """Pour back, whenever it was taken; never beyond the rim."""
        del taken_at
        self._refill(at)
        self._level = min(self._capacity, self._level + amount)


class Unlimited:
    """No limit at all."""

    __slots__ = ()

    def fits(self, at: float, amount: float) -> bool:
        """Always."""
        del at, amount
        return True

    def take(self, at: float, amount: float) -> None:
        """Nothing to note."""

    def give_back(self, at: float, taken_at: float, amount: float) -> None:
        """Nothing to note."""


def meter(limit: float | None, window: Window) -> Meter:
    """The meter for a limit per minute; None is no limit."""
    if limit is None:
        return Unlimited()
    if window.mode == "minute":
        return MinuteMeter(limit)
    return BucketMeter(limit, window.burst_seconds)


@dataclass(slots=True, kw_only=True)
class Demand:
    """What one call wants of a pool.

    `first` is charged against the first meter, `second` against the second; `reserved_*` at
    admission, `used_*` in the end, when the difference is given back.
    """

    ends: float
    reserved_first: float
    reserved_second: float
    used_first: float
    used_second: float


class Pool:
    """Two meters that a call must fit at once, and the reservations still open.

    On demand they are requests and tokens per minute; for a PT input and output tokens.
    """

    __slots__ = ("_first", "_open", "_refused", "_second", "_serial")

    def __init__(self, first: Meter, second: Meter, refused: tuple[str, str]) -> None:
        self._first = first
        self._second = second
        self._refused = refused
        self._open: list[tuple[float, int, float, float, float]] = []
        self._serial = 0

    def admit(self, at: float, demand: Demand) -> str | None:
        """Take the reservation; None when admitted, else the words of the refusal.

        A refused call takes nothing of either meter.
        """
        self.settle(at)
        if not self._first.fits(at, demand.reserved_first):
            return self._refused[0]
        if not self._second.fits(at, demand.reserved_second):
            return self._refused[1]
        self._first.take(at, demand.reserved_first)
        self._second.take(at, demand.reserved_second)
        first = demand.reserved_first - demand.used_first
        second = demand.reserved_second - demand.used_second
        if first or second:
            self._serial += 1
            heapq.heappush(self._open, (demand.ends, self._serial, at, first, second))
        return None

    def settle(self, at: float) -> None:
        """Give back what the calls that have ended by `at` did not use."""
        while self._open and self._open[0][0] <= at:
            ended, _, taken_at, first, second = heapq.heappop(self._open)
            self._first.give_back(ended, taken_at, first)
            self._second.give_back(ended, taken_at, second)
