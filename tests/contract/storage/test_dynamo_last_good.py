"""Last good documents on DynamoDB: one call each, and lost answers are survived."""

from typing import TYPE_CHECKING, cast

import pytest

from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
from bedrock_autoscaler.application.errors import (
    NewerRecordError,
    ObservationError,
    UnknownOutcomeError,
)
from tests.builders import NOW
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import NO_ANSWER, FaultyClient, refusal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def last_good(faulty_dynamodb: FaultyClient) -> DynamoLastGood:
    return DynamoLastGood(cast("DynamoDBClient", faulty_dynamodb), LEDGER)


def test_a_text_is_kept_by_one_call(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient
) -> None:
    last_good.put("chat", "{}", [NOW])

    assert faulty_dynamodb.calls == ["put_item"]


def test_what_was_kept_before_moments_were_gives_way(
    last_good: DynamoLastGood, dynamodb: "DynamoDBClient"
) -> None:
    key = {"pk": {"S": "SETTINGS"}, "sk": {"S": "LASTGOOD#chat"}}
    dynamodb.put_item(TableName=LEDGER, Item=key | {"schema": {"N": "1"}, "text": {"S": "{"}})
    assert last_good.get("chat") == "{"

    last_good.put("chat", "{}", [NOW])

    assert last_good.get("chat") == "{}"


def test_what_newer_code_kept_is_left_alone(
    last_good: DynamoLastGood, dynamodb: "DynamoDBClient"
) -> None:
    newer = {"pk": {"S": "SETTINGS"}, "sk": {"S": "LASTGOOD#chat"}, "schema": {"N": "99"}}
    dynamodb.put_item(TableName=LEDGER, Item=newer)

    with pytest.raises(NewerRecordError, match="chat has schema"):
        last_good.put("chat", "{}", [NOW])

    key = {name: newer[name] for name in ("pk", "sk")}
    assert dynamodb.get_item(TableName=LEDGER, Key=key)["Item"] == newer


def test_a_lost_answer_is_settled_by_reading_back(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item", after_effect=True)

    last_good.put("chat", "{}", [NOW])

    assert last_good.get("chat") == "{}"


def test_a_write_that_does_not_show_has_an_unknown_outcome(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item")

    with pytest.raises(UnknownOutcomeError):
        last_good.put("chat", "{}", [NOW])


def test_what_newer_code_kept_is_not_among_all_texts(
    last_good: DynamoLastGood, dynamodb: "DynamoDBClient"
) -> None:
    last_good.put("chat", "{}", [NOW])
    newer = {"pk": {"S": "SETTINGS"}, "sk": {"S": "LASTGOOD#mail"}, "schema": {"N": "99"}}
    dynamodb.put_item(TableName=LEDGER, Item=newer)

    assert last_good.texts() == {"chat": "{}"}


def test_all_texts_are_read_consistently_and_nothing_else_of_the_partition(
    last_good: DynamoLastGood, faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    last_good.put("chat", "{}", [NOW])
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
