"""A person re-links a throughput that the ledger lost."""

from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_provisioned, build_target, pt_arn
from tests.intents import build_held
from tests.staging import Script, Stage
from tests.unit.application.adoptions import adopt, adoption, lost


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
