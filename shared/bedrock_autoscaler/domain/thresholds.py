"""The numbers of the policy that a person may tune, by what they bear upon.

Their defaults and bounds stand in `adapters/documents`, their effects in docs/tuning.md.
"""

from dataclasses import dataclass
from datetime import timedelta


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

    @property
    def billing_period(self) -> timedelta:
        """What is paid whole once it has started."""
        return timedelta(minutes=self.billing_minutes)


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


_TICK_SLACK_MINUTES = 3
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

    def notice_minutes(self, settling_minutes: int) -> int:
        """Before the end of a paid period, when a release in it must be decided.

        Callers keep an old table, calls still run, then silence (where any is asked for) must be
        seen in settled minutes; the actors' ticks take a few more.
        """
        waited, quiet = self.drain_minutes, self.quiet_minutes
        silent = self.client_cache_minutes + quiet + settling_minutes if quiet else 0
        needed = max(waited, silent)
        return needed + _TICK_SLACK_MINUTES if needed else 0

    def lead(self, settling_minutes: int) -> timedelta:
        """From the decision on a release until its Delete at the earliest."""
        minutes = self.notice_minutes(settling_minutes) - self.release_window_minutes
        return timedelta(minutes=max(minutes, 0))


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
