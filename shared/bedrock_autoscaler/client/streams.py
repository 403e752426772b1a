"""Streams whose first event is there: what fails before it can still be tried elsewhere."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from urllib3.exceptions import TimeoutError as HttpTimeoutError

_ENDPOINT = "of the stream"


class BegunStream:
    """A botocore event stream, its first event read already; used like the stream itself."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - botocore does not type its streams
        self._stream = stream
        self._rest = iter(stream)
        try:
            # A stream may be empty, which is for the caller to find.
            self._first = list(islice(self._rest, 1))
        except BaseException as error:
            stream.close()
            _translate(error)
            raise

    def __iter__(self) -> Iterator[Any]:
        """The events, each once."""
        while self._first:
            yield self._first.pop()
        for event in self._rest:  # noqa: UP028 - that would close it with a reader who goes on later
            yield event

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)


class AsyncBegunStream:
    """The same for an event stream of aiobotocore; made by `begin`."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - as above
        self._stream = stream
        self._rest = aiter(stream)
        self._first: list[Any] = []

    async def begin(self) -> "AsyncBegunStream":
        """Wait for the first event."""
        try:
            async for event in self._rest:
                self._first.append(event)
                break
        except BaseException as error:  # a cancelled call too leaves no open connection behind
            self._stream.close()
            _translate(error)
            raise
        return self

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The events, each once."""
        while self._first:
            yield self._first.pop()
        async for event in self._rest:
            yield event

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._stream, name)


def _translate(error: BaseException) -> None:
    """Say as the SDK would what the HTTP library met: of a stream the SDK translates no error.

    Raises:
        ReadTimeoutError: nothing came for as long as the caller waits.
        ConnectionClosedError: the connection broke off.
    """
    if isinstance(error, ClientError | BotoCoreError) or not isinstance(error, Exception):
        return
    if isinstance(error, TimeoutError | HttpTimeoutError):
        raise ReadTimeoutError(endpoint_url=_ENDPOINT) from error
    raise ConnectionClosedError(endpoint_url=_ENDPOINT) from error
