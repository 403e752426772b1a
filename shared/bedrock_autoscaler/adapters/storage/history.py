"""Minute history in the ledger table: immutable items by target, hour and revision.

Keys: `HISTORY#<name>`, `<hour>#<revision, 6 digits>`. An item outlives CloudWatch's 15 days and is
never changed, so that a decision can name it; what came late makes the next revision.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, override

from bedrock_autoscaler.adapters.storage.blocks import Values, assemble, pack, unpack
from bedrock_autoscaler.adapters.storage.codec import SCHEMA, require_schema
from bedrock_autoscaler.adapters.storage.hours import (
    are_same,
    cut_hour,
    is_blank,
    patched,
    whole_hours,
)
from bedrock_autoscaler.adapters.storage.kept import Kept
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.history import History, HistoryReference, StoredHistory
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import HOUR, floor_hour, iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CACHE_BYTES = 64 * 1024 * 1024
"""About 45 targets with 14 days of three busy `ModelId`s each; a quarter of a small function."""

_ABSENT = "attribute_not_exists(#pk)"
_ATTEMPTS = 4
# A transaction takes 100 items and 4 MB; an hour of many `ModelId`s can have 100 KB.
_BATCH = 25

type _Revision = tuple[datetime, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One stored hour."""

    start: datetime
    revision: int
    content: bytes


