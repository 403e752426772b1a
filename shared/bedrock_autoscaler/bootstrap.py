"""From the environment to ready use cases: the only module that knows ports and adapters both."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING

from bedrock_autoscaler import __version__
from bedrock_autoscaler.adapters.clients import Clients
from bedrock_autoscaler.adapters.environment import RoutedEnvironment, account_of
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient

    from bedrock_autoscaler.adapters.models import ModelList
    from bedrock_autoscaler.application.assigning import Agenda, Assignments, Policies
    from bedrock_autoscaler.application.ports import (
        Approvals,
        Capacity,
        Clock,
        Decisions,
        Endpoints,
        Fleets,
        History,
        Metrics,
        Purchasing,
        Releasing,
        Reporter,
        RoutingTables,
        Settings,
        Switch,
    )
    from bedrock_autoscaler.application.pricing import PriceStore, PricingPorts
    from bedrock_autoscaler.application.working import FleetApplication


class AwsAdapters:
    """The adapters of a deployed function; each, and each client, is made when first used.

    So is its module imported: all functions share this class, and none needs every adapter.
    """

    def __init__(self, environment: RoutedEnvironment, account: str) -> None:
        self._environment = environment
        self._account = account
        self._clients = Clients(environment.region)

    @cached_property
    def clock(self) -> Clock:
        """The system's clock, or the virtual one on loopback."""
        from bedrock_autoscaler.adapters.clock import clock_at

        return clock_at(self._environment.clock_endpoint)

    @cached_property
    def metrics(self) -> Metrics:
        """CloudWatch of this Region."""
        from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics

        return CloudWatchMetrics(self._clients.cloudwatch(), self._environment.deployment)

    @cached_property
    def capacity(self) -> Capacity:
        """Bedrock and Service Quotas of this Region."""
        from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity

        quotas = self._clients.service_quotas()
        return BedrockCapacity(self._bedrock, quotas, self._models.codes_of, self.reporter)

    @cached_property
    def purchasing(self) -> Purchasing:
        """Bedrock, to buy without commitment."""
        from bedrock_autoscaler.adapters.bedrock.purchasing import BedrockPurchasing

        return BedrockPurchasing(self._bedrock, self._environment.deployment)

    @cached_property
    def releasing(self) -> Releasing:
        """Bedrock, to look and delete."""
        from bedrock_autoscaler.adapters.bedrock.releasing import BedrockReleasing

        return BedrockReleasing(self._bedrock)

    @cached_property
    def endpoints(self) -> Endpoints:
        """Marketplace endpoints of this Region, through Bedrock."""
        from bedrock_autoscaler.adapters.bedrock.endpoints import BedrockEndpoints

        return BedrockEndpoints(self._bedrock)

    @cached_property
    def decisions(self) -> Decisions:
        """The ledger's decision log."""
        from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions

        return DynamoDecisions(self._dynamodb, self._environment.ledger_table)

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
    def tables(self) -> RoutingTables:
        """The routes table and its projection in Parameter Store."""
        from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables

        environment = self._environment
        return DynamoRoutingTables(
            self._dynamodb, environment.routes_table, self._ssm, environment.settings_prefix
        )

    @cached_property
    def switch(self) -> Switch:
        """The switch parameter."""
        from bedrock_autoscaler.adapters.parameters import SsmSwitch

        return SsmSwitch(self._ssm, self._environment.settings_prefix, self.reporter)

    @cached_property
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
        from bedrock_autoscaler.application.settings import load_settings
        from bedrock_autoscaler.application.snapshots import SettingsReader

        environment = self._environment
        prices = CurrentPrices(load_prices(), self.price_store)
        parser = TargetDocuments(
            prices, self._models.variants_of, decision_minutes=environment.decision_minutes
        )
        load = partial(
            load_settings,
            parser=parser,
            last_good=DynamoLastGood(self._dynamodb, environment.ledger_table),
            account=self._account,
            region=environment.region,
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
        from bedrock_autoscaler.application.telling import Teller

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

        return DynamoPolicies(self._dynamodb, self._environment.ledger_table)

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
    def _bedrock(self) -> BedrockClient:
        return self._clients.bedrock()

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        return self._clients.dynamodb()

    @cached_property
    def _ssm(self) -> SSMClient:
        return self._clients.ssm()

    @cached_property
    def _models(self) -> ModelList:
        from bedrock_autoscaler.adapters.models import load_models

        return load_models()


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
    """Dispatcher and worker of this process, over the same application.

    Raises:
        ConfigurationError: a variable is missing or malformed, or the runtime's SDK is too old.
    """
    return _deployed_fleet(account_of(function_arn))


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
    from bedrock_autoscaler.application.assigning import Place
    from bedrock_autoscaler.application.working import FleetApplication

    deployed, adapters, region = _assembled(account)
    return FleetApplication(deployed, adapters, adapters, Place(account=account, region=region))


def _assembled(account: str) -> tuple[Application, AwsAdapters, str]:
    environment = RoutedEnvironment.read()
    adapters = AwsAdapters(environment, account)
    assembled = Application(adapters, deployment=environment.deployment, code_version=__version__)
    return assembled, adapters, environment.region
