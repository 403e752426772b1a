"""The shipped decision core as a backtest policy: the same `decide` that the Lambdas run."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from bedrock_autoscaler.backtest.policy import Step
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES, Scenario
from bedrock_autoscaler.backtest.timeline import Route
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Classification,
    Decision,
    Memory,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.fleet.holdings import (
    Fleet,
    Ownership,
    ProvisionedThroughput,
    PtTraffic,
    Spend,
    Status,
)
from bedrock_autoscaler.domain.target import (
    Commitment,
    GuardRails,
    InferenceOption,
    Loop,
    Modality,
    Mode,
    OptionKind,
    ProvisionedOption,
    Quota,
    RateCombination,
    Slo,
    Target,
    TokenPrice,
    UnitPrice,
    UnitRate,
)
from bedrock_autoscaler.domain.thresholds import Draining, Thresholds
from bedrock_autoscaler.domain.traffic.observation import Observation, Traffic
from bedrock_autoscaler.domain.units import HOUR, MINUTE

_SOURCE = "backtest scenario"
_UNBOUNDED_UNITS = 1_000_000
_ROUTE_OF = {
    OptionKind.ON_DEMAND: Route.ON_DEMAND,
    OptionKind.GEOGRAPHIC_PROFILE: Route.CROSS_REGION,
}
_NO_DRAIN = Draining(
    client_cache_minutes=0, longest_request_minutes=0, quiet_minutes=0, release_window_minutes=5
)
"""The contract does not model draining: a release is decided at the end of the paid period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """What the settings document says about the policy itself.

    Attributes:
        shown: the document with its defaults, for the report.
        publication_lag_minutes: how old the newest row shown is.
    """

    slo: Slo
    guard_rails: GuardRails
    thresholds: Thresholds
    publication_lag_minutes: int
    shown: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What one decision ordered, released as it was bought: described once for all decisions.

    A replay of the timeline takes each unit for a PT of its own; as they were ordered together,
    they cost the same.

    Attributes:
        arn: what the decision core calls it.
        in_service_from: the first minute in service.
        creating: what the core is shown before that minute.
        in_service: what it is shown from then on.
        traffic: the evidence on it: no drain is modelled, so that it is quiet by definition.
    """

    arn: str
    in_service_from: datetime
    creating: ProvisionedThroughput
    in_service: ProvisionedThroughput
    traffic: PtTraffic

    def shown(self, now: datetime) -> ProvisionedThroughput:
        """What the core is shown at `now`."""
        return self.in_service if now >= self.in_service_from else self.creating


class CorePolicy:
    """Runs the capacity decision at its period over what a trace has shown so far."""

    name = "bedrock-autoscaler"

    def __init__(self, scenario: Scenario, settings: CoreSettings, start: datetime) -> None:
        """Prepare a target that has the scenario's prices, rate and quotas."""
        thresholds = replace(
            settings.thresholds,
            draining=_NO_DRAIN,
            sizing=replace(
                settings.thresholds.sizing,
                lead_minutes=scenario.creation_minutes,
                billing_minutes=scenario.billing_minutes,
            ),
        )
        self._settings = settings
        self._target = target_of(scenario, settings, thresholds, start.date())
        self._memory: Memory = NO_MEMORY
        self._orders: list[_Order] = []
        self._grown: list[datetime] = []
        self._released: list[datetime] = []
        self._released_units: list[int] = []
        self._bought = 0
        self._nothing = np.zeros(thresholds.observing.history_days * DAY_MINUTES)
        self._nothing.setflags(write=False)
        self._spill: tuple[Route, ...] | None = None
        self._label: str | None = None

    @property
    def interval_minutes(self) -> int:
        """Minutes between two decisions."""
        return self._target.thresholds.sizing.decision_minutes

    @property
    def publication_lag_minutes(self) -> int:
        """Age of the newest row used."""
        return self._settings.publication_lag_minutes

    def settings(self) -> Mapping[str, object]:
        """The settings in force, defaults included."""
        return self._settings.shown

    def decide(self, seen: Trace, now: datetime) -> Step:
        """What to do in the minute `now`."""
        decision = decide(self.situation(seen, now))
        self._memory = decision.memory
        before = self._held_units
        self._carry_out(decision, now)
        changed = self._held_units != before
        return Step(
            provisioned_units=self._held_units if changed else None,
            spill=self._new_spill(decision),
            traffic_class=self._new_class(decision.classification),
            extra={"reasons": [reason.code.value for reason in decision.reasons]}
            if changed
            else {},
        )

    def situation(self, seen: Trace, now: datetime) -> Situation:
        """The situation that the decision core is shown."""
        return Situation(
            target=self._target,
            loop=Loop.CAPACITY,
            scheduled_at=now,
            observation=self._observation(seen),
            fleet=self._fleet(now),
            routes=(),
            memory=self._memory,
        )

    def _observation(self, seen: Trace) -> Observation:
        first = max(len(seen) - len(self._nothing), 0)
        nothing = self._nothing[: len(seen) - first]
        traffic = Traffic(
            start=seen.minute_at(first),
            invocations=seen.invocations[first:],
            throttles=nothing,
            client_errors=nothing,
            server_errors=nothing,
            input_tokens=seen.input_tokens[first:],
            output_tokens=seen.output_tokens[first:],
            cache_read_tokens=nothing,
            cache_write_tokens=nothing,
            quota_tokens=nothing,
        )
        return Observation(
            traffic=traffic,
            by_option=(),
            provisioned=tuple(order.traffic for order in self._orders),
            model_unit_quota=_UNBOUNDED_UNITS,
            model_units_used=self._held_units,
            model_is_active=True,
        )

    def _fleet(self, now: datetime) -> Fleet:
        day = now - 24 * HOUR
        within_hour = bisect_right(self._released, now - HOUR)
        return Fleet(
            throughputs=tuple(order.shown(now) for order in self._orders),
            complete=True,
            open_purchase_units=0,
            last_grow_at=self._last_growth(now),
            last_release_at=self._released[-1] if self._released else None,
            purchases_last_day=len(self._grown) - bisect_right(self._grown, day),
            releases_last_day=len(self._released) - bisect_right(self._released, day),
            released_last_hour=sum(self._released_units[within_hour:]),
            spend=Spend(day_usd=Decimal(0), month_usd=Decimal(0)),
            version=len(self._grown) + len(self._released),
        )

    def _last_growth(self, now: datetime) -> datetime | None:
        """When the newest purchase was ordered, or reached service if later."""
        if not self._grown:
            return None
        in_service = self._grown[-1] + self._target.thresholds.sizing.lead_minutes * MINUTE
        return in_service if in_service <= now else self._grown[-1]

    def _order(self, now: datetime, model_units: int) -> _Order:
        """A further unit, ordered in the minute `now`."""
        self._bought += 1
        # An order of minute m is billed from its end on, so that at minute m + billing the paid
        # period is about to end, not a new one begun.
        in_service_from = now + self._target.thresholds.sizing.lead_minutes * MINUTE
        arn = f"backtest:order/{self._bought:09d}"
        creating = ProvisionedThroughput(
            arn=arn,
            name=f"order-{self._bought}",
            model_id="backtest",
            model_units=model_units,
            status=Status.CREATING,
            ownership=Ownership.OWNED,
            commitment=Commitment.NONE,
            created_at=now + MINUTE,
            in_service_since=None,
            draining=False,
            committed_until=None,
            decision_id=None,
        )
        return _Order(
            arn=arn,
            in_service_from=in_service_from,
            creating=creating,
            in_service=replace(
                creating, status=Status.IN_SERVICE, in_service_since=in_service_from
            ),
            traffic=PtTraffic(arn=arn, seen=True, quiet_minutes=0),
        )

    @property
    def _held_units(self) -> int:
        return sum(order.creating.model_units for order in self._orders)

    def _carry_out(self, decision: Decision, now: datetime) -> None:
        for action in decision.actions:
            match action:
                case Purchase():
                    self._orders.append(self._order(now, action.model_units))
                    self._grown.append(now)
                case Release():
                    self._orders = [order for order in self._orders if order.arn != action.arn]
                    self._released.append(now)
                    self._released_units.append(action.model_units)
                case Restore():
                    pass

    def _new_spill(self, decision: Decision) -> tuple[Route, ...] | None:
        """The spill order where it changed."""
        overflow = [_ROUTE_OF[route.kind] for route in decision.routes if route.kind in _ROUTE_OF]
        spill = (Route.PT, *overflow)
        if spill == self._spill:
            return None
        self._spill = spill
        return spill

    def _new_class(
        self, classification: Classification | None
    ) -> tuple[str, Mapping[str, object]] | None:
        if classification is None or classification.label.value == self._label:
            return None
        self._label = classification.label.value
        evidence = {
            "verdict": classification.verdict.value,
            "confidence": classification.confidence,
            "features": dict(classification.features),
            "margins": dict(classification.margins),
        }
        return self._label, evidence


