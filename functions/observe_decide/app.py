"""Scheduled tick of `observe_decide`."""

import logging
from collections.abc import Mapping

_log = logging.getLogger()


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Log the tick's scheduled time and answer with it."""
    _log.warning("observe_decide tick of %s", event["scheduled_time"])
    return {"scheduled_time": event["scheduled_time"]}
