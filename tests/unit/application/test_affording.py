"""Units and instances under the same caps: whichever grows counts the other."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.decision import Action, Decision, Scaling, Situation
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseState
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingIntent, ScalingState
from bedrock_autoscaler.domain.option import InstanceRails, OptionKind
from bedrock_autoscaler.domain.target import AccountRails, Loop, StackRails, Target
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    ACCOUNT,
    AS_OF,
    NOW,
    PT_MODEL,
    REGION,
    build_guard_rails,
    build_option,
    build_provisioned,
    build_target,
)
from tests.intents import ONE_UNIT, build_held, build_purchase
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import buys, reasons

USD_EACH = 2
RAILS = InstanceRails(
    min_instances=1,
    max_instances=4,
    calls_per_minute=40.0,
    usd_per_instance_hour=Decimal(USD_EACH),
    source="test",
    as_of=AS_OF,
)
WIDE = StackRails(
    max_units=100,
    max_usd_per_hour=Decimal(10_000),
    max_usd_per_day=Decimal(100_000),
    max_usd_per_month=Decimal(1_000_000),
)
UNIT_USD = Decimal("60.5")


def address_of(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"


OWN = address_of("chat")


def target_with(name: str = "chat", rails: InstanceRails = RAILS, **caps: Any) -> Target:
    """A target that may hold units and scale one endpoint, in that order."""
    option = build_option(
        kind=OptionKind.MARKETPLACE_ENDPOINT,
        address=address_of(name),
        price=None,
        quota=None,
        instances=rails,
    )
    return build_target(
        name=name,
        options=(option,),
        model_ids=(address_of(name),),
        thresholds=QUARTERLY,
        guard_rails=build_guard_rails(**caps),
    )


class Asking:
    """A core that asks `chat` for units and instances at each capacity decision."""

    def __init__(self, *actions: Action, instances: int | None = None) -> None:
        self.actions = actions
        self.instances = instances
        self._script = Script()

    def __call__(self, situation: Situation) -> Decision:
        decision = self._script(situation)
        if situation.loop is not Loop.CAPACITY or situation.target.name != "chat":
            return decision
        seen = {each.address: each.instances for each in situation.observation.endpoints}
        if self.instances is None or OWN not in seen or seen[OWN] == self.instances:
            return replace(decision, actions=self.actions)
        wanted = Scaling(address=OWN, from_instances=seen[OWN], to_instances=self.instances)
        return replace(decision, actions=self.actions, scalings=(wanted,))


def scene(*targets: Target, core: Callable[[Situation], Decision], running: int = 2) -> Stage:
    """A stage at a fresh decision; each target's endpoint runs so many instances."""
    made = Stage(*targets, core=core)
    for target in targets:
        address = address_of(target.name)
        made.endpoints.states[address] = EndpointState(
            address=address,
            instances=running,
            is_settled=True,
            changed_at=NOW - timedelta(hours=2),
        )
    return made


def hold_unit(made: Stage, **changes: Any) -> None:
    """One unit of `chat` is reserved for 60.50 USD an hour."""
    made.fleets.begin_purchase(
        build_held(**changes),
        fleet=made.fleets.record_of(changes.get("target", "chat")),
        unmanaged_units=0,
        max_units=10,
        max_usd_per_hour=Decimal(1_000),
    )


def scaled(made: Stage) -> str:
    """What came of `chat`'s endpoint: the last reason, or the outcome."""
    made.decide()
    outcome = dict(made.scale_endpoint().outcomes)["chat"]
    held = reasons(made, "scaling_held")
    return held[-1] if held else outcome


def bought(made: Stage) -> str:
    made.decide()
    outcome = dict(made.purchase().outcomes)["chat"]
    held = reasons(made, "purchase_held")
    return held[-1] if held else outcome


GROWING = Asking(instances=3)
BUYING = Asking(ONE_UNIT)


# -- an endpoint that grows --------------------------------------------------------------------


@pytest.mark.parametrize("state", [PurchaseState.IN_SERVICE, PurchaseState.RECORDED])
def test_an_endpoint_counts_units_that_are_held_or_reserved(state: PurchaseState) -> None:
    for cap, outcome in ((66, "would make 66.500000 USD per hour"), (67, "scaled to 3")):
        made = scene(target_with(max_usd_per_hour=Decimal(cap)), core=GROWING)
        hold_unit(made, state=state)

        assert outcome in scaled(made)


def test_units_count_at_a_price_that_has_risen() -> None:
    made = scene(target_with(max_usd_per_hour=Decimal(66)), core=GROWING)
    hold_unit(made, usd_per_hour=Decimal(10))

    assert "would make 66.500000 USD per hour" in scaled(made)


