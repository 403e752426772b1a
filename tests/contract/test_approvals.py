"""What every store of requests and answers guarantees."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bedrock_autoscaler.adapters.storage.approvals import DynamoApprovals
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.application.errors import ObservationError, StaleDecisionError
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.application.ports.persons import Answers, Approvals
from bedrock_autoscaler.domain.consents.consent import REJECTED, Request
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, build_consent
from tests.contract.conftest import BACKENDS, CONSENTS, LEDGER
from tests.fakes.memory_approvals import MemoryApprovals
from tests.fakes.memory_ledger import MemoryFleets
from tests.intents import reserve
from tests.recorded import build_purchase

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY = timedelta(days=1)
ASKED = Request(
    id="chat-one-month-2026w47",
    target="chat",
    model_id=PT_MODEL,
    units=1,
    term=Commitment.ONE_MONTH,
    usd_per_hour=Decimal("55.5"),
    evidence="it would be cheaper",
    asked_at=NOW,
    expires_at=NOW + 7 * DAY,
)
GIVEN = build_consent(
    id=ASKED.id,
    max_usd_per_hour=Decimal("55.5"),
    given_by="arn:aws:iam::111122223333:user/jane",
    valid_until=NOW + 7 * DAY,
)


class Store(Approvals, Answers):
    """Both sides."""


@pytest.fixture(params=BACKENDS)
def both(request: pytest.FixtureRequest) -> tuple[Store, Fleets]:
    """Approvals, and the ledger whose purchases use them up."""
    if request.param == "memory":
        memory = MemoryFleets()
        return MemoryApprovals(memory), memory  # type: ignore[return-value] # has both protocols
    client = request.getfixturevalue("dynamodb")
    store = DynamoApprovals(client, LEDGER, CONSENTS)
    return store, DynamoFleets(client, LEDGER, CONSENTS)  # type: ignore[return-value] # likewise


@pytest.fixture
def approvals(both: tuple[Store, Fleets]) -> Store:
    return both[0]


def test_a_request_is_kept_as_it_was_asked_first(approvals: Store) -> None:
    assert approvals.ask(ASKED)
    assert not approvals.ask(replace(ASKED, units=2))

    assert approvals.asked("chat", NOW) == (ASKED,)


def test_requests_of_others_and_those_that_are_over_are_left_out(approvals: Store) -> None:
    later = replace(ASKED, id="chat-2-units-20261121", asked_at=NOW + DAY)
    for request in (later, ASKED, replace(ASKED, id="x", target="chatter")):
        approvals.ask(request)

    assert approvals.asked("chat", ASKED.expires_at - MINUTE) == (ASKED, later)
    assert approvals.asked("chat", ASKED.expires_at) == ()


def test_an_answer_by_hand_that_names_no_time_zone_cannot_be_read(
    dynamodb: "DynamoDBClient",
) -> None:
    """Compared with the clock it would end the pass of its target, tick by tick."""
    approvals = DynamoApprovals(dynamodb, LEDGER, CONSENTS)
    approvals.give(GIVEN)
    (item,) = dynamodb.scan(TableName=CONSENTS)["Items"]
    spoiled = item | {"valid_until": {"S": "2026-12-01T00:00:00"}}
    dynamodb.put_item(TableName=CONSENTS, Item=spoiled)

    for read in (approvals.answer, DynamoFleets(dynamodb, LEDGER, CONSENTS).consent):
        with pytest.raises(ObservationError, match="valid_until: it has no time zone"):
            read(GIVEN.id)


def test_an_answer_is_read_as_it_was_given_and_given_once(approvals: Store) -> None:
    assert approvals.answer(GIVEN.id) is None

    assert approvals.give(GIVEN)
    assert not approvals.give(replace(GIVEN, max_usd_per_hour=Decimal(99)))

    assert approvals.answer(GIVEN.id) == GIVEN


def test_a_refusal_is_an_answer_that_is_used_up(approvals: Store) -> None:
    refused = replace(GIVEN, used_by=REJECTED, rejected_by="joe", rejected_at=NOW)

    assert approvals.give(refused)

    assert approvals.answer(GIVEN.id) == refused
    assert not approvals.give(GIVEN)


def test_a_consent_is_taken_back_while_nothing_has_used_it(approvals: Store) -> None:
    approvals.give(GIVEN)

    approvals.take_back(GIVEN, "joe", NOW)

    kept = approvals.answer(GIVEN.id)
    assert kept == replace(GIVEN, used_by=REJECTED, rejected_by="joe", rejected_at=NOW)
    with pytest.raises(StaleDecisionError, match="not open"):
        approvals.take_back(GIVEN, "jane", NOW)
    with pytest.raises(StaleDecisionError, match="not open"):
        approvals.take_back(replace(GIVEN, id="none"), "jane", NOW)


def test_what_was_taken_back_buys_nothing_and_what_was_bought_cannot_be_taken_back(
    both: tuple[Store, Fleets],
) -> None:
    approvals, fleets = both
    other = replace(GIVEN, id="c-2")
    for consent in (GIVEN, other):
        approvals.give(consent)
    approvals.take_back(GIVEN, "joe", NOW)

    with pytest.raises(StaleDecisionError, match="consent"):
        begin(fleets, GIVEN.id)
    begin(fleets, other.id)

    with pytest.raises(StaleDecisionError, match="not open"):
        approvals.take_back(other, "joe", NOW)


def begin(fleets: Fleets, consent_id: str) -> None:
    intent = build_purchase(NOW, commitment=Commitment.ONE_MONTH, consent_id=consent_id)
    reserve(fleets, intent)


def test_without_a_table_of_consents_nobody_answers(request: pytest.FixtureRequest) -> None:
    store = DynamoApprovals(request.getfixturevalue("dynamodb"), LEDGER, None)

    store.take_back(GIVEN, "joe", NOW)
    assert not store.give(GIVEN)
    assert store.answer(GIVEN.id) is None
