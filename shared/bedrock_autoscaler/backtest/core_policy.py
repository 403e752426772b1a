"""The shipped decision core as a backtest policy: the same `decide` that the Lambdas run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from bedrock_autoscaler.backtest.order_book import OrderBook
from bedrock_autoscaler.backtest.policy import Step
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES, Scenario
from bedrock_autoscaler.backtest.scenario_target import NAME, target_of
from bedrock_autoscaler.backtest.timeline import CommitPurchase, Route
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.domain.consents.consent import AdvanceConsent, RecordedConsent
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Classification,
    Decision,
    Memory,
    Purchase,
    Situation,
)
from bedrock_autoscaler.domain.target import GuardRails, Loop, OptionKind, Slo
from bedrock_autoscaler.domain.thresholds import Draining, Thresholds
from bedrock_autoscaler.domain.traffic.observation import (
    ModelEnd,
    Observation,
    TermFacts,
    Traffic,
)

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
        consents: commitments that may be bought, each once.
    """

    slo: Slo
    guard_rails: GuardRails
    thresholds: Thresholds
    publication_lag_minutes: int
    shown: Mapping[str, object]
    consents: tuple[AdvanceConsent, ...] = ()


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
        self._target = target_of(
            scenario,
            slo=settings.slo,
            guard_rails=settings.guard_rails,
            thresholds=thresholds,
            day=start.date(),
        )
        self._memory: Memory = NO_MEMORY
        self._orders = OrderBook(scenario.creation_minutes)
        self._consents = [
            (consent, consent.recorded(f"consent-{number}", NAME))
            for number, consent in enumerate(settings.consents, start=1)
        ]
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
        self._orders.end_terms(now)
        decision = decide(self.situation(seen, now))
        self._memory = decision.memory
        before = self._orders.flexible_units
        committed = self._carry_out(decision, now)
        units = self._orders.flexible_units
        changed = units != before or bool(committed)
        return Step(
            provisioned_units=units if units != before else None,
            commit=committed,
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
            fleet=self._orders.fleet(now),
            routes=(),
            memory=self._memory,
            consents=self._open_consents(now),
        )

    def _open_consents(self, now: datetime) -> tuple[RecordedConsent, ...]:
        return tuple(
            recorded
            for consent, recorded in self._consents
            if recorded.is_open and consent.is_valid(now)
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
            provisioned=self._orders.traffic,
            model_unit_quota=_UNBOUNDED_UNITS,
            model_units_used=self._orders.units,
            model_is_active=True,
            term_facts=TermFacts(
                model_end=ModelEnd(at=None),
                unit_quota=_UNBOUNDED_UNITS,
                units_used=self._orders.units,
            ),
        )

    def _carry_out(self, decision: Decision, now: datetime) -> tuple[CommitPurchase, ...]:
        """Do what the decision says; the commitments among it."""
        committed = [self._orders.carry_out(action, now) for action in decision.actions]
        used = {one.consent_id for one in decision.actions if isinstance(one, Purchase)}
        self._consents = [
            (consent, replace(recorded, used_by=decision.id) if recorded.id in used else recorded)
            for consent, recorded in self._consents
        ]
        return tuple(purchase for purchase in committed if purchase is not None)

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
