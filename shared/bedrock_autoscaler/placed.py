"""The adapters of one account and Region: those at home, and those of a spoke."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, override

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient

    from bedrock_autoscaler.adapters.clients import Clients
    from bedrock_autoscaler.adapters.environment import RoutedEnvironment
    from bedrock_autoscaler.adapters.models import ModelList
    from bedrock_autoscaler.application.ports.bedrock import (
        Capacity,
        Purchasing,
        Releasing,
    )
    from bedrock_autoscaler.application.ports.cloudwatch import Metrics
    from bedrock_autoscaler.application.ports.persons import Reporter
    from bedrock_autoscaler.application.ports.tables import RoutingTables


class PlacedAdapters(ABC):
    """What lies in one account and Region; each is made when first used, and so is its module.

    Args:
        environment: of the function.
        clients: of this place.
        owner: value of our owner tag there.
    """

    def __init__(self, environment: RoutedEnvironment, clients: Clients, owner: str) -> None:
        self._environment = environment
        self._clients = clients
        self._owner = owner

    @property
    @abstractmethod
    def reporter(self) -> Reporter:
        """Of the stack."""

    @property
    @abstractmethod
    def _dynamodb(self) -> DynamoDBClient:
        """The client of the tables, which are at home."""

    @property
    def owner(self) -> str:
        """Value of our owner tag, and of the heartbeat's dimension."""
        return self._owner

    @cached_property
    def metrics(self) -> Metrics:
        """CloudWatch of this Region."""
        from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics

        return CloudWatchMetrics(self._clients.cloudwatch(), self._owner)

    @cached_property
    def capacity(self) -> Capacity:
        """Bedrock and Service Quotas of this Region."""
        from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity

        quotas = self._clients.service_quotas()
        return BedrockCapacity(self._bedrock, quotas, self._models.codes_of, self.reporter)

    @cached_property
    def purchasing(self) -> Purchasing:
        """Bedrock, to buy: under a term only what a consent names."""
        from bedrock_autoscaler.adapters.bedrock.purchasing import BedrockPurchasing

        return BedrockPurchasing(self._bedrock, self._owner)

    @cached_property
    def releasing(self) -> Releasing:
        """Bedrock, to look and delete."""
        from bedrock_autoscaler.adapters.bedrock.releasing import BedrockReleasing

        return BedrockReleasing(self._bedrock)

    @cached_property
    def tables(self) -> RoutingTables:
        """The routes table at home and its projection in this place's Parameter Store."""
        from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables

        environment = self._environment
        return DynamoRoutingTables(
            self._dynamodb, environment.routes_table, self._ssm, environment.settings_prefix
        )

    @cached_property
    def _bedrock(self) -> BedrockClient:
        return self._clients.bedrock()

    @cached_property
    def _ssm(self) -> SSMClient:
        return self._clients.ssm()

    @cached_property
    def _models(self) -> ModelList:
        from bedrock_autoscaler.adapters.models import load_models

        return load_models()


class SpokeAdapters(PlacedAdapters):
    """Those of a spoke: it looks and acts there, and keeps its records at home.

    Args:
        environment: of the function.
        clients: of the spoke.
        owner: value of our owner tag there.
        reporter: of the stack.
        dynamodb: at home.
    """

    def __init__(
        self,
        environment: RoutedEnvironment,
        clients: Clients,
        owner: str,
        *,
        reporter: Reporter,
        dynamodb: DynamoDBClient,
    ) -> None:
        super().__init__(environment, clients, owner)
        self._reporter = reporter
        self._tables_at_home = dynamodb

    @property
    @override
    def reporter(self) -> Reporter:
        """Of the stack."""
        return self._reporter

    @property
    @override
    def _dynamodb(self) -> DynamoDBClient:
        return self._tables_at_home
