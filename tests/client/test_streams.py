"""Streams whose first event is there: read on at any time, closed when nobody gets them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any, override

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as HttpReadTimeoutError

from bedrock_autoscaler.client.streams import AsyncBegunStream, BegunStream


class Stream:
    """Events for both kinds of readers; an exception among them is raised."""

    def __init__(self, *events: Any) -> None:
        self._events = iter(events)
        self.closed = False

    def __iter__(self) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, BaseException):
                raise event
            yield event

    async def __aiter__(self) -> AsyncIterator[Any]:
        for event in self:
            yield event

    def close(self) -> None:
        self.closed = True


def in_turns(stream: Any) -> list[Any]:
    """Read two events, leave the loop, and read on."""
    events: list[Any] = []
    for event in stream:
        events.append(event)
        if len(events) == 2:
            break
    return [*events, *stream]


async def begun(stream: Any) -> AsyncBegunStream:
    return await AsyncBegunStream(stream).begin()


def test_a_reader_may_leave_the_loop_and_go_on_later() -> None:
    assert in_turns(BegunStream(Stream(*range(6)))) == list(range(6))


def test_a_reader_may_take_events_one_by_one() -> None:
    stream = BegunStream(Stream(*range(6)))

    assert [next(iter(stream)) for _ in range(6)] == list(range(6))


def test_an_asynchronous_reader_may_leave_the_loop_and_go_on_later() -> None:
    async def read() -> list[Any]:
        events: list[Any] = []
        stream = await begun(Stream(*range(6)))
        async for event in stream:
            events.append(event)
            if len(events) == 2:
                break
        return events + [event async for event in stream]

    assert asyncio.run(read()) == list(range(6))


@pytest.mark.parametrize(
    ("met", "told"),
    [
        (HttpReadTimeoutError(None, "/", "Read timed out."), ReadTimeoutError),  # type: ignore[arg-type]  # of no pool
        (TimeoutError(), ReadTimeoutError),  # as aiohttp has it
        (ProtocolError("Connection broken"), ConnectionClosedError),
        (OSError("connection reset"), ConnectionClosedError),
    ],
)
def test_what_the_http_library_meets_is_told_as_the_sdk_tells_it(
    met: Exception, told: type[Exception]
) -> None:
    one, other = Stream(met), Stream(met)

    with pytest.raises(told):
        BegunStream(one)
    with pytest.raises(told):
        asyncio.run(begun(other))

    assert one.closed
    assert other.closed


def test_a_call_that_is_cancelled_leaves_no_stream_open() -> None:
    class Silent(Stream):
        @override
        async def __aiter__(self) -> AsyncIterator[Any]:
            await asyncio.Event().wait()
            yield None

    stream = Silent()

    async def cancelled() -> None:
        task = asyncio.create_task(begun(stream))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())

    assert stream.closed
