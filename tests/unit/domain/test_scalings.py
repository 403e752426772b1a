"""The record of an endpoint: one open change at a time, and what a day has seen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingState
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW
from tests.endpoints import build_scaling_intent

NOTHING = EndpointRecord(target="chat", address="own")
INTENT = build_scaling_intent(decision_id="d-1", from_instances=1, to_instances=2)


def test_each_step_is_a_version() -> None:
    begun = NOTHING.begun(INTENT)
    asked = begun.stepped(ScalingState.ASKED)
    done = asked.stepped(ScalingState.DONE, ended_at=NOW)

    assert [record.version for record in (NOTHING, begun, asked, done)] == [0, 1, 2, 3]
    assert begun.open == INTENT
    assert asked.open == replace(INTENT, state=ScalingState.ASKED)
    assert done.open is None


def test_a_second_change_waits_for_the_end_of_the_first() -> None:
    with pytest.raises(ValueError, match="d-1 has no end yet"):
        NOTHING.begun(INTENT).begun(replace(INTENT, decision_id="d-2"))


def test_what_is_not_open_takes_no_step() -> None:
    with pytest.raises(ValueError, match="own has no open change"):
        NOTHING.stepped(ScalingState.DONE)


def test_a_day_is_kept_and_counted() -> None:
    old = replace(INTENT, recorded_at=NOW - 25 * HOUR)
    recent = replace(INTENT, decision_id="d-2", recorded_at=NOW - 23 * HOUR)
    record = NOTHING
    for intent in (old, recent):
        record = record.begun(intent).stepped(ScalingState.GIVEN_UP, ended_at=NOW)

    record = record.begun(replace(INTENT, decision_id="d-3"))

    assert [each.decision_id for each in record.changes] == ["d-2", "d-3"]
    assert record.made_since(NOW - timedelta(hours=24)) == 2


def test_instance_minutes_add_up_over_changes_and_days() -> None:
    """NOW is 12:00 of the 20th; what ran before the first change ran since the month began."""
    first = replace(INTENT, recorded_at=NOW - 2 * HOUR)
    done = NOTHING.begun(first).stepped(ScalingState.DONE, ended_at=NOW - HOUR)

    assert NOTHING.minutes(2, NOW) == (2 * 720, 2 * (19 * 1_440 + 720))
    # One until 10:00, two while it changed and since.
    assert done.minutes(2, NOW) == (600 + 240, 19 * 1_440 + 600 + 240)
    assert done.minutes(2, NOW + 12 * HOUR) == (0, 19 * 1_440 + 600 + 240 + 1_440)
    assert done.minutes(2, NOW + timedelta(days=11)) == (1_440, 1_440)


def test_a_refused_change_ran_nothing_more() -> None:
    first = replace(INTENT, recorded_at=NOW - 2 * HOUR)

    refused = NOTHING.begun(first).stepped(ScalingState.REFUSED, ended_at=NOW)

    assert refused.minutes(1, NOW) == NOTHING.minutes(1, NOW)


def test_a_clock_that_steps_back_takes_nothing_off() -> None:
    begun = NOTHING.begun(INTENT)

    assert begun.minutes(1, NOW - HOUR) == begun.minutes(1, NOW)


def test_an_open_change_counts_as_the_larger_number() -> None:
    begun = NOTHING.begun(INTENT)

    assert (NOTHING.most_of(1), begun.most_of(1), begun.most_of(3)) == (1, 2, 3)
