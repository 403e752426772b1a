"""The newest accepted settings documents: `SETTINGS`, `LASTGOOD#<name>` in the ledger table."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, override

from bedrock_autoscaler.adapters.storage.codec import SCHEMA, require_schema
from bedrock_autoscaler.adapters.storage.table import Item, NoAnswerError, Table
from bedrock_autoscaler.application.errors import NewerRecordError, UnknownOutcomeError
from bedrock_autoscaler.application.ports.settings import LastGood

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SORT_KEY = "LASTGOOD#"


class DynamoLastGood(LastGood):
    """LastGood over one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    @override
    def get(self, name: str) -> str | None:
        """The text of the item.

        Raises:
            ObservationError: it could not be read, or a newer version of this code wrote it.
        """
        item = self._table.get(_key(name))
        return None if item is None else _text(name, item)

    @override
    def texts(self) -> Mapping[str, str]:
        """All of them by one query, a megabyte a call."""
        found = {}
        for item in self._table.query("SETTINGS", first=_SORT_KEY, last=f"{_SORT_KEY}~"):
            name = item["sk"].removeprefix(_SORT_KEY)
            with suppress(NewerRecordError):
                found[name] = _text(name, item)
        return found

    @override
    def put(self, name: str, text: str) -> None:
        """Write the item where its text differs.

        Raises:
            ObservationError: it could not be read, or is too large.
            UnknownOutcomeError: the write may have taken effect.
        """
        if self.get(name) == text:
            return
        try:
            self._table.put({**_key(name), "schema": SCHEMA, "text": text})
        except NoAnswerError as error:
            if self.get(name) != text:
                raise UnknownOutcomeError(f"last good document of {name}: {error}") from error


def _key(name: str) -> Item:
    return {"pk": "SETTINGS", "sk": f"{_SORT_KEY}{name}"}


def _text(name: str, item: Item) -> str:
    require_schema(item.get("schema"), f"last good document of {name}")
    text: str = item["text"]
    return text
