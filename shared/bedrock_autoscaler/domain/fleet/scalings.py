"""Changes of an endpoint's instances: each is written ahead, before the call that makes it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bedrock_autoscaler.domain.units import MINUTE

KEPT = timedelta(hours=24)
"""So long a change counts against the bound of a day, and is kept in the ledger."""


class ScalingState(StrEnum):
    """Life of a change: recorded -> asked -> done, or refused, or given up.

    In `recorded` the call may or may not have been sent; `asked` is what Bedrock has accepted.
    """

    RECORDED = "recorded"
    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


OPEN_SCALINGS = frozenset({ScalingState.RECORDED, ScalingState.ASKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingIntent:
    """One change of one endpoint.

    Attributes:
        decision_id: the capacity decision; at most one change of an endpoint exists for it.
        token: the `clientRequestToken`, stored before the call.
        ended_at: when it was settled; None while it is open.
        detail: a refusal's words, or what was found afterwards.
    """

    decision_id: str
    token: str
    from_instances: int
    to_instances: int
    state: ScalingState
    recorded_at: datetime
    ended_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRecord:
    """What the ledger keeps of one endpoint; the fence of its changes.

    Attributes:
        address: its ARN.
        changes: of the newest day, and an open one however old; oldest first.
        version: rises with each write; 0 before the first one.
        metered_at: until when instance-minutes are added up; None before the first change.
        day_minutes, month_minutes: instance-minutes of that UTC day and month until then.
    """

    target: str
    address: str
    changes: tuple[ScalingIntent, ...] = ()
    version: int = 0
    metered_at: datetime | None = None
    day_minutes: int = 0
    month_minutes: int = 0

    @property
    def open(self) -> ScalingIntent | None:
        """The change that has no end yet; there is at most one."""
        return next((each for each in self.changes if each.state in OPEN_SCALINGS), None)

    def made_since(self, moment: datetime) -> int:
        """Changes that were asked for since then, whatever came of them."""
        return sum(each.recorded_at > moment for each in self.changes)

    def begun(self, intent: ScalingIntent) -> "EndpointRecord":
        """With a further change; those of more than a day ago are left out.

        Raises:
            ValueError: another change is open.
        """
        if self.open is not None:
            raise ValueError(f"{self.address}: {self.open.decision_id} has no end yet")
        since = intent.recorded_at - KEPT
        recent = tuple(each for each in self.changes if each.recorded_at > since)
        metered = self._metered(intent.from_instances, intent.recorded_at)
        return replace(metered, changes=(*recent, intent), version=self.version + 1)

    def stepped(
        self, state: ScalingState, detail: str = "", ended_at: datetime | None = None
    ) -> "EndpointRecord":
        """With the open change one step on.

        Raises:
            ValueError: none is open.
        """
        if self.open is None:
            raise ValueError(f"{self.address} has no open change")
        after = replace(self.open, state=state, detail=detail, ended_at=ended_at)
        changes = tuple(after if each is self.open else each for each in self.changes)
        was_made = state is not ScalingState.REFUSED
        ran = self.most_of(self.open.from_instances) if was_made else self.open.from_instances
        metered = self if ended_at is None else self._metered(ran, ended_at)
        return replace(metered, changes=changes, version=self.version + 1)

    def most_of(self, instances: int) -> int:
        """The most that it runs, or soon will: more than are shown while a change is open."""
        if self.open is None:
            return instances
        return max(instances, self.open.from_instances, self.open.to_instances)

    def minutes(self, instances: int, now: datetime) -> tuple[int, int]:
        """Instance-minutes of the UTC day and month, the newest of them at so many instances.

        What it ran before the first change is taken to be what it ran then.
        """
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return (
            self._minutes_since(day, self.day_minutes, instances, now),
            self._minutes_since(day.replace(day=1), self.month_minutes, instances, now),
        )

    def _minutes_since(self, begun: datetime, kept: int, instances: int, now: datetime) -> int:
        since = begun
        if self.metered_at is not None and self.metered_at >= begun:
            since = self.metered_at
        else:
            kept = 0
        return kept + instances * max(-(-(now - since) // MINUTE), 0)

    def _metered(self, instances: int, until: datetime) -> "EndpointRecord":
        day, month = self.minutes(instances, until)
        return replace(self, metered_at=until, day_minutes=day, month_minutes=month)
