"""What every ledger guarantees about the sums over all targets, which the stack's caps bound."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.domain.fleet.intent import AccountRecord, PurchaseState
from tests.builders import NOW
from tests.intents import moved, reserve, room
from tests.recorded import build_purchase


def test_the_sums_over_all_targets_start_at_nothing_and_follow_every_reservation(
    fleets: Fleets,
) -> None:
    assert fleets.account() == AccountRecord(
        reserved_units=0, reserved_usd_per_hour=Decimal(0), targets=(), version=0
    )
    first = build_purchase(NOW, model_units=2, usd_per_hour=Decimal("121.0"))
    other = build_purchase(NOW, target="email", usd_per_hour=Decimal("60.5"))
    reserve(fleets, first, stack=room(fleets))
    reserve(fleets, other, stack=room(fleets))

    fleets.update_purchase(first, moved(first, PurchaseState.REFUSED))

    assert fleets.account() == AccountRecord(
        reserved_units=1,
        reserved_usd_per_hour=Decimal("60.5"),
        targets=("chat", "email"),
        version=3,
    )


def test_purchases_of_two_targets_never_pass_the_cap_of_the_stack_together(fleets: Fleets) -> None:
    seen = room(fleets, units=3)
    reserve(fleets, build_purchase(NOW, model_units=2), stack=seen)
    other = build_purchase(NOW, target="email", model_units=2)

    with pytest.raises(StaleDecisionError):
        reserve(fleets, other, stack=seen)
    with pytest.raises(StaleDecisionError):
        reserve(fleets, other, stack=room(fleets, units=3))

    assert fleets.account().reserved_units == 2
    assert fleets.purchases("email") == ()


def test_dollars_of_the_stack_never_pass_their_cap_by_a_millionth(fleets: Fleets) -> None:
    reserve(fleets, build_purchase(NOW, usd_per_hour=Decimal("60.5")), stack=room(fleets))
    other = build_purchase(NOW, target="email", usd_per_hour=Decimal("60.5"))

    with pytest.raises(StaleDecisionError):
        reserve(fleets, other, stack=room(fleets, dollars=Decimal("120.999999")))
    reserve(fleets, other, stack=room(fleets, dollars=Decimal("121.0")))

    assert fleets.account().reserved_usd_per_hour == Decimal("121.0")


def test_of_several_targets_that_saw_the_same_sums_one_wins(
    fleets: Fleets, request: pytest.FixtureRequest
) -> None:
    runs_at_once = 1 if request.node.callspec.params["fleets"] == "moto" else 8
    seen = room(fleets)

    def run(target: str) -> bool:
        try:
            reserve(fleets, build_purchase(NOW, target=target), stack=seen)
        except StaleDecisionError:
            return False
        return True

    with ThreadPoolExecutor(runs_at_once) as pool:
        won = list(pool.map(run, [f"target-{number}" for number in range(8)]))

    assert won.count(True) == 1
    assert fleets.account().reserved_units == 1


def test_what_turns_up_is_not_reserved_again_where_the_sums_moved_since_they_were_seen(
    fleets: Fleets,
) -> None:
    intent = build_purchase(model_units=2)
    reserve(fleets, intent)
    lost = moved(intent, PurchaseState.LOST)
    fleets.update_purchase(intent, lost)
    seen = room(fleets)
    reserve(fleets, build_purchase(target="email"))

    with pytest.raises(StaleDecisionError, match="sums over all targets"):
        fleets.update_purchase(lost, moved(lost, PurchaseState.BOUGHT), stack=seen)
    assert fleets.purchases("chat") == (lost,)
    fleets.update_purchase(lost, moved(lost, PurchaseState.BOUGHT), stack=room(fleets))

    assert fleets.account().reserved_units == 3
