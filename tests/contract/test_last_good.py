"""What every keeper of last good documents guarantees."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
from bedrock_autoscaler.application.ports.settings import LastGood
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.contract.conftest import BACKENDS, LEDGER
from tests.fakes.memory_settings import MemoryLastGood

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture(params=BACKENDS)
def last_good(request: pytest.FixtureRequest) -> LastGood:
    if request.param == "memory":
        return MemoryLastGood()
    return DynamoLastGood(request.getfixturevalue("dynamodb"), LEDGER)


def test_there_is_none_before_the_first(last_good: LastGood) -> None:
    assert last_good.get("chat") is None


def test_the_newest_text_is_kept_per_document(last_good: LastGood) -> None:
    last_good.put("chat", '{"mode": "advise"}', [NOW])
    last_good.put("defaults", "{}", [NOW])
    last_good.put("chat", '{"mode": "act"}\nü', [NOW + MINUTE])

    assert last_good.get("chat") == '{"mode": "act"}\nü'
    assert last_good.get("defaults") == "{}"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ([], [NOW]),
        ([NOW], [NOW + MILLISECOND]),
        ([NOW], [(NOW + MINUTE).astimezone(ZoneInfo("America/New_York"))]),
        # One of the two documents that a text comes of, whichever it is.
        ([NOW, NOW - MINUTE], [NOW, NOW - MILLISECOND]),
        ([NOW, NOW - MINUTE], [NOW + MILLISECOND, NOW]),
        ([NOW], [NOW, NOW - MINUTE]),
    ],
)
def test_what_was_changed_earlier_never_replaces_what_was_changed_later(
    last_good: LastGood, earlier: list[datetime], later: list[datetime]
) -> None:
    last_good.put("chat", "earlier", earlier)
    last_good.put("chat", "later", later)
    assert last_good.get("chat") == "later"

    last_good.put("chat", "earlier", earlier)
    assert last_good.get("chat") == "later"


def test_of_what_was_changed_at_the_same_time_the_last_is_kept(last_good: LastGood) -> None:
    last_good.put("chat", "{}", [NOW])
    last_good.put("chat", "{ }", [NOW])

    assert last_good.get("chat") == "{ }"


def test_all_texts_are_read_together(last_good: LastGood) -> None:
    assert last_good.texts() == {}

    # More than a page of the table, which holds a megabyte.
    texts = {f"t{number}": f"{number}" * 4_000 for number in range(300)} | {"defaults": "{}"}
    for name, text in texts.items():
        last_good.put(name, text, [NOW])

    assert last_good.texts() == texts


def test_an_empty_text_is_a_text(last_good: LastGood) -> None:
    last_good.put("chat", "", [NOW])

    assert last_good.get("chat") == ""
