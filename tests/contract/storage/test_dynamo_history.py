"""Minute history on DynamoDB: what is cached, what is asked for, races and damage."""

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import MODEL, NOW, build_traffic, pt_arn
from tests.comparing import plain
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import NO_ANSWER, FaultyClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAYS = timedelta(days=14)
HOURS = 48


@pytest.fixture
def history(faulty_dynamodb: FaultyClient) -> DynamoHistory:
    return DynamoHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER)


def build_hours(hours: int, value: float = 1.0) -> dict[str, Traffic]:
    return {MODEL: build_traffic(60 * hours, end=NOW, invocations=value)}


def test_a_warm_load_lists_keys_and_reads_nothing_else(
    history: DynamoHistory, faulty_dynamodb: FaultyClient
) -> None:
    history.store("chat", build_hours(HOURS))
    first = history.load("chat", NOW - DAYS, NOW)
    faulty_dynamodb.sent.clear()

    second = history.load("chat", NOW - DAYS, NOW)

    assert plain(second) == plain(first)
    assert [sent["ProjectionExpression"] for sent in faulty_dynamodb.sent] == ["#sk"]


def test_a_new_hour_alone_is_read(
    history: DynamoHistory, faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    history.store("chat", build_hours(HOURS))
    elsewhere = DynamoHistory(dynamodb, LEDGER)
    elsewhere.store("chat", {MODEL: build_traffic(60, end=NOW + HOUR, invocations=2.0)})
    faulty_dynamodb.sent.clear()

    stored = history.load("chat", NOW - DAYS, NOW + HOUR)

    assert stored.reference.revisions[-1] == (NOW, 0)
    listing, reading = faulty_dynamodb.sent
    assert "ProjectionExpression" in listing
    bounds = reading["ExpressionAttributeValues"]
    assert bounds[":first"] == bounds[":last"] == {"S": "2026-11-20T12:00:00Z#000000"}


def test_a_cold_load_reads_each_item_once(
    faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    DynamoHistory(dynamodb, LEDGER).store("chat", build_hours(HOURS))
    history = DynamoHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER)

    stored = history.load("chat", NOW - DAYS, NOW)

    assert len(stored.reference.revisions) == HOURS
    assert faulty_dynamodb.calls == ["query"]
    assert faulty_dynamodb.sent[0]["ConsistentRead"]


def test_a_revision_made_elsewhere_is_seen_through_the_cache(
    history: DynamoHistory, dynamodb: "DynamoDBClient"
) -> None:
    history.store("chat", build_hours(2, 1.0))
    history.load("chat", NOW - DAYS, NOW)

    DynamoHistory(dynamodb, LEDGER).store("chat", build_hours(2, 2.0))

    stored = history.load("chat", NOW - DAYS, NOW)
    assert stored.reference.revisions == ((NOW - 2 * HOUR, 1), (NOW - HOUR, 1))
    assert stored.total.invocations[0] == 2.0


@pytest.mark.parametrize("cache_bytes", [0, 1_000])
def test_a_cache_that_is_too_small_changes_no_answer(
    dynamodb: "DynamoDBClient", cache_bytes: int
) -> None:
    values = np.random.default_rng(5).random(60 * 48)
    history = DynamoHistory(dynamodb, LEDGER, cache_bytes=cache_bytes)
    history.store("chat", {MODEL: build_traffic(60 * 48, end=NOW, invocations=values)})

    stored = history.load("chat", NOW - DAYS, NOW)

    assert plain(stored.total.invocations) == tuple(values)
    assert plain(history.load_exact("chat", stored.reference)) == plain(stored)
    assert plain(history.load("chat", NOW - DAYS, NOW)) == plain(stored)


def test_a_long_history_is_written_in_few_calls(
    history: DynamoHistory, faulty_dynamodb: FaultyClient
) -> None:
    history.store("chat", build_hours(HOURS))

    # 48 hours by 25.
    assert faulty_dynamodb.calls.count("transact_write_items") == 2


def test_storing_what_is_known_writes_nothing(
    history: DynamoHistory, faulty_dynamodb: FaultyClient
) -> None:
    history.store("chat", build_hours(3))
    faulty_dynamodb.calls.clear()

    history.store("chat", build_hours(3))

    assert faulty_dynamodb.calls == ["query"]


def test_another_writer_of_the_same_hour_makes_the_next_revision(
    history: DynamoHistory, faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    """Between our look and our write another run keeps the first of two hours."""
    first = {MODEL: build_traffic(60, end=NOW - HOUR, invocations=9.0)}
    listing = faulty_dynamodb.query

    def query_then_other(**arguments: object) -> object:
        answer = listing(**arguments)
        faulty_dynamodb.__dict__.pop("query")
        DynamoHistory(dynamodb, LEDGER).store("chat", first)
        return answer

    faulty_dynamodb.__dict__["query"] = query_then_other

    history.store("chat", build_hours(2, 1.0))

    stored = history.load("chat", NOW - DAYS, NOW)
    assert stored.reference.revisions == ((NOW - 2 * HOUR, 1), (NOW - HOUR, 0))
    assert plain(stored.total.invocations) == (1.0,) * 120


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_write_without_an_answer_is_looked_up_and_repeated(
    history: DynamoHistory, faulty_dynamodb: FaultyClient, *, after_effect: bool
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="transact_write_items", after_effect=after_effect)

    history.store("chat", build_hours(2))

    stored = history.load("chat", NOW - DAYS, NOW)
    assert stored.reference.revisions == ((NOW - 2 * HOUR, 0), (NOW - HOUR, 0))


def test_a_table_that_never_answers_is_an_error(
    history: DynamoHistory, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="transact_write_items", times=9)

    with pytest.raises(ObservationError, match="2 hours could not be written"):
        history.store("chat", build_hours(2))


def test_a_changed_item_is_caught_by_the_hash(
    history: DynamoHistory, dynamodb: "DynamoDBClient"
) -> None:
    history.store("chat", build_hours(1, 1.0))
    reference = history.load("chat", NOW - DAYS, NOW).reference
    history.store("chat", build_hours(1, 2.0))
    key = {"pk": {"S": "HISTORY#chat"}, "sk": {"S": "2026-11-20T11:00:00Z#000001"}}
    second = dynamodb.get_item(TableName=LEDGER, Key=key)["Item"]
    forged = second | {"sk": {"S": "2026-11-20T11:00:00Z#000000"}}
    dynamodb.put_item(TableName=LEDGER, Item=forged)

    with pytest.raises(ObservationError, match="hash"):
        DynamoHistory(dynamodb, LEDGER).load_exact("chat", reference)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [("schema", {"N": "2"}, "schema"), ("content", {"B": b"torn"}, "damaged")],
)
def test_an_item_that_cannot_be_read_is_an_error(
    dynamodb: "DynamoDBClient", attribute: str, value: dict[str, str], message: str
) -> None:
    DynamoHistory(dynamodb, LEDGER).store("chat", build_hours(1))
    key = {"pk": {"S": "HISTORY#chat"}, "sk": {"S": "2026-11-20T11:00:00Z#000000"}}
    item = dynamodb.get_item(TableName=LEDGER, Key=key)["Item"]
    dynamodb.put_item(TableName=LEDGER, Item={**item, attribute: value})

    with pytest.raises(ObservationError, match=message):
        DynamoHistory(dynamodb, LEDGER).load("chat", NOW - DAYS, NOW)


def test_fourteen_days_of_three_busy_model_ids_are_read_to_the_last_page(
    dynamodb: "DynamoDBClient",
) -> None:
    # 336 items of about 7 KB; DynamoDB gives 1 MB at a time.
    minutes = 14 * 1440
    generator = np.random.default_rng(11)
    traffic = {
        name: build_traffic(
            minutes,
            end=NOW,
            invocations=generator.random(minutes),
            input_tokens=generator.random(minutes),
        )
        for name in (MODEL, pt_arn(1), pt_arn(2))
    }
    DynamoHistory(dynamodb, LEDGER).store("chat", traffic)

    stored = DynamoHistory(dynamodb, LEDGER).load("chat", NOW - DAYS, NOW)

    assert len(stored.reference.revisions) == 336
    assert plain(stored.traffic) == plain(traffic)
