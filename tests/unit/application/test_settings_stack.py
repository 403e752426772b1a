"""What the document of the stack lets all targets hold together."""

import json
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.settings.in_force import NOTHING_MAY_BE_HELD
from tests.unit.application.stored_settings import OTHER_MODEL, Store, document, names, places

STACK = {
    "max_units": 4,
    "max_usd_per_hour": 250,
    "max_usd_per_day": 2_000,
    "max_usd_per_month": 20_000,
}


def test_caps_of_the_stack_that_are_gone_stay_in_force() -> None:
    store = Store(chat=document(guard_rails={"max_units": 9}), stack=json.dumps(STACK))
    store.load()
    del store.parameters.texts["stack"]

    settings = store.load()

    assert settings.rails.max_units == STACK["max_units"]
    assert places(settings) == [("stack", "")]


def test_without_a_document_the_stack_may_hold_what_its_targets_may() -> None:
    rails = {"max_units": 3, "max_usd_per_hour": 130.5}
    store = Store(chat=document(guard_rails=rails), web=document(OTHER_MODEL))

    settings = store.load()

    assert settings.stack is None
    assert (settings.rails.max_units, settings.rails.max_usd_per_hour) == (4, Decimal("230.5"))
    assert settings.rails.max_usd_per_day == 2_000
    assert settings.rails.max_usd_per_month == 20_000


def test_the_document_of_the_stack_sets_its_caps_and_is_no_target() -> None:
    settings = Store(chat=document(), stack=json.dumps(STACK)).load()

    assert names(settings) == ["chat"]
    assert settings.problems == ()
    assert settings.rails.max_units == 4


def test_an_invalid_document_of_the_stack_leaves_the_last_good_caps() -> None:
    store = Store(chat=document(), stack=json.dumps(STACK))
    store.load()
    store.edit(stack=json.dumps(STACK | {"max_units": "many"}))

    settings = store.load()

    assert settings.rails.max_units == 4
    assert places(settings) == [("stack", "max_units")]


@pytest.mark.parametrize("kept", [None, "{}"])
def test_caps_of_the_stack_that_never_were_valid_admit_nothing(kept: str | None) -> None:
    store = Store(chat=document(), stack="{}")
    if kept is not None:
        store.last_good.put("stack", kept, [])

    settings = store.load()

    assert settings.rails == NOTHING_MAY_BE_HELD
    assert places(settings) == [("stack", "max_units")]
    assert names(settings) == ["chat"]
