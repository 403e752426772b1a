"""The world's only time: virtual, UTC, and never running backwards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """A clock that stands still until somebody moves it.

    Listeners are told after each move, in the order of their subscription.
    """

    def __init__(self, start: datetime) -> None:
        self._now = as_utc(start)
        self._listeners: list[Callable[[datetime], None]] = []

    def now(self) -> datetime:
        """The current virtual instant, in UTC."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by`, zero or more, and return the new instant."""
        return self.set(self._now + by)

    def set(self, instant: datetime) -> datetime:
        """Move forward to `instant` and return it.

        Raises:
            ValueError: `instant` has no time zone or lies before now.
        """
        instant = as_utc(instant)
        if instant < self._now:
            raise ValueError(f"the clock stands at {self._now} and cannot go back to {instant}")
        self._now = instant
        for listener in self._listeners:
            listener(instant)
        return instant

    def subscribe(self, listener: Callable[[datetime], None]) -> None:
        """Call `listener` with the new instant after each move."""
        self._listeners.append(listener)


def as_utc(instant: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        ValueError: `instant` has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC)
