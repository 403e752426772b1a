"""Packed days: fewer items to read, the same answer, and nothing that hangs on them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.adapters.storage.packed import PackedHistory
from bedrock_autoscaler.domain.traffic.joining import span
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import MODEL, NOW, build_traffic, pt_arn
from tests.comparing import plain
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import NO_ANSWER, FaultyClient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY = timedelta(days=1)
SPAN = timedelta(days=5)
DAYS = "HISTORY#chat#days"


def traffic(hours: int, seed: int = 1) -> dict[str, Traffic]:
    """Whole numbers up to NOW; a PT joined 30 hours ago, some minutes were not read."""
    generator = np.random.default_rng(seed)
    calls = generator.integers(0, 90, hours * 60).astype(float)
    calls[100:130] = np.nan
    joined = min(hours, 30)
    return {
        MODEL: build_traffic(hours * 60, end=NOW, invocations=calls, input_tokens=calls * 70_000),
        pt_arn(1): build_traffic(joined * 60, end=NOW, invocations=2.5),
    }


def store(history: PackedHistory | DynamoHistory, hours: int) -> None:
    known = traffic(hours)
    history.store("chat", {MODEL: known[MODEL]})
    history.store("chat", known)


def queries(client: FaultyClient) -> list[str]:
    """The partitions that were read since the last time."""
    found = [
        sent["ExpressionAttributeValues"][":pk"]["S"]
        for sent in client.sent
        if "KeyConditionExpression" in sent
    ]
    client.sent.clear()
    return found


def hours_read_from(client: FaultyClient) -> str:
    """The first hour read by itself: today's, since NOW is noon, unless a day is missing."""
    (first,) = [
        sent["ExpressionAttributeValues"][":first"]["S"]
        for sent in client.sent
        if sent["ExpressionAttributeValues"][":pk"]["S"] == "HISTORY#chat"
    ]
    return str(first)


def test_days_give_the_very_answer_of_hours(dynamodb: "DynamoDBClient") -> None:
    store(DynamoHistory(dynamodb, LEDGER), 100)
    PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)  # packs

    for start, end in ((NOW - SPAN, NOW), (NOW - 50 * HOUR, NOW - 20 * HOUR)):
        by_hours = DynamoHistory(dynamodb, LEDGER).load("chat", start, end)
        by_days = PackedHistory(dynamodb, LEDGER).load("chat", start, end)

        assert plain(by_days) == plain(by_hours)
        exact = PackedHistory(dynamodb, LEDGER).load_exact("chat", by_days.reference)
        assert plain(exact) == plain(by_hours)


def test_a_second_process_reads_days_and_a_third_nothing_twice(
    faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    store(DynamoHistory(dynamodb, LEDGER), 100)
    PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    history = PackedHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER)

    history.load("chat", NOW - SPAN, NOW)
    assert queries(faulty_dynamodb) == [DAYS, "HISTORY#chat"]
    history.load("chat", NOW - SPAN, NOW)
    assert queries(faulty_dynamodb) == ["HISTORY#chat"]


def test_days_before_the_first_hour_are_not_missing(
    faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    store(DynamoHistory(dynamodb, LEDGER), 30)
    PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    history = PackedHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER)

    stored = history.load("chat", NOW - SPAN, NOW)

    assert len(stored.reference.revisions) == 30
    assert hours_read_from(faulty_dynamodb).startswith("2026-11-20T00:00:00Z")


def test_an_hour_that_changes_later_packs_its_day_anew(dynamodb: "DynamoDBClient") -> None:
    store(DynamoHistory(dynamodb, LEDGER), 100)
    history = PackedHistory(dynamodb, LEDGER)
    history.load("chat", NOW - SPAN, NOW)

    history.store("chat", {MODEL: traffic(100, seed=2)[MODEL]})

    expected = DynamoHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    assert expected.reference.revisions[0][1] > 0
    assert plain(history.load("chat", NOW - SPAN, NOW)) == plain(expected)
    assert plain(PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)) == plain(expected)


def test_a_day_that_is_read_after_it_was_packed_is_packed_anew(dynamodb: "DynamoDBClient") -> None:
    """A person's command, or code of before, packs what it finds."""
    history = PackedHistory(dynamodb, LEDGER)
    store(history, 20)
    history.load("chat", NOW - SPAN, NOW)

    start = NOW.replace(hour=0) - 2 * DAY
    history.store("chat", {MODEL: span(traffic(100)[MODEL], start, start + DAY)})

    expected = DynamoHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    assert len(expected.reference.revisions) == 24 + 20
    for reader in (history, PackedHistory(dynamodb, LEDGER)):
        assert plain(reader.load("chat", NOW - SPAN, NOW)) == plain(expected)


