"""What every store of consents guarantees: one intent uses one up, in its own transaction."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    StaleDecisionError,
)
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.fleet.lifecycle import stepped
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_consent
from tests.contract.conftest import BACKENDS, CONSENTS, LEDGER
from tests.fakes.memory_ledger import MemoryFleets
from tests.intents import reserve
from tests.recorded import build_purchase

GIVEN = build_consent(max_usd_per_hour=Decimal("55.5"))


@pytest.fixture(params=BACKENDS)
def fleets(request: pytest.FixtureRequest) -> Fleets:
    """A ledger beside a table in which a person has put one consent."""
    if request.param == "memory":
        memory = MemoryFleets()
        memory.consents[GIVEN.id] = GIVEN
        return memory
    client = request.getfixturevalue("dynamodb")
    client.put_item(TableName=CONSENTS, Item=by_hand(GIVEN))
    return DynamoFleets(client, LEDGER, CONSENTS)


def by_hand(consent: RecordedConsent) -> dict[str, Any]:
    return {
        "pk": {"S": consent.id},
        "target": {"S": consent.target},
        "model_id": {"S": consent.model_id},
        "units": {"N": str(consent.units)},
        "term": {"S": consent.term.value},
        "max_usd_per_hour": {"N": str(consent.max_usd_per_hour)},
        "given_by": {"S": consent.given_by},
        "valid_until": {"S": consent.valid_until.isoformat()},
    }


def committed(quarter: int = 0) -> PurchaseIntent:
    return build_purchase(
        NOW + 15 * quarter * MINUTE, commitment=Commitment.ONE_MONTH, consent_id=GIVEN.id
    )


def test_where_a_decision_names_no_consent_there_is_none(fleets: Fleets) -> None:
    """The actor says why it holds; a key that is empty would be an error of the table."""
    assert fleets.consent("") is None


def test_a_consent_is_read_as_it_was_given(fleets: Fleets) -> None:
    assert fleets.consent("c-1") == GIVEN
    assert fleets.consent("c-2") is None


def test_a_consent_is_used_up_with_the_intent(fleets: Fleets) -> None:
    intent = committed()

    reserve(fleets, intent)

    assert fleets.consent("c-1") == replace(GIVEN, used_by=intent.decision_id, used_at=NOW)
    assert fleets.purchases("chat") == (intent,)


def test_a_used_consent_takes_the_intent_and_its_reservation_with_it(fleets: Fleets) -> None:
    reserve(fleets, committed())

    with pytest.raises(StaleDecisionError, match="consent c-1"):
        reserve(fleets, committed(1))

    assert len(fleets.purchases("chat")) == 1
    assert fleets.record_of("chat").reserved_units == 1


def test_a_consent_that_nobody_gave_buys_nothing(fleets: Fleets) -> None:
    with pytest.raises(StaleDecisionError, match="consent c-2"):
        reserve(fleets, replace(committed(), consent_id="c-2"))

    assert fleets.purchases("chat") == ()


def test_of_several_targets_that_name_one_consent_one_wins(
    fleets: Fleets, request: pytest.FixtureRequest
) -> None:
    # moto's transactions are not atomic between threads, so that its runs come one by one.
    runs_at_once = 1 if request.node.callspec.params["fleets"] == "moto" else 8

    def run(number: int) -> bool:
        intent = build_purchase(
            NOW,
            target=f"target-{number}",
            commitment=Commitment.ONE_MONTH,
            consent_id=GIVEN.id,
        )
        try:
            reserve(fleets, intent)
        except StaleDecisionError:
            return False
        return True

    with ThreadPoolExecutor(runs_at_once) as pool:
        won = list(pool.map(run, range(8)))

    assert won.count(True) == 1


@pytest.mark.parametrize(
    ("state", "is_back"),
    [
        (PurchaseState.REFUSED, True),
        (PurchaseState.ABANDONED, False),
        (PurchaseState.BOUGHT, False),
    ],
)
def test_a_consent_comes_back_only_with_a_proven_refusal(
    fleets: Fleets, state: PurchaseState, *, is_back: bool
) -> None:
    intent = committed()
    reserve(fleets, intent)

    fleets.update_purchase(intent, stepped(intent, state))

    found = fleets.consent("c-1")
    assert found is not None
    assert (found.used_by is None) == is_back


def rewrite(fleets: Fleets, used_by: str | None) -> None:
    """Put the consent back as it was before its use, or as used by somebody else."""
    if isinstance(fleets, MemoryFleets):
        fleets.consents[GIVEN.id] = replace(GIVEN, used_by=used_by)
        return
    assert isinstance(fleets, DynamoFleets)
    assert fleets._consents is not None
    used = {"used_by": {"S": used_by}} if used_by else {}
    fleets._consents._client.put_item(TableName=CONSENTS, Item=by_hand(GIVEN) | used)


def test_a_refusal_is_recorded_though_the_table_of_consents_was_restored_meanwhile(
    fleets: Fleets,
) -> None:
    intent = committed()
    reserve(fleets, intent)
    rewrite(fleets, used_by=None)
    refused = stepped(intent, PurchaseState.REFUSED)

    fleets.update_purchase(intent, refused)

    assert fleets.purchases("chat") == (refused,)
    assert fleets.consent("c-1") == GIVEN


def test_a_consent_that_another_purchase_used_is_not_given_back(fleets: Fleets) -> None:
    intent = committed()
    reserve(fleets, intent)
    rewrite(fleets, used_by="another")

    with pytest.raises(StaleDecisionError):
        fleets.update_purchase(intent, stepped(intent, PurchaseState.REFUSED))

    found = fleets.consent("c-1")
    assert found is not None
    assert found.used_by == "another"
    assert fleets.purchases("chat") == (intent,)


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Callable[[str | None], DynamoFleets]:
    """Ledgers over one DynamoDB, with or without a table of consents."""
    client = request.getfixturevalue("dynamodb")
    client.put_item(TableName=CONSENTS, Item={"pk": {"S": "c-1"}, "units": {"N": "1"}})
    return lambda consents: DynamoFleets(client, LEDGER, consents)


def test_a_consent_with_a_missing_member_is_an_error_of_the_read(
    stack: Callable[[str | None], DynamoFleets],
) -> None:
    with pytest.raises(ObservationError, match="consent c-1"):
        stack(CONSENTS).consent("c-1")


def test_without_a_table_of_consents_nothing_can_be_committed(
    stack: Callable[[str | None], DynamoFleets],
) -> None:
    fleets = stack(None)

    assert fleets.consent("c-1") is None
    with pytest.raises(ConfigurationError, match="consents"):
        reserve(fleets, committed())
