"""Minutes that are kept beyond what CloudWatch keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bedrock_autoscaler.domain.traffic.observation import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReference:
    """Names stored minute history exactly.

    Attributes:
        revisions: (hour, revision) ascending.
        sha256: over the items' contents in this order.
        start, end: the minutes [start, end) that were used.
    """

    start: datetime
    end: datetime
    revisions: tuple[tuple[datetime, int], ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHistory:
    """Traffic over [reference.start, reference.end); NaN where nothing is kept.

    Attributes:
        traffic: by `ModelId`.
        total: all `ModelId`s together. Each hour adds up those that it was kept with, so that
            a `ModelId` which came later, such as that of a new PT, leaves no gap before. One that
            existed before it came is no zero there: its days are `unread` until they are stored
            anew, with it and all others.
    """

    reference: HistoryReference
    traffic: Mapping[str, Traffic]
    total: Traffic


class History(Protocol):
    """Minute history as immutable items (target, hour, revision)."""

    def store(self, target: str, traffic: Mapping[str, Traffic]) -> None:
        """Keep each whole clock hour of `traffic`, as a new revision where its values differ.

        Hours that the traffic covers only in part are not kept. Revisions start at 0; an item is
        never changed or deleted. A minute that was known before and is now a gap keeps its value.
        """

    def load(
        self, target: str, start: datetime, end: datetime, *, will_grow: bool = False
    ) -> "StoredHistory":
        """The newest revisions of the hours in [start, end).

        Where it `will_grow`, old hours are still to come, and no day of them is taken as whole.
        The answer's reference is cut to the hours that are kept, so that newer minutes follow
        at `reference.end`; both its ends are `start` when no hour is kept.
        """

    def load_exact(self, target: str, reference: "HistoryReference") -> "StoredHistory":
        """The very revisions that a decision rested on.

        Raises:
            ObservationError: a revision is missing, or the hash differs.
        """
