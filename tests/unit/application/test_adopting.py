"""A person re-links a throughput that the ledger lost."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import ConfigurationError, StaleDecisionError
from bedrock_autoscaler.application.purchasing.adopting import Adoption
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.fleet.lifecycle import stepped
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, build_provisioned, build_target, pt_arn
from tests.intents import build_held, build_purchase, reserve
from tests.staging import Script, Stage
from tests.unit.application.scenes import interrupt


def lost(**changes: Any) -> Stage:
    """A throughput of two units with our tags, of which the ledger knows nothing."""
    scene = Stage(core=Script())
    scene.capacity.add(
        name="chat-capacity-20261120T120000Z-abcd",
        model_id=PT_MODEL,
        model_units=2,
        deployment="test",
        target="chat",
        decision_id="chat-capacity-20261120T120000Z",
    )
    if changes:
        scene.capacity.change(pt_arn(1), **changes)
    scene.clock.advance(20 * MINUTE)
    return scene


def adoption(scene: Stage) -> Adoption:
    return Adoption(fleets=scene.fleets, releasing=scene.capacity, deployment="test", now=scene.now)


def adopt(scene: Stage) -> PurchaseIntent:
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), scene.targets[0], "jane")
    adopting.record(planned)
    return planned


def test_an_adopted_throughput_has_a_purchase_and_its_reservation() -> None:
    scene = lost()

    planned = adopt(scene)

    assert scene.fleets.purchases("chat") == (planned,)
    assert planned.decision_id == "chat-capacity-20261120T120000Z"
    assert (planned.arn, planned.model_units, planned.billed_from) == (pt_arn(1), 2, NOW)
    assert planned.usd_per_hour == Decimal(121)
    assert (planned.detail, planned.adopted_by) == ("adopted by jane", "jane")
    record = scene.fleets.record_of("chat")
    assert (record.reserved_units, record.reserved_usd_per_hour) == (2, Decimal(121))
    assert scene.fleets.account().targets == ("chat",)


def test_from_then_on_it_is_one_of_ours() -> None:
    scene = lost()
    adopt(scene)

    scene.run(15)

    (intent,) = scene.fleets.purchases("chat")
    assert intent.state is PurchaseState.IN_SERVICE
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == pt_arn(1)
    assert isinstance(scene.core, Script)
    assert scene.core.situations[-1].fleet.strays == ()


def test_other_purchases_of_the_target_do_not_matter() -> None:
    scene = lost()
    other = build_held(2, decision_id="another")
    scene.fleets.put(other)

    planned = adopt(scene)

    assert set(scene.fleets.purchases("chat")) == {other, planned}


def test_a_plan_writes_nothing() -> None:
    scene = lost()

    adoption(scene).plan(pt_arn(1), scene.targets[0], "jane")

    assert scene.fleets.purchases("chat") == ()
    assert scene.fleets.account().version == 0


def test_without_a_decision_in_its_tags_it_gets_an_id_of_its_own() -> None:
    planned = adopt(lost(decision_id=None))

    assert planned.decision_id == "chat-adopted-20261120T120000Z"


def test_without_a_decision_in_its_tags_it_comes_into_service_all_the_same() -> None:
    scene = lost(decision_id=None)
    adopt(scene)
    scene.clock.advance(30 * MINUTE)

    scene.run(15)

    (intent,) = scene.fleets.purchases("chat")
    assert intent.state is PurchaseState.IN_SERVICE


@pytest.mark.parametrize("state", [PurchaseState.LOST, PurchaseState.ABANDONED])
def test_a_purchase_that_was_given_up_is_taken_up_again(state: PurchaseState) -> None:
    scene = lost()
    given_up = build_held(
        decision_id="chat-capacity-20261120T120000Z",
        model_units=2,
        state=state,
        arn=None,
        ended_at=scene.now,
    )
    scene.fleets.put(given_up)

    planned = adopt(scene)

    assert scene.fleets.purchases("chat") == (planned,)
    assert (planned.state, planned.version) == (PurchaseState.BOUGHT, given_up.version + 1)
    assert scene.fleets.record_of("chat").reserved_units == given_up.model_units


@pytest.mark.parametrize("bought", [{"model_units": 1}, {"model_units": 2, "arn": pt_arn(7)}])
def test_a_copied_tag_does_not_make_it_what_was_bought_then(bought: dict[str, Any]) -> None:
    """Its units would be counted as those of the purchase that was given up."""
    scene = lost()
    given_up = build_held(
        decision_id="chat-capacity-20261120T120000Z",
        state=PurchaseState.LOST,
        ended_at=scene.now,
        **({"arn": None} | bought),
    )
    scene.fleets.put(given_up)

    with pytest.raises(ConfigurationError, match="take that tag away"):
        adopt(scene)

    assert scene.fleets.purchases("chat") == (given_up,)


def test_what_another_target_holds_is_not_adopted() -> None:
    scene = lost()
    adopt(scene)
    scene.capacity.change(pt_arn(1), target="email")
    email = build_target(name="email", model_ids=("other",))

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adoption(scene).plan(pt_arn(1), email, "jane")


def test_what_another_target_took_back_meanwhile_is_not_adopted() -> None:
    """A person may think for minutes over what was planned."""
    scene = lost(target="email", decision_id=None)
    held = build_held(1, decision_id="d", model_units=2, state=PurchaseState.LOST)
    scene.fleets.put(held)
    adopting = adoption(scene)
    email = build_target(name="email", model_ids=("other",))
    planned = adopting.plan(pt_arn(1), email, "jane")
    scene.fleets.update_purchase(held, stepped(held, PurchaseState.BOUGHT, ended_at=None))

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adopting.record(planned)

    assert scene.fleets.purchases("email") == ()


def test_what_an_open_purchase_of_another_target_brought_is_not_adopted() -> None:
    """Its answer was lost: the target that bought it will find it by its decision's tag."""
    scene = lost(target="email")
    bought = build_purchase(decision_id="chat-capacity-20261120T120000Z", model_units=2)
    scene.fleets.put(bought)
    email = build_target(name="email", model_ids=("other",))

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adoption(scene).plan(pt_arn(1), email, "jane")


