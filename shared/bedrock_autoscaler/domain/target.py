"""A target: one workload under management, and the policy that a person set for it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import isfinite

from bedrock_autoscaler.domain.acting.controls import NO_CONTROLS, Controls
from bedrock_autoscaler.domain.option import InferenceOption as InferenceOption  # noqa: PLC0414
from bedrock_autoscaler.domain.option import OptionKind as OptionKind  # noqa: PLC0414
from bedrock_autoscaler.domain.option import Quota as Quota  # noqa: PLC0414
from bedrock_autoscaler.domain.option import Residency
from bedrock_autoscaler.domain.option import TokenPrice as TokenPrice  # noqa: PLC0414 - of a target


class Mode(StrEnum):
    """Whether decisions are carried out (`act`) or only recorded (`advise`)."""

    ADVISE = "advise"
    ACT = "act"


class Modality(StrEnum):
    """What the model answers with; an embedding model has no output tokens."""

    TEXT = "text"
    EMBEDDING = "embedding"


class Loop(StrEnum):
    """Which of the two loops took a decision: seconds belong to routing, hours to capacity."""

    ROUTING = "routing"
    CAPACITY = "capacity"


class Commitment(StrEnum):
    """The term of a purchase; under a term a release is impossible, not merely unwise."""

    NONE = "none"
    ONE_MONTH = "one_month"
    SIX_MONTHS = "six_months"


class RateCombination(StrEnum):
    """How input and output use up one model unit.

    `larger`: two separate limits, the fuller one binds (what AWS describes).
    `sum`: one limit over a weighted sum (what a measurement may show; the backtest contract).
    """

    LARGER = "larger"
    SUM = "sum"


class RateSource(StrEnum):
    """Which unit rate decisions use: the operator's alone, or a measured one once there is one."""

    STATED = "stated"
    MEASURED = "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRate:
    """Tokens per minute that one model unit serves. AWS publishes none: each has a source.

    Attributes:
        input_tokens_per_minute: limit on input tokens, above 0.
        output_tokens_per_minute: limit on output tokens, above 0; None for embeddings.
        combination: how the two limits act together.
        source: who says so (account team, load test of a date, ...).
    """

    input_tokens_per_minute: float
    output_tokens_per_minute: float | None
    combination: RateCombination
    source: str

    def __post_init__(self) -> None:
        """Refuse a rate that is not a positive number: it would be divided by."""
        for rate in (self.input_tokens_per_minute, self.output_tokens_per_minute):
            if rate is not None and not (isfinite(rate) and rate > 0):
                raise ValueError(f"unit rate {rate} tokens per minute: must be above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """USD per model unit and hour without commitment, and under the terms that are sold."""

    usd_per_hour: Decimal
    one_month_usd_per_hour: Decimal | None
    six_months_usd_per_hour: Decimal | None
    source: str
    as_of: date

    def __post_init__(self) -> None:
        """Refuse what is no price: a unit that seems free would be bought without end."""
        for price in (
            self.usd_per_hour,
            self.one_month_usd_per_hour,
            self.six_months_usd_per_hour,
        ):
            if price is not None and not (price.is_finite() and price > 0):
                raise ValueError(f"price {price} USD per unit-hour: must be above 0")

    def under(self, commitment: Commitment) -> Decimal | None:
        """USD per unit and hour under a term; None where that is not sold, or not known."""
        return {
            Commitment.NONE: self.usd_per_hour,
            Commitment.ONE_MONTH: self.one_month_usd_per_hour,
            Commitment.SIX_MONTHS: self.six_months_usd_per_hour,
        }[commitment]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedOption:
    """What may be bought for a target.

    Attributes:
        model_id: the context-length variant that a purchase names (`...:24k`).
        unit_rate: stated by the operator; None while unknown: then nothing is bought, unless a
            measured rate may be used and is there.
        price: None while unknown; then nothing is bought.
        unit_rate_from: whether a measured rate may take its place.
        attempts_per_call: tries of a caller at a provisioned throughput; None unknown: between 1
            and `observing.attempts_per_call`.
        use_unmanaged: PTs of this model that are not ours serve too; they are never released.
        price_doubt: why the listed price must not be used; empty when it is not in doubt.
    """

    model_id: str
    unit_rate: UnitRate | None
    price: UnitPrice | None
    unit_rate_from: RateSource = RateSource.STATED
    attempts_per_call: float | None = None
    use_unmanaged: bool = False
    price_doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """What throttling costs the operator.

    Attributes:
        max_throttled_share: of the demand, 0 to 1.
        throttle_cost_factor: worth of avoiding one throttled token, as a multiple of its
            on-demand price.
        assure_throttled_share: share of the demand, above 0, that units are to keep throttling
            below whatever they cost; None: units must be worth their price.
        latency: `optimized` asks for latency-optimized inference first, whatever it costs.
        deferrable_share: share of the work, 0 to 1, that may wait for hours.
    """

    max_throttled_share: float
    throttle_cost_factor: float
    assure_throttled_share: float | None = None
    latency: str = ""
    deferrable_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRails:
    """Hard bounds, applied last in the chain and reported whenever they trim a plan."""

    min_units: int
    max_units: int
    max_usd_per_hour: Decimal
    max_usd_per_day: Decimal
    max_usd_per_month: Decimal
    max_purchases_per_day: int
    max_releases_per_day: int
    max_release_share_per_hour: float = 0.25
    """Share of the units in service that may be released in an hour; one PT always may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRails:
    """Hard bounds on all targets of the stack in one account, whatever their Regions."""

    account: str
    max_units: int
    max_usd_per_hour: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRails:
    """Hard bounds on all targets of the stack together, whatever each may hold.

    Attributes:
        accounts: further bounds on those of some accounts.
    """

    max_units: int
    max_usd_per_hour: Decimal
    max_usd_per_day: Decimal
    max_usd_per_month: Decimal
    accounts: tuple[AccountRails, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observing:
    """How much must have been seen before the loop believes it.

    Attributes:
        settling_minutes: newest minutes that are left out, since CloudWatch still fills them.
        history_days: minute history that classifying and sizing look at.
        min_completeness: share of read minutes, 0 to 1, below which nothing shrinks.
        max_staleness_minutes: age of the newest usable minute above which nothing shrinks.
        attempts_per_call: how often the callers' SDK tries a throttled call.
    """

    settling_minutes: int
    history_days: int
    min_completeness: float
    max_staleness_minutes: int
    attempts_per_call: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifying:
    """Thresholds of the classifier; `docs/model.md` gives the formula behind each.

    Those with a default came later than the first stored decisions.
    """

    min_history_hours: int
    idle_requests_per_day: float
    intermittent_interval: float
    seasonal_skill: float
    strong_seasonal_skill: float
    burstiness: float | None
    drift: float
    trend_per_week: float
    trend_z: float
    hysteresis: float
    confirmations_to_unsteady: int
    confirmations_to_steady: int
    lasting_drift: float = 0.28
    burst_episodes: float = 3.0
    quiet_hours: int = 12
    spike_factor: float = 3.0
    spike_sigmas: float = 6.0
    spike_min_requests: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How the number of units follows from what they are worth.

    Those with a default came later than the first stored decisions.

    Attributes:
        decision_minutes: period of the capacity loop, as the stack's schedule has it.
        lead_minutes: from a purchase to `InService`.
        billing_minutes: a started period is paid whole.
        grow_margin: a further unit is bought at this multiple of its price in expected worth.
        keep_margin: a unit is kept at its boundary above this multiple of its price.
        bursty_may_hold_units: whether a bursty target may hold no-commitment units.
        max_units_per_purchase: size of one purchase.
        loss_budget_share: of the cost of the traffic on demand, that units may lose.
        loss_budget_day_share: the same of the last days, whatever was saved before.
        loss_budget_unit_hours: price of so many unit-hours that may be lost besides.
        loss_factor: multiplies the margins while the budget for losses is used up.
        scarcity_factor: multiplies the margin of a purchase for each release of the day short
            of two in reserve.
        patience: by how much the keep margin falls as the releases of the day are used up.
        purchase_worth: what a purchase for throttling must be worth as those of the day are used
            up, as a share of what a unit is worth there at most.
    """

    decision_minutes: int
    lead_minutes: int
    billing_minutes: int
    grow_margin: float
    keep_margin: float
    bursty_may_hold_units: bool
    max_units_per_purchase: int
    loss_budget_share: float = 0.01
    loss_budget_day_share: float = 0.015
    loss_budget_unit_hours: float = 2.0
    loss_factor: float = 1.25
    scarcity_factor: float = 1.3
    patience: float = 0.3
    purchase_worth: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Gating:
    """When a wanted change may become an action.

    Those with a default came later than the first stored decisions.

    Attributes:
        grow_cooldown_minutes: after the last purchase reached `InService` and the last release.
        shrink_cooldown_minutes: after the last purchase reached `InService` and the last release.
        max_error_share: of server errors among calls, above which nothing shrinks.
        error_memory_minutes: how long after such a share shrinking stays blocked.
        max_price_age_days: an older price blocks the money decision.
        min_history_minutes: of known demand, below which nothing shrinks.
        mass_silence_minutes: how long a fall to zero of all targets at once counts as a fault.
        refusal_rest_minutes: without a purchase after Bedrock refused one or it never served.
        loss_rest_minutes: without a purchase after a PT of ours was deleted by others.
    """

    grow_cooldown_minutes: int
    shrink_cooldown_minutes: int
    max_error_share: float
    error_memory_minutes: int
    max_price_age_days: int
    min_history_minutes: int = 120
    mass_silence_minutes: int = 60
    refusal_rest_minutes: int = 120
    loss_rest_minutes: int = 60


CLOCK_MARGIN_MINUTES = 5
"""By so much the clocks of two functions may differ; more, and a function changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """How a provisioned throughput leaves: withdraw, wait, see silence, delete in the window.

    Attributes:
        client_cache_minutes: longest time for which callers keep an old routing table.
        longest_request_minutes: longest call that may still run.
        quiet_minutes: complete minutes without an invocation that must be seen.
        release_window_minutes: a Delete is sent only this close to the end of the paid period.
    """

    client_cache_minutes: int
    longest_request_minutes: int
    quiet_minutes: int
    release_window_minutes: int

    @property
    def drain_minutes(self) -> int:
        """From the withdrawal until no caller can use it any more.

        Two runs' clocks may differ by some minutes, and the withdrawal is noted by another run
        than the one that deletes. Where nothing drains, as in a backtest, nothing is waited for.
        """
        drained = self.client_cache_minutes + self.longest_request_minutes
        return drained + CLOCK_MARGIN_MINUTES if drained else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How the routing table follows.

    Attributes:
        refresh_seconds: how often callers are asked to look for a newer table.
        pressure_share: throttled share of recent demand above which spillover is reordered.
        pressure_minutes: settled minutes that are looked at.
        calm_minutes: minutes without pressure after which the usual order returns.
        trial_share: of the traffic that a way gets first which has not served yet.
        trial_minutes: after which a trial that shows nothing has failed.
        refused_minutes: for which a way that refuses calls is left out.
    """

    refresh_seconds: int
    pressure_share: float
    pressure_minutes: int
    calm_minutes: int
    trial_share: float = 0.05
    trial_minutes: int = 15
    refused_minutes: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every number of the policy that is neither a fact of the model nor a guard rail."""

    observing: Observing
    classifying: Classifying
    sizing: Sizing
    gating: Gating
    draining: Draining
    routing: Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One workload: a set of `ModelId`s in one account and Region, and how to manage it.

    Attributes:
        name: lower-case letters, digits and single hyphens, at most 32 characters.
        model_ids: `ModelId` values that carry its traffic besides those of its own PTs.
        uses_mantle: part of its traffic goes through the `bedrock-mantle` endpoint, which
            `AWS/Bedrock` does not show; such a target is never shrunk.
        provisioned: None when the target may hold no provisioned throughput.
        options: on-demand ways, in the operator's order of preference at equal price.
        settings_version: hash of the effective settings document.
        controls: what a person set by hand.
        residency: None of records from before it was kept: then the settings were checked alone.
    """

    name: str
    account: str
    region: str
    modality: Modality
    model_ids: tuple[str, ...]
    uses_mantle: bool
    mode: Mode
    provisioned: ProvisionedOption | None
    options: tuple[InferenceOption, ...]
    slo: Slo
    guard_rails: GuardRails
    thresholds: Thresholds
    settings_version: str
    controls: Controls = NO_CONTROLS
    residency: Residency | None = None

    def calls_from(self) -> frozenset[str]:
        """The source Regions besides its own that its options name."""
        return frozenset(option.region for option in self.options) - {"", self.region}
