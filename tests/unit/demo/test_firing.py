"""What the demo runs side by side, and what in order."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, BrokenBarrierError, Lock
from typing import override

import pytest

from bedrock_world.demo.firing import Firing
from bedrock_world.demo.schedules import Schedule
from bedrock_world.settings import UnitPrice, WorldSettings
from bedrock_world.world import World

START = datetime(2025, 3, 17, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVERY = frozenset(range(60))
IDLE = {
    "observe-decide": "hold",
    "purchase": "nothing to buy",
    "release": "nothing to release",
    "publish": "unchanged",
}
PT_MODEL = "amazon.nova-pro-v1:0:24k"


class FakeFunctions:
    """Answers as it is told; notes what began and ended, in order."""

    def __init__(self, **answers: str) -> None:
        self.answers = IDLE | {name.replace("_", "-"): text for name, text in answers.items()}
        self.log: list[str] = []
        self.meeting: Barrier | None = None
        self.has_met = False
        self._lock = Lock()

    def invoke(self, function: str, event: Mapping[str, object]) -> object:
        name = function.removeprefix("stack-")
        with self._lock:
            self.log.append(f"+{name}")
        if self.meeting is not None and name in {"observe-decide", "purchase"}:
            try:
                self.meeting.wait(timeout=5)
                self.has_met = True
            except BrokenBarrierError:
                pass
        with self._lock:
            self.log.append(f"-{name}")
        return {"chat": self.answers[name]}


def schedules() -> list[Schedule]:
    loops = [("routing", EVERY), ("capacity", frozenset({0, 15, 30, 45}))]
    deciding = [
        Schedule(
            name=loop,
            function="stack-observe-decide",
            minutes=minutes,
            event=f'{{"loop": "{loop}"}}',
        )
        for loop, minutes in loops
    ]
    return deciding + [
        Schedule(name=name, function=f"stack-{name}", minutes=EVERY, event="{}")
        for name in ("purchase", "release", "publish")
    ]


def a_world() -> World:
    quotas = {"L-FE44174A": 10.0, "L-9C8C5911": 10.0}
    prices = {PT_MODEL: UnitPrice(no_commitment=Decimal(40))}
    return World(WorldSettings(start=START, applied_quotas=quotas, unit_prices=prices))


def buy(world: World) -> str:
    answer = world.call(
        "CreateProvisionedModelThroughput",
        {"modelUnits": 1, "provisionedModelName": "a", "modelId": PT_MODEL},
    )
    arn: str = answer["provisionedModelArn"]
    return arn


def ends(functions: FakeFunctions) -> list[str]:
    return [entry[1:] for entry in functions.log if entry.startswith("-")]


def settled(functions: FakeFunctions, world: World) -> Firing:
    """A firing whose last minute was the quiet one after a capacity decision."""
    firing = Firing(functions, schedules(), world)
    firing.fire(START, (), lambda: None)
    functions.log.clear()
    return firing


def test_a_capacity_minute_goes_in_order() -> None:
    functions = FakeFunctions()

    with Firing(functions, schedules(), a_world()) as firing:
        result = firing.fire(START, (), lambda: "calls")

    assert result == "calls"
    assert firing.invocations == 5
    assert ends(functions)[:2] == ["observe-decide", "observe-decide"]
    assert set(ends(functions)[2:4]) == {"purchase", "publish"}
    assert ends(functions)[4] == "release"


def test_a_still_minute_runs_what_waits_beside_what_decides() -> None:
    functions = FakeFunctions()
    with settled(functions, a_world()) as firing:
        functions.meeting = Barrier(2)

        firing.fire(START + MINUTE, (), lambda: None)

    assert functions.has_met
    order = ends(functions)
    assert order.index("observe-decide") < order.index("publish")
    assert order.index("purchase") < order.index("release")
    assert firing.surprises == 0


def test_a_minute_after_something_happened_goes_in_order() -> None:
    functions = FakeFunctions(purchase="bought 1")
    with settled(functions, a_world()) as firing:
        firing.fire(START + MINUTE, (), lambda: None)

    assert ends(functions)[0] == "observe-decide"
    assert ends(functions)[-1] == "release"


@pytest.mark.parametrize(
    ("at", "is_routed", "in_order"),
    [
        (timedelta(minutes=14), False, False),  # not yet in service
        (timedelta(minutes=16), False, True),  # in service since a minute
        (timedelta(minutes=20), False, False),
        (timedelta(minutes=53), False, True),  # its paid period ends in 7 minutes
        (timedelta(minutes=53), True, False),  # but nobody wants it to go
    ],
)
def test_goes_in_order_where_a_unit_comes_or_may_go(
    *, at: timedelta, is_routed: bool, in_order: bool
) -> None:
    world = a_world()
    arn = buy(world)
    functions = FakeFunctions()
    with settled(functions, world) as firing:
        # They can only meet where they run side by side; where they do not, nobody may wait.
        functions.meeting = None if in_order else Barrier(2)
        world.advance(at)

        firing.fire(START + at, {arn} if is_routed else set(), lambda: None)

    assert functions.has_met is not in_order
    if in_order:
        assert functions.log.index("-observe-decide") < functions.log.index("+purchase")


def test_counts_a_surprise_when_a_still_minute_was_none() -> None:
    functions = FakeFunctions()
    with settled(functions, a_world()) as firing:
        functions.answers["release"] = "deleting"
        firing.fire(START + MINUTE, (), lambda: None)

    assert firing.surprises == 1


def test_an_error_of_a_function_is_raised() -> None:
    class Failing(FakeFunctions):
        @override
        def invoke(self, function: str, event: Mapping[str, object]) -> object:
            raise RuntimeError(function)

    with (
        Firing(Failing(), schedules(), a_world()) as firing,
        pytest.raises(RuntimeError, match="observe-decide"),
    ):
        firing.fire(START, (), lambda: None)
