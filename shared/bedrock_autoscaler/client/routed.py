"""A boto3 `bedrock-runtime` client whose calls go where the published table says."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Unpack

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.client.following import Following, Observer
from bedrock_autoscaler.client.patience import Patience
from bedrock_autoscaler.client.requests import STREAM_MEMBERS, addressed, repeatable
from bedrock_autoscaler.client.streams import BegunStream
from bedrock_autoscaler.client.tables import DEFAULT_PREFIX, TABLE_CONFIG, FollowedTable, SsmTable

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_bedrock_runtime.type_defs import (
        ConverseRequestTypeDef,
        ConverseResponseTypeDef,
        ConverseStreamRequestTypeDef,
        ConverseStreamResponseTypeDef,
        InvokeModelRequestTypeDef,
        InvokeModelResponseTypeDef,
        InvokeModelWithResponseStreamRequestTypeDef,
        InvokeModelWithResponseStreamResponseTypeDef,
    )

PROMPT = Config(
    connect_timeout=2,
    read_timeout=600,
    retries={"total_max_attempts": 1, "mode": "standard"},
)
"""For clients under the router: it tries elsewhere at once, where the SDK would wait and insist.

An answer is waited for longer than the SDK's 60 s: whoever gives up on one pays for it all the
same. Source of how long Bedrock may take: docs/client.md, "What a call does".
"""


class RoutedClient:
    """Calls by the table of one target, with the methods of a boto3 `bedrock-runtime` client.

    `modelId` in a request is where the call goes while there is no table. Errors are those of
    boto3. What is not one of the four inference calls goes to the wrapped client unchanged.
    Safe to share between threads.

    Args:
        client: for the target's Region, used as it is: its own retries delay the way to the next
            route, so it should make one attempt (`PROMPT`).
        table: where to find the routes; None: always the given `modelId`.
        clients: makes the client of another Region, with the same credentials; asked once per
            Region. Without it, routes of other Regions are left out.
        observer: is told of each attempt, in the caller's thread.
        waits: calls may take long: routes that the table sets apart for such work (the flex
            tier, at a lower price) come first, the others take what they refuse.
    """

    def __init__(
        self,
        client: "BedrockRuntimeClient",
        table: FollowedTable | None,
        *,
        clients: "Callable[[str], BedrockRuntimeClient] | None" = None,
        patience: Patience | None = None,
        observer: Observer | None = None,
        waits: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._make = clients
        self._by_region = {"": client, client.meta.region_name: client}
        self._lock = threading.Lock()
        self._sleep = sleep
        self._following = Following(
            table,
            reaches=lambda region: clients is not None or region in self._by_region,
            patience=patience or Patience(),
            observer=observer,
            waits=waits,
            home=client.meta.region_name,
            clock=clock,
        )

    def converse(self, **request: "Unpack[ConverseRequestTypeDef]") -> "ConverseResponseTypeDef":
        """`Converse` at a route of the table."""
        answer: ConverseResponseTypeDef = self._call("converse", request)
        return answer

    def converse_stream(
        self, **request: "Unpack[ConverseStreamRequestTypeDef]"
    ) -> "ConverseStreamResponseTypeDef":
        """`ConverseStream`; returns when the first event is there. Later errors are not hidden."""
        answer: ConverseStreamResponseTypeDef = self._call("converse_stream", request)
        return answer

    def invoke_model(
        self, **request: "Unpack[InvokeModelRequestTypeDef]"
    ) -> "InvokeModelResponseTypeDef":
        """`InvokeModel`; all routes must take the same native body."""
        answer: InvokeModelResponseTypeDef = self._call("invoke_model", request)
        return answer

    def invoke_model_with_response_stream(
        self, **request: "Unpack[InvokeModelWithResponseStreamRequestTypeDef]"
    ) -> "InvokeModelWithResponseStreamResponseTypeDef":
        """The streaming `InvokeModel`; returns when the first event is there."""
        answer: InvokeModelWithResponseStreamResponseTypeDef = self._call(
            "invoke_model_with_response_stream", request
        )
        return answer

    def close(self) -> None:
        """Close the connections to every Region."""
        with self._lock:
            clients = {id(client): client for client in self._by_region.values()}
        for client in clients.values():
            client.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the client has
        return getattr(self._client, name)

    def _call(self, operation: str, request: Any) -> Any:  # noqa: ANN401 - one of four pairs
        request = repeatable(request)
        following = self._following
        walk = following.walk(request.get("modelId", ""))
        while True:
            try:
                answer = self._send(operation, request, walk.route)
            except (ClientError, BotoCoreError) as error:
                pause = following.failed(walk, operation, error)
                if pause:
                    self._sleep(pause)
            else:
                following.served(walk, operation)
                return answer

    def _send(self, operation: str, request: Any, route: Any) -> Any:  # noqa: ANN401 - as above
        client = self._by_region.get(route.region) or self._client_of(route.region)
        answer = getattr(client, operation)(**addressed(operation, request, route))
        member = STREAM_MEMBERS.get(operation)
        if member is not None:
            answer[member] = BegunStream(answer[member])
        return answer

    def _client_of(self, region: str) -> "BedrockRuntimeClient":
        """The client of another Region, made when it is first needed."""
        with self._lock:
            if region not in self._by_region and self._make is not None:
                self._by_region[region] = self._make(region)
            return self._by_region[region]


def connect(
    target: str,
    *,
    session: boto3.Session | None = None,
    region_name: str | None = None,
    prefix: str = DEFAULT_PREFIX,
    config: Config | None = None,
    patience: Patience | None = None,
    observer: Observer | None = None,
    waits: bool = False,
) -> RoutedClient:
    """A client for a target whose table is at its usual place in Parameter Store.

    Args:
        target: name of the target, as its settings have it.
        session: whose credentials are used, in every Region; a new one by default.
        region_name: Region of the target and of the table; the session's by default.
        prefix: the stack's `SettingsPrefix`.
        config: merged over `PROMPT`; retries of the SDK come before the way to the next route.
        patience: how hard a call tries.
        observer: is told of each attempt, in the caller's thread.
        waits: calls may take long; see `RoutedClient`.
    """
    session = session or boto3.Session()
    region = region_name or session.region_name
    merged = PROMPT.merge(config) if config is not None else PROMPT

    def make(other: str) -> "BedrockRuntimeClient":
        return session.client("bedrock-runtime", region_name=other, config=merged)

    ssm = session.client("ssm", region_name=region, config=TABLE_CONFIG)
    return RoutedClient(
        session.client("bedrock-runtime", region_name=region, config=merged),
        FollowedTable(SsmTable(ssm, target, prefix), target),
        clients=make,
        patience=patience,
        observer=observer,
        waits=waits,
    )
