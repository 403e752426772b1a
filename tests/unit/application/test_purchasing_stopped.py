"""What stops the purchase actor before its call: advise, the switch, and too little time."""

from datetime import timedelta

import pytest

from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_guard_rails, build_target
from tests.intents import TWO_UNITS
from tests.unit.application.scenes import decided, only_purchase, reasons


def test_advise_sends_and_reserves_nothing_and_says_once_what_it_would_buy() -> None:
    scene = decided(build_target(mode=Mode.ADVISE))
    scene.switch.value = None

    first = scene.purchase()
    scene.clock.advance(MINUTE)
    scene.purchase()

    assert first.outcomes == (("chat", "would buy"),)
    assert scene.capacity.calls == []
    assert scene.fleets.purchases("chat") == ()
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.events == [("would_buy", "chat")]


def test_advise_checks_what_act_checks() -> None:
    target = build_target(mode=Mode.ADVISE, guard_rails=build_guard_rails(max_units=1))
    scene = decided(target)

    scene.purchase()

    assert reasons(scene, "purchase_held") == ["it would make 2 units, max_units is 1"]


@pytest.mark.parametrize("value", [None, "", "Allow", "deny", " allow"])
def test_a_switch_that_is_not_exactly_allow_stops_before_the_intent(value: str | None) -> None:
    scene = decided()
    scene.switch.value = value

    assert scene.purchase().outcomes == (("chat", "purchase held"),)
    assert scene.fleets.purchases("chat") == ()
    assert scene.capacity.calls == []


def test_a_switch_set_between_intent_and_call_stops_the_call_and_frees_the_units() -> None:
    scene = decided()
    scene.switch.then("stop")

    assert scene.purchase().outcomes == (("chat", "purchase refused"),)
    assert scene.capacity.calls == []
    intent = only_purchase(scene)
    assert intent.state is PurchaseState.REFUSED
    assert intent.detail.startswith("not_sent: the switch")
    assert scene.fleets.record_of("chat").reserved_units == 0


def test_too_little_time_starts_no_call() -> None:
    scene = decided()
    scene.deadline.left = timedelta(seconds=29)

    scene.purchase()

    assert reasons(scene, "purchase_held") == [
        "too little time is left for the call and its record"
    ]
    assert scene.capacity.calls == []


def test_a_stop_of_our_own_is_no_refusal_of_bedrock() -> None:
    scene = decided()
    scene.switch.then("stop", "allow")
    scene.purchase()
    scene.core.actions[NOW + 15 * MINUTE] = (TWO_UNITS,)  # type: ignore[attr-defined]  # a Script
    scene.switch.value = "allow"
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "bought 2"),)
