"""What every ledger guarantees of releases and of the breaker."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, ReleaseIntent, ReleaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, pt_arn
from tests.intents import reserve, withdraw
from tests.recorded import build_purchase, build_release


def test_a_release_begins_once_and_moves_by_version(fleets: Fleets) -> None:
    intent = build_release()
    deleting = replace(
        intent,
        state=ReleaseState.DELETING,
        withdrawn_version=4,
        withdrawn_at=NOW + MINUTE,
        version=2,
    )

    withdraw(fleets, intent)
    with pytest.raises(StaleDecisionError, match="exists already"):
        withdraw(fleets, intent)
    fleets.update_release(intent, deleting)
    with pytest.raises(StaleDecisionError):
        fleets.update_release(intent, replace(intent, state=ReleaseState.CANCELLED, version=2))

    assert fleets.releases("chat") == (deleting,)


@pytest.mark.parametrize("is_new", [False, True])
def test_a_release_decided_on_an_older_fleet_is_refused(fleets: Fleets, *, is_new: bool) -> None:
    """Of two that begin at once, each within the share of an hour, one moves the fleet."""
    if not is_new:
        reserve(fleets, build_purchase())
    seen = fleets.record_of("chat")
    first, second = build_release(), build_release(NOW + MINUTE, arn=pt_arn(2))

    withdraw(fleets, first, fleet=seen)
    with pytest.raises(StaleDecisionError, match="fleet of chat"):
        withdraw(fleets, second, fleet=seen)

    assert fleets.releases("chat") == (first,)
    assert fleets.record_of("chat") == replace(seen, version=seen.version + 1)


def test_a_purchase_decided_before_a_release_began_is_refused(fleets: Fleets) -> None:
    seen = fleets.record_of("chat")
    withdraw(fleets, build_release())

    with pytest.raises(StaleDecisionError, match="version"):
        reserve(fleets, build_purchase(), fleet=seen)

    assert fleets.purchases("chat") == ()


def test_of_several_runs_that_saw_the_same_fleet_one_wins(
    fleets: Fleets, request: pytest.FixtureRequest
) -> None:
    # moto's transactions are not atomic between threads, so that its runs come one by one.
    runs_at_once = 1 if request.node.callspec.params["fleets"] == "moto" else 8
    seen = fleets.record_of("chat")
    intents = [build_purchase(NOW + index * MINUTE, model_units=2) for index in range(8)]

    def attempt(intent: PurchaseIntent) -> bool:
        try:
            reserve(fleets, intent, fleet=seen, max_units=3)
        except StaleDecisionError:
            return False
        return True

    with ThreadPoolExecutor(max_workers=runs_at_once) as pool:
        outcomes = list(pool.map(attempt, intents))

    assert outcomes.count(True) == 1
    assert fleets.record_of("chat").reserved_units == 2
    assert len(fleets.purchases("chat")) == 1


def test_a_release_intent_keeps_every_member(fleets: Fleets) -> None:
    intent = ReleaseIntent(
        decision_id="chat-capacity-20261120T120000Z",
        target="chat",
        arn=pt_arn(3),
        model_units=2,
        state=ReleaseState.DELETED,
        recorded_at=NOW,
        withdrawn_version=9,
        withdrawn_at=NOW + MINUTE,
        ended_at=NOW + 30 * MINUTE,
        detail="deleted",
        version=5,
    )

    withdraw(fleets, intent)

    assert fleets.releases("chat") == (intent,)


@pytest.mark.parametrize("reserved", [0, 1])
def test_a_breaker_trips_at_the_version_seen_and_stays_until_it_is_reset(
    fleets: Fleets, reserved: int
) -> None:
    for _ in range(reserved):
        reserve(fleets, build_purchase(NOW))
    seen = fleets.record_of("chat")

    fleets.trip(seen, NOW, "a seventh purchase")

    tripped = fleets.record_of("chat")
    assert (tripped.tripped_at, tripped.tripped_by) == (NOW, "a seventh purchase")
    assert (tripped.reserved_units, tripped.version) == (reserved, seen.version + 1)
    with pytest.raises(StaleDecisionError):
        fleets.trip(seen, NOW, "again")
    with pytest.raises(StaleDecisionError):
        fleets.reset(seen)

    fleets.reset(tripped)

    closed = fleets.record_of("chat")
    assert (closed.tripped_at, closed.tripped_by) == (None, "")
    assert (closed.reserved_units, closed.version) == (reserved, seen.version + 2)


def test_a_purchase_prepared_before_the_breaker_tripped_is_refused(fleets: Fleets) -> None:
    seen = fleets.record_of("chat")
    fleets.trip(seen, NOW, "a seventh purchase")

    with pytest.raises(StaleDecisionError):
        reserve(fleets, build_purchase(NOW), fleet=seen)

    assert fleets.state_of("chat").record.tripped_at == NOW
    assert fleets.account().version == 0
