"""Settings that are some minutes old at most: those of many targets take hundreds of calls."""

from collections.abc import Callable

from bedrock_autoscaler.application.observing.keeping import Kept
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.units import MINUTE

SETTINGS_AGE = 5 * MINUTE


class AgedSettings:
    """A snapshot of the settings, read anew every five minutes; the switch is no part of it."""

    def __init__(self, read: Callable[[], Settings], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._kept: Kept[str, Settings] = Kept(SETTINGS_AGE)

    def __call__(self) -> Settings:
        """The settings as of at most five minutes ago.

        Raises:
            ObservationError: they had to be read and could not.
        """
        return self._kept.get("", self._clock.now(), self._read)
