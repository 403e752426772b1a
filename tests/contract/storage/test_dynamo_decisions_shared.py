"""The decision log on DynamoDB keeps once what decisions share: targets, memories, minutes."""

import json
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE, iso
from tests.builders import (
    MODEL,
    NOW,
    build_observation,
    build_situation,
    build_target,
    build_traffic,
)
from tests.comparing import plain
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import FaultyClient, refusal
from tests.recorded import build_decision

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
from tests.contract.storage.recording import build_recorded, items


def test_a_target_is_kept_once_per_settings_version(
    decisions: DynamoDecisions, dynamodb: "DynamoDBClient"
) -> None:
    for index in range(3):
        decisions.record(build_recorded(scheduled_at=NOW + index * MINUTE))
    changed = build_target(settings_version="f" * 16)
    decisions.record(build_recorded(scheduled_at=NOW + HOUR, target=changed))

    assert [kept["sk"]["S"] for kept in items(dynamodb, "SETTINGS")] == [
        "VERSION#chat#0123456789abcdef",
        "VERSION#chat#ffffffffffffffff",
    ]


def test_a_settings_version_that_names_two_targets_is_refused(
    decisions: DynamoDecisions, dynamodb: "DynamoDBClient"
) -> None:
    other = build_target(model_ids=("another",))
    decisions.record(build_recorded())

    with pytest.raises(ObservationError, match="0123456789abcdef"):
        decisions.record(build_recorded(target=other, scheduled_at=NOW + MINUTE))
    with pytest.raises(ObservationError, match="0123456789abcdef"):
        DynamoDecisions(dynamodb, LEDGER).record(
            build_recorded(target=other, scheduled_at=NOW + MINUTE)
        )

    assert len(items(dynamodb, "TARGET#chat")) == 1


def test_a_target_is_read_once_in_the_life_of_a_process(
    dynamodb: "DynamoDBClient", faulty_dynamodb: FaultyClient
) -> None:
    DynamoDecisions(dynamodb, LEDGER).record(build_recorded())
    decisions = DynamoDecisions(cast("DynamoDBClient", faulty_dynamodb), LEDGER)

    decisions.latest("chat", Loop.ROUTING)
    decisions.latest("chat", Loop.ROUTING)

    assert faulty_dynamodb.calls == ["query", "get_item", "query"]


def test_a_later_tick_writes_one_item(
    decisions: DynamoDecisions, faulty_dynamodb: FaultyClient
) -> None:
    decisions.record(build_recorded())
    faulty_dynamodb.calls.clear()

    decisions.record(build_recorded(scheduled_at=NOW + MINUTE))

    assert faulty_dynamodb.calls == ["put_item"]


def test_the_target_is_there_before_the_decision_that_names_it(
    decisions: DynamoDecisions, faulty_dynamodb: FaultyClient, dynamodb: "DynamoDBClient"
) -> None:
    faulty_dynamodb.fail_next(refusal("AccessDeniedException"), method="put_item")

    with pytest.raises(ObservationError, match="AccessDeniedException"):
        decisions.record(build_recorded())

    assert items(dynamodb, "TARGET#chat") == []


def inputs_at(client: "DynamoDBClient", index: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        zlib.decompress(items(client, "TARGET#chat")[index]["inputs"]["B"])
    )
    return found


def test_a_memory_that_was_read_from_its_record_is_not_written_again(
    dynamodb: "DynamoDBClient",
) -> None:
    decisions = DynamoDecisions(dynamodb, LEDGER)
    decisions.record(build_recorded())
    left = decisions.remembered("chat", Loop.ROUTING)
    assert left is not None

    decisions.record(build_recorded(scheduled_at=NOW + MINUTE, memory=left.memory))

    assert inputs_at(dynamodb, 0)["memory"] is not None
    assert inputs_at(dynamodb, 1)["memory"] is None
    assert inputs_at(dynamodb, 1)["memory_of"] == iso(NOW)


def test_a_memory_from_anywhere_else_is_written_whole(dynamodb: "DynamoDBClient") -> None:
    decisions = DynamoDecisions(dynamodb, LEDGER)
    decisions.record(build_recorded())
    left = decisions.remembered("chat", Loop.ROUTING)
    assert left is not None
    other = replace(left.memory, confirmations=left.memory.confirmations + 1)

    decisions.record(build_recorded(scheduled_at=NOW + MINUTE, memory=other))
    decisions.record(build_recorded(scheduled_at=NOW + 2 * MINUTE, memory=left.memory))

    assert inputs_at(dynamodb, 1)["memory"]["confirmations"] == other.confirmations
    assert inputs_at(dynamodb, 2)["memory"] is not None


def test_a_decision_whose_memory_is_lost_cannot_be_read(dynamodb: "DynamoDBClient") -> None:
    decisions = DynamoDecisions(dynamodb, LEDGER)
    decisions.record(build_recorded())
    left = decisions.remembered("chat", Loop.ROUTING)
    assert left is not None
    later = build_recorded(scheduled_at=NOW + MINUTE, memory=left.memory)
    decisions.record(later)
    item = items(dynamodb, "TARGET#chat")[0]
    dynamodb.delete_item(TableName=LEDGER, Key={"pk": item["pk"], "sk": item["sk"]})

    with pytest.raises(ObservationError, match=r"missing, whose memory"):
        decisions.load(later.decision.id, DynamoHistory(dynamodb, LEDGER))
    latest = decisions.latest("chat", Loop.ROUTING)
    assert latest is not None
    assert latest.decision == later.decision


def test_a_decision_whose_target_is_lost_cannot_be_read(dynamodb: "DynamoDBClient") -> None:
    DynamoDecisions(dynamodb, LEDGER).record(build_recorded())
    (item,) = items(dynamodb, "SETTINGS")
    dynamodb.delete_item(TableName=LEDGER, Key={"pk": item["pk"], "sk": item["sk"]})

    with pytest.raises(ObservationError, match="missing"):
        DynamoDecisions(dynamodb, LEDGER).latest("chat", Loop.ROUTING)


def test_stored_minutes_are_not_stored_again(
    decisions: DynamoDecisions, dynamodb: "DynamoDBClient"
) -> None:
    history = DynamoHistory(dynamodb, LEDGER)
    noise = np.random.default_rng(3).random(5 * 1440)
    history.store("chat", {MODEL: build_traffic(5 * 1440, end=NOW, invocations=noise)})
    stored = history.load("chat", NOW - 400 * HOUR, NOW)
    situation = build_situation(observation=build_observation(traffic=stored.total))
    recorded = RecordedDecision(
        decision=build_decision(situation),
        situation=situation,
        history=stored.reference,
        code_version="1",
    )

    decisions.record(recorded)

    (item,) = items(dynamodb, "TARGET#chat")
    # 7,200 random floats take more than 50,000 bytes; what is left are the names of 120 hours.
    assert len(item["inputs"]["B"]) < 4_000
    loaded = decisions.load(recorded.decision.id, DynamoHistory(dynamodb, LEDGER))
    assert plain(loaded) == plain(recorded)
