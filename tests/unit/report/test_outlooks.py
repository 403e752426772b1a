"""A decision is held against what came in its hour, and against the best size for that."""

import numpy as np
import pytest

from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.realised import realise
from bedrock_autoscaler.report.savings import outlooks
from tests.builders import NOW, build_traffic
from tests.unit.report.records import (
    END,
    FULL_USD,
    MINUTES,
    UNIT_USD,
    alternative,
    build_record,
    decided,
    savings_of,
)


def test_a_forecast_is_held_against_what_came_and_against_the_best_size() -> None:
    first, second = outlooks(build_record(), realise(build_record()))

    # Nothing held: 50 foreseen, a full unit's traffic came; one unit would have cost its price.
    assert (first.expected_usd, first.came_usd) == pytest.approx((50.0, FULL_USD))
    assert (first.best_units, first.best_usd) == pytest.approx((1, UNIT_USD))
    assert first.regret_usd == pytest.approx(FULL_USD - UNIT_USD)
    assert (first.expected_throttle_usd, first.came_throttle_usd) == (20.0, 0.0)
    # One held: 21 foreseen, its price came, and nothing would have been better.
    assert (second.expected_usd, second.came_usd) == pytest.approx((21.0, UNIT_USD))
    assert second.regret_usd == 0.0


def test_outlooks_count_for_the_time_until_the_next_decision() -> None:
    total = savings_of(build_record()).total

    # The target decides each five minutes: a twelfth of the hour that a forecast covers.
    assert total.judged == 2
    assert total.expected_usd == pytest.approx((50.0 + 21.0) / 12)
    assert total.came_usd == pytest.approx((FULL_USD + UNIT_USD) / 12)
    # 20 USD of throttling at ten times 69.30 for a unit-hour.
    assert total.expected_throttled == pytest.approx(20.0 / 12 / (10 * FULL_USD))
    assert total.judged_unit_hours == pytest.approx(2 * 5 / 60)


def test_a_decision_whose_hour_is_not_over_is_not_judged() -> None:
    late = decided(END - 30 * MINUTE, 1, alternative(0, 60.0), alternative(1, 1.0))

    assert outlooks(build_record(decisions=(late,)), realise(build_record())) == ()


def test_a_decision_is_not_judged_where_minutes_are_missing() -> None:
    missing = np.full(MINUTES, 1_000.0)
    missing[10:20] = np.nan  # more than a tenth of the first hour
    total = build_traffic(
        MINUTES, end=END, input_tokens=1e6, output_tokens=300_000.0, invocations=missing
    )
    record = build_record(total=total)

    (judged,) = outlooks(record, realise(record))

    assert judged.scheduled_at == NOW + 60 * MINUTE
    assert savings_of(record).total.known_minutes == MINUTES - 10
