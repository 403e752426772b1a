"""boto3 clients with explicit time-outs and retries, checked for what the runtime's SDK knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.application.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import ServiceModel
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_ssm import SSMClient

# An SDK hang at its defaults costs three times 60 seconds; a tick lasts less than one of them.
CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 5
ATTEMPTS = 3

REQUIRED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "bedrock": {
        "CreateProvisionedModelThroughput": (
            "clientRequestToken",
            "modelUnits",
            "provisionedModelName",
            "modelId",
            "tags",
        ),
        "DeleteProvisionedModelThroughput": ("provisionedModelId",),
        "GetFoundationModel": ("modelIdentifier",),
        "GetProvisionedModelThroughput": ("provisionedModelId",),
        "ListProvisionedModelThroughputs": ("maxResults", "nextToken"),
        "ListTagsForResource": ("resourceARN",),
    },
    "cloudwatch": {
        "GetMetricData": ("MetricDataQueries", "StartTime", "EndTime", "NextToken", "ScanBy"),
        "ListMetrics": ("Namespace", "MetricName", "NextToken"),
        "PutMetricData": ("Namespace", "MetricData"),
    },
    "dynamodb": {
        "GetItem": ("TableName", "Key", "ConsistentRead"),
        "PutItem": ("TableName", "Item", "ConditionExpression"),
        "Query": ("TableName", "KeyConditionExpression", "ConsistentRead", "ExclusiveStartKey"),
        "TransactWriteItems": ("TransactItems", "ClientRequestToken"),
        "UpdateItem": ("TableName", "Key", "ConditionExpression"),
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
}
"""Each operation that the application calls, with the input members that it cannot do without."""


class Clients:
    """Makes clients of one Region; each is checked when it is made, at the cold start."""

    def __init__(self, region: str) -> None:
        self._region = region

    def bedrock(self) -> BedrockClient:
        """The control plane of Bedrock."""
        client: BedrockClient = self._client("bedrock")
        return client

    def cloudwatch(self) -> CloudWatchClient:
        """Metrics."""
        client: CloudWatchClient = self._client("cloudwatch")
        return client

    def dynamodb(self) -> DynamoDBClient:
        """The ledger and the routing tables."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    def service_quotas(self) -> ServiceQuotasClient:
        """Applied quotas."""
        client: ServiceQuotasClient = self._client("service-quotas")
        return client

    def ssm(self) -> SSMClient:
        """Settings, the switch, and the callers' copies of routing tables."""
        client: SSMClient = self._client("ssm")
        return client

    def _client(self, service: str) -> Any:
        # Imported here, so that importing the package costs and needs no SDK.
        import boto3
        from botocore.config import Config
        from botocore.exceptions import UnknownServiceError

        config = Config(
            region_name=self._region,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            user_agent_extra="bedrock-autoscaler",
        )
        try:
            client: Any = boto3.client(service, config=config)  # type: ignore[call-overload] # the name is not a literal here
        except UnknownServiceError as error:
            raise ConfigurationError(_advice(f"the service {service}")) from error
        require(service, client.meta.service_model)
        return client


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
    import botocore

    return (
        f"botocore {botocore.__version__} of this runtime does not know {missing}; deploy to a "
        "newer runtime, or add boto3 to the layer"
    )
