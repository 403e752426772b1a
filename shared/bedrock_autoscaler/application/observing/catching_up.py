"""Days of the history that are still to be read: as many as a tick has time for."""

from collections.abc import Callable
from datetime import datetime

from bedrock_autoscaler.application.observing.known import Known
from bedrock_autoscaler.application.observing.readings import Readings
from bedrock_autoscaler.application.observing.recalling import keep
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.domain.units import moment_text


def catch_up(
    known: Known, readings: Readings, sources: Sources, may_go_on: Callable[[], bool]
) -> tuple[datetime, ...]:
    """Keep what the tick's look has read of a target, then read and keep old days in their order.

    A day without a whole answer ends it and comes last in later ticks. Where even the newest
    minutes could not be read, nothing older is asked for.

    Args:
        known: whose history it is.
        readings: of the tick.
        sources: where the history is.
        may_go_on: whether there is time for one more day.

    Returns:
        The days that remain for later ticks.
    """
    newest = readings.of(known)
    if newest.reading is None:
        return known.look.unread
    again = keep(known, newest, sources) if known.look.is_whole else ()
    left = list(known.look.unread)
    while left and may_go_on():
        day = left.pop(0)
        found = readings.day(known, day)
        if found.reading is None or keep(known, found, sources):
            text = f"the day from {moment_text(day)} was not answered whole, or could not be kept"
            sources.reporter.alarm("metrics_unread", known.target.name, text)
            again = (day, *again)
            break
    return tuple(dict.fromkeys((*left, *again)))
