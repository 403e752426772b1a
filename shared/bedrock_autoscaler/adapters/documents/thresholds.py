"""The sections with the numbers of the policy; their field defaults are the shipped defaults."""

from typing import Self

from pydantic import Field, model_validator

from bedrock_autoscaler.adapters.documents.values import Section, conflict
from bedrock_autoscaler.domain.target import (
    Classifying,
    Draining,
    Gating,
    Observing,
    Routing,
    Sizing,
)


class ObservingDocument(Section):
    """How much must have been seen before the loop believes it."""

    settling_minutes: int = Field(
        default=3,
        ge=1,
        le=30,
        description="Newest minutes left out; fewer read CloudWatch's lag as a lull.",
    )
    history_days: int = Field(
        default=14,
        ge=1,
        le=28,
        description="Minute history looked at; two weeks show each weekday twice.",
    )
    min_completeness: float = Field(
        default=0.9,
        ge=0.5,
        le=1,
        description="Share of read minutes below which nothing shrinks; lower releases on less.",
    )
    max_staleness_minutes: int = Field(
        default=10,
        ge=2,
        le=120,
        description="Age of the newest usable minute above which nothing shrinks; higher releases "
        "on older views.",
    )
    attempts_per_call: float = Field(
        default=3.0,
        ge=1,
        le=10,
        description="Tries of the callers' SDK; throttles are divided by it to count demand, so "
        "too high a figure hides demand.",
    )

    @model_validator(mode="after")
    def _data_can_be_fresh(self) -> Self:
        if self.settling_minutes >= self.max_staleness_minutes:
            reason = (
                f"{self.max_staleness_minutes} is not above settling_minutes, which is "
                f"{self.settling_minutes}; no minute would ever be fresh"
            )
            raise conflict(["max_staleness_minutes"], reason)
        return self

    def to_domain(self) -> Observing:
        """The same as a domain value."""
        return Observing(**dict(self))


class ClassifyingDocument(Section):
    """Thresholds of the classifier."""

    min_history_hours: int = Field(
        default=24,
        ge=1,
        le=336,
        description="History below which the class is unknown and nothing shrinks; lower judges "
        "new targets sooner, on less.",
    )
    idle_requests_per_day: float = Field(
        default=12.0,
        ge=0,
        le=10_000,
        description="Fewer requests in 24 hours mean idle; a higher value lets go of quiet targets "
        "sooner.",
    )
    intermittent_interval: float = Field(
        default=2.9,
        ge=1,
        le=288,
        description="Mean distance of 5-minute bins with traffic, in bins, above which it is "
        "intermittent; a lower value calls more sparse traffic so.",
    )
    seasonal_skill: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Skill of the daily or weekly profile that makes calm traffic seasonal; a "
        "lower value trusts weaker profiles.",
    )
    strong_seasonal_skill: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Skill that makes it seasonal although it also bursts; a higher value calls "
        "bursts on a daily cycle bursty.",
    )
    burstiness: float | None = Field(
        default=0.3,
        ge=0.05,
        le=5,
        description="Fast variation above which it is bursty; a lower value keeps commitments from "
        "more targets. null: computed from the break-even, at which half of the saving of a fixed "
        "size is gone.",
    )
    burst_episodes: float = Field(
        default=3.0,
        ge=1,
        le=50,
        description="Separate bursts in 24 hours that make a day bursty at once; fewer react "
        "sooner and to less.",
    )
    quiet_hours: int = Field(
        default=12,
        ge=1,
        le=336,
        description="Hourly reviews in a row with a calm newest day that end bursty; more of them "
        "keep it for longer.",
    )
    drift: float = Field(
        default=0.4,
        ge=0,
        le=10,
        description="Slow variation over hours above which it is drifting; a higher value calls "
        "more wandering traffic steady.",
    )
    lasting_drift: float = Field(
        default=0.28,
        ge=0,
        le=10,
        description="What must be left of it without its largest step or spell; 0 lets a single "
        "step or crowd make it drifting.",
    )
    trend_per_week: float = Field(
        default=0.10,
        ge=0,
        le=10,
        description="Relative change in a week above which it is trending; a decline counts by its "
        "inverse.",
    )
    trend_z: float = Field(
        default=2.3,
        ge=0,
        le=10,
        description="Mann-Kendall z that a trend must reach to be believed; 2.3 is passed by "
        "chance in 1 of 50.",
    )
    hysteresis: float = Field(
        default=0.25,
        ge=0,
        le=0.9,
        description="Relaxes thresholds in favour of the current class; more of it changes class "
        "less often and later.",
    )
    confirmations_to_unsteady: int = Field(
        default=2,
        ge=1,
        le=96,
        description="Hourly repetitions before a bursty class is taken on; more of them follow "
        "later and ignore odd hours.",
    )
    confirmations_to_steady: int = Field(
        default=12,
        ge=1,
        le=336,
        description="Hourly repetitions before a steady class is taken on; fewer let a quiet night "
        "count for calm.",
    )
    spike_factor: float = Field(
        default=3.0,
        ge=1.1,
        le=100,
        description="Multiple of the most that this time of day asks for, above which demand is a "
        "spike; up to 2 the end of a lull may be flagged, a higher value finds fewer and later.",
    )
    spike_sigmas: float = Field(
        default=6.0,
        ge=0,
        le=50,
        description="Standard deviations of chance that a spike must also exceed; fewer flag "
        "spikes of small targets.",
    )
    spike_min_requests: float = Field(
        default=20.0,
        ge=0,
        le=1_000_000,
        description="Requests in 5 minutes below which nothing is a spike; fewer tell of small "
        "targets too.",
    )

    @model_validator(mode="after")
    def _skills_are_ordered(self) -> Self:
        if self.seasonal_skill > self.strong_seasonal_skill:
            reason = (
                f"{self.seasonal_skill} is above strong_seasonal_skill, which is "
                f"{self.strong_seasonal_skill}"
            )
            raise conflict(["seasonal_skill"], reason)
        return self

    def to_domain(self) -> Classifying:
        """The same as a domain value."""
        return Classifying(**dict(self))


