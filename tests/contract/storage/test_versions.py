"""Targets by version: forgetting one costs a read, and one that was read is not written."""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.policies import DynamoPolicies
from bedrock_autoscaler.adapters.storage.versions import TargetVersions
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from tests.builders import build_situation, build_target
from tests.contract.conftest import LEDGER
from tests.contract.storage.faulty import FaultyClient
from tests.recorded import build_decision

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TARGETS = tuple(build_target(name=name) for name in ("chat", "search", "mail"))
ROOM_FOR_TWO = 16_000
"""Bytes; a target of the builders counts about 6,300."""


@pytest.fixture
def client(dynamodb: "DynamoDBClient", faulty_dynamodb: FaultyClient) -> FaultyClient:
    """A table that knows the three targets."""
    versions = TargetVersions(dynamodb, LEDGER)
    for target in TARGETS:
        versions.keep(target)
    return faulty_dynamodb


def kept_in(client: FaultyClient, most_bytes: int) -> TargetVersions:
    return TargetVersions(cast("DynamoDBClient", client), LEDGER, most_bytes=most_bytes)


def test_a_target_that_was_dropped_is_read_again_and_is_the_same(client: FaultyClient) -> None:
    versions = kept_in(client, ROOM_FOR_TWO)

    def reads(*names: str) -> int:
        before = len(client.sent)
        for target in TARGETS:
            if target.name in names:
                assert versions.target(target.name, target.settings_version) == target
        return len(client.sent) - before

    assert reads("chat", "search") == 2
    assert reads("chat", "search") == 0
    assert reads("mail") == 1  # in place of chat
    assert reads("search", "mail") == 0
    assert reads("chat") == 1


def test_without_any_room_everything_is_read_and_right(client: FaultyClient) -> None:
    versions = kept_in(client, 0)
    changed = replace(TARGETS[0], model_ids=("another",))

    versions.keep(TARGETS[0])
    with pytest.raises(ObservationError, match="another content"):
        versions.keep(changed)


def test_a_worker_writes_no_version_that_it_has_read(client: FaultyClient) -> None:
    dynamodb = cast("DynamoDBClient", client)
    versions = TargetVersions(dynamodb, LEDGER)
    policies = DynamoPolicies(dynamodb, LEDGER, versions)
    decisions = DynamoDecisions(dynamodb, LEDGER, versions)
    target = policies.target("chat", TARGETS[0].settings_version)
    situation = build_situation(target=target)
    client.sent.clear()

    recorded = RecordedDecision(
        decision=build_decision(situation), situation=situation, history=None, code_version="1"
    )

    assert decisions.record(recorded)
    (written,) = client.sent
    assert written["Item"]["pk"] == {"S": "TARGET#chat"}
