"""From the environment to ready use cases: ports and adapters, put together."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, override

from bedrock_autoscaler import __version__
from bedrock_autoscaler.adapters.clients import Clients
from bedrock_autoscaler.adapters.environment import RoutedEnvironment, account_of
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import ConfigurationError, PlaceUnreachableError
from bedrock_autoscaler.application.fleets.places import Place, owner_elsewhere
from bedrock_autoscaler.placed import PlacedAdapters, SpokeAdapters
from bedrock_autoscaler.sdk_silence import Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from bedrock_autoscaler.adapters.sessions import Sessions
    from bedrock_autoscaler.adapters.storage.versions import TargetVersions
    from bedrock_autoscaler.application.fleets.assigning import Agenda, Assignments, Policies
    from bedrock_autoscaler.application.fleets.places import PlaceAdapters
    from bedrock_autoscaler.application.fleets.working import FleetApplication
    from bedrock_autoscaler.application.ports.bedrock import Endpoints
    from bedrock_autoscaler.application.ports.clock import Clock
    from bedrock_autoscaler.application.ports.cloudwatch import Metrics
    from bedrock_autoscaler.application.ports.decisions import Decisions
    from bedrock_autoscaler.application.ports.history import History
    from bedrock_autoscaler.application.ports.ledger import Fleets, Scalings
    from bedrock_autoscaler.application.ports.persons import Approvals, Reporter
    from bedrock_autoscaler.application.ports.settings import Settings, Switch
    from bedrock_autoscaler.application.pricing import PriceStore, PricingPorts
    from bedrock_autoscaler.application.ticking import Deadline

_SESSION_NAME = 64
"""The longest name of a session; Source: `AssumeRole` in STS's service model."""


