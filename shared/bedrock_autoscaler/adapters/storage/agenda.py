"""The agenda in the ledger table: `AGENDA#<0 to 3>`, `<name>`; one small item per target.

All of it is read each minute by the dispatcher and by each function that acts, in four parts, so
that no partition is hot: ten thousand targets are one and a half megabytes. A part that cannot be
read makes the whole unreadable, which the dispatcher answers with an even pace.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, override
from zlib import crc32

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.table import Item, NoAnswerError, Table
from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.fleets.assigning import Agenda, AgendaEntry
from bedrock_autoscaler.domain.units import MINUTE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTS = 4
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_FIRST, _LAST = " ", "~"
_NONE = "-"


class DynamoAgenda(Agenda):
    """Agenda over the ledger table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    @override
    def entries(self) -> Mapping[str, AgendaEntry]:
        """All parts; an entry that cannot be read is left out, and its target is due."""
        found = {}
        for part in range(PARTS):
            for item in self._table.query(_partition(part), first=_FIRST, last=_LAST):
                entry = _entry(item)
                if entry is not None:
                    found[entry.target] = entry
        return found

    @override
    def note(self, entry: AgendaEntry) -> None:
        """One write, whatever is there: only the worker of the target writes it."""
        item = {
            "pk": _partition(crc32(entry.target.encode()) % PARTS),
            "sk": entry.target,
            "schema": SCHEMA,
            "minutes": _minutes(entry),
        }
        try:
            self._table.put(item)
        except NoAnswerError as error:
            raise UnknownOutcomeError(f"agenda of {entry.target}: {error}") from error


def _minutes(entry: AgendaEntry) -> str:
    """All of it in one short text: ten thousand of these are read each minute."""
    moments = (
        entry.routing_at,
        entry.capacity_at,
        entry.visited_at,
        entry.seen_until,
        entry.last_call_at,
        entry.acting_until,
    )
    return " ".join([*map(_number, moments), entry.settings or _NONE])


def _entry(item: Item) -> AgendaEntry | None:
    """The entry of an item; None where another version wrote it, or nobody."""
    try:
        require_schema(item.get("schema"), "agenda")
        routing, capacity, visited, seen, last, acting, settings = str(item["minutes"]).split()
        return AgendaEntry(
            target=item["sk"],
            routing_at=_moment(routing),
            capacity_at=_moment(capacity),
            visited_at=_moment(visited),
            seen_until=_moment(seen),
            last_call_at=None if last == _NONE else _moment(last),
            acting_until=None if acting == _NONE else _moment(acting),
            settings="" if settings == _NONE else settings,
        )
    except (KeyError, ValueError, OverflowError, ObservationError):
        return None


def _number(moment: datetime | None) -> str:
    return _NONE if moment is None else str((moment - _EPOCH) // MINUTE)


def _moment(number: str) -> datetime:
    return _EPOCH + int(number) * MINUTE


def _partition(part: int) -> str:
    return f"AGENDA#{part}"