def test_what_another_person_adopted_under_its_decision_meanwhile_is_not_adopted_again() -> None:
    scene = lost(decision_id=None)
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), scene.targets[0], "jane")
    held = build_held(1, decision_id="d", model_units=2, state=PurchaseState.BOUGHT)
    scene.fleets.put(held)

    with pytest.raises(ConfigurationError, match="chat holds arn:"):
        adopting.record(planned)

    assert scene.fleets.purchases("chat") == (held,)


def test_of_two_purchases_the_one_that_had_it_is_taken_up_again() -> None:
    """Its decision's tag was taken away once, and it was adopted under an id of its own."""
    scene = lost()
    abandoned, had = (
        build_held(decision_id=name, model_units=2, state=state, arn=arn, ended_at=scene.now)
        for name, state, arn in (
            ("chat-capacity-20261120T120000Z", PurchaseState.ABANDONED, None),
            ("chat-own", PurchaseState.LOST, pt_arn(1)),
        )
    )
    for intent in (abandoned, had):
        scene.fleets.put(intent)

    planned = adopt(scene)

    assert planned.decision_id == "chat-own"
    assert abandoned in scene.fleets.purchases("chat")


def test_of_two_persons_who_adopt_it_for_two_targets_at_once_one_does() -> None:
    """Neither saw the other's purchase when it looked."""
    scene = lost(target="email", decision_id=None)
    adopting = adoption(scene)
    email = build_target(name="email", model_ids=("other",))
    planned = adopting.plan(pt_arn(1), email, "jane")
    held = build_purchase(arn=pt_arn(1), state=PurchaseState.BOUGHT)
    interrupt(scene.fleets, "record_of", lambda: reserve(scene.fleets, held), after=False)

    with pytest.raises(StaleDecisionError):
        adopting.record(planned)

    assert scene.fleets.purchases("email") == ()


