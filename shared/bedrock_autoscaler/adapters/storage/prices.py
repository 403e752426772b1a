"""Prices in the ledger table: `PRICES`, `BOOK` of the newest refresh, `ACCEPTED` by persons.

The book is JSON, compressed: some hundred quotes repeat the same words.
"""

import zlib
from typing import TYPE_CHECKING, override

from pydantic import TypeAdapter, ValidationError

from bedrock_autoscaler.adapters.storage.codec import SCHEMA, require_schema
from bedrock_autoscaler.adapters.storage.table import Item, NoAnswerError, Table
from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.pricing import Acceptance, KeptPrices, PriceStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BOOK = {"pk": "PRICES", "sk": "BOOK"}
_ACCEPTED = {"pk": "PRICES", "sk": "ACCEPTED"}


class DynamoPrices(PriceStore):
    """PriceStore over one table; a book is worked out anew only when the item has changed."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)
        self._text: bytes | None = None
        self._kept: KeptPrices | None = None

    @override
    def current(self) -> KeptPrices | None:
        """The book.

        Raises:
            ObservationError: it could not be read, or a newer version of this code wrote it.
        """
        text = self._read(_BOOK)
        if text is None:
            return None
        if text != self._text:
            self._kept = _parsed(TypeAdapter(KeptPrices), text, "price book")
            self._text = text
        return self._kept

    @override
    def keep(self, prices: KeptPrices) -> None:
        """Write the book.

        Raises:
            ObservationError: it could not be written, or is too large.
            UnknownOutcomeError: the write may have taken effect.
        """
        self._write(_BOOK, TypeAdapter(KeptPrices).dump_json(prices))

    @override
    def accepted(self) -> tuple[Acceptance, ...]:
        """All acceptances.

        Raises:
            ObservationError: they could not be read.
        """
        text = self._read(_ACCEPTED)
        if text is None:
            return ()
        return _parsed(TypeAdapter(tuple[Acceptance, ...]), text, "accepted prices")

    @override
    def accept(self, acceptance: Acceptance) -> None:
        """Add one to the others; only persons write here, one at a time."""
        others = tuple(one for one in self.accepted() if one.key != acceptance.key)
        text = TypeAdapter(tuple[Acceptance, ...]).dump_json((*others, acceptance))
        self._write(_ACCEPTED, text)

    def _read(self, key: Item) -> bytes | None:
        item = self._table.get(key)
        if item is None:
            return None
        require_schema(item.get("schema"), f"{key['sk']} of prices")
        packed: bytes = item["text"]
        return packed

    def _write(self, key: Item, text: bytes) -> None:
        try:
            self._table.put({**key, "schema": SCHEMA, "text": zlib.compress(text, 9)})
        except NoAnswerError as error:
            raise UnknownOutcomeError(f"{key['sk']} of prices: {error}") from error


def _parsed[T](adapter: TypeAdapter[T], packed: bytes, subject: str) -> T:
    try:
        return adapter.validate_json(zlib.decompress(packed))
    except (ValidationError, zlib.error) as error:
        raise ObservationError(f"{subject}: what is kept cannot be read") from error
