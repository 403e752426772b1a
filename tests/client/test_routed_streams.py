"""Streams of a routed client: tried elsewhere before their first event, never after it."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EventStreamError
from urllib3.exceptions import ProtocolError

from bedrock_autoscaler.client import FollowedTable, RoutedClient
from bedrock_world.faults import Fault, When
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.stage import IN_REGION_THEN_PROFILE, MemorySource, at_once, caller, runtime_client
from tests.world.support import HELLO, NOVA_LITE, NOVA_LITE_PROFILE


def test_a_stream_that_breaks_off_later_is_not_hidden(world: World, running: RunningWorld) -> None:
    world.faults.add(
        Fault(operation="ConverseStream", when=When.MID_STREAM, code="ThrottlingException")
    )
    made = caller(running)
    stream = made.client.converse_stream(modelId="m", messages=HELLO)["stream"]

    with pytest.raises(EventStreamError, match="throttlingException"):
        list(stream)

    assert len(made.attempts) == 1


def test_a_stream_keeps_its_events_in_order_and_its_methods(
    world: World, running: RunningWorld
) -> None:
    plain = runtime_client(running.url).converse_stream(modelId=NOVA_LITE, messages=HELLO)
    stream: Any = caller(running).client.converse_stream(modelId="m", messages=HELLO)["stream"]

    events = [next(iter(event)) for event in stream]
    stream.close()

    assert events == [next(iter(event)) for event in plain["stream"]]


@pytest.mark.parametrize(
    "error",
    [
        EventStreamError({"Error": {"Code": "throttlingException"}}, "ConverseStream"),
        ProtocolError("Connection broken"),  # as urllib3 has it, which reads the stream
    ],
)
def test_a_stream_that_fails_before_its_first_event_is_tried_elsewhere(error: Exception) -> None:
    closed = []

    class Stream:
        def __init__(self, events: list[Any]) -> None:
            self.events = events

        def __iter__(self) -> Iterator[Any]:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                yield event

        def close(self) -> None:
            closed.append(self)

    streams = {NOVA_LITE: Stream([error]), NOVA_LITE_PROFILE: Stream([{"messageStart": {}}])}

    class Client:
        class meta:  # noqa: N801 - boto3's name
            region_name = "us-east-1"

        def converse_stream(self, **request: Any) -> Any:
            return {"stream": streams[request["modelId"]]}

    client: Any = Client()
    followed = FollowedTable(MemorySource(IN_REGION_THEN_PROFILE), "chat", start=at_once)

    answer = RoutedClient(client, followed).converse_stream(modelId="m", messages=HELLO)

    assert list(answer["stream"]) == [{"messageStart": {}}]
    assert closed == [streams[NOVA_LITE]]