def target_of(
    scenario: Scenario, settings: CoreSettings, thresholds: Thresholds, day: date
) -> Target:
    """A target with the prices, the unit rate and the quotas of a scenario."""
    price = TokenPrice(
        input_usd_per_1k=Decimal(str(scenario.input_1k)),
        output_usd_per_1k=Decimal(str(scenario.output_1k)),
        source=_SOURCE,
        as_of=day,
    )
    unit_price = UnitPrice(
        usd_per_hour=Decimal(str(scenario.unit_hour)),
        one_month_usd_per_hour=_decimal(scenario.unit_hour_1m),
        six_months_usd_per_hour=_decimal(scenario.unit_hour_6m),
        source=_SOURCE,
        as_of=day,
    )
    weight = scenario.output_weight
    rate = UnitRate(
        input_tokens_per_minute=scenario.tokens_per_unit,
        output_tokens_per_minute=scenario.tokens_per_unit / weight if weight > 0 else None,
        combination=RateCombination.SUM,
        source=_SOURCE,
    )
    return Target(
        name="backtest",
        account="000000000000",
        region="backtest",
        modality=Modality.TEXT,
        model_ids=("backtest",),
        uses_mantle=False,
        mode=Mode.ACT,
        provisioned=ProvisionedOption(model_id="backtest", unit_rate=rate, price=unit_price),
        options=_options(scenario, price),
        slo=replace(settings.slo, throttle_cost_factor=scenario.throttle_factor),
        guard_rails=settings.guard_rails,
        thresholds=replace(
            thresholds,
            # Prices hold for the whole trace, whatever its length.
            gating=replace(thresholds.gating, max_price_age_days=36_500),
        ),
        settings_version="backtest",
    )


