"""The same for aiobotocore and aioboto3 clients, which this module does not import."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.client.following import Following, Observer
from bedrock_autoscaler.client.patience import Patience
from bedrock_autoscaler.client.requests import STREAM_MEMBERS, addressed, repeatable
from bedrock_autoscaler.client.streams import AsyncBegunStream
from bedrock_autoscaler.client.tables import FollowedTable
from bedrock_autoscaler.domain.routing.route import Route

type Request = dict[str, Any]


class AsyncRoutedClient:
    """Calls by the table of one target, with the methods of an aiobotocore client.

    The first call waits for the table in a thread of the loop's executor; later looks happen in
    the background. The caller opens and closes the clients.

    Args:
        client: for the target's Region; it should make one attempt, as `PROMPT` says.
        table: where to find the routes; None: always the given `modelId`.
        clients: gives the open client of another Region; asked once per Region.
        observer: is told of each attempt, in the event loop.
        waits: calls may take long; see `RoutedClient`.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - aiobotocore types its clients in a package of stubs
        table: FollowedTable | None,
        *,
        clients: Callable[[str], Awaitable[Any]] | None = None,
        patience: Patience | None = None,
        observer: Observer | None = None,
        waits: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._make = clients
        self._by_region = {"": client, client.meta.region_name: client}
        self._lock = asyncio.Lock()
        self._sleep = sleep
        self._table = table
        self._following = Following(
            table,
            reaches=lambda region: clients is not None or region in self._by_region,
            patience=patience or Patience(),
            observer=observer,
            waits=waits,
            home=client.meta.region_name,
            clock=clock,
        )

    async def converse(self, **request: Any) -> Any:  # noqa: ANN401 - as aiobotocore has it
        """`Converse` at a route of the table."""
        return await self._call("converse", request)

    async def converse_stream(self, **request: Any) -> Any:  # noqa: ANN401 - as above
        """`ConverseStream`; returns when the first event is there."""
        return await self._call("converse_stream", request)

    async def invoke_model(self, **request: Any) -> Any:  # noqa: ANN401 - as above
        """`InvokeModel`; all routes must take the same native body."""
        return await self._call("invoke_model", request)

    async def invoke_model_with_response_stream(self, **request: Any) -> Any:  # noqa: ANN401
        """The streaming `InvokeModel`; returns when the first event is there."""
        return await self._call("invoke_model_with_response_stream", request)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        return getattr(self._client, name)

    async def _call(self, operation: str, request: Request) -> Any:  # noqa: ANN401 - as above
        request = repeatable(request)
        following = self._following
        if self._table is not None and not self._table.has_looked:
            # Without a thread to be had the walk below looks, and waits for a moment, itself.
            with suppress(RuntimeError):
                await asyncio.to_thread(self._table.current)
        walk = following.walk(request.get("modelId", ""))
        while True:
            try:
                answer = await self._send(operation, request, walk.route)
            except (ClientError, BotoCoreError) as error:
                pause = following.failed(walk, operation, error)
                if pause:
                    await self._sleep(pause)
            else:
                following.served(walk, operation)
                return answer

    async def _send(self, operation: str, request: Request, route: Route) -> Any:  # noqa: ANN401
        client = self._by_region.get(route.region) or await self._client_of(route.region)
        answer = await getattr(client, operation)(**addressed(operation, request, route))
        member = STREAM_MEMBERS.get(operation)
        if member is not None:
            answer[member] = await AsyncBegunStream(answer[member]).begin()
        return answer

    async def _client_of(self, region: str) -> Any:  # noqa: ANN401 - as above
        async with self._lock:
            if region not in self._by_region and self._make is not None:
                self._by_region[region] = await self._make(region)
            return self._by_region[region]
