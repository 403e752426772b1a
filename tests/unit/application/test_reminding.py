"""What waits for a person is said at each capacity tick."""

from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.telling.reminding import remind
from bedrock_autoscaler.domain.fleet.holdings import Spend, StackState
from bedrock_autoscaler.domain.target import StackRails
from tests.builders import build_fleet, build_situation, pt_arn
from tests.fakes.recording_reporter import RecordingReporter

RAILS = StackRails(
    max_units=10,
    max_usd_per_hour=Decimal(1_000),
    max_usd_per_day=Decimal(5_000),
    max_usd_per_month=Decimal(50_000),
)


def told(**fleet: Any) -> list[tuple[str, str]]:
    reporter = RecordingReporter()
    remind(build_situation(fleet=build_fleet(**fleet)), reporter)
    return [(alarm.alarm, alarm.message) for alarm in reporter.alarms]


def stack(units: int = 0, hour: str = "0", day: str = "0", month: str = "0") -> StackState:
    return StackState(
        rails=RAILS,
        held_units=units,
        usd_per_hour=Decimal(hour),
        spend=Spend(day_usd=Decimal(day), month_usd=Decimal(month)),
    )


def test_nothing_waits_by_default() -> None:
    assert told() == []
    assert told(stack=stack()) == []


def test_a_tripped_breaker_and_each_stray_are_told() -> None:
    found = told(tripped_by="a seventh purchase", strays=(pt_arn(1), pt_arn(2)))

    assert [name for name, _ in found] == [
        "breaker_tripped",
        "ledger_incomplete",
        "ledger_incomplete",
    ]
    assert pt_arn(2) in found[2][1]


@pytest.mark.parametrize(
    ("state", "alarm", "text"),
    [
        (stack(units=8), "stack_near_cap", "8 of the stack's max_units 10"),
        (stack(units=10), "stack_at_cap", "10 of the stack's max_units 10"),
        (stack(hour="800"), "stack_near_cap", "max_usd_per_hour 1000"),
        (stack(hour="1000"), "stack_at_cap", "max_usd_per_hour 1000"),
        (stack(day="4000"), "stack_near_cap", "max_usd_per_day 5000"),
        (stack(month="50001"), "stack_at_cap", "max_usd_per_month 50000"),
    ],
)
def test_a_cap_is_told_at_four_fifths_and_when_used_up(
    state: StackState, alarm: str, text: str
) -> None:
    ((name, message),) = told(stack=state)

    assert name == alarm
    assert text in message


def test_below_four_fifths_nothing_is_told() -> None:
    assert told(stack=stack(units=7, hour="799.99", day="3999.99", month="39999")) == []
