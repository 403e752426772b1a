"""Valid domain values with defaults, for tests that care about one or two of their parts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import NO_MEMORY, Decision, Situation, decision_id
from bedrock_autoscaler.domain.fleet.holdings import (
    Fleet,
    Ownership,
    ProvisionedThroughput,
    PtTraffic,
    Spend,
    Status,
)
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
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
from bedrock_autoscaler.domain.thresholds import (
    Classifying,
    Draining,
    Gating,
    Observing,
    Routing,
    Sizing,
    Thresholds,
)
from bedrock_autoscaler.domain.traffic.observation import (
    METRICS,
    ModelEnd,
    Observation,
    Series,
    TermFacts,
    Traffic,
)
from bedrock_autoscaler.domain.unit_rates.rates import Proportions, RateKind, RateMeasurement
from bedrock_autoscaler.domain.units import HOUR, MINUTE

ACCOUNT = "111122223333"
REGION = "us-east-1"
MODEL = "amazon.nova-2-lite-v1:0"
PROFILE = f"us.{MODEL}"
PT_MODEL = f"{MODEL}:256k"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""The scheduled time of a built situation."""
AS_OF = date(2026, 11, 1)

UNLIMITED = Quota(
    tokens_per_minute=None, requests_per_minute=None, output_burndown=1.0, source="test"
)
TOKEN_PRICE = TokenPrice(
    input_usd_per_1k=Decimal("0.00033"),
    output_usd_per_1k=Decimal("0.00275"),
    source="test",
    as_of=AS_OF,
)
UNIT_PRICE = UnitPrice(
    usd_per_hour=Decimal("60.5"),
    one_month_usd_per_hour=Decimal(55),
    six_months_usd_per_hour=None,
    source="test",
    as_of=AS_OF,
)
# One full unit is worth 60 * (1,000,000 * 0.33 + 300,000 * 2.75) / 1e6 = 69.30 USD an hour on
# demand, so that its break-even utilization is 60.5 / 69.3 = 0.873.
UNIT_RATE = UnitRate(
    input_tokens_per_minute=1_000_000.0,
    output_tokens_per_minute=300_000.0,
    combination=RateCombination.LARGER,
    source="test",
)
THRESHOLDS = Thresholds(
    observing=Observing(
        settling_minutes=3,
        history_days=14,
        min_completeness=0.9,
        max_staleness_minutes=10,
        attempts_per_call=3.0,
    ),
    classifying=Classifying(
        min_history_hours=24,
        idle_requests_per_day=12.0,
        intermittent_interval=2.9,
        seasonal_skill=0.5,
        strong_seasonal_skill=0.8,
        burstiness=0.3,
        drift=0.4,
        trend_per_week=0.10,
        trend_z=2.3,
        hysteresis=0.25,
        confirmations_to_unsteady=2,
        confirmations_to_steady=12,
    ),
    sizing=Sizing(
        decision_minutes=5,
        lead_minutes=15,
        billing_minutes=60,
        grow_margin=1.15,
        keep_margin=0.95,
        bursty_may_hold_units=True,
        max_units_per_purchase=16,
        loss_budget_share=0.01,
        loss_budget_day_share=0.015,
        loss_budget_unit_hours=2.0,
        loss_factor=1.25,
        scarcity_factor=1.3,
        patience=0.3,
        purchase_worth=0.4,
    ),
    gating=Gating(
        grow_cooldown_minutes=0,
        shrink_cooldown_minutes=0,
        min_history_minutes=120,
        max_error_share=0.05,
        error_memory_minutes=30,
        max_price_age_days=90,
    ),
    draining=Draining(
        client_cache_minutes=2,
        longest_request_minutes=5,
        quiet_minutes=10,
        release_window_minutes=5,
    ),
    routing=Routing(refresh_seconds=60, pressure_share=0.01, pressure_minutes=5, calm_minutes=15),
)
"""The shipped defaults, as `test_documents.py` asserts."""


