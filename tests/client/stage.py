"""A caller, a Bedrock world behind real HTTP, and a table that a test can change or spoil."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

from bedrock_autoscaler.client import PROMPT, Attempt, FollowedTable, Patience, RoutedClient
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.server import RunningWorld
from tests.builders import NOW
from tests.world.support import CREDENTIALS, HELLO, NOVA_LITE, NOVA_LITE_PROFILE

ONCE = Patience(rounds=1)
"""Each route once, so that no test waits."""


def route(address: str, weight: float = 0.0, **asks: str) -> Route:
    """A route whose kind follows from its address."""
    kind = OptionKind.ON_DEMAND
    if ":provisioned-model/" in address:
        kind = OptionKind.PROVISIONED
    elif address.startswith("us."):
        kind = OptionKind.GEOGRAPHIC_PROFILE
    return Route(kind=kind, address=address, weight=weight, **asks)


def table(*routes: Route, version: int = 1, target: str = "chat") -> RoutingTable:
    """A table; without weights all calls are offered to the first route."""
    if not sum(each.weight for each in routes):
        routes = (route(routes[0].address, 1.0, **_asks(routes[0])), *routes[1:])
    return RoutingTable(
        target=target,
        version=version,
        routes=routes,
        refresh_seconds=60,
        no_fallback=all(each.kind is OptionKind.PROVISIONED for each in routes),
        decision_id="chat-routing-20261120T120000Z",
        published_at=NOW,
    )


def _asks(one: Route) -> dict[str, str]:
    return {"region": one.region, "tier": one.tier, "latency": one.latency}


IN_REGION_THEN_PROFILE = table(route(NOVA_LITE), route(NOVA_LITE_PROFILE))


class MemorySource:
    """A source of tables: what `text` says, or the failure in `error`."""

    def __init__(self, shown: RoutingTable | str = "") -> None:
        self.text = shown if isinstance(shown, str) else routing_table_text(shown)
        self.error: Exception | None = None
        self.reads = 0

    def show(self, shown: RoutingTable | str) -> None:
        """Publish another table or text."""
        self.text = shown if isinstance(shown, str) else routing_table_text(shown)

    def read(self) -> str:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.text


NO_CONTROL_PLANE = EndpointConnectionError(endpoint_url="https://ssm.invalid")


@dataclass(slots=True)
class ManualClock:
    """Monotonic seconds that a test moves; sleeping moves it too."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def at_once(work: Callable[[], object]) -> None:
    """Look at the table in the caller's thread, so that a test knows when it is done."""
    work()


@dataclass(slots=True, kw_only=True)
class Caller:
    """A routed client with everything around it."""

    client: RoutedClient
    source: MemorySource
    clock: ManualClock
    attempts: list[Attempt]

    def say_hello(self, times: int = 1, **request: Any) -> Counter[str]:
        """Call so often; how often each outcome was seen: `served`, or an error code."""
        outcomes: Counter[str] = Counter()
        for _ in range(times):
            try:
                self.client.converse(**{"modelId": NOVA_LITE, "messages": HELLO, **request})
                outcomes["served"] += 1
            except Exception as error:  # noqa: BLE001 - any error a caller sees is an outcome
                response = getattr(error, "response", None)
                outcomes[response["Error"]["Code"] if response else type(error).__name__] += 1
        return outcomes

    def places(self, code: str = "") -> Counter[str]:
        """Addresses of the attempts with this code, by default those that were served."""
        return Counter(each.route.address for each in self.attempts if each.code == code)


def caller(
    running: RunningWorld,
    shown: RoutingTable | str | None = IN_REGION_THEN_PROFILE,
    *,
    patience: Patience = ONCE,
    waits: bool = False,
    clients: Callable[[str], BedrockRuntimeClient] | None = None,
) -> Caller:
    """A caller of the served world; no table is published when `shown` is None."""
    clock, attempts = ManualClock(), list[Attempt]()
    source = MemorySource(shown or "")
    if shown is None:
        source.error = NO_CONTROL_PLANE
    followed = FollowedTable(source, "chat", clock=clock, start=at_once)
    client = RoutedClient(
        runtime_client(running.url),
        followed,
        clients=clients,
        patience=patience,
        waits=waits,
        observer=attempts.append,
        sleep=clock.sleep,
        clock=clock,
    )
    return Caller(client=client, source=source, clock=clock, attempts=attempts)


def runtime_client(url: str, region: str = "us-east-1", config: Config = PROMPT) -> Any:
    """An unmodified boto3 client."""
    session = boto3.Session(**{**CREDENTIALS, "region_name": region})
    return session.client("bedrock-runtime", endpoint_url=url, config=config)


def document_with(base: RoutingTable, **changes: object) -> str:
    """The text of a table with some of its members replaced."""
    return json.dumps(json.loads(routing_table_text(base)) | changes)
