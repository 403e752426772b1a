"""Changes of endpoints in the ledger table: `SCALING#<target>`, `<address>`; one item for each.

A partition of its own, so that the role that changes endpoints can write no purchase or release.
"""

from typing import TYPE_CHECKING, override

from pydantic import TypeAdapter

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_flat,
    encode_flat,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import StaleDecisionError, UnknownOutcomeError
from bedrock_autoscaler.application.ports.ledger import Scalings
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RECORD = TypeAdapter(EndpointRecord)
_ABSENT = "attribute_not_exists(#pk)"
_UNCHANGED = "#version = :seen AND #schema <= :schema"


class DynamoScalings(Scalings):
    """Scalings over the ledger table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    @override
    def record_of(self, target: str, address: str) -> EndpointRecord:
        """One consistent read.

        Raises:
            ObservationError: it could not be read.
        """
        item = self._table.get(_key(target, address))
        return EndpointRecord(target=target, address=address) if item is None else _record(item)

    @override
    def records_of(self, target: str) -> tuple[EndpointRecord, ...]:
        """One consistent query of the target's partition.

        Raises:
            ObservationError: it could not be read.
        """
        items = self._table.query(_partition(target), first="arn:", last="arn;")
        return tuple(_record(item) for item in items)

    @override
    def write(self, before: EndpointRecord, after: EndpointRecord) -> None:
        """One conditional write; whatever is not certain is read back.

        Raises:
            StaleDecisionError: the record is not what `before` says.
            UnknownOutcomeError: no answer came, and looking did not show it.
        """
        item = {
            **_key(after.target, after.address),
            "schema": SCHEMA,
            **encode_flat(_RECORD, after),
        }
        try:
            if before.version:
                self._table.put(item, condition=_UNCHANGED, seen=before.version, schema=SCHEMA)
            else:
                self._table.put(item, condition=_ABSENT)
        except (ConditionFailedError, NoAnswerError) as error:
            # A retry of the SDK may have met what its own first attempt wrote.
            if self.record_of(after.target, after.address) == after:
                return
            told = f"endpoint {after.address} at version {before.version}: {error}"
            if isinstance(error, ConditionFailedError):
                raise StaleDecisionError(told) from error
            raise UnknownOutcomeError(told) from error


def _record(item: Item) -> EndpointRecord:
    subject = f"record of endpoint {item['sk']}"
    require_schema(item.get("schema"), subject)
    return decode_flat(_RECORD, item, subject)


def _partition(target: str) -> str:
    return f"SCALING#{target}"


def _key(target: str, address: str) -> Item:
    return {"pk": _partition(target), "sk": address}
