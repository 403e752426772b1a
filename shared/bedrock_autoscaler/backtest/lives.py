"""Lives of no-commitment units: ordered, in service, deleted, paid in whole periods."""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lives:
    """Groups of units with the same order and deletion; one entry a group in each array.

    Attributes:
        ordered: row of the minute of the order.
        deleted: row of the minute of the deletion; the trace's length where there is none.
        units: how many.
    """

    ordered: NDArray[np.int64]
    deleted: NDArray[np.int64]
    units: NDArray[np.int64]

    def paid_until(self, billing_minutes: int) -> NDArray[np.int64]:
        """The row at which the last started period of each group ends."""
        periods = -((self.ordered - self.deleted) // billing_minutes)
        return self.ordered + periods * billing_minutes


class UnitBook:
    """The units that exist at a moment, each with its order; orders and deletions come in time.

    A deletion takes the units with the least paid time left, and among equals the oldest.

    Attributes:
        count: units ordered and not deleted.
    """

    __slots__ = ("_billing_minutes", "_by_phase", "_phases", "count")

    def __init__(self, billing_minutes: int) -> None:
        """Start without units.

        Args:
            billing_minutes: length of a billing period, counted from the order.
        """
        self._billing_minutes = billing_minutes
        # Units whose periods start at the same minute of the clock end theirs together too.
        self._by_phase: dict[int, deque[tuple[int, int]]] = {}
        self._phases: list[int] = []
        self.count = 0

    def order(self, row: int, units: int) -> None:
        """Order units in the minute of `row`."""
        phase = row % self._billing_minutes
        group = self._by_phase.get(phase)
        if group is None:
            group = self._by_phase[phase] = deque()
            insort(self._phases, phase)
        group.append((row, units))
        self.count += units

    def delete(self, row: int, units: int) -> list[tuple[int, int]]:
        """Delete units in the minute of `row`; gives (row of the order, units) of each group.

        Raises:
            ValueError: fewer units exist.
        """
        if units > self.count:
            raise ValueError(f"{units} units to delete at row {row}, {self.count} exist")
        self.count -= units
        deleted = []
        position = bisect_left(self._phases, row % self._billing_minutes)
        while units:
            if position == len(self._phases):
                position = 0
            phase = self._phases[position]
            group = self._by_phase[phase]
            while group and units:
                ordered, available = group.popleft()
                taken = min(available, units)
                deleted.append((ordered, taken))
                units -= taken
                if taken < available:
                    group.appendleft((ordered, available - taken))
            if not group:
                del self._by_phase[phase]
                del self._phases[position]
        return deleted

    def groups(self) -> list[tuple[int, int]]:
        """(row of the order, units) of every group that exists, oldest first."""
        return sorted(entry for group in self._by_phase.values() for entry in group)


def lives_of(units: NDArray[np.int64], billing_minutes: int) -> Lives:
    """The lives that a plan's units imply.

    Args:
        units: units ordered and not deleted, for each minute; 0 before the first.
        billing_minutes: length of a billing period, counted from the order.
    """
    book = UnitBook(billing_minutes)
    ended: list[tuple[int, int, int]] = []
    changes = np.diff(units, prepend=0)
    rows = np.flatnonzero(changes)
    for row, change in zip(rows.tolist(), changes[rows].tolist(), strict=True):
        if change > 0:
            book.order(row, change)
        else:
            ended += [(ordered, row, count) for ordered, count in book.delete(row, -change)]
    ended += [(ordered, len(units), count) for ordered, count in book.groups()]
    table = np.array(ended, dtype=np.int64).reshape(-1, 3)
    return Lives(ordered=table[:, 0], deleted=table[:, 1], units=table[:, 2])
