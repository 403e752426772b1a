"""The actor of endpoints: what a fresh decision asks for, once, within the bounds of now."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
)
from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord
from bedrock_autoscaler.domain.target import Loop, Mode, Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_guard_rails, build_traffic
from tests.endpoints import (
    ENDPOINT,
    build_endpoint,
    build_endpoint_state,
    build_scaling_intent,
    endpoint_arn,
)
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
