"""A decision is a value: what was seen, what was concluded, what is to be done, and why."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.forecasting.distribution import NOT_CALIBRATED, Calibration
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED, Learned
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.assurance import NO_ASSURANCE, Assurance
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.target import Commitment, Loop, Mode, Target
from bedrock_autoscaler.domain.traffic.observation import Observation
from bedrock_autoscaler.domain.unit_rates.rates import RateInUse
from bedrock_autoscaler.domain.units import compact


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Buy one PT, without commitment unless a person's consent is named.

    Attributes:
        usd_per_hour: of all its units.
        consent_id: the consent to use up; None where nobody had to agree.
    """

    model_id: str
    model_units: int
    usd_per_hour: Decimal
    commitment: Commitment = Commitment.NONE
    consent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Withdraw, drain and delete one PT."""

    arn: str
    model_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Stop draining a PT that is still paid for, and route to it again."""

    arn: str
    model_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Change how many instances a Marketplace endpoint runs."""

    address: str
    from_instances: int
    to_instances: int


Action = Purchase | Release | Restore


class Label(StrEnum):
    """The class of a target's traffic."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    INTERMITTENT = "intermittent"
    STEADY = "steady"
    SEASONAL = "seasonal"
    TRENDING = "trending"
    DRIFTING = "drifting"
    BURSTY = "bursty"


class Verdict(StrEnum):
    """What the class means for capacity."""

    UNKNOWN = "unknown"
    STEADY = "steady"
    BURSTY = "bursty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The class, and how far each feature stands from its threshold.

    Attributes:
        confidence: 0 to 1.
        features: measured values by name.
        margins: feature minus threshold, by name of the rule.
        spike: demand has just jumped far above what this time of day asks for; the class stays.
    """

    label: Label
    verdict: Verdict
    confidence: float
    features: tuple[tuple[str, float], ...]
    margins: tuple[tuple[str, float], ...]
    spike: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """What holding `units` is expected to cost in USD over the coming billing period."""

    units: int
    units_usd: float
    overflow_usd: float
    throttle_usd: float
    total_usd: float
    utilization: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one decision hands to the next of the same target and loop.

    Attributes:
        label, candidate, confirmations: hysteresis of the classifier.
        pressure_until: the reordered spillover holds until then.
        pressed: how the way under pressure is seen; empty in records of before it was noted,
            which mean the way that comes first now.
        blocked_until: server errors block shrinking until then.
        decided_at: scheduled time of the decision that left this memory; None at first.
        learned: what the look-back windows turned out to be worth.
        balance: what the units have saved so far.
        classification: of the last hourly review, without its spike flag; None before it.
        classified_at: scheduled time of the decision that made it.
        quiet_reviews: in a row at which the newest day was calm.
        assurance: what was learned about keeping a promise on throttling.
        calibration: where demand fell in what was forecast for it.
        proven: on-demand addresses that have served calls, sorted.
        refused: addresses that refused calls, sorted, and until when they are left out.
        trial: the address that gets a small share first, and since when; None without.
        spread: while no single way carries the load, each way's share of it by its place.
        succession: units that a change of the model is held to; None while none is under way.
    """

    label: Label
    candidate: Label
    confirmations: int
    pressure_until: datetime | None
    blocked_until: datetime | None
    decided_at: datetime | None
    learned: Learned = NOTHING_LEARNED
    balance: Balance = NO_BALANCE
    classification: Classification | None = None
    classified_at: datetime | None = None
    quiet_reviews: int = 0
    assurance: Assurance = NO_ASSURANCE
    calibration: Calibration = NOT_CALIBRATED
    proven: tuple[str, ...] = ()
    refused: tuple[tuple[str, datetime], ...] = ()
    trial: tuple[str, datetime] | None = None
    spread: tuple[tuple[str, float], ...] = ()
    succession: int | None = None
    pressed: str = ""


NO_MEMORY = Memory(
    label=Label.UNKNOWN,
    candidate=Label.UNKNOWN,
    confirmations=0,
    pressure_until=None,
    blocked_until=None,
    decided_at=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a decision rests on. The same situation gives the same decision.

    Attributes:
        scheduled_at: the tick's scheduled time; decisions know no other clock.
        routes: the table in force (empty before the first one).
        is_late: the tick came too late, or clock and schedule differ: nothing follows from it.
        consents: of persons to purchases of this target, neither used nor rejected; the routing
            loop sees none.
        rejected: what is wrong with settings documents, in whose place the last good ones are in
            force; each with the document's name first.
        unreachable: why the target's account and Region cannot be reached; empty when they can.
    """

    target: Target
    loop: Loop
    scheduled_at: datetime
    observation: Observation
    fleet: Fleet
    routes: tuple[Route, ...]
    memory: Memory
    is_late: bool = False
    consents: tuple[RecordedConsent, ...] = ()
    rejected: tuple[str, ...] = ()
    unreachable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of one tick of one target; no action means hold.

    Attributes:
        id: from target, loop and scheduled time, and nothing else.
        desired_units: what sizing wants before the gate and the guard rails.
        allowed_units: what is left of it after them.
        routes: the table that this decision wants published.
        numbers: further evidence by name.
        expected_saving_usd_per_hour: of the actions against doing nothing.
        unit_rate: which unit rate the capacity loop used; None of the routing loop.
        deferrable: where work that may wait is to go, best first.
        scalings: changes of endpoints' instances; units are changed by `actions`.
    """

    id: str
    target: str
    loop: Loop
    scheduled_at: datetime
    mode: Mode
    settings_version: str
    classification: Classification | None
    desired_units: int
    allowed_units: int
    actual_units: int
    alternatives: tuple[Alternative, ...]
    expected_saving_usd_per_hour: float
    actions: tuple[Action, ...]
    routes: tuple[Route, ...]
    reasons: tuple[Reason, ...]
    numbers: tuple[tuple[str, float], ...]
    memory: Memory
    unit_rate: RateInUse | None = None
    deferrable: tuple[Route, ...] = ()
    scalings: tuple[Scaling, ...] = ()

    @property
    def is_hold(self) -> bool:
        """Whether nothing is to be bought, released or restored."""
        return not self.actions


def decision_id(target: str, loop: Loop, scheduled_at: datetime) -> str:
    """`chat-capacity-20250401T091500Z`: letters, digits and single hyphens, at most 58."""
    return f"{target}-{loop.value}-{compact(scheduled_at)}"