def test_of_two_persons_one_does_also_where_its_target_lost_it_once() -> None:
    scene = lost(target="email", decision_id=None)
    had = build_held(
        1, target="email", decision_id="d", model_units=2, state=PurchaseState.LOST, ended_at=NOW
    )
    scene.fleets.put(had)
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), build_target(name="email", model_ids=("other",)), "jane")
    held = build_purchase(arn=pt_arn(1), state=PurchaseState.BOUGHT)
    interrupt(scene.fleets, "update_purchase", lambda: reserve(scene.fleets, held), after=False)

    with pytest.raises(StaleDecisionError, match="sums over all targets"):
        adopting.record(planned)

    assert scene.fleets.purchases("email") == (had,)


def test_two_that_were_made_in_one_second_are_both_adopted() -> None:
    scene = lost(decision_id=None)
    known = scene.capacity.throughputs[pt_arn(1)]
    scene.capacity.throughputs[pt_arn(2)] = replace(known, arn=pt_arn(2), name="second")
    adopt(scene)
    adopting = adoption(scene)

    adopting.record(adopting.plan(pt_arn(2), scene.targets[0], "jane"))

    assert {intent.arn for intent in scene.fleets.purchases("chat")} == {pt_arn(1), pt_arn(2)}
    assert scene.fleets.record_of("chat").reserved_units == 4


@pytest.mark.parametrize(
    ("state", "arn"),
    [
        (PurchaseState.IN_SERVICE, pt_arn(7)),
        (PurchaseState.RELEASED, pt_arn(7)),
        (PurchaseState.REFUSED, None),
    ],
)
def test_a_tag_copied_from_another_purchase_is_told_with_its_remedy(
    state: PurchaseState, arn: str | None
) -> None:
    """It is billed: that there is nothing to adopt would be wrong."""
    scene = lost()
    name = "chat-capacity-20261120T120000Z"
    scene.fleets.put(build_held(decision_id=name, model_units=2, state=state, arn=arn))

    with pytest.raises(ConfigurationError, match="take that tag away"):
        adopt(scene)


@pytest.mark.parametrize(
    "state", [PurchaseState.IN_SERVICE, PurchaseState.RELEASED, PurchaseState.REFUSED]
)
def test_what_the_ledger_knows_otherwise_is_not_adopted(state: PurchaseState) -> None:
    scene = lost()
    scene.fleets.put(build_held(1, decision_id="d", state=state))

    with pytest.raises(ConfigurationError, match=f"as {state.value}, bought by d"):
        adopt(scene)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"deployment": "another"}, "carries the tags of 'another' and 'chat'"),
        ({"deployment": None}, "tag it with 'test' and 'chat' first"),
        ({"target": "email"}, "'email'"),
        ({"model_arn": "arn:aws:bedrock:us-east-1::foundation-model/other"}, "is of arn:"),
        ({"commitment": Commitment.SIX_MONTHS}, "under six_months is not known"),
    ],
)
def test_what_is_not_the_targets_is_not_adopted(changes: dict[str, Any], told: str) -> None:
    scene = lost(**changes)

    with pytest.raises(ConfigurationError, match=told):
        adopt(scene)

    assert scene.fleets.purchases("chat") == ()


def test_a_committed_throughput_is_adopted_at_its_own_price() -> None:
    assert adopt(lost(commitment=Commitment.ONE_MONTH)).usd_per_hour == Decimal(110)


@pytest.mark.parametrize("provisioned", [None, build_provisioned(price=None)])
def test_a_target_that_buys_nothing_or_at_an_unknown_price_adopts_nothing(provisioned: Any) -> None:
    scene = lost()
    scene.targets = (build_target(provisioned=provisioned),)

    with pytest.raises(ConfigurationError):
        adopt(scene)


def test_what_does_not_exist_is_not_adopted() -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        adopt(Stage())


def test_two_persons_at_once_adopt_once() -> None:
    scene = lost()
    adopting = adoption(scene)
    planned = adopting.plan(pt_arn(1), scene.targets[0], "jane")
    adopting.record(planned)

    with pytest.raises(StaleDecisionError, match="plan again"):
        adopting.record(replace(planned, detail="adopted by joe"))

    assert scene.fleets.record_of("chat").reserved_units == 2
