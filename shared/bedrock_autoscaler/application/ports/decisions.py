"""The decision log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bedrock_autoscaler.application.ports.history import History, HistoryReference
from bedrock_autoscaler.domain.decision import Decision, Memory, Situation
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision with the situation it rests on.

    The ledger does not keep the traffic that `history` names, only the newer minutes beside it;
    reading a decision back for replay joins the two again, so that `situation` is what it was.

    Attributes:
        history: stored minutes at the front of `situation.observation.traffic`, as
            `join(counted(StoredHistory.total, ...), newer)` puts them together; None: none.
        code_version: of the package that decided.
    """

    decision: Decision
    situation: Situation
    history: HistoryReference | None
    code_version: str


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class Remembered:
    """What a decision leaves for the next one of its loop.

    Attributes:
        observation: what it saw; its traffic holds only the minutes kept beside the decision.
    """

    scheduled_at: datetime
    memory: Memory
    observation: Observation

    @staticmethod
    def of(recorded: RecordedDecision) -> "Remembered":
        """Of a decision that was read back whole."""
        return Remembered(
            scheduled_at=recorded.decision.scheduled_at,
            memory=recorded.decision.memory,
            observation=recorded.situation.observation,
        )


class Decisions(Protocol):
    """The append-only decision log."""

    def record(self, recorded: RecordedDecision) -> bool:
        """Write it once; False when a decision of this id exists already (nothing changes).

        Raises:
            UnknownOutcomeError: the write may have taken effect, and looking again did not tell.
        """

    def exists(self, decision_id: str, target: str, loop: Loop) -> bool:
        """Whether this tick was decided already."""

    def latest(self, target: str, loop: Loop) -> RecordedDecision | None:
        """The newest decision by scheduled time, read consistently, for those who act on it.

        Its situation's traffic holds only the minutes kept beside the decision, and its memory is
        not what it was where that is kept with the decision before.
        """

    def remembered(self, target: str, loop: Loop) -> Remembered | None:
        """What the newest decision leaves for the next one, read consistently."""

    def between(
        self,
        target: str,
        loop: Loop | None,
        start: datetime,
        end: datetime,
    ) -> tuple[Decision, ...]:
        """Decisions scheduled in [start, end), oldest first; both loops when `loop` is None."""

    def load(self, decision_id: str, history: History) -> RecordedDecision | None:
        """One decision with its whole situation, ready for replay; None when unknown.

        Raises:
            ObservationError: the history that it rests on is missing or differs.
        """
