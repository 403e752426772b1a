"""What passes between the dispatcher, which knows all targets, and the workers, which know some."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol
from zlib import crc32

from bedrock_autoscaler.application.ports.settings import Settings, SettingsProblem
from bedrock_autoscaler.application.scaling.spending import BoundedEndpoint, bounded_endpoints
from bedrock_autoscaler.domain.cadence import QUIET
from bedrock_autoscaler.domain.target import Loop, StackRails, Target

_MARK = 8
_TOGETHER = 20
"""Targets of one place in a minute: two batches of a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One visit of one target.

    Attributes:
        settings_version: of the policy in force, which the ledger keeps.
        roster: version of the roster in force.
        scheduled_at: of the dispatcher's tick; with target and loop it names the decision.
        capacity_at: when the capacity loop is due where this visit leaves it out; else None.
        silent_together: whether all targets of its account and Region fell silent together.
        acting_until, last_call_at: of the agenda's entry, which this visit replaces.
        offset: which minute of a longer pace is the target's; None: that of its name.
    """

    target: str
    settings_version: str
    roster: str
    loops: tuple[Loop, ...]
    scheduled_at: datetime
    capacity_at: datetime | None
    silent_together: bool
    acting_until: datetime | None = None  # messages of before carry none of these
    offset: int | None = None
    last_call_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What a worker must know of the targets that it does not decide.

    Attributes:
        names: of all targets in force, sorted.
        rails: the caps on all of them together.
        problems: of the settings, for the decisions that they concern.
        version: names all of it.
        endpoints: whose instances are paid under the same caps.
    """

    names: tuple[str, ...]
    rails: StackRails
    problems: tuple[SettingsProblem, ...]
    version: str
    endpoints: tuple[BoundedEndpoint, ...] = ()  # rosters of before carry none

    @staticmethod
    def of(settings: Settings) -> "Roster":
        """The roster of a snapshot of the settings."""
        names = tuple(sorted(target.name for target in settings.targets))
        rails, problems = settings.rails, settings.problems
        endpoints = bounded_endpoints(settings.targets)
        digest = sha256(repr((names, rails, problems, endpoints)).encode()).hexdigest()
        return Roster(
            names=names,
            rails=rails,
            problems=problems,
            version=digest[:16],
            endpoints=endpoints,
        )


class Policies(Protocol):
    """Settings as the dispatcher resolved them, kept under their versions and never changed."""

    def keep(self, targets: Iterable[Target], roster: Roster, now: datetime) -> Mapping[str, str]:
        """Keep what is not kept yet; why not, for the few targets whose own record is at fault.

        What was kept is believed to be there for a quarter of an hour: tables are restored.

        Raises:
            ObservationError: nothing could be written, or more than a few targets not.
            UnknownOutcomeError: the write may have taken effect.
        """

    def target(self, name: str, version: str) -> Target:
        """The policy of this version.

        Raises:
            ObservationError: it is missing, or cannot be read.
        """

    def roster(self, version: str) -> Roster:
        """The roster of this version.

        Raises:
            ObservationError: it is missing, or cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaEntry:
    """When one target is due, and when it was last heard of.

    Attributes:
        routing_at, capacity_at: when the loops are due.
        visited_at: scheduled time of the visit that left this entry.
        seen_until: end of the minutes that it read.
        last_call_at: newest minute with a call that any visit saw; None: none.
        acting_until: until when the acting functions look at it each minute; None: they need not.
        settings: the beginning of the settings' version that was decided by; empty: unknown.
    """

    target: str
    routing_at: datetime
    capacity_at: datetime
    visited_at: datetime
    seen_until: datetime
    last_call_at: datetime | None
    acting_until: datetime | None = None
    settings: str = ""


class Agenda(Protocol):
    """When each target is due. It saves visits and is never needed: without it all are due."""

    def entries(self) -> Mapping[str, AgendaEntry]:
        """By target; those of targets that are gone may be among them.

        Raises:
            ObservationError: the agenda could not be read.
        """

    def note(self, entry: AgendaEntry) -> None:
        """Replace the entry of this target.

        Raises:
            ObservationError: it could not be written.
            UnknownOutcomeError: the write may have taken effect.
        """


class Assignments(Protocol):
    """The way to the workers: one message for each target, one at a time of each."""

    @property
    def trouble(self) -> str:
        """Why some of the last ones could not be sent; empty where all were."""

    def send(self, assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
        """Hand them out in this order; those that could not be sent.

        The same assignment sent twice within minutes is handed out once.
        """


def settings_mark(target: Target) -> str:
    """The beginning of its settings' version: ten thousand of these are read each minute."""
    return target.settings_version[:_MARK]


def is_decided_under(entry: AgendaEntry, target: Target) -> bool:
    """Whether the target was last decided under the settings in force, as far as is known."""
    return entry.settings in {"", settings_mark(target)}


def offset_of(name: str) -> int:
    """Which minute of a longer pace is this target's, so that not all come at once."""
    return crc32(name.encode()) % QUIET


def offsets_of(targets: Iterable[Target]) -> dict[str, int]:
    """The same for all targets of a fleet, with some of one account and Region in one minute.

    What a worker asks for there, it asks once for all of its batch; spread over all minutes, each
    of few targets in a place would be asked for alone.
    """
    by_place: dict[str, list[str]] = {}
    for target in targets:
        by_place.setdefault(f"{target.account}/{target.region}", []).append(target.name)
    return {
        name: (crc32(place.encode()) + index // _TOGETHER) % QUIET
        for place, names in by_place.items()
        for index, name in enumerate(sorted(names))
    }
