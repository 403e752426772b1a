"""Changes of an endpoint's instances: each is written ahead, before the call that makes it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

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
    """

    target: str
    address: str
    changes: tuple[ScalingIntent, ...] = ()
    version: int = 0

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
        return replace(self, changes=(*recent, intent), version=self.version + 1)

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
        return replace(self, changes=changes, version=self.version + 1)
