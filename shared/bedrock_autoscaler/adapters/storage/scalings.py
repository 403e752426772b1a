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
        if item is None:
            return EndpointRecord(target=target, address=address)
        subject = f"record of endpoint {address}"
        require_schema(item.get("schema"), subject)
        return decode_flat(_RECORD, item, subject)

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


def _key(target: str, address: str) -> Item:
    return {"pk": f"SCALING#{target}", "sk": address}
