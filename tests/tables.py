"""DynamoDB tables with the keys of the template's, for tests on an emulated account."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def make_tables(dynamodb: "DynamoDBClient", tables: Mapping[str, Sequence[str]]) -> None:
    """Tables by name, each with its partition key and, where it has one, its sort key."""
    for table, keys in tables.items():
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": "HASH" if key == keys[0] else "RANGE"}
                for key in keys
            ],
        )
