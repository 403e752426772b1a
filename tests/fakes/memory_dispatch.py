"""Policies, agenda and the way to the workers, in memory."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.assigning import AgendaEntry, Assignment, Roster
from bedrock_autoscaler.domain.target import Target
from tests.fakes.failures import Failures


class MemoryPolicies(Failures):
    """Keeps every version."""

    def __init__(self) -> None:
        super().__init__()
        self._targets: dict[tuple[str, str], Target] = {}
        self._rosters: dict[str, Roster] = {}

    def keep(self, targets: Iterable[Target], roster: Roster, now: datetime) -> Mapping[str, str]:
        """Keep them under their versions; nothing here is ever lost."""
        del now
        self._begin("keep")
        faults = {}
        for target in targets:
            known = self._targets.setdefault((target.name, target.settings_version), target)
            if known != target:
                faults[target.name] = f"{target.name} is kept with another content"
        self._rosters[roster.version] = roster
        self._end("keep")
        return faults

    def target(self, name: str, version: str) -> Target:
        """That version."""
        self._begin("target")
        if (name, version) not in self._targets:
            raise ObservationError(f"settings version {version} of target {name} is missing")
        return self._targets[name, version]

    def roster(self, version: str) -> Roster:
        """That version."""
        self._begin("roster")
        if version not in self._rosters:
            raise ObservationError(f"roster {version} is missing")
        return self._rosters[version]


class MemoryAgenda(Failures):
    """One entry for each target."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, AgendaEntry] = {}

    def entries(self) -> Mapping[str, AgendaEntry]:
        """All of them."""
        self._begin("entries")
        return dict(self._entries)

    def note(self, entry: AgendaEntry) -> None:
        """Replace the target's."""
        self._begin("note")
        self._entries[entry.target] = entry
        self._end("note")


class MemoryAssignments:
    """Keeps what was sent; `refused` names targets whose messages do not go out."""

    def __init__(self) -> None:
        self.sent: list[Assignment] = []
        self.refused: set[str] = set()
        self.trouble = ""

    def send(self, assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
        """All but those of refused targets."""
        unsent = tuple(each for each in assignments if each.target in self.refused)
        self.sent += [each for each in assignments if each not in unsent]
        self.trouble = "RequestThrottled" if unsent else ""
        return unsent

    def receive(self) -> tuple[Assignment, ...]:
        """What was sent since the last time."""
        found, self.sent = tuple(self.sent), []
        return found
