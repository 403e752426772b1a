"""Targets by settings version: `SETTINGS`, `VERSION#<name>#<settings version>`, never changed."""

from typing import TYPE_CHECKING

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_target,
    encode_target,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.kept import Kept
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.target import Target

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ABSENT = "attribute_not_exists(#pk)"
_KNOWN_BYTES = 64 * 1024 * 1024
"""Ten thousand targets with one option, fewer with more."""

_SIZE_IN_MEMORY = 2
"""Bytes of a target by one of its JSON; 1.2 to 1.6 were measured."""


class TargetVersions:
    """Over one table; the targets that were used last are remembered.

    Args:
        client: of DynamoDB.
        table: the ledger.
        most_bytes: that targets take in memory.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, *, most_bytes: int = _KNOWN_BYTES
    ) -> None:
        self._table = Table(client, table)
        self._most_bytes = most_bytes
        self.forget()

    def forget(self) -> None:
        """Believe of no target any more that it is kept."""
        self._known: Kept[tuple[str, str], tuple[Target, int]] = Kept(
            self._most_bytes, lambda known: _SIZE_IN_MEMORY * known[1]
        )

    def keep(self, target: Target) -> None:
        """Keep the target under its settings version.

        Raises:
            ObservationError: another target is kept under it, so a replay would mislead.
        """
        if self._kept(target) != target:
            raise ObservationError(
                f"settings version {target.settings_version} of target {target.name} is kept "
                "with another content"
            )

    def target(self, name: str, version: str) -> Target:
        """The target of this version.

        Raises:
            ObservationError: it is missing, or cannot be read.
        """
        known = self._known.get((name, version))
        if known is not None:
            return known[0]
        subject = f"settings version {version} of target {name}"
        item = self._table.get(_key(name, version))
        if item is None:
            raise ObservationError(f"{subject} is missing")
        require_schema(item.get("schema"), subject)
        target = decode_target(item["document"], subject)
        self._known.add((name, version), (target, len(item["document"])))
        return target

    def _kept(self, target: Target) -> Target:
        """What is kept under its version, from now on at the latest."""
        key = (target.name, target.settings_version)
        known = self._known.get(key)
        if known is not None:
            return known[0]
        document = encode_target(target)
        item = _key(*key) | {"schema": SCHEMA, "document": document}
        try:
            self._table.put(item, condition=ABSENT)
        except (ConditionFailedError, NoAnswerError):
            return self.target(*key)
        self._known.add(key, (target, len(document)))
        return target


def _key(name: str, version: str) -> Item:
    return {"pk": "SETTINGS", "sk": f"VERSION#{name}#{version}"}
