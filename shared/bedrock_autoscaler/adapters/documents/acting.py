"""When a wish becomes an action, how units drain, what is routed; defaults as shipped."""

from pydantic import Field

from bedrock_autoscaler.adapters.documents.values import Section
from bedrock_autoscaler.domain.thresholds import Draining, Gating, Routing


class GatingDocument(Section):
    """When a wanted change may become an action."""

    grow_cooldown_minutes: int = Field(
        default=0,
        ge=0,
        le=1_440,
        description="Wait after the last purchase is in service, or the last release, before a "
        "purchase; units on their way count anyway. Higher: slower growth.",
    )
    shrink_cooldown_minutes: int = Field(
        default=0,
        ge=0,
        le=1_440,
        description="Wait after the last purchase or release before a release; higher: units are "
        "held and paid for longer.",
    )
    min_history_minutes: int = Field(
        default=120,
        ge=60,
        le=20_160,
        description="Known minutes of demand below which nothing is released: a cold start never "
        "shrinks.",
    )
    max_error_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of server errors above which nothing shrinks; higher lets units go in a "
        "fault of the service.",
    )
    error_memory_minutes: int = Field(
        default=30,
        ge=0,
        le=1_440,
        description="How long such errors keep shrinking blocked; lower releases sooner after a "
        "fault.",
    )
    max_price_age_days: int = Field(
        default=90,
        ge=1,
        le=366,
        description="Age above which a price blocks the money decision; higher decides on older "
        "prices.",
    )
    mass_silence_minutes: int = Field(
        default=60,
        ge=5,
        le=1_440,
        description="How long a fall of all targets to zero at once counts as a fault; nothing is "
        "released meanwhile.",
    )
    refusal_rest_minutes: int = Field(
        default=120,
        ge=10,
        le=10_080,
        description="Without a purchase after Bedrock refused one, or one never came into "
        "service: quotas and permissions do not change within minutes.",
    )
    loss_rest_minutes: int = Field(
        default=60,
        ge=0,
        le=10_080,
        description="Without a purchase after others deleted a throughput: they had a reason.",
    )

    def to_domain(self) -> Gating:
        """The same as a domain value."""
        return Gating(**dict(self))


class DrainingDocument(Section):
    """How a provisioned throughput leaves."""

    client_cache_minutes: int = Field(
        default=2,
        ge=1,
        le=60,
        description="Longest time for which callers keep an old routing table; each drain waits as "
        "long.",
    )
    longest_request_minutes: int = Field(
        default=5,
        ge=1,
        le=120,
        description="Longest call that may still run on a withdrawn throughput; each drain waits "
        "as long.",
    )
    quiet_minutes: int = Field(
        default=10,
        ge=1,
        le=120,
        description="Complete minutes without a call that must be seen before a Delete; fewer may "
        "cut off a caller who calls seldom.",
    )
    release_window_minutes: int = Field(
        default=5,
        ge=2,
        le=60,
        description="A Delete is sent only this close to the end of a paid period; more leave room "
        "for another attempt and give paid minutes away.",
    )

    def to_domain(self) -> Draining:
        """The same as a domain value."""
        return Draining(**dict(self))


class RoutingDocument(Section):
    """How the routing table follows."""

    refresh_seconds: int = Field(
        default=60,
        ge=10,
        le=3_600,
        description="How often callers are asked to look for a newer table; fewer follow sooner "
        "and read more.",
    )
    pressure_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Recent throttled share above which spillover is reordered; lower reacts to "
        "fewer throttles.",
    )
    pressure_minutes: int = Field(
        default=5,
        ge=1,
        le=30,
        description="Settled minutes that are looked at for pressure; more are calmer and react "
        "later.",
    )
    calm_minutes: int = Field(
        default=15,
        ge=1,
        le=240,
        description="Minutes without pressure before the usual order returns; more stay on a "
        "dearer way for longer.",
    )
    trial_share: float = Field(
        default=0.05,
        ge=0.001,
        le=0.5,
        description="Share of the traffic that a way gets first which has not served yet; a "
        "smaller one risks fewer calls and proves it later.",
    )
    trial_minutes: int = Field(
        default=15,
        ge=5,
        le=240,
        description="Minutes after which a trial that shows no call has failed; more give a quiet "
        "target time to prove it.",
    )
    refused_minutes: int = Field(
        default=60,
        ge=5,
        le=10_080,
        description="Minutes for which a way that refuses calls is left out of the table; fewer "
        "find sooner that it serves again, at the cost of refused calls.",
    )

    def to_domain(self) -> Routing:
        """The same as a domain value."""
        return Routing(**dict(self))
