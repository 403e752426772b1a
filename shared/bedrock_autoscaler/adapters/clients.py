"""boto3 clients with explicit time-outs and retries, checked for what the runtime's SDK knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import botocore
from botocore.config import Config

from bedrock_autoscaler.application.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.client import BaseClient
    from botocore.model import ServiceModel
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    from bedrock_autoscaler.sdk_silence import Silence

# An SDK hang at its defaults costs three times 60 seconds; a tick lasts less than one of them.
CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 5
ATTEMPTS = 3

REQUIRED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bedrock": {
        "CreateProvisionedModelThroughput": (
            "clientRequestToken",
            "commitmentDuration",
            "modelUnits",
            "provisionedModelName",
            "modelId",
            "tags",
        ),
        "DeleteProvisionedModelThroughput": ("provisionedModelId",),
        "GetFoundationModel": ("modelIdentifier",),
        "GetMarketplaceModelEndpoint": ("endpointArn",),
        "GetProvisionedModelThroughput": ("provisionedModelId",),
        "ListProvisionedModelThroughputs": ("nextToken",),
        "ListTagsForResource": ("resourceARN",),
        "UpdateMarketplaceModelEndpoint": (
            "clientRequestToken",
            "endpointArn",
            "endpointConfig",
        ),
    },
    "cloudwatch": {
        "GetMetricData": ("MetricDataQueries", "StartTime", "EndTime", "NextToken", "ScanBy"),
        "ListMetrics": ("Namespace", "Dimensions", "NextToken"),
        "PutMetricData": ("Namespace", "MetricData"),
    },
    "dynamodb": {
        "GetItem": ("TableName", "Key", "ConsistentRead"),
        "PutItem": ("TableName", "Item", "ConditionExpression"),
        "Query": ("TableName", "KeyConditionExpression", "ConsistentRead", "ExclusiveStartKey"),
        "TransactWriteItems": ("TransactItems", "ClientRequestToken"),
        "UpdateItem": ("TableName", "Key", "ConditionExpression"),
    },
    "pricing": {
        "GetProducts": ("ServiceCode", "Filters", "FormatVersion", "NextToken"),
    },
    "service-quotas": {
        "GetAWSDefaultServiceQuota": ("ServiceCode", "QuotaCode"),
        "GetServiceQuota": ("ServiceCode", "QuotaCode"),
    },
    "ssm": {
        "GetParameter": ("Name",),
        "GetParametersByPath": ("Path", "Recursive", "MaxResults", "NextToken"),
        "PutParameter": ("Name", "Value", "Type", "Overwrite"),
    },
    "events": {"PutEvents": ("Entries",)},
    "sqs": {"SendMessageBatch": ("QueueUrl", "Entries")},
    "sns": {"Publish": ("TopicArn", "Subject", "Message")},
    "sts": {"AssumeRole": ("RoleArn", "RoleSessionName", "ExternalId", "DurationSeconds")},
}
"""Each operation that the application calls, with the input members that it cannot do without."""


class Clients:
    """Makes clients of one Region; each is checked when it is made, at the cold start.

    Every method raises ConfigurationError when the runtime's SDK lacks what is used.

    Args:
        region: of all clients.
        session: of another account; None: the function's own.
        silence: lets Bedrock, CloudWatch and Service Quotas rest where they do not answer; None:
            each call waits for them. What keeps the ledger and the settings is always asked.
    """

    def __init__(
        self,
        region: str,
        session: boto3.Session | None = None,
        *,
        silence: Silence | None = None,
    ) -> None:
        self._region = region
        self._session = session
        self._silence = silence
        self._config = Config(
            region_name=region,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            user_agent_extra="bedrock-autoscaler",
        )

    def bedrock(self) -> BedrockClient:
        """The control plane of Bedrock."""
        client: BedrockClient = self._watched("bedrock")
        require("bedrock", client.meta.service_model)
        return client

    def cloudwatch(self) -> CloudWatchClient:
        """Metrics."""
        client: CloudWatchClient = self._watched("cloudwatch")
        require("cloudwatch", client.meta.service_model)
        return client

    def dynamodb(self) -> DynamoDBClient:
        """The ledger and the routing tables."""
        client: DynamoDBClient = self._made("dynamodb", self._config)
        require("dynamodb", client.meta.service_model)
        return client

    def pricing(self) -> BaseClient:
        """The price list, in a Region that has its API."""
        elsewhere = self._config.merge(Config(region_name=price_list_region(self._region)))
        client: BaseClient = self._made("pricing", elsewhere)
        require("pricing", client.meta.service_model)
        return client

    def service_quotas(self) -> ServiceQuotasClient:
        """Applied quotas."""
        client: ServiceQuotasClient = self._watched("service-quotas")
        require("service-quotas", client.meta.service_model)
        return client

    def ssm(self) -> SSMClient:
        """Settings, the switch, and the callers' copies of routing tables."""
        client: SSMClient = self._made("ssm", self._config)
        require("ssm", client.meta.service_model)
        return client

    def events(self) -> EventBridgeClient:
        """Events for whoever listens."""
        client: EventBridgeClient = self._made("events", self._brief())
        require("events", client.meta.service_model)
        return client

    def sns(self) -> SNSClient:
        """Messages to persons."""
        client: SNSClient = self._made("sns", self._brief())
        require("sns", client.meta.service_model)
        return client

    def sqs(self) -> SQSClient:
        """The queue between the dispatcher and its workers."""
        client: SQSClient = self._made("sqs", self._config)
        require("sqs", client.meta.service_model)
        return client

    def sts(self) -> STSClient:
        """Roles in other accounts, and who asks, for the commands of a person."""
        client: STSClient = self._made("sts", self._brief())
        require("sts", client.meta.service_model)
        return client

    def _watched(self, service: str) -> Any:  # noqa: ANN401 - each has its own kind
        client = self._made(service, self._config)
        if self._silence is not None:
            name = f"{service} in {self._region}"
            self._silence.watch(client.meta.events, lambda _: name)
        return client

    def _made(self, service: str, config: Config) -> Any:  # noqa: ANN401 - each has its own kind
        make: Any = boto3.client if self._session is None else self._session.client
        return make(service, config=config)

    def _brief(self) -> Config:
        """Nothing waits for it long: one short attempt; the next run tries again."""
        return self._config.merge(
            Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})
        )


def price_list_region(region: str) -> str:
    """The nearest Region with the Query API of the Price List.

    Source: botocore 1.44.5, endpoints of `api.pricing`.
    """
    if region.startswith("eu-"):
        return "eu-central-1"
    return "ap-south-1" if region.startswith("ap-") else "us-east-1"


def require(service: str, model: ServiceModel) -> None:
    """Check that a service model has every operation and input member that is used.

    Raises:
        ConfigurationError: it names each that is missing.
    """
    missing: list[str] = []
    for operation, members in REQUIRED[service].items():
        if operation not in model.operation_names:
            missing.append(f"{service}:{operation}")
            continue
        shape = model.operation_model(operation).input_shape
        known = shape.members if shape is not None else {}
        missing += [f"{service}:{operation}({member})" for member in members if member not in known]
    if missing:
        raise ConfigurationError(_advice(", ".join(missing)))


def _advice(missing: str) -> str:
    return (
        f"botocore {botocore.__version__} of this runtime does not know {missing}; deploy to a "
        "newer runtime, or add boto3 to the layer"
    )
