"""The ledger's records of endpoints in memory."""

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord
from tests.fakes.failures import Failures


class MemoryScalings(Failures):
    """Implements Scalings.

    Attributes:
        records: by target and address.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[tuple[str, str], EndpointRecord] = {}

    def record_of(self, target: str, address: str) -> EndpointRecord:
        """The record, or one without any change."""
        self._begin("record_of")
        usual = EndpointRecord(target=target, address=address)
        return self.records.get((target, address), usual)

    def records_of(self, target: str) -> tuple[EndpointRecord, ...]:
        """The target's records by address."""
        self._begin("records_of")
        return tuple(
            record for (owner, _), record in sorted(self.records.items()) if owner == target
        )

    def write(self, before: EndpointRecord, after: EndpointRecord) -> None:
        """Replace it at its version."""
        self._begin("write")
        key = (after.target, after.address)
        known = self.records.get(key)
        if (known.version if known else 0) != before.version:
            raise StaleDecisionError(f"{after.address} is not at version {before.version}")
        self.records[key] = after
        self._end("write")
