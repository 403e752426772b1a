"""The replay: minute by minute, schedules fire and callers call, on virtual time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from bedrock_autoscaler.adapters.storage.routing_document import parse_routing_table
from bedrock_autoscaler.domain.routing_table import RoutingTable
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.demo.callers import Callers
from bedrock_world.demo.plan import TARGET, DemoPlan
from bedrock_world.demo.results import MinuteResult, Served
from bedrock_world.demo.schedules import Schedule
from bedrock_world.world import World

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_ssm import SSMClient

_CHECK_EVERY_MINUTES = 60
_NO_TABLE = "ParameterNotFound"


class Functions(Protocol):
    """The deployed functions."""

    def invoke(self, function: str, event: Mapping[str, object]) -> object:
        """Run one to its end; its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the replay works with.

    Attributes:
        functions: the deployed ones, by name.
        ssm: Parameter Store, where callers read the routing table.
        bedrock: an unmodified `bedrock-runtime` client on the world's HTTP endpoint.
        settings_prefix: path of the stack's parameters.
    """

    plan: DemoPlan
    world: World
    functions: Functions
    ssm: "SSMClient"
    bedrock: "BedrockRuntimeClient"
    settings_prefix: str
    schedules: Sequence[Schedule]


class Driver:
    """Replays the planned minutes one after the other.

    In each minute, with the clock at its start: the callers look at the routing table, as they do
    at most once a minute; the schedules that are due invoke their functions, one at a time, so
    that the same trace gives the same day; the callers make the minute's calls, by the table that
    they read before; the clock moves on, and with it CloudWatch and provisioning.
    """

    def __init__(self, stage: Stage, seed: int = 0) -> None:
        self._stage = stage
        self._callers = Callers(stage.world, seed)
        self.invocations = 0
        self.http_calls = 0

    @property
    def table_version(self) -> int:
        """Version of the routing table that the callers use."""
        return self._callers.table_version

    def run(self, show: Callable[[MinuteResult], None]) -> tuple[MinuteResult, ...]:
        """Replay all minutes; `show` is called after each."""
        plan, results = self._stage.plan, []
        for row in range(plan.first, len(plan.trace)):
            result = self._minute(row)
            results.append(result)
            show(result)
        return tuple(results)

    def _minute(self, row: int) -> MinuteResult:
        stage, trace = self._stage, self._stage.plan.trace
        minute = trace.minute_at(row)
        self._callers.learn(self._read_table())
        for schedule in stage.schedules:
            if schedule.is_due(minute):
                stage.functions.invoke(schedule.function, schedule.event_at(minute))
                self.invocations += 1
        asked = Served(
            requests=float(trace.invocations[row]),
            input_tokens=float(trace.input_tokens[row]),
            output_tokens=float(trace.output_tokens[row]),
        )
        if minute.minute % _CHECK_EVERY_MINUTES == 0:
            self._check_by_http()
        served = self._callers.call(minute, asked)
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
