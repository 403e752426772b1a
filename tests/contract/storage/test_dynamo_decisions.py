"""The decision log on DynamoDB: lost answers, bounded items, and what is refused or unreadable."""

import zlib
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bedrock_autoscaler.adapters.storage.codec import encode_target
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.table import MAX_ITEM_BYTES
from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.history import HistoryReference
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    build_observation,
    build_situation,
    build_target,
    build_traffic,
)
from tests.comparing import plain
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import NO_ANSWER, FaultyClient, refusal
from tests.recorded import build_decision

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
from tests.contract.storage.recording import build_recorded, items


def test_a_decision_can_be_read_in_the_console(
    decisions: DynamoDecisions, dynamodb: "DynamoDBClient"
) -> None:
    decisions.record(build_recorded())

    (shown,) = items(dynamodb, "TARGET#chat")
    assert shown["sk"] == {"S": "DECISION#routing#2026-11-20T12:00:00Z"}
    assert shown["id"] == {"S": "chat-routing-20261120T120000Z"}
    assert shown["label"] == {"S": "seasonal"}
    assert shown["desired_units"] == {"N": "3"}
    assert shown["expected_saving_usd_per_hour"] == {"N": "8.800000"}
    assert shown["reason_codes"] == {"L": [{"S": "units_pay_off"}]}
    assert shown["actions"]["L"][0] == {
        "S": "buy 2 of amazon.nova-2-lite-v1:0:256k for 121.000001 USD/h"
    }
    assert shown["code_version"] == {"S": "1.2.3"}


def test_a_lost_answer_is_settled_by_reading_back(
    decisions: DynamoDecisions, faulty_dynamodb: FaultyClient
) -> None:
    recorded = build_recorded()
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item", after_effect=True, times=2)

    assert decisions.record(recorded)
    assert plain(decisions.latest("chat", Loop.ROUTING)) == plain(recorded)


def test_a_lost_answer_does_not_claim_another_runs_record(
    decisions: DynamoDecisions, faulty_dynamodb: FaultyClient
) -> None:
    decisions.record(build_recorded())
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item")

    assert not decisions.record(build_recorded(minutes=29))


@pytest.mark.parametrize("method", ["get_item", "query"])
def test_a_decision_that_may_be_written_is_of_unknown_outcome(
    decisions: DynamoDecisions, faulty_dynamodb: FaultyClient, method: str
) -> None:
    decisions.record(build_recorded())
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item")
    faulty_dynamodb.fail_next(NO_ANSWER, method=method)

    with pytest.raises(UnknownOutcomeError):
        decisions.record(build_recorded(scheduled_at=NOW + MINUTE))


def test_a_decision_too_large_for_an_item_is_refused_with_its_size(
    decisions: DynamoDecisions, dynamodb: "DynamoDBClient"
) -> None:
    # 20,160 minutes of three series that take about 8 bytes a value: more than 360 KB.
    generator = np.random.default_rng(3)
    traffic = build_traffic(
        14 * 1440,
        invocations=generator.random(14 * 1440),
        input_tokens=generator.random(14 * 1440),
        output_tokens=generator.random(14 * 1440),
    )
    situation = build_situation(observation=build_observation(traffic=traffic))
    recorded = RecordedDecision(
        decision=build_decision(situation), situation=situation, history=None, code_version="1"
    )

    with pytest.raises(ObservationError, match=f"at most {MAX_ITEM_BYTES}"):
        decisions.record(recorded)

    assert items(dynamodb, "TARGET#chat") == []


def test_a_decision_on_history_that_its_traffic_does_not_start_with_is_refused(
    decisions: DynamoDecisions,
) -> None:
    reference = HistoryReference(
        start=NOW - 9 * HOUR, end=NOW - HOUR, revisions=((NOW - 9 * HOUR, 0),), sha256="0" * 64
    )

    with pytest.raises(ValueError, match="history starts at 2026-11-20T03:00:00Z"):
        decisions.record(replace(build_recorded(), history=reference))


def test_a_decision_under_another_ticks_id_is_refused(decisions: DynamoDecisions) -> None:
    recorded = build_recorded()

    with pytest.raises(ValueError, match="another tick"):
        decisions.record(
            replace(recorded, decision=replace(recorded.decision, id="chat-routing-x"))
        )


def test_a_decision_that_could_never_be_read_again_is_refused(decisions: DynamoDecisions) -> None:
    recorded = build_recorded()
    purchase = Purchase(model_id=PT_MODEL, model_units=1, usd_per_hour=Decimal("Infinity"))

    with pytest.raises(ValueError, match="Infinity USD per hour"):
        decisions.record(
            replace(recorded, decision=replace(recorded.decision, actions=(purchase,)))
        )


@pytest.mark.parametrize("code", ["TransactionConflictException", "SomethingNewException"])
def test_a_write_that_fails_with_any_other_code_is_read_back(
    decisions: DynamoDecisions, faulty_dynamodb: FaultyClient, code: str
) -> None:
    decisions.record(build_recorded())
    recorded = build_recorded(scheduled_at=NOW + MINUTE)
    faulty_dynamodb.fail_next(refusal(code), method="put_item")

    with pytest.raises(UnknownOutcomeError, match=code):
        decisions.record(recorded)


@pytest.mark.parametrize(
    ("pk", "attributes", "message"),
    [
        ("TARGET#chat", {"schema": {"N": "2"}}, "schema"),
        ("SETTINGS", {"schema": {"N": "2"}}, "schema"),
        ("TARGET#chat", {"document": {"B": zlib.compress(b"{}")}}, "cannot be read"),
        ("TARGET#chat", {"inputs": {"B": zlib.compress(b"{}")}}, "cannot be read"),
        ("TARGET#chat", {"document": {"B": b"torn"}}, "damaged"),
        ("TARGET#chat", {"inputs": {"B": b"torn"}}, "damaged"),
        ("SETTINGS", {"document": {"S": encode_target(build_target())[:-9]}}, "cannot be read"),
    ],
)
def test_a_record_that_cannot_be_read_holds_the_target(
    dynamodb: "DynamoDBClient", pk: str, attributes: dict[str, Any], message: str
) -> None:
    DynamoDecisions(dynamodb, LEDGER).record(build_recorded())
    (item,) = items(dynamodb, pk)
    dynamodb.put_item(TableName=LEDGER, Item=item | attributes)

    with pytest.raises(ObservationError, match=message):
        DynamoDecisions(dynamodb, LEDGER).latest("chat", Loop.ROUTING)


def test_the_newest_of_many_is_found_with_one_small_read(
    decisions: DynamoDecisions, faulty_dynamodb: FaultyClient
) -> None:
    for index in range(5):
        decisions.record(build_recorded(scheduled_at=NOW + index * MINUTE))
    faulty_dynamodb.calls.clear()
    faulty_dynamodb.sent.clear()

    latest = decisions.latest("chat", Loop.ROUTING)

    assert latest is not None
    assert latest.decision.scheduled_at == NOW + 4 * MINUTE
    (sent,) = faulty_dynamodb.sent
    assert (sent["Limit"], sent["ConsistentRead"]) == (1, True)
