"""Changes of an endpoint are written ahead, and repaired after a death or a lost answer."""

from dataclasses import replace

import pytest

from bedrock_autoscaler.application.errors import TargetsFailedError, UnknownOutcomeError
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingState
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW
from tests.endpoints import ENDPOINT, build_scaling_intent
from tests.staging import Stage
from tests.unit.application.scalings import (
    RAILS,
    held_because,
    held_because_of,
    outcome,
    record_of,
    scene,
    target_with,
)


def test_the_intent_is_there_before_the_call() -> None:
    made = scene()
    made.endpoints.fail_next(KeyError("the process dies here"), method="scale")

    with pytest.raises(TargetsFailedError):
        made.scale_endpoint()

    intent = record_of(made).open
    assert intent is not None
    assert (intent.state, intent.from_instances, intent.to_instances) == ("recorded", 2, 3)
    assert len(intent.token) == 64


def test_an_intent_that_was_not_written_sends_no_call() -> None:
    made = scene()
    made.scalings.fail_next(UnknownOutcomeError("no answer"), method="write")

    made.scale_endpoint()

    assert made.endpoints.tokens == []


def test_a_death_after_the_call_is_repaired_and_nothing_is_asked_twice() -> None:
    made = scene()
    death = KeyError("the process dies here")
    made.endpoints.fail_next(death, method="scale", after_effect=True)
    with pytest.raises(TargetsFailedError):
        made.scale_endpoint()
    made.endpoints.settle()

    assert outcome(made) == "scaling done, asked before"
    assert len(made.endpoints.tokens) == 1


def test_a_death_before_the_call_leaves_an_intent_that_is_given_up() -> None:
    made = scene()
    made.scalings.fail_next(KeyError("it dies here"), method="write", after_effect=True)
    with pytest.raises(TargetsFailedError):
        made.scale_endpoint()
    made.clock.advance(25 * MINUTE)

    assert outcome(made) == "scaling given_up, asked before"
    assert made.endpoints.tokens == []


def test_a_change_whose_answer_was_lost_is_looked_up_and_not_repeated() -> None:
    made = scene()
    lost = UnknownOutcomeError("no answer")
    made.endpoints.fail_next(lost, method="scale", after_effect=True)

    assert outcome(made) == "scaling unresolved"
    assert outcome(made) == "scaling under way, asked before"
    made.endpoints.settle()
    assert outcome(made) == "scaling done, asked before"
    assert len(made.endpoints.tokens) == 1
    assert made.reporter.alarms == []


def test_one_that_took_no_effect_is_given_up_with_an_alarm_and_never_sent_again() -> None:
    made = scene()
    made.endpoints.fail_next(UnknownOutcomeError("no answer"), method="scale")
    assert outcome(made) == "scaling unresolved"
    made.clock.advance(24 * MINUTE)
    assert outcome(made) == "scaling under way, asked before"
    made.clock.advance(MINUTE)

    assert outcome(made) == "scaling given_up, asked before"
    assert outcome(made) == "asked before"
    assert made.endpoints.tokens == []
    (alarm,) = made.reporter.alarms
    assert alarm.alarm == "scaling_failed"
    assert "from 2 to 3 instances" in alarm.message
    assert "it runs 2 instances 25 minutes later" in alarm.message


def test_one_that_lasts_for_an_hour_needs_a_person() -> None:
    made = scene()
    outcome(made)
    made.clock.advance(60 * MINUTE)

    assert made.scale_endpoint().outcomes[0][1].startswith("scaling under way")
    assert [alarm.alarm for alarm in made.reporter.alarms] == ["scaling_failed"]


def test_while_one_is_open_no_other_begins() -> None:
    made = scene()
    outcome(made)
    made.clock.advance(15 * MINUTE)
    made.endpoints.states[ENDPOINT] = replace(made.endpoints.states[ENDPOINT], instances=2)
    made.decide()

    assert outcome(made) == "scaling under way, scaling held"
    assert "has no end yet" in held_because(made)


def test_a_decision_that_saw_an_older_record_changes_nothing() -> None:
    made = scene()
    before = EndpointRecord(target="chat", address=ENDPOINT)
    made.scalings.write(before, replace(before, version=1))

    assert held_because_of(made) == "its record is at version 1, the decision saw 0"


def made_before(made: Stage, count: int) -> None:
    """So many changes of the last day, all of which have ended."""
    record = EndpointRecord(target="chat", address=ENDPOINT)
    for number in range(count):
        intent = build_scaling_intent(decision_id=f"earlier-{number}", recorded_at=NOW - 23 * HOUR)
        record = record.begun(intent).stepped(ScalingState.DONE, ended_at=NOW)
    made.scalings.records["chat", ENDPOINT] = record


def test_a_day_has_its_bound_whatever_came_of_the_changes() -> None:
    made = scene(target_with(replace(RAILS, max_changes_per_day=2)))
    made_before(made, 2)
    made.clock.advance(15 * MINUTE)
    made.decide()

    assert held_because_of(made) == "2 changes in 24 hours, allowed: 2"
    made.clock.advance(45 * MINUTE)
    made.decide()
    assert outcome(made) == "scaled to 3"


def test_the_decision_sees_what_was_changed() -> None:
    made = scene()
    made_before(made, 3)
    made.clock.advance(15 * MINUTE)
    made.decide()

    latest = made.decisions.latest("chat", Loop.CAPACITY)
    assert latest is not None
    (state,) = latest.situation.observation.endpoints
    assert (state.changes_last_day, state.version) == (3, 6)


def test_the_switch_set_between_intent_and_call_stops_the_call() -> None:
    made = scene()
    made.switch.then("stop")

    assert outcome(made) == "scaling held"
    assert record_of(made).changes[-1].state is ScalingState.REFUSED
    assert record_of(made).changes[-1].detail == "not sent: the switch does not permit action"
    assert made.endpoints.tokens == []