class AwsAdapters(PlacedAdapters):
    """The adapters of a deployed function; each, and each client, is made when first used.

    So is its module imported: all functions share this class, and none needs every adapter.
    """

    def __init__(self, environment: RoutedEnvironment, account: str) -> None:
        self._silence = Silence(self._now)
        clients = Clients(environment.region, silence=self._silence)
        super().__init__(environment, clients, environment.deployment)
        self._home = Place(account=account, region=environment.region)
        self._spokes: dict[Place, SpokeAdapters] = {}

    def _now(self) -> datetime:
        return self.clock.now()

    @property
    def home(self) -> Place:
        """The account and Region of the stack."""
        return self._home

    def at(self, place: Place) -> PlaceAdapters:
        """The adapters of a place: these ones at home, those of a spoke elsewhere.

        Raises:
            PlaceUnreachableError: it is none of this stack's places, or its role cannot be assumed.
        """
        if place == self._home:
            return self
        if self._sessions is None or place not in self._environment.elsewhere:
            raise PlaceUnreachableError(f"{place.name} is none of the places of this stack")
        session = self._sessions.at(place)
        if place not in self._spokes:
            self._spokes[place] = SpokeAdapters(
                self._environment,
                Clients(place.region, session),
                owner_elsewhere(self._environment.deployment, self._home),
                reporter=self.reporter,
                dynamodb=self._dynamodb,
            )
        return self._spokes[place]

    @cached_property
    def _sessions(self) -> Sessions | None:
        """Sessions in the spokes; None where the function has no role there."""
        from bedrock_autoscaler.adapters.sessions import Sessions

        environment = self._environment
        if environment.spoke_role is None or environment.spoke_external_id is None:
            return None
        return Sessions(
            self._clients.sts,
            role=environment.spoke_role,
            external_id=environment.spoke_external_id,
            name=environment.deployment[:_SESSION_NAME],
            clock=self.clock,
        )

    @cached_property
    @override
    def metrics(self) -> Metrics:
        """CloudWatch of this Region, and of the other source Regions that the stack may read."""
        home, others = super().metrics, self._environment.source_regions
        if not others:
            return home
        from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
        from bedrock_autoscaler.application.observing.regions import RegionalMetrics

        def of(region: str) -> Metrics:
            clients = Clients(region, silence=self._silence)
            return CloudWatchMetrics(clients.cloudwatch(), self._owner)

        return RegionalMetrics(home, {region: partial(of, region) for region in others})

    @cached_property
    def clock(self) -> Clock:
        """The system's clock, or the virtual one on loopback."""
        from bedrock_autoscaler.adapters.clock import clock_at

        return clock_at(self._environment.clock_endpoint)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Marketplace endpoints of this Region, through Bedrock."""
        from bedrock_autoscaler.adapters.bedrock.endpoints import BedrockEndpoints

        return BedrockEndpoints(self._bedrock)

    @cached_property
    def scalings(self) -> Scalings:
        """The ledger's records of endpoints."""
        from bedrock_autoscaler.adapters.storage.scalings import DynamoScalings

        return DynamoScalings(self._dynamodb, self._environment.ledger_table)

    @cached_property
    def decisions(self) -> Decisions:
        """The ledger's decision log."""
        from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions

        return DynamoDecisions(self._dynamodb, self._environment.ledger_table, self._versions)

    @cached_property
    def fleets(self) -> Fleets:
        """The ledger's intents, and the consents beside them."""
        from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets

        environment = self._environment
        return DynamoFleets(self._dynamodb, environment.ledger_table, environment.consents_table)

    @cached_property
    def approvals(self) -> Approvals | None:
        """Requests in the ledger and their answers; None without a table of consents."""
        from bedrock_autoscaler.adapters.storage.approvals import DynamoApprovals

        environment = self._environment
        if environment.consents_table is None:
            return None
        return DynamoApprovals(self._dynamodb, environment.ledger_table, environment.consents_table)

    @cached_property
    def history(self) -> History:
        """The ledger's minute history."""
        from bedrock_autoscaler.adapters.storage.packed import PackedHistory

        return PackedHistory(self._dynamodb, self._environment.ledger_table)

    @cached_property
    def switch(self) -> Switch:
        """The switch parameter."""
        from bedrock_autoscaler.adapters.parameters import SsmSwitch

        return SsmSwitch(self._ssm, self._environment.settings_prefix, self.reporter)

    @cached_property
    @override
    def reporter(self) -> Reporter:
        """JSON lines and embedded metrics; events and messages where the stack has a place."""
        from bedrock_autoscaler.adapters.observability import PowertoolsReporter

        environment = self._environment
        return self._telling(PowertoolsReporter(environment.deployment, environment.log_level))

    @cached_property
    def settings(self) -> Callable[[], Settings]:
        """The documents of Parameter Store over the shipped defaults."""
        from bedrock_autoscaler.adapters.documents import TargetDocuments
        from bedrock_autoscaler.adapters.parameters import SsmParameters
        from bedrock_autoscaler.adapters.prices import load_prices
        from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
        from bedrock_autoscaler.application.pricing import CurrentPrices
        from bedrock_autoscaler.application.settings.in_force import load_settings
        from bedrock_autoscaler.application.settings.snapshots import SettingsReader

        environment = self._environment
        prices = CurrentPrices(load_prices(), self.price_store)
        parser = TargetDocuments(
            prices, self._models.variants_of, decision_minutes=environment.decision_minutes
        )
        load = partial(
            load_settings,
            parser=parser,
            last_good=DynamoLastGood(self._dynamodb, environment.ledger_table),
            account=self._home.account,
            region=environment.region,
            elsewhere=environment.elsewhere,
        )
        parameters = SsmParameters(self._ssm, environment.settings_prefix)
        return SettingsReader(parameters, load, prices.version)

    @cached_property
    def price_store(self) -> PriceStore:
        """The prices of the newest refresh, in the ledger."""
        from bedrock_autoscaler.adapters.storage.prices import DynamoPrices

        return DynamoPrices(self._dynamodb, self._environment.ledger_table)

    @cached_property
    def pricing(self) -> PricingPorts:
        """The published price list, and where its prices are kept."""
        from bedrock_autoscaler.adapters.pricelist import QueryApi, load_price_names
        from bedrock_autoscaler.adapters.prices import load_prices
        from bedrock_autoscaler.application.pricing import PricingPorts

        names = load_price_names()
        return PricingPorts(
            clock=self.clock,
            offers=QueryApi(self._clients.pricing(), names),
            store=self.price_store,
            reporter=self.reporter,
            references=(*load_prices().quotes, *names.references),
            region=self._environment.region,
        )

    def _telling(self, inner: Reporter) -> Reporter:
        """The reporter with events and messages at the end of each run."""
        environment, clients = self._environment, self._clients
        if environment.event_bus is None and environment.alert_topic_arn is None:
            return inner
        from bedrock_autoscaler.adapters.storage.told import DynamoTold
        from bedrock_autoscaler.adapters.telling.outlets import AwsOutlets
        from bedrock_autoscaler.application.telling.events import Teller

        return Teller(
            inner,
            outlets=AwsOutlets(
                events=cache(clients.events),
                sns=cache(clients.sns),
                bus=environment.event_bus,
                topic=environment.alert_topic_arn,
                deployment=environment.deployment,
            ),
            told=DynamoTold(self._dynamodb, environment.ledger_table),
            clock=self.clock,
            deployment=environment.deployment,
        )

    @cached_property
    def policies(self) -> Policies:
        """Settings as resolved, in the ledger."""
        from bedrock_autoscaler.adapters.storage.policies import DynamoPolicies

        return DynamoPolicies(self._dynamodb, self._environment.ledger_table, self._versions)

    @cached_property
    def _versions(self) -> TargetVersions:
        """Targets as a worker reads them and records their decisions."""
        from bedrock_autoscaler.adapters.storage.versions import TargetVersions

        return TargetVersions(self._dynamodb, self._environment.ledger_table)

    @cached_property
    def agenda(self) -> Agenda:
        """When each target is due, in the ledger."""
        from bedrock_autoscaler.adapters.storage.agenda import DynamoAgenda

        return DynamoAgenda(self._dynamodb, self._environment.ledger_table)

    @cached_property
    def assignments(self) -> Assignments:
        """The queue to the workers.

        Raises:
            ConfigurationError: the function has no queue to send to.
        """
        from bedrock_autoscaler.adapters.queue import SqsAssignments

        url = self._environment.work_queue_url
        if url is None:
            raise ConfigurationError("WORK_QUEUE_URL is not set, and the dispatcher sends there")
        return SqsAssignments(self._clients.sqs(), url)

    @cached_property
    @override
    def _dynamodb(self) -> DynamoDBClient:
        return self._clients.dynamodb()


