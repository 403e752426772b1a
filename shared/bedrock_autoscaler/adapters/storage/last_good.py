"""The newest accepted settings documents: `SETTINGS`, `LASTGOOD#<name>` in the ledger table."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, override

from bedrock_autoscaler.adapters.storage.codec import SCHEMA, require_schema
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import NewerRecordError, UnknownOutcomeError
from bedrock_autoscaler.application.ports.settings import LastGood
from bedrock_autoscaler.domain.units import as_utc

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SORT_KEY = "LASTGOOD#"
_NOT_NEWER = (
    "attribute_not_exists(#pk)"
    " OR #schema <= :schema AND (attribute_not_exists(#changed) OR #changed <= :changed)"
)


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
    def put(self, name: str, text: str, changed_at: Sequence[datetime]) -> None:
        """One write; over an item that does not say when it was changed, too.

        Raises:
            NewerRecordError: newer code wrote what is kept.
            ObservationError: the table cannot be written to, or the text is too large.
            UnknownOutcomeError: the write may have taken effect.
        """
        item = {"schema": SCHEMA, "changed": " ".join(map(_sortable, changed_at))}
        try:
            self._table.put(_key(name) | item | {"text": text}, condition=_NOT_NEWER, **item)
        except ConditionFailedError:
            self.get(name)
        except NoAnswerError as error:
            if self.get(name) != text:
                raise UnknownOutcomeError(f"last good document of {name}: {error}") from error


def _key(name: str) -> Item:
    return {"pk": "SETTINGS", "sk": f"{_SORT_KEY}{name}"}


def _sortable(moment: datetime) -> str:
    """A text that sorts as the moment does; Parameter Store counts milliseconds."""
    return as_utc(moment).isoformat(timespec="milliseconds")


def _text(name: str, item: Item) -> str:
    require_schema(item.get("schema"), f"last good document of {name}")
    text: str = item["text"]
    return text
