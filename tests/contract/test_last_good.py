"""What every keeper of last good documents guarantees."""

import pytest

from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
from bedrock_autoscaler.application.ports.settings import LastGood
from tests.contract.conftest import BACKENDS, LEDGER
from tests.fakes.memory_settings import MemoryLastGood


@pytest.fixture(params=BACKENDS)
def last_good(request: pytest.FixtureRequest) -> LastGood:
    if request.param == "memory":
        return MemoryLastGood()
    return DynamoLastGood(request.getfixturevalue("dynamodb"), LEDGER)


def test_there_is_none_before_the_first(last_good: LastGood) -> None:
    assert last_good.get("chat") is None


def test_the_newest_text_is_kept_per_document(last_good: LastGood) -> None:
    last_good.put("chat", '{"mode": "advise"}')
    last_good.put("defaults", "{}")
    last_good.put("chat", '{"mode": "act"}\nü')

    assert last_good.get("chat") == '{"mode": "act"}\nü'
    assert last_good.get("defaults") == "{}"


def test_all_texts_are_read_together(last_good: LastGood) -> None:
    assert last_good.texts() == {}

    # More than a page of the table, which holds a megabyte.
    texts = {f"t{number}": f"{number}" * 4_000 for number in range(300)} | {"defaults": "{}"}
    for name, text in texts.items():
        last_good.put(name, text)

    assert last_good.texts() == texts


def test_an_empty_text_is_a_text(last_good: LastGood) -> None:
    last_good.put("chat", "")

    assert last_good.get("chat") == ""