def build_option(**overrides: Any) -> InferenceOption:
    """The in-Region on-demand option, priced and without a binding quota."""
    option = InferenceOption(
        kind=OptionKind.ON_DEMAND, address=MODEL, price=TOKEN_PRICE, quota=UNLIMITED
    )
    return replace(option, **overrides)


def build_rate_measurement(**overrides: Any) -> RateMeasurement:
    """The stated rate found right within a twentieth, on 400 minutes with refusals."""
    measurement = RateMeasurement(
        kind=RateKind.MEASURED,
        model_id=PT_MODEL,
        rate=UNIT_RATE,
        low=0.95,
        high=1.05,
        proportions=Proportions.STATED,
        saturated_minutes=400,
        measured_at=NOW,
    )
    return replace(measurement, **overrides)


def build_provisioned(**overrides: Any) -> ProvisionedOption:
    """What may be bought, with its rate and price known."""
    return replace(
        ProvisionedOption(model_id=PT_MODEL, unit_rate=UNIT_RATE, price=UNIT_PRICE), **overrides
    )


def build_guard_rails(**overrides: Any) -> GuardRails:
    """Bounds wide enough not to bind in a small test."""
    rails = GuardRails(
        min_units=0,
        max_units=10,
        max_usd_per_hour=Decimal(1_000),
        max_usd_per_day=Decimal(24_000),
        max_usd_per_month=Decimal(744_000),
        max_purchases_per_day=6,
        max_releases_per_day=4,
    )
    return replace(rails, **overrides)


def build_thresholds(**sections: Mapping[str, Any]) -> Thresholds:
    """The shipped thresholds: `build_thresholds(sizing={"lead_minutes": 30})`."""
    changed = {
        section: replace(getattr(THRESHOLDS, section), **members)
        for section, members in sections.items()
    }
    return replace(THRESHOLDS, **changed)


def build_target(**overrides: Any) -> Target:
    """A text target in mode `act`, on demand in its Region, that may hold units."""
    target = Target(
        name="chat",
        account=ACCOUNT,
        region=REGION,
        modality=Modality.TEXT,
        model_ids=(MODEL,),
        uses_mantle=False,
        mode=Mode.ACT,
        provisioned=build_provisioned(),
        options=(build_option(),),
        slo=Slo(max_throttled_share=0.01, throttle_cost_factor=10.0),
        guard_rails=build_guard_rails(),
        thresholds=THRESHOLDS,
        settings_version="0123456789abcdef",
    )
    return replace(target, **overrides)


def pt_arn(number: int) -> str:
    """A provisioned-model ARN of the test account."""
    return f"arn:aws:bedrock:{REGION}:{ACCOUNT}:provisioned-model/{number:012d}"


def build_pt(number: int = 1, **overrides: Any) -> ProvisionedThroughput:
    """One owned unit in service, bought 100 minutes before NOW, in service for 85."""
    created_at = NOW - 100 * MINUTE
    decision = f"chat-capacity-{created_at:%Y%m%dT%H%M%SZ}"
    pt = ProvisionedThroughput(
        arn=pt_arn(number),
        name=f"{decision}-{number:04x}",
        model_id=PT_MODEL,
        model_units=1,
        status=Status.IN_SERVICE,
        ownership=Ownership.OWNED,
        commitment=Commitment.NONE,
        created_at=created_at,
        in_service_since=created_at + 15 * MINUTE,
        draining=False,
        committed_until=None,
        decision_id=decision,
    )
    return replace(pt, **overrides)


def build_fleet(*throughputs: ProvisionedThroughput, **overrides: Any) -> Fleet:
    """A fully read fleet of these PTs without recent changes or spend."""
    fleet = Fleet(
        throughputs=throughputs,
        complete=True,
        open_purchase_units=0,
        last_grow_at=None,
        last_release_at=None,
        purchases_last_day=0,
        releases_last_day=0,
        spend=Spend(day_usd=Decimal(0), month_usd=Decimal(0)),
        version=1,
    )
    return replace(fleet, **overrides)


