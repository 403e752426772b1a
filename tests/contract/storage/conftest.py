"""The ledger's table behind a client that can fail."""

from typing import TYPE_CHECKING, cast

import pytest

from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import FaultyClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient


@pytest.fixture
def faulty_dynamodb(dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch) -> FaultyClient:
    """DynamoDB with faults; nobody waits between attempts."""
    monkeypatch.setattr("bedrock_autoscaler.adapters.storage.table.sleep", lambda _: None)
    return FaultyClient(dynamodb)


@pytest.fixture
def faulty_ssm(ssm: "SSMClient") -> FaultyClient:
    """Parameter Store with faults."""
    return FaultyClient(ssm)


@pytest.fixture
def decisions(faulty_dynamodb: FaultyClient) -> DynamoDecisions:
    return DynamoDecisions(cast("DynamoDBClient", faulty_dynamodb), LEDGER)
