"""The clocks: the system's, and a virtual one on loopback for the demo and tests."""

import json
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import override
from urllib.parse import urlsplit

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.domain.units import as_utc

_TIMEOUT_SECONDS = 2.0
_MAX_ANSWER_BYTES = 1_000
_OK = 200


class SystemClock(Clock):
    """The time of the machine."""

    @override
    def now(self) -> datetime:
        """The current moment, in UTC."""
        return datetime.now(UTC)


class LoopbackClock(Clock):
    """Virtual time, asked afresh on each call; there is no falling back to real time.

    Args:
        endpoint: http URL that answers `{"now": "2026-11-01T00:00:00Z"}`; checked to be loopback
            by the environment. Neither proxies nor redirects are followed.
    """

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._path = parts.path or "/"

    @override
    def now(self) -> datetime:
        """The moment that the endpoint tells, in UTC.

        Raises:
            ObservationError: it did not answer in time, or not with an aware moment.
        """
        try:
            return as_utc(datetime.fromisoformat(json.loads(self._answer())["now"]))
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            reason = f"clock at {self._host}:{self._port} told no time: {type(error).__name__}"
            raise ObservationError(reason) from error

    def _answer(self) -> bytes:
        connection = HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("GET", self._path)
            response = connection.getresponse()
            if response.status != _OK:
                raise HTTPException(f"status {response.status}")
            return response.read(_MAX_ANSWER_BYTES)
        finally:
            connection.close()


def clock_at(endpoint: str | None) -> Clock:
    """The virtual clock at `endpoint`, or the system's where there is none."""
    return SystemClock() if endpoint is None else LoopbackClock(endpoint)
