"""Planned faults: the next calls of an operation fail the way a test wants."""

from collections import defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum


class When(StrEnum):
    """Where a fault strikes, seen from the effect of the call."""

    BEFORE = "before"  # an error answer, nothing happened
    AFTER = "after"  # an error answer, although it happened
    DROP_BEFORE = "drop_before"  # no answer, nothing happened
    DROP_AFTER = "drop_after"  # no answer, although it happened
    DELAY = "delay"  # it happened, the answer comes late
    MID_STREAM = "mid_stream"  # a streaming call breaks off after its first events


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planned fault.

    Attributes:
        code: the error code, for those that answer.
        message: its message.
        delay_seconds: real seconds by which the answer is held back over HTTP, with any `when`.
    """

    operation: str
    when: When = When.BEFORE
    code: str = "InternalServerException"
    message: str = "planned by the Bedrock world"
    delay_seconds: float = 0.0


class FaultPlan:
    """A queue of faults per operation; each call takes at most one."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, fault: Fault, times: int = 1) -> None:
        """Let the next `times` calls of the fault's operation that have no fault yet meet it."""
        self._queues[fault.operation].extend([fault] * times)

    def take(self, operation: str) -> Fault | None:
        """The fault for this call, used up by asking; None without one."""
        queue = self._queues.get(operation)
        return queue.popleft() if queue else None

    def clear(self) -> None:
        """Forget all planned faults."""
        self._queues.clear()