def _options(scenario: Scenario, price: TokenPrice) -> tuple[InferenceOption, ...]:
    """On demand, and cross-Region where it is allowed; without overflow a quota of nothing."""
    on_demand = InferenceOption(
        kind=OptionKind.ON_DEMAND,
        address="on-demand",
        price=price,
        quota=_quota(scenario, 1.0 if scenario.overflow else 0.0),
    )
    if not scenario.overflow or scenario.cross_region_factor <= 0:
        return (on_demand,)
    times = Decimal(str(scenario.cross_region_price))
    elsewhere = replace(
        on_demand,
        kind=OptionKind.GEOGRAPHIC_PROFILE,
        address="cross-region",
        price=replace(
            price,
            input_usd_per_1k=price.input_usd_per_1k * times,
            output_usd_per_1k=price.output_usd_per_1k * times,
        ),
        quota=_quota(scenario, scenario.cross_region_factor),
    )
    return (on_demand, elsewhere)


def _quota(scenario: Scenario, factor: float) -> Quota:
    tokens, requests = scenario.on_demand_tpm, scenario.on_demand_rpm
    return Quota(
        tokens_per_minute=0.0 if factor == 0 else None if tokens is None else tokens * factor,
        requests_per_minute=None if requests is None else requests * factor,
        output_burndown=scenario.output_weight,
        source=_SOURCE,
    )


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
