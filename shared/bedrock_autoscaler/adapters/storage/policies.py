"""Settings as resolved, by version: targets, and the roster of all (`SETTINGS`, `ROSTER#<v>`)."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, override

from pydantic import TypeAdapter

from bedrock_autoscaler.adapters.storage.codec import SCHEMA, require_schema
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.adapters.storage.versions import ABSENT, TargetVersions
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.assigning import Policies, Roster
from bedrock_autoscaler.domain.target import Target

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ROSTER = TypeAdapter(Roster)
_MOST_FAULTS = 3
_BELIEVED = timedelta(minutes=15)
"""So long no worker finds anything where the table was restored or replaced under its name."""


class DynamoPolicies(Policies):
    """Policies over the ledger table.

    Args:
        client: of DynamoDB.
        table: the ledger.
        versions: of targets, where a process has more than one use for them; None: its own.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, versions: TargetVersions | None = None
    ) -> None:
        self._table = Table(client, table)
        self._versions = versions or TargetVersions(client, table)
        self._roster: Roster | None = None
        self._since: datetime | None = None

    @override
    def keep(self, targets: Iterable[Target], roster: Roster, now: datetime) -> Mapping[str, str]:
        """Write the versions that this process does not remember; on absence."""
        self._forget_old(now)
        faults: dict[str, str] = {}
        for target in targets:
            try:
                self._versions.keep(target)
            except ObservationError as error:
                faults[target.name] = str(error)
                if len(faults) > _MOST_FAULTS:  # it is the table then, and no target's record
                    raise
        if self._roster is None or self._roster.version != roster.version:
            self._put(roster)
            self._roster = roster
        return faults

    @override
    def target(self, name: str, version: str) -> Target:
        """From the process's memory, or one consistent read."""
        return self._versions.target(name, version)

    @override
    def roster(self, version: str) -> Roster:
        """The newest one is remembered."""
        if self._roster is None or self._roster.version != version:
            self._roster = self._get(version)
        return self._roster

    def _forget_old(self, now: datetime) -> None:
        """Believe nothing that is older, also where the clock stepped back."""
        if self._since is None or not timedelta(0) <= now - self._since < _BELIEVED:
            self._versions.forget()
            self._roster, self._since = None, now

    def _put(self, roster: Roster) -> None:
        content = zlib.compress(_ROSTER.dump_json(roster))
        item = _key(roster.version) | {"schema": SCHEMA, "content": content}
        try:
            self._table.put(item, condition=ABSENT)
        except ConditionFailedError:
            return
        except NoAnswerError:
            self._get(roster.version)

    def _get(self, version: str) -> Roster:
        subject = f"roster {version}"
        item = self._table.get(_key(version))
        if item is None:
            raise ObservationError(f"{subject} is missing")
        require_schema(item.get("schema"), subject)
        try:
            return _ROSTER.validate_json(zlib.decompress(item["content"]))
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            raise ObservationError(f"{subject} is damaged: {type(error).__name__}") from error


def _key(version: str) -> Item:
    return {"pk": "SETTINGS", "sk": f"ROSTER#{version}"}
