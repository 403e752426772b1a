"""What the oracles have found, and what has changed while they looked on."""

from dataclasses import dataclass, field

from tests.simulation.gate import Run


@dataclass(frozen=True, slots=True)
class Violation:
    """What an oracle found.

    Attributes:
        oracle: its id in the failure model.
        moment: where in the schedule.
    """

    oracle: str
    message: str
    moment: int


@dataclass(slots=True)
class Findings:
    """What all oracles of one simulation write down.

    Attributes:
        violations: in the order in which they were found.
        effects: changes of the world, the ledger and the tables, as lines.
        run: the one whose call was heard last.
    """

    violations: list[Violation] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    run: Run | None = None

    def failed(self, oracle: str, message: str) -> None:
        """Keep a violation."""
        moment = self.run.moment if self.run else 0
        self.violations.append(Violation(oracle, message, moment))
