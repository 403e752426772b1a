"""What an action rests on, and what comes of it."""

from dataclasses import dataclass
from datetime import datetime

from bedrock_autoscaler.domain.decision import Action
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.traffic.demand import Demand
from bedrock_autoscaler.domain.traffic.diagnosis import Diagnosis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grounds:
    """What an action rests on besides the situation.

    Attributes:
        blockers: unknown and stale facts; any of them forbids a decision on money.
        blocked_until: server errors block releases until then.
    """

    demand: Demand
    economics: Economics | None
    diagnosis: Diagnosis
    blockers: tuple[Reason, ...]
    blocked_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """At most one action, and why it is what it is."""

    action: Action | None
    reasons: tuple[Reason, ...]
