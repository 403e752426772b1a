"""The asynchronous client: over a plain fake always, over aiobotocore where it is installed."""

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_autoscaler.client import Attempt, FollowedTable, Patience
from bedrock_autoscaler.client.asynchronous import AsyncRoutedClient
from bedrock_world.faults import Fault
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.refusals import refusal
from tests.client.stage import IN_REGION_THEN_PROFILE, ONCE, MemorySource, at_once, route, table
from tests.world.support import CREDENTIALS, HELLO, NOVA_LITE, NOVA_LITE_PROFILE

needs_aiobotocore = pytest.mark.skipif(
    importlib.util.find_spec("aiobotocore") is None,
    reason="aiobotocore is not installed here; `make gateways` runs this test",
)


class FakeStream:
    """An asynchronous event stream; an exception among its events is raised."""

    def __init__(self, *events: Any) -> None:
        self.events = events
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[Any]:
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        self.closed = True


class FakeClient:
    """Answers by address; an exception is raised."""

    class meta:  # noqa: D106, N801 - botocore's name
        region_name = "us-east-1"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def converse(self, **request: Any) -> Any:
        self.asked.append(request["modelId"])
        answer = self.answers[request["modelId"]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def converse_stream(self, **request: Any) -> Any:
        return {"stream": await self.converse(**request)}


def client_of(fake: FakeClient, patience: Patience = ONCE, **options: Any) -> AsyncRoutedClient:
    followed = FollowedTable(
        MemorySource(table(route("a"), route("b"), route("c", region="eu-west-1"))),
        "chat",
        start=at_once,
    )
    return AsyncRoutedClient(fake, followed, patience=patience, **options)


THROTTLED = refusal("ThrottlingException", status=429)


def test_a_throttled_call_goes_on_to_the_next_route() -> None:
    fake = FakeClient(a=THROTTLED, b={"usage": 1})

    answer = asyncio.run(client_of(fake).converse(modelId="m", messages=HELLO))

    assert answer == {"usage": 1}
    assert fake.asked == ["a", "b"]


def test_without_a_thread_for_the_table_a_call_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(work: Callable[[], Any]) -> Any:
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(asyncio, "to_thread", refused)
    fake = FakeClient(a={"usage": 1})

    assert asyncio.run(client_of(fake).converse(modelId="m", messages=HELLO)) == {"usage": 1}


def test_the_client_of_another_region_is_made_once() -> None:
    home, away = FakeClient(a=THROTTLED, b=THROTTLED), FakeClient(c={"usage": 1})
    made = []

    async def make(region: str) -> FakeClient:
        made.append(region)
        return away

    async def twice() -> None:
        client = client_of(home, clients=make)
        await client.converse(modelId="m", messages=HELLO)
        await client.converse(modelId="m", messages=HELLO)

    asyncio.run(twice())

    assert made == ["eu-west-1"]
    assert away.asked == ["c", "c"]


def test_a_later_round_waits_without_blocking_the_loop() -> None:
    fake = FakeClient(a=THROTTLED, b=THROTTLED)
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        fake.answers["a"] = fake.answers["b"] = {"usage": 1}

    client = client_of(fake, Patience(rounds=2), sleep=sleep)

    assert asyncio.run(client.converse(modelId="m", messages=HELLO)) == {"usage": 1}
    assert len(slept) == 1


def test_a_mistake_of_the_caller_is_shown_at_once() -> None:
    fake = FakeClient(a=refusal("ValidationException"))

    with pytest.raises(ClientError, match="ValidationException"):
        asyncio.run(client_of(fake).converse(modelId="m", messages=HELLO))

    assert fake.asked == ["a"]


@pytest.mark.parametrize("error", [refusal("throttlingException"), OSError("connection reset")])
def test_a_stream_that_fails_before_its_first_event_is_tried_elsewhere(error: Exception) -> None:
    broken = FakeStream(error)
    fake = FakeClient(a=broken, b=FakeStream(1, 2, 3))

    async def events() -> list[Any]:
        answer = await client_of(fake).converse_stream(modelId="m", messages=HELLO)
        return [event async for event in answer["stream"]]

    assert asyncio.run(events()) == [1, 2, 3]
    assert broken.closed


@needs_aiobotocore
@pytest.mark.parametrize("operation", ["converse", "converse_stream", "invoke_model"])
def test_aiobotocore_spills_over_http(world: World, running: RunningWorld, operation: str) -> None:
    names = {"converse": "Converse", "converse_stream": "ConverseStream"}
    world.faults.add(
        Fault(operation=names.get(operation, "InvokeModel"), code="ThrottlingException")
    )
    attempts: list[Attempt] = []

    async def call() -> int:
        made = _aiobotocore_client(running.url)
        async with made as client:
            followed = FollowedTable(MemorySource(IN_REGION_THEN_PROFILE), "chat", start=at_once)
            routed = AsyncRoutedClient(client, followed, patience=ONCE, observer=attempts.append)
            return await _in_full(routed, operation)

    assert asyncio.run(call()) > 0
    assert [(each.route.address, each.code) for each in attempts] == [
        (NOVA_LITE, "ThrottlingException"),
        (NOVA_LITE_PROFILE, ""),
    ]


def _aiobotocore_client(url: str) -> Any:
    session = importlib.import_module("aiobotocore.session")
    config = importlib.import_module("aiobotocore.config").AioConfig(
        retries={"total_max_attempts": 1}
    )
    create: Callable[..., Any] = session.get_session().create_client
    return create("bedrock-runtime", endpoint_url=url, config=config, **CREDENTIALS)


async def _in_full(client: AsyncRoutedClient, operation: str) -> int:
    """Make one call; how many events or bytes came."""
    if operation == "invoke_model":
        body = json.dumps({"messages": HELLO})
        answer = await client.invoke_model(modelId="m", body=body)
        return len(await answer["body"].read())
    answer = await getattr(client, operation)(modelId="m", messages=HELLO)
    if operation == "converse":
        return len(answer["output"])
    return len([event async for event in answer["stream"]])
