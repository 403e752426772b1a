"""What must have been seen of the traffic, and how it is classified; defaults as shipped."""

from typing import Self

from pydantic import Field, model_validator

from bedrock_autoscaler.adapters.documents.values import Section, conflict
from bedrock_autoscaler.domain.thresholds import Classifying, Observing


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
        description="History below which the class is unknown; lower judges new targets sooner, on "
        "less. What may be released gating.min_history_minutes says.",
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
