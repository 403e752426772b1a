"""Ticks, ages and summaries."""

from datetime import timedelta

import pytest

from bedrock_autoscaler.application.errors import ConfigurationError, TargetsFailedError
from bedrock_autoscaler.application.ticking import (
    Once,
    Summary,
    Tick,
    age_problem,
    has_time,
    is_outdated,
    period_of,
    report_late,
    visit_targets,
)
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target
from tests.fakes.recording_reporter import RecordingReporter
from tests.staging import FakeDeadline

QUARTER = 15 * MINUTE


def test_a_tick_without_a_scheduled_time_is_that_of_the_running_period() -> None:
    late = NOW + timedelta(minutes=14, seconds=59)

    assert Tick.of(None, late, QUARTER).scheduled_at == NOW
    assert Tick.of(None, late, MINUTE).scheduled_at == NOW + 14 * MINUTE


@pytest.mark.parametrize(("minutes", "words"), [(7, "7 minutes after"), (-7, "7 minutes before")])
def test_a_tick_off_the_clock_is_told_with_the_side_that_it_is_on(minutes: int, words: str) -> None:
    reporter = RecordingReporter()

    report_late(Tick.of(NOW, NOW + minutes * MINUTE, MINUTE), reporter)

    (alarm,) = reporter.alarms
    assert f"ran {words} its time" in alarm.message


@pytest.mark.parametrize(
    ("lag", "may_act"),
    [(5 * MINUTE, True), (-5 * MINUTE, True), (timedelta(minutes=5, seconds=1), False)],
)
def test_a_tick_acts_only_while_clock_and_schedule_agree(lag: timedelta, *, may_act: bool) -> None:
    assert Tick.of(NOW, NOW + lag, MINUTE).may_act is may_act


def test_ages_are_counted_in_periods() -> None:
    assert not is_outdated(NOW, NOW + 2 * QUARTER, QUARTER)
    assert is_outdated(NOW, NOW + 2 * QUARTER + MINUTE, QUARTER)
    assert age_problem(NOW, NOW + 2 * QUARTER, QUARTER) is None
    assert age_problem(NOW + 5 * MINUTE, NOW, QUARTER) is None
    assert age_problem(NOW + 6 * MINUTE, NOW, QUARTER) is not None


def test_each_loop_has_its_period() -> None:
    assert period_of(Loop.ROUTING, build_target()) == MINUTE
    assert period_of(Loop.CAPACITY, build_target()) == 5 * MINUTE


def test_a_call_starts_only_while_it_and_its_record_fit() -> None:
    assert has_time(FakeDeadline(timedelta(seconds=30)))
    assert not has_time(FakeDeadline(timedelta(seconds=29)))


def test_once_forgets_what_is_long_ago() -> None:
    once = Once()

    assert once.is_first("x")
    assert not once.is_first("x")
    assert all(once.is_first(str(number)) for number in range(1_000))
    assert once.is_first("x")


def test_a_later_phase_replaces_outcomes_and_adds_failures() -> None:
    first = Summary(outcomes=(("a", "recalled"), ("b", "failed")), failed=("b",))
    second = Summary(outcomes=(("a", "hold"),))

    both = first.followed_by(second)

    assert both.outcomes == (("a", "hold"), ("b", "failed"))
    with pytest.raises(TargetsFailedError, match=r"for b$"):
        both.checked()
    assert second.checked() is second


def test_an_error_of_our_own_is_told_in_full() -> None:
    reporter = RecordingReporter()

    def visit(target: Target) -> str:
        raise ConfigurationError("set X to 1")

    summary = visit_targets([build_target()], visit, reporter)

    assert summary.failed == ("chat",)
    (alarm,) = reporter.alarms
    assert alarm.message.startswith("ConfigurationError at test_ticking.py:")
    assert alarm.message.endswith(": set X to 1")
