"""A clock that tests move by hand."""

from datetime import datetime, timedelta

from bedrock_autoscaler.domain.units import as_utc


class FakeClock:
    """Stands still until it is moved; may be moved back, as real ones are."""

    def __init__(self, now: datetime) -> None:
        self._now = as_utc(now)

    def now(self) -> datetime:
        """The moment it was last set to."""
        return self._now

    def advance(self, duration: timedelta) -> datetime:
        """Move on by `duration`; the new moment."""
        self._now += duration
        return self._now

    def set(self, moment: datetime) -> None:
        """Jump to `moment`."""
        self._now = as_utc(moment)