def test_an_endpoint_counts_the_targets_other_endpoints() -> None:
    target = target_with(max_usd_per_hour=Decimal(13))
    other = replace(target.options[0], address=address_of("other"))
    made = scene(replace(target, options=(*target.options, other)), core=GROWING)
    made.endpoints.states[other.address] = replace(
        made.endpoints.states[OWN], address=other.address, instances=4
    )

    assert "would make 14.000000 USD per hour" in scaled(made)


def test_an_endpoint_counts_what_the_whole_stack_pays() -> None:
    for cap, outcome in ((69, "would cost 70.500000 USD per hour"), (71, "scaled to 3")):
        made = scene(target_with(), target_with("email"), core=GROWING)
        made.stack = replace(WIDE, max_usd_per_hour=Decimal(cap))
        hold_unit(made, target="email")

        assert outcome in scaled(made)


def test_an_endpoint_counts_what_its_account_pays() -> None:
    made = scene(target_with(), target_with("email"), core=GROWING)
    rails = AccountRails(account=ACCOUNT, max_units=9, max_usd_per_hour=Decimal(9))
    made.stack = replace(WIDE, accounts=(rails,))

    assert f"in account {ACCOUNT} would cost 10.000000 USD" in scaled(made)


def test_an_endpoint_counts_what_others_hold() -> None:
    made = scene(target_with(max_usd_per_hour=Decimal(66)), core=GROWING)
    made.capacity.add(name="theirs", model_id=PT_MODEL)

    assert "would make 66.500000 USD per hour" in scaled(made)


@pytest.mark.parametrize("span", ["day", "month"])
def test_an_endpoint_counts_what_is_booked(span: str) -> None:
    # Two instances since midnight of the day, or of the first: 12 hours, or 19 days more.
    hours = 12 if span == "day" else 19 * 24 + 12
    paid = 2 * USD_EACH * hours + 2 * UNIT_USD
    for room, outcome in ((1, f"max_usd_per_{span} is"), (2, "scaled to 3")):
        caps: dict[str, Any] = {f"max_usd_per_{span}": paid + room}
        made = scene(target_with(**caps), core=GROWING)
        hold_unit(made)

        assert outcome in scaled(made)


def test_what_ran_before_is_booked_as_it_ran() -> None:
    made = scene(target_with(max_usd_per_day=Decimal(44)), core=GROWING)
    begun = EndpointRecord(target="chat", address=OWN).begun(
        ScalingIntent(
            decision_id="earlier",
            token="0" * 64,
            from_instances=1,
            to_instances=2,
            state=ScalingState.RECORDED,
            recorded_at=NOW - timedelta(hours=3),
        )
    )
    ended = begun.stepped(ScalingState.DONE, ended_at=NOW - timedelta(hours=2, minutes=30))
    made.scalings.records["chat", OWN] = ended

    # 9 hours of one and 3 of two: 30 USD, and another instance's first hour.
    assert ended.minutes(2, NOW)[0] == 15 * 60
    assert scaled(made) == "scaled to 3"


def test_an_old_price_of_an_instance_blocks_growing_alone() -> None:
    old = replace(RAILS, as_of=AS_OF - timedelta(days=365))
    growing = scene(target_with(rails=old), core=GROWING)
    leaving = scene(target_with(rails=old), core=Asking(instances=1))

    assert "the price of an instance is of 2025-11-01, which is too old" in scaled(growing)
    assert scaled(leaving) == "scaled to 1"


def lose_inventory(made: Stage) -> None:
    for _ in range(9):
        made.capacity.fail_next(ObservationError("throttled"), method="inventory")


def hide_price(made: Stage) -> None:
    made.targets = (replace(made.targets[0], provisioned=build_provisioned(price=None)),)
    made.capacity.add(name="theirs", model_id=PT_MODEL)


def sell_nothing(made: Stage) -> None:
    made.targets = (replace(made.targets[0], provisioned=None),)
    made.capacity.add(name="theirs", model_id="vendor.other-v1:0")


@pytest.mark.parametrize("unknown", [lose_inventory, hide_price, sell_nothing])
def test_what_is_not_known_blocks_growing_alone(unknown: Callable[[Stage], None]) -> None:
    for instances in (3, 1):
        made = scene(target_with(), core=Asking(instances=instances))
        unknown(made)

        outcome = scaled(made)

        assert ("not known" in outcome) is (instances == 3)
        assert made.endpoints.states[OWN].instances == min(instances, 2)


