"""The ledger of intents on DynamoDB: one transaction, lost answers, schemas, account sums."""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.application.errors import (
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import NO_ANSWER, FaultyClient, refusal
from tests.intents import reserve, withdraw
from tests.recorded import build_purchase, build_release

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def fleets(faulty_dynamodb: FaultyClient) -> DynamoFleets:
    return DynamoFleets(cast("DynamoDBClient", faulty_dynamodb), LEDGER)


def item(client: "DynamoDBClient", pk: str, sk: str) -> dict[str, Any]:
    return client.get_item(TableName=LEDGER, Key={"pk": {"S": pk}, "sk": {"S": sk}})["Item"]


def spoil(client: "DynamoDBClient", pk: str, sk: str, **attributes: dict[str, str]) -> None:
    """Overwrite attributes of an item behind the ledger's back."""
    client.put_item(TableName=LEDGER, Item=item(client, pk, sk) | attributes)


def test_a_purchase_begins_with_one_transaction_and_nothing_else(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient
) -> None:
    fleet = fleets.record_of("chat")
    faulty_dynamodb.calls.clear()

    reserve(fleets, build_purchase(), fleet=fleet)

    assert faulty_dynamodb.calls == ["transact_write_items"]


def test_the_caps_are_conditions_of_the_transaction(
    fleets: DynamoFleets, dynamodb: "DynamoDBClient"
) -> None:
    """A record whose sums rose without its version is still not reserved beyond the caps."""
    reserve(fleets, build_purchase(NOW))
    seen = fleets.record_of("chat")
    spoil(dynamodb, "TARGET#chat", "FLEET", reserved_units={"N": "10"})

    with pytest.raises(StaleDecisionError):
        reserve(fleets, build_purchase(NOW + MINUTE), fleet=seen)

    assert len(fleets.purchases("chat")) == 1


def test_the_account_adds_up_all_targets(fleets: DynamoFleets, dynamodb: "DynamoDBClient") -> None:
    chat = build_purchase(model_units=2, usd_per_hour=Decimal("0.1"))
    reserve(fleets, chat)
    reserve(fleets, build_purchase(target="email", usd_per_hour=Decimal("0.2")))

    assert item(dynamodb, "ACCOUNT", "RESERVED")["reserved_units"] == {"N": "3"}
    assert item(dynamodb, "ACCOUNT", "RESERVED")["reserved_usd_per_hour"] == {"N": "0.3"}

    fleets.update_purchase(chat, replace(chat, state=PurchaseState.REFUSED, version=2))
    assert item(dynamodb, "ACCOUNT", "RESERVED")["reserved_units"] == {"N": "1"}
    assert item(dynamodb, "ACCOUNT", "RESERVED")["reserved_usd_per_hour"] == {"N": "0.2"}


def test_an_intent_can_be_read_in_the_console(
    fleets: DynamoFleets, dynamodb: "DynamoDBClient"
) -> None:
    intent = build_purchase(usd_per_hour=Decimal("60.500001"))
    reserve(fleets, intent)

    shown = item(dynamodb, "TARGET#chat", f"PURCHASE#{intent.decision_id}")

    assert shown["state"] == {"S": "recorded"}
    assert shown["usd_per_hour"] == {"N": "60.500001"}
    assert shown["model_units"] == {"N": "1"}
    assert shown["recorded_at"] == {"S": "2026-11-20T12:00:00Z"}
    assert shown["schema"] == {"N": "1"}


def test_a_lost_answer_is_settled_by_reading_back(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient
) -> None:
    intent, release = build_purchase(), build_release()
    bought = replace(intent, state=PurchaseState.BOUGHT, version=2)
    faulty_dynamodb.fail_next(NO_ANSWER, method="transact_write_items", after_effect=True, times=3)

    reserve(fleets, intent)
    fleets.update_purchase(intent, bought)
    withdraw(fleets, release)

    assert fleets.purchases("chat") == (bought,)
    assert fleets.releases("chat") == (release,)
    assert fleets.record_of("chat").reserved_units == 1


@pytest.mark.parametrize(
    "error",
    [
        NO_ANSWER,
        refusal("InternalServerError"),
        refusal("ThrottlingException"),
        refusal("TransactionInProgressException"),
    ],
)
def test_a_write_that_does_not_show_has_an_unknown_outcome(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient, error: Exception
) -> None:
    faulty_dynamodb.fail_next(error, method="transact_write_items")

    with pytest.raises(UnknownOutcomeError) as caught:
        reserve(fleets, build_purchase())

    assert "secret" not in str(caught.value)
    assert fleets.purchases("chat") == ()


def test_an_update_that_does_not_show_has_an_unknown_outcome(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient
) -> None:
    intent = build_purchase()
    reserve(fleets, intent)
    faulty_dynamodb.fail_next(NO_ANSWER, method="transact_write_items")

    with pytest.raises(UnknownOutcomeError):
        fleets.update_purchase(intent, replace(intent, state=PurchaseState.BOUGHT, version=2))

    assert fleets.purchases("chat") == (intent,)


def test_a_write_that_cannot_be_read_back_has_an_unknown_outcome(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient
) -> None:
    fleet = fleets.record_of("chat")
    faulty_dynamodb.fail_next(NO_ANSWER, method="transact_write_items", after_effect=True)
    faulty_dynamodb.fail_next(NO_ANSWER, method="get_item")

    with pytest.raises(UnknownOutcomeError):
        reserve(fleets, build_purchase(), fleet=fleet)


MET_ANOTHER = ClientError(
    {
        "Error": {"Code": "TransactionCanceledException", "Message": "x"},
        "CancellationReasons": [
            {"Code": "None"},
            {"Code": "TransactionConflict"},
            {"Code": "None"},
        ],
    },
    "TransactWriteItems",
)


def test_another_run_at_the_same_item_is_stale(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(MET_ANOTHER, method="transact_write_items", times=3)

    with pytest.raises(StaleDecisionError, match="another transaction"):
        reserve(fleets, build_purchase())


def test_a_refusal_is_recorded_though_another_target_is_at_the_sums_just_then(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient
) -> None:
    """Else it would count as a purchase without an answer, until the grace has passed."""
    intent = build_purchase()
    reserve(fleets, intent)
    faulty_dynamodb.fail_next(MET_ANOTHER, method="transact_write_items", times=2)

    fleets.update_purchase(intent, replace(intent, state=PurchaseState.REFUSED, version=2))

    (kept,) = fleets.purchases("chat")
    assert kept.state is PurchaseState.REFUSED
    assert fleets.record_of("chat").reserved_units == 0
    assert fleets.account().reserved_units == 0


def test_a_transaction_that_was_throttled_in_part_is_read_back(
    fleets: DynamoFleets, faulty_dynamodb: FaultyClient
) -> None:
    cancelled = ClientError(
        {
            "Error": {"Code": "TransactionCanceledException", "Message": "x"},
            "CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError"}],
        },
        "TransactWriteItems",
    )
    faulty_dynamodb.fail_next(cancelled, method="transact_write_items")

    with pytest.raises(UnknownOutcomeError):
        reserve(fleets, build_purchase())


