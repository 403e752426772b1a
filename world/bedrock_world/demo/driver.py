"""The replay: minute by minute, schedules fire and callers call, on virtual time."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bedrock_autoscaler.client.document import parse_routing_table
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.demo.callers import Callers
from bedrock_world.demo.firing import Firing
from bedrock_world.demo.plan import TARGET, DemoPlan
from bedrock_world.demo.results import MinuteResult, Served
from bedrock_world.world import World

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_ssm import SSMClient

_CHECK_EVERY_MINUTES = 60
_NO_TABLE = "ParameterNotFound"
_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the replay works with.

    Attributes:
        firing: the deployed schedules and functions.
        ssm: Parameter Store, where callers read the routing table.
        bedrock: an unmodified `bedrock-runtime` client on the world's HTTP endpoint.
        settings_prefix: path of the stack's parameters.
    """

    plan: DemoPlan
    world: World
    firing: Firing
    ssm: "SSMClient"
    bedrock: "BedrockRuntimeClient"
    settings_prefix: str


class Driver:
    """Replays the planned minutes one after the other.

    In each minute, with the clock at its start: the callers look at the routing table, as they do
    at most once a minute; the schedules that are due invoke their functions, while the callers
    make the minute's calls by the table that they have read; then the clock moves on, and with it
    CloudWatch and provisioning.
    """

    def __init__(self, stage: Stage, seed: int = 0) -> None:
        self._stage = stage
        self._callers = Callers(stage.world, seed)
        self.http_calls = 0

    @property
    def table_version(self) -> int:
        """Version of the routing table that the callers use."""
        return self._callers.table_version

    @property
    def invocations(self) -> int:
        """How often deployed functions were invoked."""
        return self._stage.firing.invocations

    @property
    def surprises(self) -> int:
        """Minutes that were taken for still and were not."""
        return self._stage.firing.surprises

    def run(self, show: Callable[[MinuteResult], None]) -> tuple[MinuteResult, ...]:
        """Replay all minutes; `show` is called after each."""
        plan, results = self._stage.plan, []
        usual = sys.getswitchinterval()
        # The world answers the functions from a thread of this process: it must not wait for
        # the callers' turn to end.
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            for row in range(plan.first, len(plan.trace)):
                result = self._minute(row, plan.trace.minute_at(row))
                results.append(result)
                show(result)
        finally:
            sys.setswitchinterval(usual)
        return tuple(results)

    def go_on(self, minutes: int) -> None:
        """Let so many minutes pass after the last one; the planned traffic comes anew."""
        plan, clock = self._stage.plan, self._stage.world.clock
        for _ in range(minutes):
            minute = clock.now()
            row = plan.first + (minute - plan.start) // MINUTE % plan.minutes
            self._minute(row, minute)

    def _minute(self, row: int, minute: datetime) -> MinuteResult:
        stage, trace = self._stage, self._stage.plan.trace
        self._callers.learn(self._read_table())
        asked = Served(
            requests=float(trace.invocations[row]),
            input_tokens=float(trace.input_tokens[row]),
            output_tokens=float(trace.output_tokens[row]),
        )
        if minute.minute % _CHECK_EVERY_MINUTES == 0:
            self._check_by_http()
        routed = {route.address for route in self._callers.routes}
        served = stage.firing.fire(minute, routed, lambda: self._callers.call(minute, asked))
        stage.world.advance_to(minute + MINUTE)
        units = stage.world.purchases.existing(minute)
        bill = stage.world.bill(stage.plan.start, minute + MINUTE)
        return MinuteResult(
            minute=minute,
            asked=asked,
            served=served,
            held_units=sum(one.units for one in units),
            in_service_units=sum(one.units for one in units if one.serves(minute)),
            pt_usd=bill.usd or Decimal(0),  # every price is known here
            table_version=self._callers.table_version,
        )

    def _read_table(self) -> RoutingTable | None:
        """The table in Parameter Store, as any caller reads it; None before the first."""
        name = f"{self._stage.settings_prefix}/routes/{TARGET}"
        try:
            answer = self._stage.ssm.get_parameter(Name=name)
        except ClientError as error:
            if error.response["Error"]["Code"] == _NO_TABLE:
                return None
            raise
        return parse_routing_table(answer["Parameter"]["Value"])

    def _check_by_http(self) -> None:
        """One Converse call as a caller's program would make it, to the table's first address."""
        address = self._callers.routes[0].address
        answer = self._stage.bedrock.converse(
            modelId=address,
            messages=[{"role": "user", "content": [{"text": "Which way does this call go?"}]}],
            inferenceConfig={"maxTokens": 16},
        )
        self.http_calls += bool(answer["usage"]["outputTokens"])
