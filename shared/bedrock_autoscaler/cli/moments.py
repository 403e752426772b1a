"""Moments on the command line: a time, or a span from now."""

import re
from datetime import UTC, datetime, timedelta

from bedrock_autoscaler.cli.output import CommandError

_SPAN = re.compile(r"([0-9]{1,3})([mhdw])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def later(text: str, now: datetime) -> datetime:
    """The moment that `4h`, `2d` or `2026-12-24T08:00Z` means; without a zone it is UTC.

    Raises:
        CommandError: it is none, or lies in the past.
    """
    span = _SPAN.fullmatch(text)
    try:
        moment = now + int(span[1]) * _UNITS[span[2]] if span else datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise CommandError(
            f"{text!r} is no moment; write 90m, 4h, 2d or a time such as 2026-12-24T08:00Z"
        ) from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    moment = moment.replace(microsecond=0)
    if moment <= now:
        raise CommandError(f"{text!r} is {moment:%Y-%m-%d %H:%M} UTC, which is over")
    return moment
