"""A decision to record in DynamoDB, and the items that are there."""

from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.target import Loop
from tests.builders import build_observation, build_situation, build_traffic
from tests.contract.conftest import LEDGER
from tests.recorded import build_decision

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def build_recorded(minutes: int = 30, **overrides: Any) -> RecordedDecision:
    situation = build_situation(
        loop=Loop.ROUTING,
        observation=build_observation(traffic=build_traffic(minutes)),
        **overrides,
    )
    return RecordedDecision(
        decision=build_decision(situation), situation=situation, history=None, code_version="1.2.3"
    )


def items(client: "DynamoDBClient", pk: str) -> list[dict[str, Any]]:
    return client.query(
        TableName=LEDGER,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
    )["Items"]
