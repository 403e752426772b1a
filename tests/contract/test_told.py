"""What every store of what was told guarantees."""

import pytest

from bedrock_autoscaler.adapters.storage.told import DynamoTold
from bedrock_autoscaler.application.telling.events import Told
from tests.builders import NOW
from tests.contract.conftest import LEDGER
from tests.fakes.memory_outlets import MemoryTold


@pytest.fixture(params=["memory", "moto"])
def told(request: pytest.FixtureRequest) -> Told:
    if request.param == "memory":
        return MemoryTold()
    return DynamoTold(request.getfixturevalue("dynamodb"), LEDGER)


def test_what_was_told_is_known_by_target_and_key(told: Told) -> None:
    told.mark("chat", "idle_units/2026-11-20", NOW)
    told.mark("", "stack_at_cap/2026-11-20", NOW)

    assert told.was_told("chat", "idle_units/2026-11-20")
    assert told.was_told("", "stack_at_cap/2026-11-20")
    assert not told.was_told("chat", "idle_units/2026-11-21")
    assert not told.was_told("email", "idle_units/2026-11-20")


def test_telling_twice_changes_nothing(told: Told) -> None:
    for _ in range(2):
        told.mark("chat", "asked/c-1", NOW)

    assert told.was_told("chat", "asked/c-1")
