"""What only shows when all targets are looked at: that they fell silent together."""

from collections.abc import Iterable, Sequence

from bedrock_autoscaler.application.fleets.assigning import AgendaEntry
from bedrock_autoscaler.application.observing.measuring import has_calls, quiet_minutes
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_SEVERAL = 2
_SILENT_MINUTES = 3
_AT_ONCE_MINUTES = 5


def fell_silent_together(traffics: Iterable[Traffic], minutes: int) -> bool:
    """Whether all targets are silent now, and several of them fell silent at once.

    Only minutes that were read count as silent. At once: at least half of the targets that had
    calls in the window, and at least two, had their last one within five minutes of each other.
    With one target alone nothing tells an outage from a quiet night. A target that was not read
    lately is left out: its gaps hide no fault of the others.

    Args:
        traffics: of each target, the settled minutes.
        minutes: how far back the fall may lie.
    """
    lasts = []
    for traffic in traffics:
        window = span(traffic, traffic.end - minutes * MINUTE, traffic.end)
        silent = quiet_minutes(window)
        if silent < _SILENT_MINUTES:
            newest = span(traffic, traffic.end - _SILENT_MINUTES * MINUTE, traffic.end)
            if has_calls(newest):
                return False
            continue
        if silent < minutes:
            lasts.append(silent)
    return _at_once(lasts)


def seem_silent_together(entries: Iterable[AgendaEntry], minutes: int) -> bool:
    """The same of what was noted when each target was last visited.

    A target that had calls when it was last heard of, minutes before the newest word of any, may
    be silent by now: it is left out, so that seldom visits never hide an outage.
    """
    known = tuple(entries)
    newest = max((entry.seen_until for entry in known), default=None)
    if newest is None:
        return False
    lasts = []
    for entry in known:
        if entry.last_call_at is None:
            continue
        silent = whole_minutes(entry.seen_until - entry.last_call_at) - 1
        if silent < _SILENT_MINUTES:
            if newest - entry.seen_until < _SILENT_MINUTES * MINUTE:
                return False
            continue
        since = whole_minutes(newest - entry.last_call_at) - 1
        if since < minutes:
            lasts.append(since)
    return _at_once(lasts)


def _at_once(lasts: Sequence[int]) -> bool:
    """Whether most of the last calls lie so many minutes back as the newest of them, or nearly."""
    if not lasts:
        return False
    at_once = sum(last - min(lasts) <= _AT_ONCE_MINUTES for last in lasts)
    return at_once >= max(_SEVERAL, len(lasts) / 2)
