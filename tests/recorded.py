"""Decisions and intents as the ledger keeps them; a member that gets lost shows."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from bedrock_autoscaler.domain.decision import (
    Alternative,
    Classification,
    Decision,
    Label,
    Memory,
    Purchase,
    Release,
    Restore,
    Scaling,
    Situation,
    Verdict,
    decision_id,
)
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.forecasting.distribution import NOT_CALIBRATED
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED
from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.assurance import Assurance
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.target import Loop, OptionKind
from bedrock_autoscaler.domain.units import MINUTE
from tests import intents
from tests.builders import MODEL, NOW, PT_MODEL, pt_arn

CLASSIFICATION = Classification(
    label=Label.STEADY,
    verdict=Verdict.STEADY,
    confidence=0.75,
    features=(("wander", 0.1),),
    margins=(("wander", -0.3),),
    spike=True,
)
LEARNED = replace(
    NOTHING_LEARNED,
    until=NOW - 60 * MINUTE,
    products=tuple(index / 3.0 for index in range(len(NOTHING_LEARNED.products))),
    ordered=tuple(index / 7.0 for index in range(len(WINDOWS))),
    kept=tuple(index / 9.0 for index in range(len(WINDOWS))),
    order_weights=tuple(index / 11.0 for index in range(len(WINDOWS))),
    keep_weights=tuple(index / 13.0 for index in range(len(WINDOWS))),
)
MEMORY = Memory(
    label=Label.STEADY,
    candidate=Label.BURSTY,
    confirmations=1,
    learned=LEARNED,
    balance=Balance(traffic_usd=100.0 / 3.0, saved_usd=-1e-9),
    pressure_until=NOW + 15 * MINUTE,
    blocked_until=None,
    decided_at=NOW,
    classification=CLASSIFICATION,
    classified_at=NOW - 15 * MINUTE,
    quiet_reviews=3,
    assurance=Assurance(least_use=0.1 / 3.0),
    calibration=replace(
        NOT_CALIBRATED,
        until=NOW - 75 * MINUTE,
        counts=tuple(index / 17.0 for index in range(len(NOT_CALIBRATED.counts))),
        within_80=0.7 + 0.1,
        within_95=0.9499999999999999,
        judged=1e3 / 7.0,
    ),
    proven=(MODEL,),
    refused=(("another", NOW + 60 * MINUTE),),
    trial=("a third", NOW - 5 * MINUTE),
    spread=((f"{MODEL}|||", 0.65), ("a fourth|us-west-2||", 0.35)),
    succession=3,
    pressed=MODEL,
)


def build_decision(situation: Situation, **overrides: Any) -> Decision:
    """A decision of the situation's tick with one action of each kind."""
    target = situation.target
    decision = Decision(
        id=decision_id(target.name, situation.loop, situation.scheduled_at),
        target=target.name,
        loop=situation.loop,
        scheduled_at=situation.scheduled_at,
        mode=target.mode,
        settings_version=target.settings_version,
        classification=Classification(
            label=Label.SEASONAL,
            verdict=Verdict.STEADY,
            confidence=0.1 + 0.2,
            features=(("skill", 0.7), ("cv", float("inf"))),
            margins=(("skill", -0.0),),
        ),
        desired_units=3,
        allowed_units=2,
        actual_units=1,
        alternatives=(
            Alternative(
                units=1,
                units_usd=60.5,
                overflow_usd=1e-9,
                throttle_usd=0.0,
                total_usd=60.500000001,
                utilization=2.0 / 3.0,
            ),
        ),
        expected_saving_usd_per_hour=8.8,
        actions=(
            Purchase(model_id=PT_MODEL, model_units=2, usd_per_hour=Decimal("121.000001")),
            Release(arn=pt_arn(1), model_units=1),
            Restore(arn=pt_arn(2), model_units=1),
        ),
        routes=(
            Route(kind=OptionKind.PROVISIONED, address=pt_arn(2), weight=0.75),
            Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.25),
        ),
        reasons=(
            Reason(
                code=ReasonCode.UNITS_PAY_OFF,
                message="units 2 to 3 each avoid at least 69.30 USD per hour and cost 60.50",
                numbers=(("worth_usd_per_hour", 69.3),),
            ),
        ),
        numbers=(("demand_last_hour_units", 1.9),),
        memory=MEMORY,
        deferrable=(
            Route(kind=OptionKind.BATCH, address=MODEL, weight=0.0),
            Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.0, tier="flex"),
        ),
        scalings=(Scaling(address="an-endpoint", from_instances=1, to_instances=3),),
    )
    return replace(decision, **overrides)


def build_purchase(
    recorded_at: datetime = NOW, *, target: str = "chat", **overrides: Any
) -> PurchaseIntent:
    """The intent to buy one unit, before its call; its token and name follow from its tick."""
    decided = decision_id(target, Loop.CAPACITY, recorded_at)
    token = sha256(f"test/{decided}".encode()).hexdigest()
    intent = intents.build_purchase(
        decision_id=decided,
        target=target,
        token=token,
        name=f"{decided}-{token[:4]}",
        recorded_at=recorded_at,
    )
    return replace(intent, **overrides)


def build_release(
    recorded_at: datetime = NOW, *, target: str = "chat", **overrides: Any
) -> ReleaseIntent:
    """The intent to release one unit, before its route is withdrawn."""
    decided = decision_id(target, Loop.CAPACITY, recorded_at)
    intent = intents.build_release(decision_id=decided, target=target, recorded_at=recorded_at)
    return replace(intent, **overrides)
