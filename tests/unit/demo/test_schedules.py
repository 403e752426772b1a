from datetime import UTC, datetime

import pytest

from bedrock_world.demo.schedules import Schedule, is_daily, minutes_of


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(* * * * ? *)", set(range(60))),
        ("cron(0/15 * * * ? *)", {0, 15, 30, 45}),
        ("cron(0 * * * ? *)", {0}),
    ],
)
def test_reads_the_minutes_of_the_templates_schedules(expression: str, expected: set[int]) -> None:
    assert minutes_of(expression) == expected


@pytest.mark.parametrize(
    "expression", ["rate(1 minute)", "cron(0 12 * * ? *)", "cron(0,30 * * * ? *)", "* * * * ? *"]
)
def test_refuses_a_schedule_that_it_would_fire_wrongly(expression: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        minutes_of(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(20 5 * * ? *)", True),
        ("cron(* * * * ? *)", False),
        ("cron(0/15 * * * ? *)", False),
        ("cron(0 * * * ? *)", False),
    ],
)
def test_tells_what_runs_once_a_day(expression: str, *, expected: bool) -> None:
    assert is_daily(expression) is expected


def test_sends_the_scheduled_time_in_place_of_its_placeholder() -> None:
    schedule = Schedule(
        name="s",
        function="f",
        minutes=frozenset({15}),
        event='{"loop": "capacity", "scheduled_time": "<aws.scheduler.scheduled-time>"}',
    )
    moment = datetime(2025, 3, 17, 9, 15, tzinfo=UTC)

    assert schedule.is_due(moment)
    assert schedule.event_at(moment) == {
        "loop": "capacity",
        "scheduled_time": "2025-03-17T09:15:00Z",
    }
