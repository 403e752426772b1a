from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bedrock_autoscaler.backtest.trace import Trace, write_trace
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.demo.plan import DemoPlan, make_plan
from bedrock_world.demo.results import MinuteResult, Served, alternatives, deployed

START = datetime(2025, 3, 17, tzinfo=UTC)
# 10 requests of 90,000 input and 18,000 output tokens: 180,000 equivalents, 0.4 units, at
# 90 * 0.003 + 18 * 0.015 = 0.54 USD on demand.
PART = Served(requests=10, input_tokens=90_000, output_tokens=18_000)


def minute_of(
    served: Mapping[OptionKind, Served], asked: Served, *, pt_usd: int = 0, held: int = 0
) -> MinuteResult:
    return MinuteResult(
        minute=START,
        asked=asked,
        served=served,
        held_units=held,
        in_service_units=held,
        pt_usd=Decimal(pt_usd),
        table_version=1,
    )


def test_tokens_have_a_price_and_use_up_units() -> None:
    assert PART.usd == pytest.approx(0.54)
    assert PART.units == pytest.approx(0.4)


def test_what_nobody_served_was_throttled() -> None:
    minute = minute_of(
        {OptionKind.PROVISIONED: PART, OptionKind.ON_DEMAND: PART}, PART.plus(PART).plus(PART)
    )

    assert minute.throttled == PART


def test_units_are_paid_by_the_hour_and_not_by_their_tokens() -> None:
    minute = minute_of(
        {
            OptionKind.PROVISIONED: PART,
            OptionKind.ON_DEMAND: PART,
            OptionKind.GEOGRAPHIC_PROFILE: PART,
        },
        PART,
    )

    # On demand 0.54, and across Regions 1.1 times that.
    assert minute.token_usd == pytest.approx(0.54 + 0.594)


def test_adds_the_minutes_up() -> None:
    minutes = [
        minute_of({OptionKind.ON_DEMAND: PART}, PART, held=1, pt_usd=40),
        minute_of({}, PART, held=2, pt_usd=80),
    ]

    row = deployed(minutes)

    assert row.pt_usd == 80
    assert row.total_usd == pytest.approx(80.54)
    assert row.throttled_requests == 0.5
    assert row.throttled_tokens == pytest.approx(0.5)
    assert row.peak_units == 2


@pytest.fixture
def plan(tmp_path: Path) -> DemoPlan:
    load = np.tile(np.where(np.arange(1440) < 720, 1000.0, 3000.0), 2)
    path = tmp_path / "t.csv"
    write_trace(Trace.of("t", START - timedelta(days=1), (load / 100, load, load / 5)), path)
    return make_plan(path)


def test_alternatives_cover_the_replayed_minutes_alone(plan: DemoPlan) -> None:
    on_demand, static = alternatives(plan)

    # Two units on average for a day at 81 USD a unit-hour on demand.
    assert on_demand.name == "all on demand"
    assert on_demand.total_usd == pytest.approx(24 * 2 * 81, rel=1e-4)
    # The second half of the day needs three units; they stand all day.
    assert static.name == "static peak"
    assert static.total_usd == pytest.approx(3 * 24 * 40, rel=1e-9)
    assert static.token_usd == pytest.approx(0, abs=1e-3)