def test_a_list_that_broke_off_blocks_growing() -> None:
    made = scene(target_with(), core=GROWING)
    made.decide()
    made.capacity.pages_missing = True

    assert "the list of throughputs broke off" in scaled(made)


# -- a purchase --------------------------------------------------------------------------------


def test_a_purchase_counts_the_instances_that_run() -> None:
    for cap, outcome in ((64, "would make 64.500000 USD per hour"), (65, "bought 1")):
        assert outcome in bought(scene(target_with(max_usd_per_hour=Decimal(cap)), core=BUYING))


def test_a_purchase_counts_the_instances_of_all_targets() -> None:
    for cap, outcome in ((68, "would cost 68.500000 USD per hour"), (69, "bought 1")):
        made = scene(target_with(), target_with("email"), core=BUYING)
        made.stack = replace(WIDE, max_usd_per_hour=Decimal(cap))

        assert outcome in bought(made)


def test_a_purchase_counts_what_instances_have_cost() -> None:
    # Two instances since midnight, and the first hour of the unit.
    for cap, outcome in ((108, "max_usd_per_day is 108"), (109, "bought 1")):
        assert outcome in bought(scene(target_with(max_usd_per_day=Decimal(cap)), core=BUYING))


def test_a_purchase_counts_instances_that_are_asked_for() -> None:
    made = scene(target_with(max_usd_per_hour=Decimal(66)), core=Asking(ONE_UNIT, instances=3))
    made.decide()
    made.scalings.fail_next(KeyError("the process dies here"), method="write", after_effect=True)
    with pytest.raises(Exception, match="the pass failed"):
        made.scale_endpoint()

    assert made.endpoints.states[OWN].instances == 2
    assert "would make 66.500000 USD per hour" in bought(made)


def test_nothing_is_bought_while_an_endpoint_cannot_be_read() -> None:
    made = scene(target_with(), core=BUYING)
    made.decide()
    made.endpoints.states.clear()

    made.purchase()

    assert (buys(made), made.fleets.purchases("chat")) == (0, ())


# -- both at once ------------------------------------------------------------------------------


def interrupt(port: object, method: str, then: Callable[[], object], *, after: bool) -> None:
    """Let somebody else act right before the next call of a method takes effect, or after it."""
    usual = getattr(port, method)

    def interrupted(*args: Any, **named: Any) -> Any:
        setattr(port, method, usual)
        if not after:
            then()
        answer = usual(*args, **named)
        if after:
            then()
        return answer

    setattr(port, method, interrupted)


def both(**caps: Any) -> Stage:
    """Either fits, both do not."""
    made = scene(target_with(**caps), core=Asking(ONE_UNIT, instances=3))
    made.decide()
    return made


@pytest.mark.parametrize("after", [False, True])
def test_of_an_endpoint_and_a_purchase_meanwhile_the_first_to_be_written_goes_on(
    *, after: bool
) -> None:
    made = both(max_usd_per_hour=Decimal(66))
    interrupt(made.scalings, "write", made.purchase, after=after)

    made.scale_endpoint()

    grown, units = (3, 0) if after else (2, 1)
    assert (made.endpoints.states[OWN].instances, buys(made)) == (grown, units)
    change = made.scalings.records["chat", OWN].changes[-1]
    assert (change.state is ScalingState.REFUSED) is not after


@pytest.mark.parametrize("after", [False, True])
def test_of_a_purchase_and_an_endpoint_meanwhile_the_first_to_be_written_goes_on(
    *, after: bool
) -> None:
    made = both(max_usd_per_hour=Decimal(66))
    interrupt(made.fleets, "begin_purchase", made.scale_endpoint, after=after)

    made.purchase()

    grown, units = (2, 1) if after else (3, 0)
    assert (made.endpoints.states[OWN].instances, buys(made)) == (grown, units)
    assert made.fleets.account().reserved_units == units
    if not after:
        (intent,) = made.fleets.purchases("chat")
        assert intent.state is PurchaseState.REFUSED
        assert intent.detail == f"not_sent: {OWN} grows meanwhile"


def test_a_purchase_meanwhile_counts_against_the_first_hour_of_an_endpoint() -> None:
    """Two instances since midnight and the unit's first hour leave room for half of another."""
    made = both(max_usd_per_day=Decimal(24 * USD_EACH) + UNIT_USD + 1)
    interrupt(made.scalings, "write", made.purchase, after=False)

    made.scale_endpoint()

    assert (made.endpoints.states[OWN].instances, buys(made)) == (2, 1)