_replacements: list[Application] = []


def application(function_arn: str) -> Application:
    """The application of this process, made from the environment at the first call.

    Args:
        function_arn: the function's own ARN, which tells the account.

    Raises:
        ConfigurationError: a variable is missing or malformed, or the runtime's SDK is too old.
    """
    if _replacements:
        return _replacements[-1]
    return _deployed(account_of(function_arn))


def fleet(function_arn: str) -> FleetApplication:
    """Dispatcher and worker of this process.

    Raises:
        ConfigurationError: a variable is missing or malformed, or the runtime's SDK is too old.
    """
    return _deployed_fleet(account_of(function_arn))


def decide_messages(
    event: Mapping[str, Any], function_arn: str, deadline: Deadline
) -> dict[str, object]:
    """Decide the targets of an SQS event; which messages SQS shall hand out again.

    Raises:
        ConfigurationError: a variable is missing or malformed, or the runtime's SDK is too old.
    """
    from bedrock_autoscaler.adapters.queue import answered

    worker = fleet(function_arn)
    return answered(event, lambda assignments: worker.visit(assignments, deadline))


@contextmanager
def replaced_by(replacement: Application) -> Iterator[None]:
    """Let `application` answer with this one, for tests; the old one returns afterwards."""
    _replacements.append(replacement)
    try:
        yield
    finally:
        _replacements.pop()


@cache
def _deployed(account: str) -> Application:
    return _assembled(account)[0]


@cache
def _deployed_fleet(account: str) -> FleetApplication:
    from bedrock_autoscaler.application.fleets.working import FleetApplication

    deployed, adapters = _assembled(account)
    return FleetApplication(deployed, adapters, adapters, adapters.home)


def _assembled(account: str) -> tuple[Application, AwsAdapters]:
    environment = RoutedEnvironment.read()
    adapters = AwsAdapters(environment, account)
    assembled = Application(
        adapters,
        deployment=environment.deployment,
        code_version=__version__,
        places=adapters.at,
        agenda=(lambda: adapters.agenda) if environment.fans_out else None,
    )
    return assembled, adapters
