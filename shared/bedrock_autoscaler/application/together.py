"""What only shows when all targets are looked at: that they fell silent together."""

from collections.abc import Iterable

from bedrock_autoscaler.application.measuring import quiet_minutes
from bedrock_autoscaler.domain.joining import span
from bedrock_autoscaler.domain.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE

_SEVERAL = 2
_SILENT_MINUTES = 3
_AT_ONCE_MINUTES = 5


def fell_silent_together(traffics: Iterable[Traffic], minutes: int) -> bool:
    """Whether all targets are silent now, and several of them fell silent at once.

    Only minutes that were read count as silent. At once: at least half of the targets that had
    calls in the window, and at least two, had their last one within five minutes of each other.
    With one target alone nothing tells an outage from a quiet night.

    Args:
        traffics: of each target, the settled minutes.
        minutes: how far back the fall may lie.
    """
    lasts = []
    for traffic in traffics:
        window = span(traffic, traffic.end - minutes * MINUTE, traffic.end)
        silent = quiet_minutes(window)
        if silent < _SILENT_MINUTES:
            return False
        if silent < minutes:
            lasts.append(silent)
    if not lasts:
        return False
    at_once = sum(last - min(lasts) <= _AT_ONCE_MINUTES for last in lasts)
    return at_once >= max(_SEVERAL, len(lasts) / 2)
