"""The daily study of eight weeks."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.advising import Advisor
from bedrock_autoscaler.application.observing.keeping import Kept
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.target import RateSource, Target
from bedrock_autoscaler.domain.unit_rates.rates import scaled
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PT_MODEL,
    UNIT_PRICE,
    UNIT_RATE,
    build_provisioned,
    build_rate_measurement,
    build_target,
    build_traffic,
)
from tests.fakes.fake_clock import FakeClock
from tests.fakes.memory_capacity import MemoryCapacity
from tests.fakes.memory_history import MemoryHistory
from tests.fakes.recording_reporter import RecordingReporter

END = NOW + 7 * MINUTE
UNSOLD = replace(UNIT_PRICE, one_month_usd_per_hour=None)
STUDY = CommitmentStudy(
    at=NOW - 23 * HOUR, known_days=50.0, steady_days=9, levels=(), model_ends_at=None
)


class Desk:
    """An advisor over a history of two days of one unit's worth of traffic."""

    def __init__(self) -> None:
        self.history = MemoryHistory()
        self.capacity = MemoryCapacity(FakeClock(NOW))
        self.reporter = RecordingReporter()
        self.unstudied: Kept[str, bool] = Kept(HOUR)
        self.next_tick()
        self.keep("chat")

    def next_tick(self) -> None:
        """Each tick has an advisor of its own."""
        self.advisor = Advisor(self.history, self.capacity, self.reporter, self.unstudied)

    def keep(self, name: str) -> None:
        traffic = build_traffic(2880, end=NOW, input_tokens=1_000_000.0, output_tokens=300_000.0)
        self.history.store(name, {MODEL: traffic})

    def study(
        self,
        target: Target | None = None,
        *,
        before: CommitmentStudy | None = None,
        end: datetime = END,
    ) -> CommitmentStudy | None:
        return self.advisor.study(target or build_target(), end, None, before)


def test_whole_hours_are_studied_with_the_end_of_the_model() -> None:
    desk = Desk()
    desk.capacity.ends[PT_MODEL] = NOW + timedelta(days=100)

    found = desk.study()

    assert found is not None
    assert found.at == NOW
    assert found.known_days == 2.0
    assert found.model_ends_at == NOW + timedelta(days=100)
    # One unit's traffic is worth 69.30 USD an hour, and a unit costs 60.50.
    assert found.levels[0].month_usd == pytest.approx(60.5)


def test_a_study_stands_for_a_day() -> None:
    desk = Desk()
    old = replace(STUDY, at=NOW - 24 * HOUR)

    assert desk.study(before=STUDY) is STUDY
    assert desk.study(before=old) is not old


def test_one_target_a_tick_is_studied() -> None:
    desk = Desk()
    desk.keep("search")

    assert desk.study() is not None
    assert desk.study(build_target(name="search")) is None


@pytest.mark.parametrize(
    "target",
    [
        build_target(provisioned=None),
        build_target(provisioned=build_provisioned(unit_rate=None)),
        build_target(provisioned=build_provisioned(price=None)),
        build_target(provisioned=build_provisioned(price=UNSOLD)),
    ],
    ids=["no units", "no rate", "no price", "no term"],
)
def test_what_cannot_be_committed_to_is_not_looked_at(target: Target) -> None:
    desk = Desk()

    assert desk.study(target, before=STUDY, end=END + 24 * HOUR) is STUDY
    # The turn of the tick is still free for another target.
    assert desk.study() is not None


def test_a_measured_rate_counts_where_settings_ask_for_it() -> None:
    desk = Desk()
    asked = build_target(
        provisioned=build_provisioned(unit_rate=None, unit_rate_from=RateSource.MEASURED)
    )
    half = build_rate_measurement(rate=scaled(UNIT_RATE, 0.5), low=1.0)

    found = desk.advisor.study(asked, END, half, None)

    # Twice as many units of half the size, each worth half.
    assert found is not None
    assert [one.month_usd for one in found.levels] == pytest.approx([34.65, 34.65])


def test_unreadable_history_leaves_the_old_study_and_is_told() -> None:
    desk = Desk()
    desk.history.fail_next(ObservationError("table is gone"), method="load")

    assert desk.study(before=replace(STUDY, at=NOW - 48 * HOUR)) is not None
    assert ("history_unread", "chat") in desk.reporter.alarm_names


def test_nothing_is_studied_while_the_end_of_the_model_cannot_be_read() -> None:
    desk, old = Desk(), replace(STUDY, at=NOW - 24 * HOUR)
    desk.capacity.unknown_end.add(PT_MODEL)

    assert desk.study(before=old) is old

    # It is tried again within the hour, and takes nobody's turn until then.
    desk.capacity.unknown_end.clear()
    desk.next_tick()
    assert desk.study(before=old) is old
    desk.next_tick()
    assert desk.study(before=old, end=END + HOUR) is not old


def test_without_any_kept_hour_nothing_is_studied() -> None:
    desk = Desk()

    assert desk.study(build_target(name="new")) is None


def test_a_target_whose_study_comes_to_nothing_takes_nobodys_turn() -> None:
    desk, other = Desk(), build_target(name="unkept")
    assert desk.study(other) is None
    assert desk.study() is None

    desk.next_tick()
    assert desk.study(other) is None
    assert desk.study() is not None

    # An hour later it has a turn again.
    desk.next_tick()
    desk.keep("unkept")
    assert desk.study(other, end=END + HOUR) is not None