@pytest.mark.parametrize(
    ("error", "caught"),
    [
        (NO_ANSWER, ObservationError),
        (refusal("ProvisionedThroughputExceededException"), ObservationError),
        (refusal("ResourceNotFoundException"), ObservationError),
        (refusal("ReplicatedWriteConflictException"), ObservationError),
        (refusal("SomethingNewException"), ObservationError),
        (refusal("ValidationException"), ClientError),
    ],
)
def test_a_read_that_fails_is_told_by_its_code(
    fleets: DynamoFleets,
    faulty_dynamodb: FaultyClient,
    error: Exception,
    caught: type[Exception],
) -> None:
    faulty_dynamodb.fail_next(error, method="get_item")
    faulty_dynamodb.fail_next(error, method="query")

    with pytest.raises(caught):
        fleets.record_of("chat")
    with pytest.raises(caught):
        fleets.purchases("chat")


@pytest.mark.parametrize("sk", ["FLEET", f"PURCHASE#{build_purchase().decision_id}"])
def test_a_newer_record_holds_the_target_and_is_not_rewritten(
    fleets: DynamoFleets, dynamodb: "DynamoDBClient", sk: str
) -> None:
    intent = build_purchase()
    reserve(fleets, intent)
    spoil(dynamodb, "TARGET#chat", sk, schema={"N": "2"})
    before = item(dynamodb, "TARGET#chat", sk)

    read = fleets.record_of if sk == "FLEET" else fleets.purchases

    with pytest.raises(ObservationError, match="schema"):
        read("chat")
    with pytest.raises(StaleDecisionError):
        fleets.update_purchase(intent, replace(intent, state=PurchaseState.LOST, version=2))

    assert item(dynamodb, "TARGET#chat", sk) == before


def test_a_newer_release_holds_the_target_and_is_not_rewritten(
    fleets: DynamoFleets, dynamodb: "DynamoDBClient"
) -> None:
    intent = build_release()
    withdraw(fleets, intent)
    sk = f"RELEASE#{intent.decision_id}"
    spoil(dynamodb, "TARGET#chat", sk, schema={"N": "2"})
    before = item(dynamodb, "TARGET#chat", sk)

    with pytest.raises(ObservationError, match="schema"):
        fleets.releases("chat")
    with pytest.raises(StaleDecisionError):
        fleets.update_release(intent, replace(intent, state=ReleaseState.CANCELLED, version=2))

    assert item(dynamodb, "TARGET#chat", sk) == before


def test_a_damaged_intent_is_told_with_its_member(
    fleets: DynamoFleets, dynamodb: "DynamoDBClient"
) -> None:
    intent = build_purchase()
    reserve(fleets, intent)
    spoil(dynamodb, "TARGET#chat", f"PURCHASE#{intent.decision_id}", model_units={"S": "many"})

    with pytest.raises(ObservationError, match="model_units"):
        fleets.purchases("chat")


def test_intents_are_read_to_the_last_page(fleets: DynamoFleets) -> None:
    # 1.3 MB; DynamoDB gives 1 MB at a time.
    for index in range(26):
        withdraw(fleets, build_release(NOW + index * MINUTE, detail="x" * 50_000))

    assert len(fleets.releases("chat")) == 26


def test_every_read_is_consistent(fleets: DynamoFleets, faulty_dynamodb: FaultyClient) -> None:
    fleets.record_of("chat")
    fleets.purchases("chat")
    fleets.releases("chat")

    assert [sent["ConsistentRead"] for sent in faulty_dynamodb.sent] == [True, True, True]
