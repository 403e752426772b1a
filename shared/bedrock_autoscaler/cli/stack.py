"""A deployed stack from outside: its adapters, found by the outputs of its CloudFormation stack."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity
from bedrock_autoscaler.adapters.bedrock.endpoints import BedrockEndpoints
from bedrock_autoscaler.adapters.bedrock.releasing import BedrockReleasing
from bedrock_autoscaler.adapters.clients import Clients
from bedrock_autoscaler.adapters.clock import clock_at
from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.environment import places_of
from bedrock_autoscaler.adapters.models import ModelList, load_models
from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from bedrock_autoscaler.adapters.parameters import SsmParameters
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.adapters.storage.approvals import DynamoApprovals
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
from bedrock_autoscaler.adapters.storage.prices import DynamoPrices
from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables
from bedrock_autoscaler.adapters.storage.scalings import DynamoScalings
from bedrock_autoscaler.adapters.stored_settings import StoredSettings
from bedrock_autoscaler.application.fleets.places import Place as SpokePlace
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.pricing import CurrentPrices
from bedrock_autoscaler.application.reviewing.inspecting import InspectionPorts
from bedrock_autoscaler.application.settings.tuning import Tuning
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.unreached import unreached
from bedrock_autoscaler.domain.target import Target

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient

_STACK_ARN = re.compile(r"arn:aws[a-z-]*:cloudformation:([a-z0-9-]+):([0-9]{12}):stack/.+")
_MAX_DESCRIPTION = 1_024
SWITCH = "switch"
"""Name of the kill switch's parameter below the prefix."""
PREFIX_OUTPUT = "SettingsPrefixPath"
"""Name of the stack's output that has the prefix."""
_NEEDED = ("LedgerTableName", "RoutesTableName", "ConsentsTableName", PREFIX_OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a stack keeps its things.

    Attributes:
        outputs, parameters: of the stack, as CloudFormation tells them.
    """

    name: str
    account: str
    region: str
    ledger: str
    routes: str
    consents: str
    prefix: str
    capacity_minutes: int
    clock_endpoint: str | None
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def purchasable(self) -> tuple[str, ...]:
        """ARNs of the models that the purchase function may buy; `*` at an end stands for all."""
        return tuple(
            arn for arn in self.parameters.get("PurchasableModelArns", "").split(",") if arn
        )

    @property
    def elsewhere(self) -> frozenset[SpokePlace]:
        """The accounts and Regions beside its own whose targets the stack manages."""
        given = self.parameters
        return places_of(given.get("SpokeAccounts", ""), given.get("SpokeRegions", ""))


def find_stack(name: str) -> Place:
    """The stack of this name in the account and Region that the SDK finds.

    Raises:
        CommandError: it cannot be found, or is another kind of stack.
    """
    import boto3  # noqa: PLC0415 - loading the SDK takes longer than --help

    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except (BotoCoreError, ClientError) as error:
        raise unreached(name, error) from error
    return place_of(name, found)


def place_of(name: str, described: Mapping[str, Any]) -> Place:
    """What a description of the stack tells."""
    outputs = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", ())}
    given = {p["ParameterKey"]: p["ParameterValue"] for p in described.get("Parameters", ())}
    missing = [key for key in _NEEDED if key not in outputs]
    match = _STACK_ARN.fullmatch(described["StackId"])
    if missing or match is None:
        lacks = f"no output {', '.join(missing)}" if missing else "no stack id of CloudFormation"
        raise CommandError(f"stack {name!r} has {lacks}; is it the autoscaler?")
    return Place(
        name=name,
        region=match.group(1),
        account=match.group(2),
        ledger=outputs["LedgerTableName"],
        routes=outputs["RoutesTableName"],
        consents=outputs["ConsentsTableName"],
        prefix=outputs[PREFIX_OUTPUT],
        capacity_minutes=int(given.get("CapacityMinutes", "5")),
        clock_endpoint=given.get("ClockEndpoint") or None,
        outputs=outputs,
        parameters=given,
    )


class StackAccess:
    """The adapters of a stack for a person's commands; reading settings keeps none as good."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._clients = Clients(place.region)

    @property
    def place(self) -> Place:
        """Where the stack keeps its things."""
        return self._place

    @property
    def clients(self) -> Clients:
        """Makes SDK clients of the stack's Region."""
        return self._clients

    def client(self, service: str) -> Any:  # noqa: ANN401 - each service has a kind of its own
        """An SDK client of a service that the functions do not use."""
        import boto3  # noqa: PLC0415 - loading the SDK takes longer than --help

        make: Any = boto3.client  # its stub knows services by their literal names alone
        return make(service, region_name=self._place.region)

    @property
    def deployment(self) -> str:
        """Value of the owner tag."""
        return self._place.name

    @cached_property
    def clock(self) -> Clock:
        """The clock that the stack itself goes by."""
        return clock_at(self._place.clock_endpoint)

    @cached_property
    def metrics(self) -> CloudWatchMetrics:
        """The metrics of Bedrock, and this deployment's heartbeat."""
        return CloudWatchMetrics(self._clients.cloudwatch(), self._place.name)

    @cached_property
    def fleets(self) -> DynamoFleets:
        """Intents, reservations, consents."""
        return DynamoFleets(self._dynamodb, self._place.ledger, self._place.consents)

    @cached_property
    def approvals(self) -> DynamoApprovals:
        """What persons were asked, and their answers."""
        return DynamoApprovals(self._dynamodb, self._place.ledger, self._place.consents)

    @cached_property
    def identity(self) -> str:
        """Who runs this command, as AWS knows the credentials.

        Raises:
            CommandError: AWS does not say.
        """
        try:
            arn: str = self._clients.sts().get_caller_identity()["Arn"]
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"AWS does not say who you are: {error}") from error
        return arn

    @cached_property
    def releasing(self) -> BedrockReleasing:
        """One throughput with its tags; nothing here deletes."""
        return BedrockReleasing(self.bedrock)

    @cached_property
    def stored(self) -> StoredSettings:
        """The settings documents with their versions, to read and to change."""
        return StoredSettings(self.ssm, self._place.prefix)

    @cached_property
    def tuning(self) -> Tuning:
        """What a change of the settings is judged by."""
        place = self._place
        return Tuning(
            parameters=SsmParameters(self.ssm, place.prefix),
            parser=TargetDocuments(
                self.prices(), self.models.variants_of, decision_minutes=place.capacity_minutes
            ),
            last_good=DynamoLastGood(self._dynamodb, place.ledger),
            account=place.account,
            region=place.region,
            elsewhere=place.elsewhere,
        )

    @cached_property
    def price_store(self) -> DynamoPrices:
        """What the newest refresh of prices left."""
        return DynamoPrices(self._dynamodb, self._place.ledger)

    def prices(self) -> CurrentPrices:
        """The price list that the stack goes by now."""
        current = CurrentPrices(load_prices(), self.price_store)
        current.version()
        return current

    def settings(self) -> Settings:
        """The settings as the stack has them in force."""
        return self.tuning.settings()

    @property
    def switch(self) -> str | None:
        """What the kill switch says; only `allow` lets anything act. None: it is not set.

        Raises:
            CommandError: it cannot be read.
        """
        name = self.switch_name
        try:
            return self.ssm.get_parameter(Name=name)["Parameter"].get("Value")
        except self.ssm.exceptions.ParameterNotFound:
            return None
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"{name} cannot be read: {error}") from error

    def throw(self, value: str, description: str) -> None:
        """Write the kill switch, and why and by whom.

        Raises:
            CommandError: it was not written, or may not have been.
        """
        name = self.switch_name
        try:
            self.ssm.put_parameter(
                Name=name,
                Value=value,
                Type="String",
                Overwrite=True,
                Description=description[:_MAX_DESCRIPTION],
            )
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"{name} was not written to {value!r}: {error}") from error

    @property
    def switch_name(self) -> str:
        """The parameter of the kill switch."""
        return f"{self._place.prefix}/{SWITCH}"

    def target(self, name: str) -> Target:
        """A target in force.

        Raises:
            CommandError: there is none of this name.
        """
        settings = self.settings()
        known = {target.name: target for target in settings.targets}
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            faults = [one for one in settings.problems if one.document == name]
            why = "".join(f" ({one.field}: {one.message})".replace("(: ", "(") for one in faults)
            raise CommandError(f"target {name!r} is not in force{why}; those that are: {names}")
        return known[name]

    def inspection(self) -> InspectionPorts:
        """What `verify` reads."""
        place = self._place
        tables = self.tables_by(self.ssm)
        reporter = PowertoolsReporter(place.name, "ERROR")
        return InspectionPorts(
            capacity=BedrockCapacity(
                self.bedrock, self._clients.service_quotas(), self.models.codes_of, reporter
            ),
            decisions=DynamoDecisions(self._dynamodb, place.ledger),
            endpoints=BedrockEndpoints(self.bedrock),
            fleets=self.fleets,
            history=DynamoHistory(self._dynamodb, place.ledger),
            scalings=DynamoScalings(self._dynamodb, place.ledger),
            tables=tables,
            projection=tables,
            deployment=place.name,
        )

    @property
    def home(self) -> SpokePlace:
        """The account and Region of the stack."""
        return SpokePlace(account=self._place.account, region=self._place.region)

    def tables_by(self, ssm: "SSMClient") -> DynamoRoutingTables:
        """Routing tables, and the callers' copies in the Region of this client."""
        place = self._place
        return DynamoRoutingTables(self._dynamodb, place.routes, ssm, place.prefix)

    @cached_property
    def bedrock(self) -> "BedrockClient":
        """The control plane of Bedrock."""
        return self._clients.bedrock()

    @cached_property
    def _dynamodb(self) -> "DynamoDBClient":
        return self._clients.dynamodb()

    @cached_property
    def ssm(self) -> "SSMClient":
        """Parameter Store."""
        return self._clients.ssm()

    @cached_property
    def models(self) -> ModelList:
        """What is known of the models that can be bought."""
        return load_models()
