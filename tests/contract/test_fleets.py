"""What every ledger of purchases and reservations guarantees."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, pt_arn
from tests.intents import moved, reserve, withdraw
from tests.recorded import build_purchase, build_release


def test_a_new_fleet_has_nothing_reserved(fleets: Fleets) -> None:
    assert fleets.record_of("chat") == FleetRecord(
        target="chat", reserved_units=0, reserved_usd_per_hour=Decimal(0), version=0
    )
    assert fleets.purchases("chat") == ()
    assert fleets.releases("chat") == ()


def test_a_purchase_is_kept_as_it_was_and_reserved(fleets: Fleets) -> None:
    intent = build_purchase(model_units=2, usd_per_hour=Decimal("121.000001"))

    reserve(fleets, intent)

    assert fleets.purchases("chat") == (intent,)
    assert fleets.record_of("chat") == FleetRecord(
        target="chat",
        reserved_units=2,
        reserved_usd_per_hour=Decimal("121.000001"),
        version=1,
    )
    assert fleets.record_of("email").version == 0


def test_every_member_of_an_intent_survives(fleets: Fleets) -> None:
    intent = build_purchase()
    reserve(fleets, intent)
    after = replace(
        intent,
        state=PurchaseState.LOST,
        arn=pt_arn(1),
        billed_from=NOW + MINUTE,
        in_service_since=NOW + 16 * MINUTE,
        ended_at=NOW + 17 * MINUTE,
        detail="vanished while in service",
        version=2,
    )

    fleets.update_purchase(intent, after)

    assert fleets.purchases("chat") == (after,)


def test_the_same_purchase_begins_once(fleets: Fleets) -> None:
    intent = build_purchase()
    reserve(fleets, intent)

    with pytest.raises(StaleDecisionError, match="exists already"):
        reserve(fleets, intent)

    assert fleets.record_of("chat").reserved_units == 1


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_purchase_decided_on_an_older_fleet_is_refused(fleets: Fleets, earlier: int) -> None:
    for index in range(earlier):
        reserve(fleets, build_purchase(NOW - (index + 1) * MINUTE))
    seen = fleets.record_of("chat")
    reserve(fleets, build_purchase(NOW), fleet=seen)
    late = build_purchase(NOW + 15 * MINUTE)

    with pytest.raises(StaleDecisionError, match="version"):
        reserve(fleets, late, fleet=seen)

    assert late not in fleets.purchases("chat")
    assert fleets.record_of("chat").reserved_units == earlier + 1


def test_a_fleet_that_was_never_written_does_not_pass_for_a_newer_one(fleets: Fleets) -> None:
    imagined = FleetRecord(
        target="chat", reserved_units=0, reserved_usd_per_hour=Decimal(0), version=3
    )

    with pytest.raises(StaleDecisionError, match="version"):
        reserve(fleets, build_purchase(), fleet=imagined)

    assert fleets.purchases("chat") == ()


@pytest.mark.parametrize(
    ("first", "second", "unmanaged", "is_allowed"),
    [
        (None, 3, 0, True),  # 3 of 3
        (None, 4, 0, False),
        (None, 3, 1, False),  # someone else's unit counts
        (2, 1, 0, True),
        (2, 2, 0, False),
        (2, 1, 1, False),
    ],
)
def test_units_never_pass_their_cap(
    fleets: Fleets, first: int | None, second: int, unmanaged: int, *, is_allowed: bool
) -> None:
    if first is not None:
        reserve(fleets, build_purchase(NOW, model_units=first), max_units=3)
    intent = build_purchase(NOW + 15 * MINUTE, model_units=second)

    if is_allowed:
        reserve(fleets, intent, max_units=3, unmanaged_units=unmanaged)
    else:
        with pytest.raises(StaleDecisionError):
            reserve(fleets, intent, max_units=3, unmanaged_units=unmanaged)

    kept = fleets.purchases("chat")
    assert (intent in kept) is is_allowed
    assert fleets.record_of("chat").reserved_units == sum(each.model_units for each in kept)


@pytest.mark.parametrize(
    ("second", "is_allowed"), [(Decimal("0.100000"), True), (Decimal("0.100001"), False)]
)
def test_dollars_never_pass_their_cap_by_a_millionth(
    fleets: Fleets, second: Decimal, *, is_allowed: bool
) -> None:
    # In floats 0.1 + 0.2 is more than 0.3.
    cap = Decimal("0.3")
    reserve(fleets, build_purchase(NOW, usd_per_hour=Decimal("0.2")), max_usd_per_hour=cap)
    intent = build_purchase(NOW + 15 * MINUTE, usd_per_hour=second)

    if is_allowed:
        reserve(fleets, intent, max_usd_per_hour=cap)
    else:
        with pytest.raises(StaleDecisionError):
            reserve(fleets, intent, max_usd_per_hour=cap)

    assert len(fleets.purchases("chat")) == 1 + is_allowed


def test_a_lowered_cap_refuses_what_would_have_fitted(fleets: Fleets) -> None:
    reserve(fleets, build_purchase(NOW, model_units=5))

    with pytest.raises(StaleDecisionError):
        reserve(fleets, build_purchase(NOW + MINUTE), max_units=4)


@pytest.mark.parametrize(
    "state",
    [
        PurchaseState.REFUSED,
        PurchaseState.ABANDONED,
        PurchaseState.LOST,
        PurchaseState.RELEASED,
    ],
)
def test_a_reservation_is_freed_once_when_the_units_are_gone(
    fleets: Fleets, state: PurchaseState
) -> None:
    intent = build_purchase(NOW, model_units=2)
    reserve(fleets, build_purchase(NOW - MINUTE))
    reserve(fleets, intent)
    gone = moved(intent, state)

    fleets.update_purchase(intent, gone)
    with pytest.raises(StaleDecisionError):
        fleets.update_purchase(intent, gone)

    record = fleets.record_of("chat")
    assert record.reserved_units == 1
    assert record.reserved_usd_per_hour == Decimal("60.5")
    assert record.version == 3


@pytest.mark.parametrize(
    "state", [PurchaseState.BOUGHT, PurchaseState.IN_SERVICE, PurchaseState.FAILED]
)
def test_units_that_are_held_stay_reserved(fleets: Fleets, state: PurchaseState) -> None:
    intent = build_purchase()
    reserve(fleets, intent)
    before = fleets.record_of("chat")

    fleets.update_purchase(intent, moved(intent, state))

    assert fleets.record_of("chat") == before


def test_an_abandoned_purchase_that_turns_up_is_reserved_again(fleets: Fleets) -> None:
    intent = build_purchase(model_units=2)
    reserve(fleets, intent)
    abandoned = moved(intent, PurchaseState.ABANDONED)
    fleets.update_purchase(intent, abandoned)

    fleets.update_purchase(abandoned, moved(abandoned, PurchaseState.BOUGHT))

    assert fleets.record_of("chat").reserved_units == 2


def test_an_intent_that_moved_meanwhile_is_not_overwritten(fleets: Fleets) -> None:
    intent = build_purchase()
    reserve(fleets, intent)
    bought = moved(intent, PurchaseState.BOUGHT)
    fleets.update_purchase(intent, bought)

    with pytest.raises(StaleDecisionError):
        fleets.update_purchase(intent, moved(intent, PurchaseState.REFUSED))

    assert fleets.purchases("chat") == (bought,)
    assert fleets.record_of("chat").reserved_units == 1


def test_an_intent_that_does_not_exist_is_not_created_by_an_update(fleets: Fleets) -> None:
    intent = build_purchase()

    with pytest.raises(StaleDecisionError):
        fleets.update_purchase(intent, moved(intent, PurchaseState.REFUSED))

    assert fleets.purchases("chat") == ()
    assert fleets.record_of("chat").version == 0


def test_an_update_names_the_same_intent_and_the_next_version(fleets: Fleets) -> None:
    intent, other = build_purchase(), build_purchase(NOW + MINUTE)
    release = build_release()
    reserve(fleets, intent)

    with pytest.raises(ValueError, match="cannot replace"):
        fleets.update_purchase(intent, moved(other, PurchaseState.BOUGHT))
    with pytest.raises(ValueError, match="cannot follow"):
        fleets.update_purchase(intent, replace(intent, state=PurchaseState.BOUGHT))
    with pytest.raises(ValueError, match="cannot follow"):
        fleets.update_release(release, replace(release, version=7))


def test_intents_come_oldest_first_and_by_target(fleets: Fleets) -> None:
    for minutes in (2, 0, 1):
        reserve(fleets, build_purchase(NOW + minutes * MINUTE))
        withdraw(fleets, build_release(NOW + minutes * MINUTE))
    reserve(fleets, build_purchase(target="chat-2"))
    withdraw(fleets, build_release(target="chat-2"))

    expected = [NOW, NOW + MINUTE, NOW + 2 * MINUTE]
    assert [intent.recorded_at for intent in fleets.purchases("chat")] == expected
    assert [intent.recorded_at for intent in fleets.releases("chat")] == expected


def test_record_and_intents_come_at_once(fleets: Fleets) -> None:
    older, newer = build_purchase(), build_purchase(NOW + MINUTE)
    reserve(fleets, newer)
    reserve(fleets, older)
    reserve(fleets, build_purchase(target="chat-2"))
    withdraw(fleets, build_release())

    state = fleets.state_of("chat")

    assert state.record == fleets.record_of("chat")
    assert state.purchases == fleets.purchases("chat") == (older, newer)
    assert state.releases == fleets.releases("chat") == (build_release(),)


def test_a_new_fleet_has_an_empty_state(fleets: Fleets) -> None:
    state = fleets.state_of("chat")

    assert state.record == fleets.record_of("chat")
    assert (state.purchases, state.releases) == ((), ())
