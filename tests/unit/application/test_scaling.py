"""The actor of endpoints: what a fresh decision asks for, once, within the bounds of now."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
    TargetsFailedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.decision import Decision, Scaling, Situation
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingState
from bedrock_autoscaler.domain.option import InstanceRails
from bedrock_autoscaler.domain.target import Loop, Mode, Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_guard_rails, build_target, build_traffic
from tests.endpoints import (
    ENDPOINT,
    build_endpoint,
    build_endpoint_state,
    build_instance_rails,
    build_scaling_intent,
    endpoint_arn,
)
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import reasons

RAILS = build_instance_rails()


def target_with(rails: InstanceRails | None = RAILS, **changes: Any) -> Target:
    usual: dict[str, Any] = {
        "options": (build_endpoint(instances=rails),),
        "model_ids": (ENDPOINT,),
        "provisioned": None,
        "thresholds": QUARTERLY,
    }
    return build_target(**usual | changes)


def asking(wanted: Scaling) -> Callable[[Situation], Decision]:
    """A core whose capacity decisions ask for this change."""
    script = Script()

    def decide(situation: Situation) -> Decision:
        is_capacity = situation.loop is Loop.CAPACITY
        return replace(script(situation), scalings=(wanted,) if is_capacity else ())

    return decide


def scene(target: Target | None = None, *, running: int = 2, wanted: int = 3) -> Stage:
    """A stage with one endpoint, and a decision that asks for other instances."""
    core = asking(Scaling(address=ENDPOINT, from_instances=2, to_instances=wanted))
    made = Stage(target or target_with(), core=core)
    made.endpoints.states[ENDPOINT] = build_endpoint_state(instances=running)
    made.decide()
    return made


def outcome(made: Stage) -> str:
    ((_, said),) = made.scale_endpoint().outcomes
    return said


def held_because(made: Stage) -> str:
    (found,) = reasons(made, "scaling_held")
    return found


def test_a_fresh_decision_is_carried_out_once() -> None:
    made = scene()

    assert outcome(made) == "scaled to 3"
    assert outcome(made) == "scaling under way, asked before"
    made.endpoints.settle()
    assert outcome(made) == "scaling done, asked before"
    assert outcome(made) == "asked before"
    assert made.endpoints.states[ENDPOINT].instances == 3
    assert len(made.endpoints.tokens) == 1
    assert ("scaled", "chat") in made.events
    assert made.reporter.alarms == []


def test_an_endpoint_that_is_gone_keeps_no_other_from_its_end() -> None:
    gone = endpoint_arn("gone")
    options = tuple(build_endpoint(address=each, instances=RAILS) for each in (gone, ENDPOINT))
    made = scene(target_with(options=options))
    open_change = EndpointRecord(target="chat", address=gone).begun(build_scaling_intent())
    made.scalings.records["chat", gone] = open_change
    made.scalings.records["chat", ENDPOINT] = replace(open_change, address=ENDPOINT)
    made.endpoints.states[ENDPOINT] = build_endpoint_state(instances=3)

    assert outcome(made) == "unobserved, scaling done, asked before"

    assert record_of(made).open is None
    assert made.scalings.records["chat", gone] == open_change
    assert ("unobserved", "chat") in made.reporter.alarm_names


# -- written ahead, and repaired ---------------------------------------------------------------


def record_of(made: Stage) -> EndpointRecord:
    return made.scalings.records["chat", ENDPOINT]


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


# -- what binds --------------------------------------------------------------------------------


def test_the_token_follows_from_the_decision() -> None:
    tokens = []
    for _ in range(2):
        made = scene()
        outcome(made)
        tokens += made.endpoints.tokens

    assert tokens[0] == tokens[1]
    assert len(tokens[0]) == 64


def test_an_old_decision_changes_nothing() -> None:
    made = scene()
    made.clock.advance(31 * MINUTE)

    assert outcome(made) == "scaling held"
    assert made.endpoints.tokens == []


def test_a_late_run_changes_nothing() -> None:
    made = scene()

    assert made.scale_endpoint(NOW - timedelta(hours=1)).outcomes == ()
    assert made.reporter.alarm_names == [("loop_late", "")]


def test_advise_tells_and_changes_nothing() -> None:
    made = scene(target_with(mode=Mode.ADVISE))

    assert [outcome(made), outcome(made)] == ["would scale to 3"] * 2
    assert made.endpoints.tokens == []
    assert made.events.count(("would_scale", "chat")) == 1


def test_the_switch_stops_it() -> None:
    made = scene()
    made.switch.value = "stop"

    assert outcome(made) == "scaling held"
    assert held_because(made) == "the switch does not permit action"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (target_with(None), "is no endpoint whose instances may be changed"),
        (target_with(replace(RAILS, max_instances=2)), "3 instances are outside of 1 to 2"),
        (
            target_with(guard_rails=build_guard_rails(max_usd_per_hour=Decimal(9))),
            "it would make 10.000000 USD per hour, max_usd_per_hour is 9",
        ),
        (target_with(controls=Controls(pause_growth=True)), "controls.pause_growth is set"),
    ],
)
def test_the_settings_of_now_bind(target: Target, words: str) -> None:
    made = scene()
    other = build_endpoint(address=f"{ENDPOINT}-other")
    made.targets = (replace(target, options=(*target.options, other)),)
    made.endpoints.states[other.address] = replace(
        made.endpoints.states[ENDPOINT], address=other.address
    )

    assert outcome(made) == "scaling held"
    assert words in held_because(made)
    assert made.endpoints.tokens == []


def test_less_than_the_least_of_now_is_held() -> None:
    made = scene(wanted=1)
    made.targets = (target_with(replace(RAILS, min_instances=2)),)

    assert held_because_of(made) == "1 instances are outside of 2 to 4"


def test_an_endpoint_far_above_its_lowered_bound_comes_back_one_by_one() -> None:
    """The rules ask for each step, and the actor takes it, though it ends above the bound."""
    made = Stage(target_with(replace(RAILS, max_instances=3)))
    made.endpoints.states[ENDPOINT] = build_endpoint_state(instances=6)
    made.metrics.beat_through(NOW, NOW + 4 * HOUR)
    # Five instances would serve this: 150 / (0.8 x 40) = 4.7.
    calm = build_traffic(8 * 60, end=NOW + 4 * HOUR, invocations=150.0)
    made.metrics.put_traffic(ENDPOINT, calm)
    said = []

    for _ in range(4):
        made.decide()
        said.append(outcome(made).split(", ")[-1])
        made.endpoints.settle()
        made.scale_endpoint()  # finds out that the change has ended
        made.clock.advance(HOUR)

    assert said[:3] == ["scaled to 5", "scaled to 4", "scaled to 3"]
    assert not said[3].startswith("scaled")
    assert made.endpoints.states[ENDPOINT].instances == 3


def test_a_pause_of_shrinking_holds_what_would_go() -> None:
    made = scene(wanted=1)
    made.targets = (target_with(controls=Controls(pause_shrink=True)),)

    assert outcome(made) == "scaling held"
    assert held_because(made) == "controls.pause_shrink is set"


def test_an_endpoint_that_moved_is_decided_anew() -> None:
    assert held_because_of(scene(running=4)) == f"{ENDPOINT} has moved since the decision"


def held_because_of(made: Stage) -> str:
    assert outcome(made) == "scaling held"
    return held_because(made)


def test_a_change_between_looking_and_acting_ends_quietly() -> None:
    made = scene()
    made.endpoints.fail_next(StaleDecisionError("it moved"), method="scale")

    assert held_because_of(made) == "it moved"
    assert made.reporter.alarms == []


def test_a_refusal_is_an_alarm_and_leaves_it_for_the_next_decision() -> None:
    made = scene()
    refused = CapacityUnavailableError("quota", code="ServiceQuotaExceededException")
    made.endpoints.fail_next(refused, method="scale")

    assert outcome(made) == "scaling failed"
    assert [alarm.message for alarm in made.reporter.alarms] == ["quota"]


def test_no_time_left_is_no_change() -> None:
    made = scene()
    made.deadline.left = timedelta(seconds=1)

    assert held_because_of(made) == "no time is left in this run"


def test_targets_without_endpoints_are_not_visited() -> None:
    made = Stage()
    made.decide()

    assert made.scale_endpoint().outcomes == ()


def test_nothing_decided_is_nothing_to_scale() -> None:
    made = Stage(target_with())

    assert outcome(made) == "nothing to scale"


def test_the_capacity_loop_sees_the_endpoint() -> None:
    made = Stage(target_with())
    state = build_endpoint_state()
    made.endpoints.states[ENDPOINT] = state
    made.decide(Loop.ROUTING)
    made.decide(Loop.CAPACITY)

    seen = {
        loop: latest.situation.observation.endpoints
        for loop in Loop
        if (latest := made.decisions.latest("chat", loop)) is not None
    }
    assert seen == {Loop.ROUTING: (), Loop.CAPACITY: (state,)}


def test_an_endpoint_that_cannot_be_read_keeps_its_instances() -> None:
    made = Stage(target_with())
    made.endpoints.fail_next(ObservationError("throttled"), method="state")

    made.decide()

    latest = made.decisions.latest("chat", Loop.CAPACITY)
    assert latest is not None
    assert latest.decision.scalings == ()
    assert "endpoint_held" in [reason.code.value for reason in latest.decision.reasons]
