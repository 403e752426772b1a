"""What every ledger guarantees of the records of endpoints."""

import pytest

from bedrock_autoscaler.adapters.storage.scalings import DynamoScalings
from bedrock_autoscaler.adapters.storage.table import NoAnswerError, Table
from bedrock_autoscaler.application.errors import (
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.ledger import Scalings
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingState
from tests.builders import NOW
from tests.contract.conftest import BACKENDS, LEDGER
from tests.endpoints import ENDPOINT, build_scaling_intent
from tests.fakes.memory_scalings import MemoryScalings

NOTHING = EndpointRecord(target="chat", address=ENDPOINT)
INTENT = build_scaling_intent()


@pytest.fixture(params=BACKENDS)
def scalings(request: pytest.FixtureRequest) -> Scalings:
    if request.param == "memory":
        return MemoryScalings()
    return DynamoScalings(request.getfixturevalue("dynamodb"), LEDGER)


def test_a_record_comes_back_as_it_was_written(scalings: Scalings) -> None:
    begun = NOTHING.begun(INTENT)
    ended = begun.stepped(ScalingState.REFUSED, "quota", ended_at=NOW)

    scalings.write(NOTHING, begun)
    scalings.write(begun, ended)

    assert scalings.record_of("chat", ENDPOINT) == ended
    assert scalings.record_of("chat", f"{ENDPOINT}-2").version == 0
    assert scalings.record_of("other", ENDPOINT) == EndpointRecord(target="other", address=ENDPOINT)


def test_all_records_of_a_target_are_found_whether_or_not_a_setting_names_them(
    scalings: Scalings,
) -> None:
    begun = NOTHING.begun(INTENT)
    other = EndpointRecord(target="other", address=ENDPOINT)
    second = EndpointRecord(target="chat", address=f"{ENDPOINT}-2")
    for before in (NOTHING, other, second):
        scalings.write(before, before.begun(INTENT))

    assert scalings.records_of("chat") == (begun, second.begun(INTENT))
    assert scalings.records_of("code") == ()


def test_of_two_writers_one_is_stale(scalings: Scalings) -> None:
    begun = NOTHING.begun(INTENT)
    scalings.write(NOTHING, begun)
    rival = begun.stepped(ScalingState.ASKED)
    scalings.write(begun, rival)

    for before in (NOTHING, begun):
        with pytest.raises(StaleDecisionError):
            scalings.write(before, begun.stepped(ScalingState.DONE, ended_at=NOW))

    assert scalings.record_of("chat", ENDPOINT) == rival


@pytest.mark.parametrize("is_written", [True, False])
def test_a_write_without_an_answer_is_read_back(
    dynamodb: object, monkeypatch: pytest.MonkeyPatch, *, is_written: bool
) -> None:
    store = DynamoScalings(dynamodb, LEDGER)  # type: ignore[arg-type] # moto's client
    put, begun = Table.put, NOTHING.begun(INTENT)

    def losing(table: Table, item: dict[str, object], **condition: object) -> None:
        if is_written:
            put(table, item, **condition)  # type: ignore[arg-type] # handed on as they came
        raise NoAnswerError("no answer")

    monkeypatch.setattr(Table, "put", losing)

    if is_written:
        store.write(NOTHING, begun)
    else:
        with pytest.raises(UnknownOutcomeError):
            store.write(NOTHING, begun)


def test_a_record_of_newer_code_is_neither_read_nor_rewritten(dynamodb: object) -> None:
    store = DynamoScalings(dynamodb, LEDGER)  # type: ignore[arg-type] # moto's client
    begun = NOTHING.begun(INTENT)
    store.write(NOTHING, begun)
    table = Table(dynamodb, LEDGER)  # type: ignore[arg-type] # moto's client
    key = {"pk": "SCALING#chat", "sk": ENDPOINT}
    newer = {**(table.get(key) or {}), "schema": 99}
    table.put(newer)

    with pytest.raises(ObservationError):
        store.record_of("chat", ENDPOINT)
    with pytest.raises(ObservationError):
        store.write(begun, begun.stepped(ScalingState.ASKED))
    assert table.get(key) == newer
