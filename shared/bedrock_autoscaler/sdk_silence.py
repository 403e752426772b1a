"""What does not answer rests: for a minute a call to it fails at once, and keeps nobody waiting.

A hang costs all attempts of a call, a quarter of a minute; many targets that need the same service
would each wait for it, until the run is killed and those behind them are never looked at.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import (
    ConnectionError,  # noqa: A004 - botocore's name
    EndpointConnectionError,
    HTTPClientError,
)

_REST = timedelta(minutes=1)
_SILENCE = (ConnectionError, HTTPClientError)


class Silence:
    """Who did not answer within the last minute.

    Args:
        now: the present moment.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._since: dict[str, datetime] = {}

    def rests(self, name: str) -> bool:
        """Whether it did not answer within the last minute."""
        return self.is_recent(self._since.get(name))

    def is_recent(self, since: datetime | None) -> bool:
        """Whether this was within the last minute."""
        return since is not None and timedelta(0) <= self._now() - since < _REST

    def note(self, name: str, error: Exception) -> None:
        """Let it rest, if the error means that no answer came."""
        if isinstance(error, _SILENCE):
            self._since[name] = self._now()

    def watch(self, hooks: Any, name_of: Callable[[Mapping[str, Any]], str]) -> None:  # noqa: ANN401
        """Let calls tell who is silent, and fail at once where they would only wait.

        Args:
            hooks: botocore's events, of a session or of one client.
            name_of: who is called, by the context of a call.
        """

        def require_answering(
            params: Mapping[str, Any], context: Mapping[str, Any], **_: object
        ) -> None:
            if self.rests(name_of(context)):
                raise EndpointConnectionError(endpoint_url=params["url"])

        def listen(exception: Exception, context: Mapping[str, Any], **_: object) -> None:
            self.note(name_of(context), exception)

        hooks.register("before-call", require_answering)
        hooks.register("after-call-error", listen)
