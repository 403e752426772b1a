"""What persons were told: `TOLD#<target>`, `<alarm and day, or request>` in the ledger table."""

from datetime import datetime
from typing import TYPE_CHECKING, override

from bedrock_autoscaler.adapters.storage.codec import SCHEMA
from bedrock_autoscaler.adapters.storage.table import Item, NoAnswerError, Table
from bedrock_autoscaler.application.errors import UnknownOutcomeError
from bedrock_autoscaler.application.telling.events import Told

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NO_TARGET = "-"


class DynamoTold(Told):
    """Told over one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    @override
    def was_told(self, target: str, key: str) -> bool:
        """Whether the item is there."""
        return self._table.get(_key(target, key), attributes=("pk",)) is not None

    @override
    def mark(self, target: str, key: str, at: datetime) -> None:
        """Put the item; a second time changes nothing that anybody reads."""
        try:
            self._table.put({**_key(target, key), "schema": SCHEMA, "at": at.isoformat()})
        except NoAnswerError as error:
            raise UnknownOutcomeError(f"what {target!r} was told: {error}") from error


def _key(target: str, key: str) -> Item:
    return {"pk": f"TOLD#{target or _NO_TARGET}", "sk": key}
