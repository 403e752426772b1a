"""The one source of time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> datetime:
        """The current moment, in UTC."""
