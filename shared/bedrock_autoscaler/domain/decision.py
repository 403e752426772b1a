"""A decision is a value: what was seen, what was concluded, what is to be done, and why."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.forecasting.distribution import NOT_CALIBRATED, Calibration
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED, Learned
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.assurance import NO_ASSURANCE, Assurance
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, Balance
from bedrock_autoscaler.domain.target import Commitment, Loop, Mode, Target
from bedrock_autoscaler.domain.traffic.observation import Observation
from bedrock_autoscaler.domain.unit_rates.rates import RateInUse
from bedrock_autoscaler.domain.units import compact


class ReasonCode(StrEnum):
    """Why an action is or is not taken; `docs/reasons.md` says what to do about each."""

    # diagnosis
    NO_PRESSURE = "no_pressure"
    CAPACITY_SHORT = "capacity_short"
    RETRY_STORM = "retry_storm"
    OUTPUT_RESERVATION = "output_reservation"
    ONE_HOT_MINUTE = "one_hot_minute"
    THROTTLES_ENDED = "throttles_ended"
    REGIONAL_SHORTAGE = "regional_shortage"
    # sizing
    UNITS_PAY_OFF = "units_pay_off"
    UNITS_DO_NOT_PAY = "units_do_not_pay"
    AT_DESIRED_SIZE = "at_desired_size"
    UNITS_ASSURED = "units_assured"
    BURSTY_HOLDS_NONE = "bursty_holds_none"
    LOSS_BUDGET_USED = "loss_budget_used"
    RELEASES_SHORT = "releases_short"
    PURCHASES_SHORT = "purchases_short"
    # what blocks a money decision
    PRICE_UNKNOWN = "price_unknown"
    PRICE_STALE = "price_stale"
    UNIT_RATE_UNKNOWN = "unit_rate_unknown"
    QUOTA_UNKNOWN = "quota_unknown"
    MODEL_NOT_ACTIVE = "model_not_active"
    MODEL_STATUS_UNKNOWN = "model_status_unknown"
    PROVISIONED_NOT_ALLOWED = "provisioned_not_allowed"
    # what holds a shrink
    HISTORY_SHORT = "history_short"
    DATA_INCOMPLETE = "data_incomplete"
    DATA_STALE = "data_stale"
    INVENTORY_INCOMPLETE = "inventory_incomplete"
    MANTLE_UNSEEN = "mantle_unseen"
    REGION_UNSEEN = "region_unseen"
    SERVER_ERRORS = "server_errors"
    PT_UNSEEN = "pt_unseen"
    PAID_PERIOD_RUNS = "paid_period_runs"
    COMMITTED = "committed"
    THROTTLED_LATELY = "throttled_lately"
    WORTH_KEEPING = "worth_keeping"
    BUSY_LATELY = "busy_lately"
    # gate
    GROW_COOLDOWN = "grow_cooldown"
    SHRINK_COOLDOWN = "shrink_cooldown"
    PURCHASES_PER_DAY = "purchases_per_day"
    RELEASES_PER_DAY = "releases_per_day"
    RELEASES_FOR_LARGER = "releases_for_larger"
    PURCHASE_OPEN = "purchase_open"
    PT_FAILED = "pt_failed"
    RELEASES_PER_HOUR = "releases_per_hour"
    MASS_SILENCE = "mass_silence"
    RESTING = "resting"
    BREAKER_TRIPPED = "breaker_tripped"
    LEDGER_INCOMPLETE = "ledger_incomplete"
    TICK_LATE = "tick_late"
    # what a person set by hand
    GROWTH_PAUSED = "growth_paused"
    SHRINK_PAUSED = "shrink_paused"
    UNITS_OVERRIDE = "units_override"
    ROUTE_OVERRIDE = "route_override"
    # guard rails
    MAX_UNITS = "max_units"
    MIN_UNITS = "min_units"
    MAX_USD_PER_HOUR = "max_usd_per_hour"
    MAX_USD_PER_DAY = "max_usd_per_day"
    MAX_USD_PER_MONTH = "max_usd_per_month"
    MODEL_UNIT_QUOTA = "model_unit_quota"
    STACK_MAX_UNITS = "stack_max_units"
    STACK_MAX_USD_PER_HOUR = "stack_max_usd_per_hour"
    STACK_MAX_USD_PER_DAY = "stack_max_usd_per_day"
    STACK_MAX_USD_PER_MONTH = "stack_max_usd_per_month"
    # outcome of the capacity loop
    PURCHASE = "purchase"
    RELEASE = "release"
    RESTORE = "restore"
    MODEL_CHANGED = "model_changed"
    MODEL_CHANGE_HELD = "model_change_held"
    ENDPOINT_SCALED = "endpoint_scaled"
    ENDPOINT_HELD = "endpoint_held"
    # routing
    ROUTES_UNCHANGED = "routes_unchanged"
    ROUTES_CHANGED = "routes_changed"
    PT_ROUTED = "pt_routed"
    PT_WITHDRAWN = "pt_withdrawn"
    SPILL_REORDERED = "spill_reordered"
    NO_FALLBACK = "no_fallback"
    ROUTE_ON_TRIAL = "route_on_trial"
    ROUTE_REFUSED = "route_refused"
    OPTION_REFUSED = "option_refused"
    LOAD_SPREAD = "load_spread"
    WORK_DEFERRED = "work_deferred"
    ROUTER_FAULT = "router_fault"
    # standing remarks
    ADVISE_MODE = "advise_mode"
    SETTINGS_REJECTED = "settings_rejected"
    PLACE_UNREACHABLE = "place_unreachable"
    UNMANAGED_PT = "unmanaged_pt"
    COPIES_COST = "copies_cost"
    UNIT_RATE_MEASURED = "unit_rate_measured"
    UNIT_RATE_DIFFERS = "unit_rate_differs"
    COMMITMENT_PAYS = "commitment_pays"
    COMMITMENT_NOT_ADVISED = "commitment_not_advised"
    # consents of a person
    APPROVAL_NEEDED = "approval_needed"
    CONSENTED = "consented"
    CONSENT_WAITS = "consent_waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason with its numbers.

    Attributes:
        message: one sentence with the subject and the numbers, for people.
        numbers: the same numbers by name, for machines.
    """

    code: ReasonCode
    message: str
    numbers: tuple[tuple[str, float], ...] = ()


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
