"""Targets by settings version: `SETTINGS`, `VERSION#<name>#<settings version>`, never changed."""

from typing import TYPE_CHECKING

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_target,
    encode_target,
    require_schema,
)
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
_KNOWN_TARGETS = 512


class TargetVersions:
    """Over one table; targets are kept for the process's life, as far as there is room."""

    def __init__(self, client: "DynamoDBClient", table: str, *, most: int = _KNOWN_TARGETS) -> None:
        self._table = Table(client, table)
        self._most = most
        self._targets: dict[tuple[str, str], Target] = {}

    def keep(self, target: Target) -> None:
        """Keep the target under its settings version.

        Raises:
            ObservationError: another target is kept under it, so a replay would mislead.
        """
        known = self._targets.get((target.name, target.settings_version))
        if known is None:
            item = _key(target.name, target.settings_version)
            item |= {"schema": SCHEMA, "document": encode_target(target)}
            try:
                self._table.put(item, condition=ABSENT)
            except (ConditionFailedError, NoAnswerError):
                known = self.target(target.name, target.settings_version)
            else:
                self._remember(target)
                known = target
        if known != target:
            raise ObservationError(
                f"settings version {target.settings_version} of target {target.name} is kept "
                "with another content"
            )

    def target(self, name: str, version: str) -> Target:
        """The target of this version.

        Raises:
            ObservationError: it is missing, or cannot be read.
        """
        known = self._targets.get((name, version))
        if known is not None:
            return known
        subject = f"settings version {version} of target {name}"
        item = self._table.get(_key(name, version))
        if item is None:
            raise ObservationError(f"{subject} is missing")
        require_schema(item.get("schema"), subject)
        target = decode_target(item["document"], subject)
        self._remember(target)
        return target

    def _remember(self, target: Target) -> None:
        if len(self._targets) >= self._most:
            self._targets.clear()
        self._targets[target.name, target.settings_version] = target


def _key(name: str, version: str) -> Item:
    return {"pk": "SETTINGS", "sk": f"VERSION#{name}#{version}"}
