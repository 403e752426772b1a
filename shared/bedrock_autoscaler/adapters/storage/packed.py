"""Minute history with whole days beside its hours: a decision reads 14 items instead of 336.

Keys: `HISTORY#<name>#days`, `<date>#<number>`. A day is packed from the newest revisions of its
hours when it is some hours old, and names them, so that a decision names the same hours as before.
One that no item can hold is written without its content, and read by the hour.
Days are nothing but a faster form: what is exact, and what is replayed, are the hours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, override

import numpy as np

from bedrock_autoscaler.adapters.storage.blocks import TOTAL, Rows, Values, assemble, pack
from bedrock_autoscaler.adapters.storage.codec import SCHEMA, require_schema
from bedrock_autoscaler.adapters.storage.history import (
    CACHE_BYTES,
    DynamoHistory,
    Hour,
    digest_of,
    digests_of,
)
from bedrock_autoscaler.adapters.storage.kept import Kept
from bedrock_autoscaler.adapters.storage.table import (
    MAX_ITEM_BYTES,
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.adapters.storage.versions import ABSENT
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.history import History, HistoryReference, StoredHistory
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import HOUR, floor_hour, iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_DAY = timedelta(days=1)
_SETTLED = 6 * HOUR
"""A look reaches back three hours; a day that ended so long ago changes only by a new start."""

_MOST_BYTES = MAX_ITEM_BYTES - 4 * 1024
"""Of a content: keys, numbers and digests of 24 hours take less than one of these."""

_DIGEST = 32
_NONE = -1
_NUMBERS = "<i4"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """One packed day.

    Attributes:
        content: empty where it is too large for an item; then the hours have it.
        revisions: (hour, revision) of the hours that it holds.
        digests: of their contents, in the same order, end to end.
    """

    start: datetime
    number: int
    content: bytes
    revisions: tuple[tuple[datetime, int], ...]
    digests: bytes


class PackedHistory(History):
    """History over the ledger table, days first; what has no day yet is read by the hour."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._hours = DynamoHistory(client, table, cache_bytes=cache_bytes // 2)
        self._table = Table(client, table)
        self._days: Kept[tuple[str, datetime], _Day] = Kept(
            cache_bytes // 2, lambda day: len(day.content) + len(day.digests)
        )

    @override
    def store(self, target: str, traffic: Mapping[str, Traffic]) -> None:
        """Write hours that differ; a day that they belong to is packed again.

        Raises:
            ObservationError: the history could not be read, or not be written.
        """
        self._hours.store(target, traffic)
        ends = [part.end for part in traffic.values()]
        starts = [part.start for part in traffic.values()]
        if ends and max(ends) - min(starts) > _SETTLED:  # what is younger is in no pack
            self._repack(target, _midnight(min(starts)), max(ends))

    @override
    def load(
        self, target: str, start: datetime, end: datetime, *, will_grow: bool = False
    ) -> StoredHistory:
        """Days as far as they go without a break, then hours; days that are missing are packed.

        Raises:
            ObservationError: the history could not be read.
        """
        days = self._packed(target, _midnight(start), _settled(end)) if start < end else ()
        begun = days[-1].start + _DAY if days else _midnight(start)
        hours = self._hours.hours(target, begun, end) if begun < end else ()
        if not will_grow:
            self._pack_days(target, hours, begun, _settled(end))
        return _joined(target, days, hours, start=start, end=end)

    @override
    def load_exact(self, target: str, reference: HistoryReference) -> StoredHistory:
        """From the hours alone."""
        return self._hours.load_exact(target, reference)

    # -- days ----------------------------------------------------------------------------------

    def _packed(self, target: str, first: datetime, end: datetime) -> tuple[_Day, ...]:
        """The days in [first, end) up to the first that is missing; what is kept is not read."""
        known: dict[datetime, _Day] = {}
        wanted = [first + i * _DAY for i in range(max((end - first) // _DAY, 0))]
        for day in wanted:
            kept = self._days.get((target, day))
            if kept is not None:
                known[day] = kept
        missing = [day for day in wanted if day not in known]
        if missing:
            for pack in self._read(target, missing[0], missing[-1] + _DAY):
                found = pack if pack.content else self._by_hour(target, pack)
                known[pack.start] = found
                self._days.add((target, pack.start), found)
        whole = []
        for day in wanted:
            if day not in known:
                break
            whole.append(known[day])
        return tuple(whole)

    def _by_hour(self, target: str, day: _Day) -> _Day:
        """A day that no item can hold, put together from its hours as they are now."""
        own = self._hours.hours(target, day.start, day.start + _DAY)
        return _day_of(target, day.start, own, day.number)

    def _read(self, target: str, first: datetime, end: datetime) -> Iterable[_Day]:
        """The newest pack of each day that has one.

        One that another process wrote a moment ago may be missing or be an older one; either names
        the hours that it holds, so that the decision says what it rests on, as ever.
        """
        newest: dict[datetime, _Day] = {}
        own, first_key, last_key = _partition(target), iso(first), iso(end)
        found = self._table.query(own, first=first_key, last=last_key, is_consistent=False)
        for item in found:
            try:
                day = _from_item(item, target)
            except ObservationError:
                continue  # as if it were not packed: the hours are there
            newest[day.start] = day
        return newest.values()

    def _pack_days(
        self, target: str, hours: Sequence[Hour], first: datetime, end: datetime
    ) -> None:
        """Pack each day of [first, end), also one without any hour, so that it is not missing.

        Those that were found, behind one that is missing, are packed already.
        """
        if first >= end:
            return
        by_day: dict[datetime, list[Hour]] = {}
        for hour in hours:
            by_day.setdefault(_midnight(hour.start), []).append(hour)
        for index in range((end - first) // _DAY):
            day = first + index * _DAY
            if (target, day) not in self._days:
                self._write(target, _day_of(target, day, by_day.get(day, ()), 0))

    def _repack(self, target: str, first: datetime, end: datetime) -> None:
        """Pack anew what hours of old days have changed since they were packed."""
        for day in self._read(target, first, end):
            own = self._hours.hours(target, day.start, day.start + _DAY)
            if tuple((hour.start, hour.revision) for hour in own) != day.revisions:
                self._write(target, _day_of(target, day.start, own, day.number + 1))

    def _write(self, target: str, day: _Day) -> None:
        """Write a pack on absence; it saves reading, so that nothing hangs on it."""
        try:
            self._table.put(_to_item(target, day), condition=ABSENT)
        except (ConditionFailedError, NoAnswerError, ObservationError):
            return
        self._days.add((target, day.start), day)


# -- values ------------------------------------------------------------------------------------


def _joined(
    target: str, days: Sequence[_Day], hours: Sequence[Hour], *, start: datetime, end: datetime
) -> StoredHistory:
    """Days and hours as one history over what they hold of [start, end)."""
    revisions: list[tuple[datetime, int]] = []
    digests: list[bytes] = []
    whole = floor_hour(start)
    for day in days:
        first = sum(hour < whole for hour, _ in day.revisions) if day.start < whole else 0
        revisions += day.revisions[first:]
        digests.append(day.digests[first * _DIGEST :])
    tail = [hour for hour in hours if whole <= hour.start < end]
    revisions += [(hour.start, hour.revision) for hour in tail]
    digests += digests_of(hour.content for hour in tail)
    first_minute, last_minute, blocks = start, start, []
    if revisions:
        first_minute = max(start, revisions[0][0])
        last_minute = min(end, revisions[-1][0] + HOUR)
        blocks = [(day.start, day.content) for day in days if day.revisions]
        blocks += [(hour.start, hour.content) for hour in hours]
    assembly = assemble(blocks, first_minute, last_minute, f"history of {target}")
    reference = HistoryReference(
        start=first_minute,
        end=last_minute,
        revisions=tuple(revisions),
        sha256=digest_of(digests),
    )
    return StoredHistory(reference=reference, traffic=assembly.traffic, total=assembly.total)


def _day_of(target: str, start: datetime, hours: Sequence[Hour], number: int) -> _Day:
    """The pack of one day's hours; where their `ModelId`s differ it holds the total as well."""
    blocks = [(hour.start, hour.content) for hour in hours]
    assembly = assemble(blocks, start, start + _DAY, f"history of {target}")
    values = {name: _rows(traffic) for name, traffic in assembly.traffic.items()}
    total = _rows(assembly.total)
    if values and not _adds_up(values, total):
        values[TOTAL] = total
    return _Day(
        start=start,
        number=number,
        content=pack(values),
        revisions=tuple((hour.start, hour.revision) for hour in hours),
        digests=b"".join(digests_of(hour.content for hour in hours)),
    )


def _rows(traffic: Traffic) -> Rows:
    return np.array([getattr(traffic, metric) for metric in METRICS])


def _adds_up(values: Values, total: Rows) -> bool:
    """Whether the total follows from the parts, as it is worked out from them."""
    return bool(np.array_equal(np.sum(list(values.values()), axis=0), total, equal_nan=True))


# -- items -------------------------------------------------------------------------------------


def _partition(target: str) -> str:
    return f"HISTORY#{target}#days"


def _to_item(target: str, day: _Day) -> Item:
    by_hour = dict(day.revisions)
    content = day.content if len(day.content) <= _MOST_BYTES else None
    return {
        "pk": _partition(target),
        "sk": f"{iso(day.start)}#{day.number:06d}",
        "schema": SCHEMA,
        "numbers": _joint([by_hour.get(day.start + i * HOUR, _NONE) for i in range(_DAY // HOUR)]),
        "digests": day.digests,
    } | ({} if content is None else {"content": content})


def _from_item(item: Item, target: str) -> _Day:
    subject = f"packed history of {target}"
    require_schema(item.get("schema"), subject)
    text, _, number = str(item["sk"]).partition("#")
    try:
        # Packs of before have a list, `revisions`, instead.
        numbers = item["numbers"] if "numbers" in item else _joint(item["revisions"])
        return _Day(
            start=datetime.fromisoformat(text),
            number=int(number),
            content=item.get("content", b""),
            revisions=_revisions(text, numbers),
            digests=item["digests"],
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ObservationError(f"{subject} is damaged: {type(error).__name__}") from error


def _joint(numbers: Iterable[float]) -> bytes:
    """Revisions by hour, in one value: a decision reads those of a fortnight."""
    return np.array([int(number) for number in numbers], dtype=_NUMBERS).tobytes()


@lru_cache(maxsize=256)
def _revisions(start: str, numbers: bytes) -> tuple[tuple[datetime, int], ...]:
    """(hour, revision) of the hours that a day has; most days of all targets are alike.

    Raises:
        ValueError: these are not the numbers of as many hours as a day has.
    """
    first = datetime.fromisoformat(start)
    by_hour = np.frombuffer(numbers, _NUMBERS).reshape(_DAY // HOUR).tolist()
    return tuple((first + i * HOUR, number) for i, number in enumerate(by_hour) if number != _NONE)


def _midnight(moment: datetime) -> datetime:
    return floor_hour(moment).replace(hour=0)


def _settled(end: datetime) -> datetime:
    """The end of the newest day that is packed at `end`."""
    return _midnight(end - _SETTLED)
