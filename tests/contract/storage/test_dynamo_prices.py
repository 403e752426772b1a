"""What is kept in another form is no price book."""

from typing import TYPE_CHECKING

import pytest

from bedrock_autoscaler.adapters.storage.prices import DynamoPrices
from bedrock_autoscaler.application.errors import ObservationError
from tests.contract.conftest import LEDGER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.mark.parametrize(
    "text",
    [b"", b"not compressed", b"x\x9c\xab\xae\x05\x00\x01u\x00\xf9"],
    ids=["empty", "plain", "{}"],
)
def test_what_cannot_be_read_is_no_book(dynamodb: "DynamoDBClient", text: bytes) -> None:
    dynamodb.put_item(
        TableName=LEDGER,
        Item={
            "pk": {"S": "PRICES"},
            "sk": {"S": "BOOK"},
            "schema": {"N": "1"},
            "text": {"B": text},
        },
    )

    with pytest.raises(ObservationError, match="cannot be read"):
        DynamoPrices(dynamodb, LEDGER).current()
