"""Last good documents on DynamoDB: writes only a difference, survives lost answers."""

from typing import TYPE_CHECKING, cast

import pytest

from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import NO_ANSWER, FaultyClient, refusal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def last_good(faulty_dynamodb: FaultyClient) -> DynamoLastGood:
    return DynamoLastGood(cast("DynamoDBClient", faulty_dynamodb), LEDGER)


def test_the_same_text_is_not_written_again(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient
) -> None:
    last_good.put("chat", "{}")
    last_good.put("chat", "{}")

    assert faulty_dynamodb.calls.count("put_item") == 1


def test_a_lost_answer_is_settled_by_reading_back(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item", after_effect=True)

    last_good.put("chat", "{}")

    assert last_good.get("chat") == "{}"


def test_a_write_that_does_not_show_has_an_unknown_outcome(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item")

    with pytest.raises(UnknownOutcomeError):
        last_good.put("chat", "{}")


def test_what_newer_code_kept_is_not_among_all_texts(
    last_good: DynamoLastGood, dynamodb: "DynamoDBClient"
) -> None:
    last_good.put("chat", "{}")
    newer = {"pk": {"S": "SETTINGS"}, "sk": {"S": "LASTGOOD#mail"}, "schema": {"N": "99"}}
    dynamodb.put_item(TableName=LEDGER, Item=newer)

    assert last_good.texts() == {"chat": "{}"}


def test_all_texts_are_read_consistently_and_nothing_else_of_the_partition(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    last_good.put("chat", "{}")
    version = {"pk": {"S": "SETTINGS"}, "sk": {"S": "VERSION#chat#0"}, "schema": {"N": "1"}}
    dynamodb.put_item(TableName=LEDGER, Item=version)

    assert last_good.texts() == {"chat": "{}"}
    assert faulty_dynamodb.sent[-1]["ConsistentRead"]


def test_a_table_out_of_reach_is_told(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(refusal("ResourceNotFoundException"), method="get_item")

    with pytest.raises(ObservationError, match="ResourceNotFoundException"):
        last_good.get("chat")
    faulty_dynamodb.fail_next(refusal("ResourceNotFoundException"), method="query")
    with pytest.raises(ObservationError, match="ResourceNotFoundException"):
        last_good.texts()