def build_traffic(
    minutes: int = 1440,
    *,
    end: datetime = NOW - 3 * MINUTE,
    **series: float | Series,
) -> Traffic:
    """Traffic of `minutes` read minutes up to `end`; a number fills its whole series.

    By default each minute has 60 invocations of 1,000 input and 200 output tokens. A NaN in any
    series given makes the minute a gap in all nine.
    """
    usual = {"invocations": 60.0, "input_tokens": 60_000.0, "output_tokens": 12_000.0}
    arrays = {name: np.full(minutes, series.get(name, usual.get(name, 0.0))) for name in METRICS}
    gaps = np.logical_or.reduce([np.isnan(array) for array in arrays.values()])
    for array in arrays.values():
        array[gaps] = np.nan
    return Traffic(start=end - minutes * MINUTE, **arrays)


def build_observation(**overrides: Any) -> Observation:
    """A complete, fresh day of even traffic; quota for ten units; an active model without end."""
    traffic = overrides.pop("traffic", None) or build_traffic()
    observation = Observation(
        traffic=traffic,
        by_option=((MODEL, traffic.since(traffic.end - 30 * MINUTE)),),
        provisioned=(),
        model_unit_quota=10,
        model_units_used=0,
        model_is_active=True,
        term_facts=build_term_facts(),
    )
    return replace(observation, **overrides)


def build_term_facts(**overrides: Any) -> TermFacts:
    """No end of the model is announced; its own quota is ten units, none of them used."""
    facts = TermFacts(model_end=ModelEnd(at=None), unit_quota=10, units_used=0)
    return replace(facts, **overrides)


def build_pt_traffic(arn: str, **overrides: Any) -> PtTraffic:
    """A PT that CloudWatch has seen and that is busy now."""
    return replace(PtTraffic(arn=arn, seen=True, quiet_minutes=0), **overrides)


def build_situation(**overrides: Any) -> Situation:
    """A capacity tick at NOW of the built target with an empty fleet and no memory."""
    situation = Situation(
        target=build_target(),
        loop=Loop.CAPACITY,
        scheduled_at=NOW,
        observation=build_observation(),
        fleet=build_fleet(),
        routes=(),
        memory=NO_MEMORY,
    )
    return replace(situation, **overrides)


def build_decision(**overrides: Any) -> Decision:
    """A hold of the built situation's tick, with one reason."""
    decision = Decision(
        id=decision_id("chat", Loop.CAPACITY, NOW),
        target="chat",
        loop=Loop.CAPACITY,
        scheduled_at=NOW,
        mode=Mode.ACT,
        settings_version="0123456789abcdef",
        classification=None,
        desired_units=2,
        allowed_units=1,
        actual_units=1,
        alternatives=(),
        expected_saving_usd_per_hour=0.0,
        actions=(),
        routes=(),
        reasons=(Reason(code=ReasonCode.MAX_UNITS, message="2 units are above max_units, 1"),),
        numbers=(),
        memory=NO_MEMORY,
    )
    return replace(decision, **overrides)


def bare_decision(situation: Situation, **members: Any) -> Decision:
    """A decision of the situation's tick that changes nothing but what is given."""
    target, now = situation.target, situation.scheduled_at
    units = situation.fleet.in_service_units
    hold: dict[str, Any] = {
        "id": decision_id(target.name, situation.loop, now),
        "target": target.name,
        "loop": situation.loop,
        "scheduled_at": now,
        "mode": target.mode,
        "settings_version": target.settings_version,
        "classification": None,
        "desired_units": units,
        "allowed_units": units,
        "actual_units": units,
        "alternatives": (),
        "expected_saving_usd_per_hour": 0.0,
        "actions": (),
        "routes": (),
        "reasons": (),
        "numbers": (),
        "memory": replace(situation.memory, decided_at=now),
    }
    return Decision(**(hold | members))


def build_consent(**overrides: Any) -> RecordedConsent:
    """A word for one unit for a month at the built price, that may be used for an hour."""
    consent = RecordedConsent(
        id="c-1",
        target="chat",
        model_id=PT_MODEL,
        units=1,
        term=Commitment.ONE_MONTH,
        max_usd_per_hour=Decimal(55),
        given_by="jane",
        valid_until=NOW + HOUR,
    )
    return replace(consent, **overrides)