class SizingDocument(Section):
    """How the number of units follows from what they are worth."""

    lead_minutes: int = Field(
        default=15,
        ge=1,
        le=240,
        description="From a purchase to InService; forecasts look this far ahead. Too low a figure "
        "counts on minutes that a unit cannot serve yet.",
    )
    billing_minutes: int = Field(
        default=60,
        ge=1,
        le=1_440,
        description="A started period of this length is paid whole; releases wait for its end.",
    )
    grow_margin: float = Field(
        default=1.15,
        ge=1,
        le=5,
        description="A unit is bought at this multiple of its price in worth; higher: fewer, surer "
        "purchases.",
    )
    keep_margin: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="A unit is kept above this multiple of its price in worth; lower: units stay "
        "longer.",
    )
    bursty_may_hold_units: bool = Field(
        default=True,
        description="Whether a bursty target may hold units without commitment; false sends bursts "
        "on demand whatever it costs.",
    )
    max_units_per_purchase: int = Field(
        default=16,
        ge=1,
        le=100,
        description="Size of one purchase; a provisioned throughput is released only as a whole, "
        "so smaller ones follow demand down and use up more changes a day.",
    )
    loss_budget_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the traffic's on-demand cost (halved every 14 days) that units may "
        "lose before the margins rise and nothing more is bought; higher: faster growth, and more "
        "purchases on traffic that never paid.",
    )
    loss_budget_day_share: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="Share of the newest traffic's on-demand cost (halved every day) that units "
        "may lose before nothing more is bought, whatever they saved before; lower: no day costs "
        "much more than on demand, and slower growth.",
    )
    loss_budget_unit_hours: float = Field(
        default=2.0,
        ge=0,
        le=1_000,
        description="Price of so many unit-hours that may be lost besides: how many units a target "
        "without history tries first.",
    )
    loss_factor: float = Field(
        default=1.25,
        ge=1,
        le=100,
        description="The margins are multiplied by this while that budget is used up; 1: units are "
        "kept as ever.",
    )
    scarcity_factor: float = Field(
        default=1.3,
        ge=1,
        le=10,
        description="The margin of a purchase is multiplied by this for each release of the day "
        "short of two in reserve; higher: fewer, longer purchases under max_releases_per_day.",
    )
    patience: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="By how much the keep margin falls as the releases of the day are used up; 0 "
        "spends them as they come.",
    )
    purchase_worth: float = Field(
        default=0.4,
        ge=0,
        le=2,
        description="A purchase that throttling alone justifies must avoid this share of a fully "
        "throttled unit's cost as the purchases of the day are used up; higher: fewer, larger "
        "purchases under max_purchases_per_day.",
    )

    def to_domain(self, decision_minutes: int) -> Sizing:
        """The same as a domain value, with the period of the capacity loop."""
        return Sizing(decision_minutes=decision_minutes, **dict(self))


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
