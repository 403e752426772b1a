"""The decision log in memory."""

from dataclasses import replace
from datetime import datetime
from threading import RLock

from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.application.ports.decisions import RecordedDecision, Remembered
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.joining import join
from bedrock_autoscaler.domain.traffic.observation import Traffic
from tests.fakes.failures import Failures


class MemoryDecisions(Failures):
    """The append-only decision log; keeps no minutes that the history has.

    Attributes:
        kept: what it holds, by id; a test may take some away.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, RecordedDecision] = {}
        self._lock = RLock()

    def record(self, recorded: RecordedDecision) -> bool:
        """Keep it; False when its id is taken."""
        self._begin("record")
        with self._lock:
            is_new = recorded.decision.id not in self.kept
            if is_new:
                self.kept[recorded.decision.id] = _without_history(recorded)
        self._end("record")
        return is_new

    def exists(self, decision_id: str, target: str, loop: Loop) -> bool:
        """Whether the id is taken."""
        self._begin("exists")
        return decision_id in self.kept

    def remembered(self, target: str, loop: Loop) -> Remembered | None:
        """Of the latest one."""
        latest = self.latest(target, loop)
        return None if latest is None else Remembered.of(latest)

    def latest(self, target: str, loop: Loop) -> RecordedDecision | None:
        """The one with the latest scheduled time."""
        self._begin("latest")
        found = [
            recorded
            for recorded in self.kept.values()
            if (recorded.decision.target, recorded.decision.loop) == (target, loop)
        ]
        return max(found, key=lambda recorded: recorded.decision.scheduled_at, default=None)

    def between(
        self, target: str, loop: Loop | None, start: datetime, end: datetime
    ) -> tuple[Decision, ...]:
        """Those of [start, end), by time and loop."""
        self._begin("between")
        found = [
            recorded.decision
            for recorded in self.kept.values()
            if recorded.decision.target == target
            and loop in (None, recorded.decision.loop)
            and start <= recorded.decision.scheduled_at < end
        ]
        return tuple(sorted(found, key=lambda decision: (decision.scheduled_at, decision.loop)))

    def load(self, decision_id: str, history: History) -> RecordedDecision | None:
        """The decision with the minutes of its history before its own."""
        self._begin("load")
        recorded = self.kept.get(decision_id)
        if recorded is None or recorded.history is None:
            return recorded
        stored = history.load_exact(recorded.decision.target, recorded.history)
        situation = recorded.situation
        kept = counted(stored.total, stored.traffic, situation.target)
        whole = join(kept, situation.observation.traffic)
        return replace(recorded, situation=_with_traffic(situation, whole))


def _without_history(recorded: RecordedDecision) -> RecordedDecision:
    if recorded.history is None:
        return recorded
    newer = recorded.situation.observation.traffic.since(recorded.history.end)
    return replace(recorded, situation=_with_traffic(recorded.situation, newer))


def _with_traffic(situation: Situation, traffic: Traffic) -> Situation:
    return replace(situation, observation=replace(situation.observation, traffic=traffic))
