"""A way to run inference on Bedrock: how it is addressed, what it costs, which quota binds."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class OptionKind(StrEnum):
    """A way to run inference on Bedrock; `other` is one that this version has no word for.

    An application profile is of the kind of what it copies.
    """

    PROVISIONED = "provisioned"
    ON_DEMAND = "on_demand"
    GEOGRAPHIC_PROFILE = "geographic_profile"
    GLOBAL_PROFILE = "global_profile"
    CUSTOM_DEPLOYMENT = "custom_deployment"
    IMPORTED_MODEL = "imported_model"
    MARKETPLACE_ENDPOINT = "marketplace_endpoint"
    PROMPT_ROUTER = "prompt_router"
    BATCH = "batch"
    OTHER = "other"


BILLED_BY_TOKEN = frozenset(
    {
        OptionKind.ON_DEMAND,
        OptionKind.GEOGRAPHIC_PROFILE,
        OptionKind.GLOBAL_PROFILE,
        OptionKind.CUSTOM_DEPLOYMENT,
        OptionKind.PROMPT_ROUTER,
        OptionKind.BATCH,
    }
)
"""Kinds whose cost follows from tokens; units, copies and instances are billed by time."""

OPTIMIZED = "optimized"
"""The only latency that can be asked for besides the usual one."""


class ServiceTier(StrEnum):
    """How Bedrock ranks a call; all but `reserved`, which is bought apart, share one quota."""

    PRIORITY = "priority"
    DEFAULT = "default"
    FLEX = "flex"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrice:
    """USD per 1,000 tokens, with where and when the figure was read."""

    input_usd_per_1k: Decimal
    output_usd_per_1k: Decimal
    source: str
    as_of: date

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        for price in (self.input_usd_per_1k, self.output_usd_per_1k):
            if not (price.is_finite() and price >= 0):
                raise ValueError(f"price {price} USD per 1,000 tokens: must be at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What Bedrock admits per minute on one option; a None member does not bind.

    Attributes:
        tokens_per_minute: quota tokens (input + output x `output_burndown`).
        requests_per_minute: calls.
        output_burndown: quota tokens that one output token uses up.
        source: applied quota, operator's word, or scenario.
    """

    tokens_per_minute: float | None
    requests_per_minute: float | None
    output_burndown: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCopies:
    """What a copy of an imported model costs; Bedrock adds and removes copies by itself.

    Attributes:
        units_per_copy: custom model units (CMU) of one copy, at least 1.
        usd_per_unit_minute: price of a CMU for a minute; each started 5 minutes are billed.
    """

    units_per_copy: int
    usd_per_unit_minute: Decimal
    source: str
    as_of: date


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRails:
    """Within what bounds the instances of a Marketplace endpoint may be changed.

    Attributes:
        min_instances, max_instances: at least 1; Bedrock knows no endpoint without one.
        calls_per_minute: that one instance serves, from a load test.
        usd_per_instance_hour: price of one instance; it is paid whether it serves or not.
        max_changes_per_day: bound on its changes in 24 hours.
    """

    min_instances: int
    max_instances: int
    calls_per_minute: float
    usd_per_instance_hour: Decimal
    source: str
    as_of: date
    max_changes_per_day: int = 24


def place_title(place: tuple[str, str, str, str]) -> str:
    """An address with its Region, tier and latency in a sentence: `us.model (flex)`."""
    asked = ", ".join(each for each in place[1:] if each)
    return f"{place[0]} ({asked})" if asked else place[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceOption:
    """An option that callers of a target may be sent to.

    Those with a default came later than the first stored decisions.

    Attributes:
        kind: how it is addressed and billed.
        address: the `modelId` a caller passes; empty for `provisioned` (each PT has its ARN).
        price: None while unknown, which blocks every money decision that needs it, and for what
            is not billed by the token.
        quota: None while unknown, likewise.
        region: source Region to call from; empty for the target's own.
        tier: service tier to ask for; empty for Bedrock's choice.
        latency: `optimized`, or empty.
        geography: of an address that does not tell its own.
        copies: of an imported model; None while their price is unknown.
        instances: of a Marketplace endpoint; None: its instances are left alone.
        price_doubt: why the listed price must not be used; empty when it is not in doubt.
    """

    kind: OptionKind
    address: str
    price: TokenPrice | None
    quota: Quota | None
    region: str = ""
    tier: str = ""
    latency: str = ""
    geography: str = ""
    copies: ImportedCopies | None = None
    instances: InstanceRails | None = None
    price_doubt: str = ""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What tells one option from another: address, Region, tier and latency."""
        return (self.address, self.region, self.tier, self.latency)

    @property
    def title(self) -> str:
        """The option in a sentence: `us.model (flex)`."""
        return place_title(self.place)

    @property
    def pool(self) -> tuple[str, str, str]:
        """What shares a quota: a tier adds none, another Region or latency has its own."""
        reserved = self.tier if self.tier == ServiceTier.RESERVED else ""
        return (self.series, self.region, reserved)

    @property
    def series(self) -> str:
        """The `ModelId` under which its traffic is filed.

        Source: Bedrock User Guide, latency-optimized inference, read 2026-11-21.
        """
        return f"{self.address}+latency-{self.latency}" if self.latency else self.address

    @property
    def is_paid_already(self) -> bool:
        """Whether a call there costs nothing more: instances and reservations are paid by time."""
        is_endpoint = self.kind is OptionKind.MARKETPLACE_ENDPOINT
        return is_endpoint or self.tier == ServiceTier.RESERVED

    @property
    def is_billed_by_token(self) -> bool:
        """Whether what a call costs follows from its tokens."""
        return self.kind in BILLED_BY_TOKEN and not self.is_paid_already

    @property
    def is_for_waiting_work(self) -> bool:
        """Whether only work that may wait belongs there: batch jobs, and calls by flex."""
        return self.kind is OptionKind.BATCH or self.tier == ServiceTier.FLEX


@dataclass(frozen=True, slots=True, kw_only=True)
class Residency:
    """Where requests of a target may be served, and by what.

    Attributes:
        geographies: of profiles and routers that are allowed.
        global_profiles: whether profiles that serve anywhere are.
        source_regions: from which calls may be made besides the target's own.
        other_models: whether another model may answer than the one that may be bought.
    """

    geographies: tuple[str, ...] = ()
    global_profiles: bool = False
    source_regions: tuple[str, ...] = ()
    other_models: bool = False
