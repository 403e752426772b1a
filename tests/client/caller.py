"""Who calls the Bedrock world by the table that a settings document leads to."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.client import FollowedTable, RoutedClient
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.builders import NOW, build_fleet, build_observation, build_situation, build_traffic
from tests.client.stage import ONCE, MemorySource, at_once, runtime_client
from tests.world.support import HELLO

ACCOUNT, REGION, AWAY = "111111111111", "us-east-1", "us-west-2"
OURS = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
NOVA_PRO_PROFILE = "us.amazon.nova-pro-v1:0"

type Build = Callable[..., World]


def target_of(*options: dict[str, Any], **changes: Any) -> Target:
    """The target of a document with these options."""
    document = {
        "account": ACCOUNT,
        "region": REGION,
        "residency": {
            "geographies": ["us"],
            "global_profiles": True,
            "source_regions": [AWAY],
            "other_models": True,
        },
        "options": list(options),
    } | changes
    target = TargetDocuments(load_prices()).parse("chat", None, json.dumps(document))
    assert isinstance(target, Target), target
    return target


def table_of(target: Target, fleet: Fleet | None = None) -> RoutingTable:
    """The table that the routing loop wants for the target."""
    quiet = build_traffic(30, invocations=0.0, input_tokens=0.0, output_tokens=0.0)
    situation = build_situation(
        target=target,
        loop=Loop.ROUTING,
        fleet=fleet or build_fleet(),
        observation=build_observation(traffic=quiet, by_option=()),
    )
    decision = decide(situation)
    return RoutingTable(
        target="chat",
        version=1,
        routes=decision.routes,
        deferrable=decision.deferrable,
        refresh_seconds=60,
        no_fallback=not target.options,
        decision_id=decision.id,
        published_at=NOW,
    )


class Caller:
    """Calls by the published text of a table."""

    def __init__(
        self, url: str, table: RoutingTable, *, waits: bool = False, **elsewhere: str
    ) -> None:
        source = MemorySource(routing_table_text(table))
        self.used = Counter[tuple[str, str]]()
        self.client = RoutedClient(
            runtime_client(url),
            FollowedTable(source, "chat", start=at_once),
            clients=lambda region: runtime_client(elsewhere[region.replace("-", "_")], region),
            patience=ONCE,
            waits=waits,
            observer=lambda attempt: self.used.update([(attempt.route.address, attempt.code)]),
        )

    def call(self, messages: Any = HELLO, **request: Any) -> Any:
        """One call, whose `modelId` the table decides."""
        return self.client.converse(modelId="no.table", messages=messages, **request)

    def call_until_refused(self, most: int = 100, **request: Any) -> int:
        """How many calls are served before the first throttle."""
        for served in range(most):
            try:
                self.call(**request)
            except self.client.exceptions.ThrottlingException:
                return served
        return most


def by(running: RunningWorld, *options: dict[str, Any], **changes: Any) -> Caller:
    """A caller of the world by the table of these options."""
    return Caller(running.url, table_of(target_of(*options, **changes)))


def metered(world: World, model_id: str) -> int:
    """Calls that the world served under a `ModelId`."""
    now = world.clock.now()
    traffic = world.traffic(now - timedelta(hours=1), now + timedelta(minutes=5))
    return sum(entry.served for (name, _), entry in traffic.items() if name == model_id)
