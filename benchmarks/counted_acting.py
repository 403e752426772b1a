"""The functions that buy, release and publish, each minute over the clients of a counted fleet."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import process_time_ns
from typing import Any, cast

from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity
from bedrock_autoscaler.adapters.bedrock.endpoints import BedrockEndpoints
from bedrock_autoscaler.adapters.bedrock.purchasing import BedrockPurchasing
from bedrock_autoscaler.adapters.bedrock.releasing import BedrockReleasing
from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.adapters.parameters import SsmSwitch
from bedrock_autoscaler.adapters.storage.agenda import DynamoAgenda
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables
from bedrock_autoscaler.adapters.storage.scalings import DynamoScalings
from bedrock_autoscaler.application.acting import MovableParts
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.publishing import PublishPorts, publish
from bedrock_autoscaler.application.purchasing.purchase import PurchasePorts, purchase
from bedrock_autoscaler.application.releasing.release import release
from bedrock_autoscaler.application.releasing.withdrawing import ReleasePorts
from benchmarks.counted_aws import (
    CountedBedrock,
    CountedCloudWatch,
    CountedDynamoDB,
    CountedParameters,
    CountedQuotas,
    Meter,
)

PREFIX = "/scale"
_READS = "dynamodb read units"


@dataclass
class Acted:
    """What the acting functions did, in all minutes since the last reset.

    Attributes:
        looks: at a target, of each function.
        reads: DynamoDB's units of these, reading the agenda included.
        cpu_ns: of all of them, without the clients' own.
    """

    looks: int = 0
    reads: float = 0.0
    cpu_ns: int = 0


class _Deadline:
    """So much time is always left."""

    def remaining(self) -> timedelta:
        return timedelta(seconds=50)


class Acting:
    """The three functions; like processes of their own they share no memory, but the clients."""

    def __init__(
        self,
        meter: Meter,
        clock: Clock,
        reporter: Reporter,
        settings: Callable[[], Settings],
        *,
        ledger: CountedDynamoDB,
        routes: CountedDynamoDB,
        parameters: CountedParameters,
        cloudwatch: CountedCloudWatch,
    ) -> None:
        self._meter = meter
        self.acted = Acted()
        dynamodb, ssm = cast("Any", ledger), cast("Any", parameters)
        bedrock = cast("Any", CountedBedrock(meter))
        quotas = cast("Any", CountedQuotas(meter))
        tables = DynamoRoutingTables(cast("Any", routes), "routes", ssm, PREFIX)
        capacity = BedrockCapacity(bedrock, quotas, load_models().codes_of, reporter)
        switch = SsmSwitch(ssm, PREFIX, reporter)
        agenda = DynamoAgenda(dynamodb, "ledger")
        fleets = DynamoFleets(dynamodb, "ledger", None)

        def parts() -> MovableParts:
            """Decisions are remembered, and so are each function's own."""
            return {
                "clock": clock,
                "read_settings": settings,
                "switch": switch,
                "decisions": DynamoDecisions(dynamodb, "ledger"),
                "fleets": fleets,
                "reporter": reporter,
                "places": None,
                "agenda": agenda,
            }

        self._purchase = PurchasePorts(
            **parts(),
            capacity=capacity,
            purchasing=BedrockPurchasing(bedrock, "scale"),
            deployment="scale",
            endpoints=BedrockEndpoints(bedrock),
            scalings=DynamoScalings(dynamodb, "ledger"),
        )
        self._release = ReleasePorts(
            **parts(),
            releasing=BedrockReleasing(bedrock),
            metrics=CloudWatchMetrics(cast("Any", cloudwatch), "scale"),
            tables=tables,
            deployment="scale",
        )
        self._publish = PublishPorts(**parts(), capacity=capacity, tables=tables)

    def run(self, at: datetime) -> None:
        """One minute of all three."""
        begun, own = process_time_ns(), self._meter.own_ns
        reads = self._meter.units[_READS]
        summaries = (
            purchase(at, _Deadline(), self._purchase),
            release(at, _Deadline(), self._release),
            publish(at, self._publish, _Deadline()),
        )
        self.acted.looks += sum(len(summary.outcomes) for summary in summaries)
        self.acted.reads += self._meter.units[_READS] - reads
        self.acted.cpu_ns += process_time_ns() - begun - (self._meter.own_ns - own)
