from dataclasses import replace

import pytest

from bedrock_autoscaler.domain.decision import Decision, Purchase
from bedrock_autoscaler.domain.option import OptionKind
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Loop, Mode
from bedrock_autoscaler.report.wording import Kind, differs, in_turn, kind_of, summary
from tests.builders import build_decision
from tests.intents import TWO_UNITS

A, B = (Route(kind=OptionKind.ON_DEMAND, address=name, weight=1.0) for name in ("a", "b"))
SAME = Reason(code=ReasonCode.ROUTES_UNCHANGED, message="")


def routing(*routes: Route, mode: Mode = Mode.ADVISE, stays: bool = False) -> Decision:
    return build_decision(
        loop=Loop.ROUTING, mode=mode, routes=routes, reasons=(SAME,) if stays else ()
    )


def capacity(*actions: Purchase, mode: Mode = Mode.ADVISE) -> Decision:
    return build_decision(mode=mode, actions=actions)


@pytest.mark.parametrize(
    ("before", "decision", "expected"),
    [
        (None, routing(A), True),
        (None, routing(A, stays=True), False),
        (routing(A), routing(A), False),
        (routing(A), routing(B), True),
        (routing(A, stays=True), routing(B, stays=True), True),
        (routing(A), routing(A, mode=Mode.ACT), True),
        (capacity(), capacity(TWO_UNITS), True),
        (capacity(TWO_UNITS), capacity(TWO_UNITS), False),
        (capacity(TWO_UNITS), capacity(), False),
        (capacity(TWO_UNITS, mode=Mode.ACT), capacity(TWO_UNITS, mode=Mode.ACT), True),
    ],
)
def test_a_change_differs_from_the_decision_before(
    before: Decision | None, decision: Decision, *, expected: bool
) -> None:
    assert differs(decision, before) is expected


@pytest.mark.parametrize(
    ("before", "decision", "expected"),
    [
        (None, routing(A), Kind.ROUTES),
        (routing(A), routing(A), Kind.HOLD),
        (routing(A), routing(B), Kind.ROUTES),
        (routing(A), routing(A, mode=Mode.ACT), Kind.ROUTES),
        # It still advises to buy, also where it says so again.
        (capacity(TWO_UNITS), capacity(TWO_UNITS), Kind.BUY),
        (capacity(TWO_UNITS), capacity(), Kind.HOLD),
    ],
)
def test_routes_that_are_advised_again_are_a_hold(
    before: Decision | None, decision: Decision, expected: Kind
) -> None:
    assert kind_of(decision, before) is expected


def test_each_loop_has_its_own_decision_before() -> None:
    decisions = [routing(A), capacity(), routing(B), capacity(TWO_UNITS)]

    befores = [before for _, before in in_turn(decisions)]

    assert befores == [None, None, decisions[0], decisions[1]]


@pytest.mark.parametrize(
    ("actual", "held", "text"),
    [(0, 1, "hold 0 units, 1 on the way"), (1, 1, "hold 1 unit"), (2, 0, "hold 2 units")],
)
def test_a_hold_counts_what_is_on_the_way(actual: int, held: int, text: str) -> None:
    decision = replace(build_decision(), actual_units=actual, allowed_units=held)

    assert summary(decision) == text