class DynamoHistory(History):
    """History over one table; keeps items it has seen for the life of the process."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._table = Table(client, table)
        self._seen: Kept[tuple[str, datetime, int], bytes] = Kept(cache_bytes, len)

    @override
    def store(self, target: str, traffic: Mapping[str, Traffic]) -> None:
        """Write what differs from the newest revisions; look again where another was faster.

        An hour without any known minute is not kept.

        Raises:
            ObservationError: the history could not be read, or not be written.
        """
        hours = whole_hours(traffic)
        for _ in range(_ATTEMPTS):
            if not hours:
                return
            new = list(self._differing(target, traffic, hours).items())
            failed = [batch for batch in _batches(new) if not self._put(target, batch)]
            hours = [hour for batch in failed for (hour, _), _ in batch]
        raise ObservationError(f"history of {target}: {len(hours)} hours could not be written")

    @override
    def load(
        self, target: str, start: datetime, end: datetime, *, will_grow: bool = False
    ) -> StoredHistory:
        """The newest revisions, read consistently; items of the cache are only listed.

        Raises:
            ObservationError: the history could not be read.
        """
        revisions = self._newest(target, floor_hour(start), end) if start < end else ()
        if not revisions:
            return self._stored(target, (), start, start)
        end = min(end, revisions[-1][0] + HOUR)
        return self._stored(target, revisions, max(start, revisions[0][0]), end)

    @override
    def load_exact(self, target: str, reference: HistoryReference) -> StoredHistory:
        """Those items, checked against the hash."""
        revisions = reference.revisions
        stored = self._stored(target, revisions, reference.start, reference.end)
        if reference.sha256 == self._first_digest(target, revisions):
            return replace(stored, reference=reference)
        if stored.reference.sha256 != reference.sha256:
            raise ObservationError(
                f"history of {target}: {len(revisions)} hours from {iso(reference.start)} are not "
                "those that the decision rests on: their hash differs"
            )
        return stored

    def hours(self, target: str, first: datetime, end: datetime) -> tuple[Hour, ...]:
        """The newest revision of each kept hour in [first, end), ascending, as it is stored.

        Raises:
            ObservationError: the history could not be read.
        """
        revisions = self._newest(target, first, end) if first < end else ()
        contents = self._contents(target, revisions)
        return tuple(
            Hour(start=hour, revision=revision, content=contents[hour, revision])
            for hour, revision in revisions
        )

    # -- writing -------------------------------------------------------------------------------

    def _differing(
        self, target: str, traffic: Mapping[str, Traffic], hours: Sequence[datetime]
    ) -> dict[_Revision, bytes]:
        """Contents to write, each at the revision after the newest."""
        newest = dict(self._newest(target, hours[0], hours[-1] + HOUR))
        known = self._contents(target, list(newest.items()))
        new: dict[_Revision, bytes] = {}
        for hour in hours:
            fresh = cut_hour(traffic, hour)
            revision = newest.get(hour, -1)
            if revision >= 0:
                values = self._values(target, (hour, revision), known)
                fresh = patched(values, fresh)
                # By value, since what an older version wrote has another form.
                if are_same(values, fresh):
                    continue
            if not is_blank(fresh):
                new[hour, revision + 1] = pack(fresh)
        return new

    def _put(self, target: str, batch: Sequence[tuple[_Revision, bytes]]) -> bool:
        """Write the batch; False when some of it is there already, or no answer came."""
        items = [_to_item(target, revision, content) for revision, content in batch]
        try:
            self._table.transact(*(self._table.to_put(item, condition=_ABSENT) for item in items))
        except (ConditionFailedError, NoAnswerError):
            return False
        for revision, content in batch:
            self._seen.add((target, *revision), content)
        return True

    # -- reading -------------------------------------------------------------------------------

    def _newest(self, target: str, first: datetime, end: datetime) -> tuple[_Revision, ...]:
        """The newest revision of each hour in [first, end), ascending.

        Reads whole items while nothing of the range was seen, else the keys alone.
        """
        fresh = not self._has_seen(target, first, end)
        attributes = () if fresh else ("sk",)
        newest: dict[datetime, int] = {}
        for item in self._table.query(
            f"HISTORY#{target}", first=iso(first), last=iso(end), attributes=attributes
        ):
            hour, revision = _revision_of(item)
            newest[hour] = revision
            if fresh:
                self._seen.add((target, hour, revision), _content(item))
        return tuple(newest.items())

    def _has_seen(self, target: str, first: datetime, end: datetime) -> bool:
        """Whether the first revision of any hour in [first, end) is kept."""
        hours = range(int((end - first) / HOUR))
        return any((target, first + index * HOUR, 0) in self._seen for index in hours)

    def _contents(self, target: str, revisions: Sequence[_Revision]) -> dict[_Revision, bytes]:
        """The contents of these items, as far as they exist; what is not cached in one query."""
        found = {}
        for revision in revisions:
            content = self._seen.get((target, *revision))
            if content is not None:
                found[revision] = content
        missing = [revision for revision in revisions if revision not in found]
        if missing:
            for item in self._table.query(
                f"HISTORY#{target}", first=_sort_key(min(missing)), last=_sort_key(max(missing))
            ):
                revision = _revision_of(item)
                if revision in missing:
                    found[revision] = _content(item)
                    self._seen.add((target, *revision), found[revision])
        return found

    def _stored(
        self, target: str, revisions: tuple[_Revision, ...], start: datetime, end: datetime
    ) -> StoredHistory:
        contents = self._contents(target, revisions)
        for hour, revision in revisions:
            if (hour, revision) not in contents:
                raise ObservationError(
                    f"history of {target}: revision {revision} of {iso(hour)} is missing"
                )
        hours = [(revision[0], contents[revision]) for revision in revisions]
        assembly = assemble(hours, start, end, f"history of {target}")
        reference = HistoryReference(
            start=start,
            end=end,
            revisions=revisions,
            sha256=digest_of(digests_of(content for _, content in hours)),
        )
        return StoredHistory(reference=reference, traffic=assembly.traffic, total=assembly.total)

    def _first_digest(self, target: str, revisions: Sequence[_Revision]) -> str:
        """The hash as first defined, over all contents: older decisions name it."""
        contents = self._contents(target, revisions)
        return hashlib.sha256(b"".join(contents[revision] for revision in revisions)).hexdigest()

    def _values(
        self, target: str, revision: _Revision, contents: Mapping[_Revision, bytes]
    ) -> Values:
        hour, number = revision
        return unpack(contents[revision], f"history of {target}: revision {number} of {iso(hour)}")


def digest_of(digests: Iterable[bytes]) -> str:
    """What a reference says of its items: a hash over theirs, in their order."""
    return hashlib.sha256(b"".join(digests)).hexdigest()


def digests_of(contents: Iterable[bytes]) -> tuple[bytes, ...]:
    """The hash of each content."""
    return tuple(hashlib.sha256(content).digest() for content in contents)


def _batches(
    items: Sequence[tuple[_Revision, bytes]],
) -> Iterable[Sequence[tuple[_Revision, bytes]]]:
    for first in range(0, len(items), _BATCH):
        yield items[first : first + _BATCH]


def _sort_key(revision: _Revision) -> str:
    hour, number = revision
    return f"{iso(hour)}#{number:06d}"


def _revision_of(item: Item) -> _Revision:
    hour, _, number = str(item["sk"]).partition("#")
    return datetime.fromisoformat(hour), int(number)


def _content(item: Item) -> bytes:
    require_schema(item.get("schema"), f"history item {item['sk']}")
    content: bytes = item["content"]
    return content


def _to_item(target: str, revision: _Revision, content: bytes) -> Item:
    return {
        "pk": f"HISTORY#{target}",
        "sk": _sort_key(revision),
        "schema": SCHEMA,
        "content": content,
    }
