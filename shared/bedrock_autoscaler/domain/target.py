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
from bedrock_autoscaler.domain.thresholds import Thresholds


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
