"""Streams whose first event is there: what fails before it can still be tried elsewhere."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError


class BegunStream:
    """A botocore event stream, its first event read already; used like the stream itself."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - botocore does not type its streams
        self._stream = stream
        self._rest = iter(stream)
        try:
            # A stream may be empty, which is for the caller to find.
            self._first = list(islice(self._rest, 1))
        except (ClientError, BotoCoreError):
            stream.close()
            raise
        except Exception as error:
            stream.close()
            raise _broken_off() from error

    def __iter__(self) -> Iterator[Any]:
        """The events, each once."""
        while self._first:
            yield self._first.pop()
        yield from self._rest

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
        except (ClientError, BotoCoreError):
            self._stream.close()
            raise
        except Exception as error:
            self._stream.close()
            raise _broken_off() from error
        return self

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The events, each once."""
        while self._first:
            yield self._first.pop()
        async for event in self._rest:
            yield event

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._stream, name)


def _broken_off() -> ConnectionClosedError:
    """What a call meets where the HTTP library fails: of a stream the SDK translates no error."""
    return ConnectionClosedError(endpoint_url="of the stream")
