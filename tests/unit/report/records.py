"""Two hours of one model unit's demand: on demand at first, then on a unit of its own."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.domain.decision import Alternative, Decision, decision_id
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseState
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.realised import realise
from bedrock_autoscaler.report.record import Record
from bedrock_autoscaler.report.savings import Savings, add_up
from tests.builders import (
    MODEL,
    NOW,
    UNIT_PRICE,
    build_decision,
    build_provisioned,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.recorded import build_purchase

MINUTES = 120
END = NOW + MINUTES * MINUTE
UNIT_USD = 20.0
# One unit's worth of traffic: 60 x (1,000 x 0.00033 + 300 x 0.00275) = 69.30 USD an hour.
FULL_USD = 69.30
TARGET = build_target(
    provisioned=build_provisioned(price=replace(UNIT_PRICE, usd_per_hour=Decimal(20)))
)
BUSY = {"input_tokens": 1_000_000.0, "output_tokens": 300_000.0, "invocations": 1_000.0}
BOUGHT = replace(
    build_purchase(NOW + 40 * MINUTE),
    state=PurchaseState.IN_SERVICE,
    usd_per_hour=Decimal(20),
    arn=pt_arn(1),
    billed_from=NOW + 45 * MINUTE,
    in_service_since=NOW + 60 * MINUTE,
)


def alternative(units: int, overflow_usd: float, throttle_usd: float = 0.0) -> Alternative:
    """Of a billing period of an hour."""
    return Alternative(
        units=units,
        units_usd=UNIT_USD * units,
        overflow_usd=overflow_usd,
        throttle_usd=throttle_usd,
        total_usd=UNIT_USD * units + overflow_usd + throttle_usd,
        utilization=0.5,
    )


def decided(at: datetime, units: int, *alternatives: Alternative, **members: Any) -> Decision:
    """A capacity decision for so many units."""
    return build_decision(
        id=decision_id("chat", Loop.CAPACITY, at),
        scheduled_at=at,
        allowed_units=units,
        alternatives=alternatives,
        **members,
    )


def build_record(**overrides: Any) -> Record:
    """The two hours; the first decision held nothing and foresaw half of what came."""
    total = build_traffic(MINUTES, end=END, **BUSY)
    nothing = dict.fromkeys(BUSY, 0.0)
    first = (np.arange(MINUTES) < 60).astype(float)
    record = Record(
        name="chat",
        start=NOW,
        end=END,
        decisions=(
            decided(NOW, 0, alternative(0, 30.0, 20.0), alternative(1, 5.0)),
            decided(NOW + 60 * MINUTE, 1, alternative(0, 60.0), alternative(1, 1.0)),
        ),
        policies={TARGET.settings_version: TARGET},
        state=LedgerState(
            record=FleetRecord(
                target="chat", reserved_units=1, reserved_usd_per_hour=Decimal(20), version=1
            ),
            purchases=(BOUGHT,),
            releases=(),
        ),
        total=total,
        by_address={
            MODEL: build_traffic(
                MINUTES, end=END, **{name: value * first for name, value in BUSY.items()}
            ),
            pt_arn(1): build_traffic(MINUTES, end=END, **nothing),
        },
    )
    return replace(record, **overrides)


def savings_of(record: Record) -> Savings:
    return add_up(record, realise(record))