def test_no_day_is_packed_while_older_hours_are_to_come(dynamodb: "DynamoDBClient") -> None:
    """Another process would go on with the pack that it keeps, whatever comes later."""
    own, other = PackedHistory(dynamodb, LEDGER), PackedHistory(dynamodb, LEDGER)
    store(own, 20)
    for history in (own, other):
        history.load("chat", NOW - SPAN, NOW, will_grow=True)

    start = NOW.replace(hour=0) - 2 * DAY
    day = {name: span(part, start, start + DAY) for name, part in traffic(100).items()}
    own.store("chat", {MODEL: day[MODEL]})

    expected = DynamoHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    assert len(expected.reference.revisions) == 24 + 20
    for history in (other, own, PackedHistory(dynamodb, LEDGER)):
        assert plain(history.load("chat", NOW - SPAN, NOW)) == plain(expected)
    assert _days(dynamodb)


def test_days_of_before_are_read_as_before(
    faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    """They have a list, `revisions`, for `numbers`."""
    store(DynamoHistory(dynamodb, LEDGER), 60)
    expected = PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    for item in _days(dynamodb):
        numbers = np.frombuffer(item.pop("numbers")["B"], "<i4").tolist()
        item["revisions"] = {"L": [{"N": str(number)} for number in numbers]}
        dynamodb.put_item(TableName=LEDGER, Item=item)
    history = PackedHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER)

    assert plain(history.load("chat", NOW - SPAN, NOW)) == plain(expected)
    assert hours_read_from(faulty_dynamodb).startswith("2026-11-20T00:00:00Z")


def test_a_day_has_nothing_that_an_older_version_would_take_for_a_list(
    dynamodb: "DynamoDBClient",
) -> None:
    """That one takes each member of `revisions` for one number; without any it reads the hours."""
    store(DynamoHistory(dynamodb, LEDGER), 60)
    PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)

    assert all("revisions" not in item for item in _days(dynamodb))


def _days(dynamodb: "DynamoDBClient") -> Sequence[Any]:
    """The packed days as they are stored."""
    found = dynamodb.query(
        TableName=LEDGER,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": DAYS}},
    )["Items"]
    assert found
    return found


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({}, id="no numbers"),
        pytest.param({"numbers": {"B": b"\0" * 4 * 23}}, id="23 numbers"),
        pytest.param({"numbers": {"B": b"torn"}}, id="torn numbers"),
        pytest.param({"revisions": {"L": [{"N": "0"}] * 25}}, id="25 in a list"),
    ],
)
def test_hours_are_read_for_damaged_days(damage: Any, dynamodb: "DynamoDBClient") -> None:
    store(DynamoHistory(dynamodb, LEDGER), 60)
    expected = PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    for item in _days(dynamodb):
        item.pop("numbers")
        dynamodb.put_item(TableName=LEDGER, Item={**item, **damage})

    assert plain(PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)) == plain(expected)


def test_hours_are_read_while_days_cannot_be_written(
    faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    store(DynamoHistory(dynamodb, LEDGER), 60)
    expected = DynamoHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    faulty_dynamodb.fail_next(NO_ANSWER, method="put_item", times=9)
    history = PackedHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER)

    assert plain(history.load("chat", NOW - SPAN, NOW)) == plain(expected)


def crowded(hours: int, busy: int) -> dict[str, Traffic]:
    """Hours of which the first day has so many busy `ModelId`s; eleven are 590 KB."""
    day = NOW.replace(hour=0) - 3 * DAY
    series = dict.fromkeys(METRICS, 70_000.5)
    found = {
        f"m{i}": build_traffic(24 * 60, end=day + DAY, **series)
        for i in range(busy)  # halves take eight bytes each
    }
    return {MODEL: traffic(hours)[MODEL], **found}


def test_a_day_too_large_for_an_item_is_no_reason_to_read_others_by_the_hour(
    faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    DynamoHistory(dynamodb, LEDGER).store("chat", crowded(84, 11))
    expected = DynamoHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)  # packs
    history = PackedHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER)

    assert sum("content" not in item for item in _days(dynamodb)) == 1
    assert plain(history.load("chat", NOW - SPAN, NOW)) == plain(expected)
    assert not [sent for sent in faulty_dynamodb.sent if "Item" in sent]
    faulty_dynamodb.sent.clear()
    assert plain(history.load("chat", NOW - SPAN, NOW)) == plain(expected)
    assert hours_read_from(faulty_dynamodb).startswith("2026-11-20T00:00:00Z")


def test_days_behind_a_damaged_one_are_not_packed_again(
    faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    store(DynamoHistory(dynamodb, LEDGER), 100)
    PackedHistory(dynamodb, LEDGER).load("chat", NOW - SPAN, NOW)
    damaged = _days(dynamodb)[1]
    dynamodb.put_item(TableName=LEDGER, Item={**damaged, "numbers": {"B": b"torn"}})

    PackedHistory(cast("DynamoDBClient", faulty_dynamodb), LEDGER).load("chat", NOW - SPAN, NOW)

    written = [sent["Item"]["sk"] for sent in faulty_dynamodb.sent if "Item" in sent]
    assert written == [damaged["sk"]]
