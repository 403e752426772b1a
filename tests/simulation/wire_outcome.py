"""What came of a schedule on the wire; whoever only counts need not load the emulator."""

from collections import Counter
from dataclasses import dataclass, field

AMID_FAULTS, IN_CALM = "while faults strike", "in calm"


@dataclass(slots=True, kw_only=True)
class WireOutcome:
    """What came of one schedule.

    Attributes:
        struck: faults by (operation, kind).
        sent: Creates and Deletes that went out, by (operation, when).
        digest: of every call and fault in their order.
    """

    seed: int
    ticks: int = 0
    runs: int = 0
    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[tuple[str, str]] = field(default_factory=list)
    digest: str = ""