def test_a_purchase_gives_way_where_endpoints_cannot_be_read_again() -> None:
    made = both()
    interrupt(made.fleets, "begin_purchase", made.endpoints.states.clear, after=True)

    made.purchase()

    (intent,) = made.fleets.purchases("chat")
    assert (buys(made), intent.state) == (0, PurchaseState.REFUSED)
    assert "could not be read again" in intent.detail


STEPS = ("decide", "purchase", "scale", "turn", "purchase within scale", "scale within purchase")


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=16), spare=st.integers(1, 4))
def test_no_order_of_events_crosses_the_cap(steps: list[str], spare: int) -> None:
    """Room for a unit, or else for more instances than are to spare beside it."""
    cap = UNIT_USD + spare * USD_EACH
    core = Asking(ONE_UNIT, instances=4)
    made = scene(target_with(max_usd_per_hour=cap), core=core, running=1)
    made.stack = replace(WIDE, max_usd_per_hour=cap)
    made.decide()
    for step in steps:
        match step:
            case "decide":
                made.endpoints.settle()
                made.clock.advance(15 * MINUTE)
                made.decide()
            case "purchase":
                made.purchase()
            case "scale":
                made.scale_endpoint()
            case "turn":
                core.instances = 1 if core.instances == 4 else 4
            case "purchase within scale":
                interrupt(made.scalings, "write", made.purchase, after=False)
                made.scale_endpoint()
            case _:
                interrupt(made.fleets, "begin_purchase", made.scale_endpoint, after=False)
                made.purchase()
        assert paid(made) <= cap


def paid(made: Stage) -> Decimal:
    """USD an hour of what there is: units that were bought, instances that run."""
    units = sum(
        intent.model_units
        for intent in made.fleets.purchases("chat")
        if intent.state in HOLDING_STATES and intent.arn is not None
    )
    return units * UNIT_USD + made.endpoints.states[OWN].instances * USD_EACH


def test_the_cap_is_reached_by_both_together() -> None:
    """So that the property above is not true for want of growth."""
    cap = UNIT_USD + 3 * USD_EACH
    made = scene(target_with(max_usd_per_hour=cap), core=Asking(ONE_UNIT, instances=3))
    made.decide()
    made.purchase()
    made.scale_endpoint()

    assert paid(made) == cap


def test_what_is_reserved_without_an_answer_keeps_an_endpoint_small() -> None:
    made = both(max_usd_per_hour=Decimal(66))
    made.fleets.begin_purchase(
        build_purchase(decision_id="earlier"),
        fleet=made.fleets.record_of("chat"),
        unmanaged_units=0,
        max_units=10,
        max_usd_per_hour=Decimal(1_000),
    )

    made.scale_endpoint()

    assert made.endpoints.states[OWN].instances == 2


# -- what is told ------------------------------------------------------------------------------


def told(made: Stage) -> list[tuple[str, str]]:
    """The alarms of caps at one decision."""
    made.decide()
    return [each for each in made.reporter.alarm_names if "cap" in each[0]]


@pytest.mark.parametrize("span", ["day", "month"])
def test_what_instances_have_cost_is_told_near_a_cap(span: str) -> None:
    """Two of them since midnight, or since the first: 48 USD, or 1872."""
    paid_usd = 48 if span == "day" else 1872
    for cap, alarms in (
        (paid_usd * 2, []),
        (paid_usd + 1, [("spend_near_cap", "chat")]),
    ):
        caps: dict[str, Any] = {f"max_usd_per_{span}": Decimal(cap)}

        made = scene(target_with(**caps), core=Script())
        made.stack = WIDE

        assert told(made) == alarms


@pytest.mark.parametrize(("cap", "used"), [("max_usd_per_hour", 8), ("max_usd_per_day", 96)])
def test_the_instances_of_all_targets_are_told_near_a_cap_of_the_stack(cap: str, used: int) -> None:
    near = [("stack_near_cap", "chat"), ("stack_near_cap", "email")]
    for most, alarms in ((used * 2, []), (used + 1, near)):
        made = scene(target_with(), target_with("email"), core=Script())
        caps: dict[str, Any] = {cap: Decimal(most)}
        made.stack = replace(WIDE, **caps)

        assert told(made) == alarms


def test_an_endpoint_that_cannot_be_read_holds_up_no_decision_and_is_told() -> None:
    made = scene(target_with(max_usd_per_day=Decimal(1)), core=Script())
    made.endpoints.states.clear()

    assert told(made) == []
    assert ("unobserved", "") in made.reporter.alarm_names
    assert made.decisions.latest("chat", Loop.CAPACITY) is not None
