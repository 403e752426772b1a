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
    UnknownOutcomeError,
)
from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.decision import Decision, Scaling, Situation
from bedrock_autoscaler.domain.option import InstanceRails, OptionKind
from bedrock_autoscaler.domain.target import Loop, Mode, Target
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    ACCOUNT,
    AS_OF,
    NOW,
    REGION,
    build_guard_rails,
    build_option,
    build_target,
)
from tests.staging import QUARTERLY, Script, Stage

ADDRESS = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/own"
RAILS = InstanceRails(
    min_instances=1,
    max_instances=4,
    calls_per_minute=40.0,
    usd_per_instance_hour=Decimal(2),
    source="test",
    as_of=AS_OF,
)


def target_with(rails: InstanceRails | None = RAILS, **changes: Any) -> Target:
    option = build_option(
        kind=OptionKind.MARKETPLACE_ENDPOINT,
        address=ADDRESS,
        price=None,
        quota=None,
        instances=rails,
    )
    usual: dict[str, Any] = {
        "options": (option,),
        "model_ids": (ADDRESS,),
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
    core = asking(Scaling(address=ADDRESS, from_instances=2, to_instances=wanted))
    made = Stage(target or target_with(), core=core)
    made.endpoints.states[ADDRESS] = EndpointState(
        address=ADDRESS,
        instances=running,
        is_settled=True,
        changed_at=NOW - timedelta(hours=2),
    )
    made.decide()
    return made


def outcome(made: Stage) -> str:
    ((_, said),) = made.scale_endpoint().outcomes
    return said


def held_because(made: Stage) -> str:
    (found,) = [h for h in made.reporter.happenings if h.event == "scaling_held"]
    return str(found.fields["reason"])


def test_a_fresh_decision_is_carried_out_once() -> None:
    made = scene()

    assert outcome(made) == "scaled to 3"
    assert outcome(made) == "scaled to 3 before"
    assert made.endpoints.states[ADDRESS].instances == 3
    assert len(made.endpoints.tokens) == 1
    assert ("scaled", "chat") in made.events


def test_a_change_whose_answer_was_lost_is_not_repeated() -> None:
    made = scene()
    lost = UnknownOutcomeError("no answer")
    made.endpoints.fail_next(lost, method="scale", after_effect=True)

    assert outcome(made) == "scaling failed"
    assert outcome(made) == "scaled to 3 before"
    assert [alarm.alarm for alarm in made.reporter.alarms] == ["scaling_failed"]


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
            target_with(guard_rails=build_guard_rails(max_usd_per_hour=Decimal(5))),
            "6 USD an hour are above max_usd_per_hour",
        ),
        (target_with(controls=Controls(pause_growth=True)), "controls.pause_growth is set"),
    ],
)
def test_the_settings_of_now_bind(target: Target, words: str) -> None:
    made = scene()
    other = replace(target.options[0], address=f"{ADDRESS}-other", instances=RAILS)
    made.targets = (replace(target, options=(*target.options, other)),)

    assert outcome(made) == "scaling held"
    assert words in held_because(made)
    assert made.endpoints.tokens == []


def test_a_pause_of_shrinking_holds_what_would_go() -> None:
    made = scene(wanted=1)
    made.targets = (target_with(controls=Controls(pause_shrink=True)),)

    assert outcome(made) == "scaling held"
    assert held_because(made) == "controls.pause_shrink is set"


def test_an_endpoint_that_moved_is_decided_anew() -> None:
    assert held_because_of(scene(running=4)) == f"{ADDRESS} has moved since the decision"


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
    state = EndpointState(
        address=ADDRESS, instances=2, is_settled=True, changed_at=NOW - timedelta(hours=2)
    )
    made.endpoints.states[ADDRESS] = state
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
