"""What a backtest refuses, in one line that names the file, the line and the reason."""

from pathlib import Path
from typing import Self, override


class BacktestError(Exception):
    """Base of the errors of a backtest; its text is one line for a person."""


class InputError(BacktestError):
    """An input file cannot be used.

    Attributes:
        path: the file, as it was named by the caller.
        line: its line, counted from 1; None where the fault has no line.
        reason: what is wrong and what is allowed.
    """

    def __init__(self, path: Path | str, line: int | None, reason: str) -> None:
        """Compose the one line; line breaks in a reason are folded away."""
        self.path = str(path)
        self.line = line
        self.reason = " ".join(reason.split())
        where = self.path if line is None else f"{self.path}: line {line}"
        super().__init__(f"{where}: {self.reason}")

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[str, int | None, str]]:
        """Cross from a worker process as it was raised: one argument does not make it again."""
        return type(self), (self.path, self.line, self.reason)


class TraceError(InputError):
    """A trace is not in the trace format."""


class ScenarioError(InputError):
    """A scenario document is not in the scenario format."""


class SettingsError(InputError):
    """A settings document cannot be used."""


class SolverMissingError(BacktestError):
    """The solver of the clairvoyant optimum is not installed."""
