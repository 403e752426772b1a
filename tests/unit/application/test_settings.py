import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import override

import pytest

from bedrock_autoscaler.application.errors import NewerRecordError, ObservationError
from bedrock_autoscaler.application.ports.settings import Documents, Settings
from bedrock_autoscaler.application.settings.in_force import settings_version
from bedrock_autoscaler.domain.target import Mode
from tests.fakes.memory_settings import MemoryLastGood
from tests.unit.application.stored_settings import (
    OTHER_MODEL,
    Store,
    document,
    max_units,
    names,
    places,
)
from tests.unit.application.test_settings_stack import STACK


def test_without_documents_there_are_no_targets_and_no_problems() -> None:
    assert Store().load() == Settings(targets=(), problems=())


def test_targets_come_sorted_and_over_the_defaults() -> None:
    store = Store(
        web=document(), chat=document(OTHER_MODEL), defaults='{"guard_rails": {"max_units": 5}}'
    )

    settings = store.load()

    assert list(max_units(settings).items()) == [("chat", 5), ("web", 5)]
    assert settings.problems == ()


def test_an_invalid_document_leaves_the_last_good_one_in_force() -> None:
    store = Store(chat=document(guard_rails={"max_units": 3}))
    before = store.load()
    store.edit(chat=document(guard_rails={"max_units": "ten"}))

    settings = store.load()

    assert settings.targets == before.targets
    assert places(settings) == [("chat", "guard_rails.max_units")]


def test_an_invalid_document_without_a_predecessor_is_left_out_and_stops_no_other() -> None:
    settings = Store(chat="{", web=document()).load()

    assert names(settings) == ["web"]
    assert places(settings) == [("chat", "")]


def test_a_mended_document_is_in_force_at_once() -> None:
    store = Store(chat="{")
    store.load()
    store.edit(chat=document())

    assert names(store.load()) == ["chat"]


def test_invalid_defaults_leave_the_last_good_defaults_in_force() -> None:
    store = Store(chat=document(), defaults='{"guard_rails": {"max_units": 5}}')
    store.load()
    store.edit(defaults='{"guard_rails": {"max_units": "ten"}}')

    settings = store.load()

    assert max_units(settings) == {"chat": 5}
    assert places(settings) == [("defaults", "guard_rails.max_units")]


def test_invalid_defaults_without_a_predecessor_let_no_target_do_more_than_advise() -> None:
    """They may have been meant to forbid something, and nobody can tell what."""
    store = Store(chat=document(mode="act"), defaults='{"controls": {"pause_growth": "yes"}}')

    settings = store.load()

    (chat,) = settings.targets
    assert (chat.mode, chat.guard_rails.max_units) == (Mode.ADVISE, 1)
    assert chat.settings_version == settings_version(chat)
    assert places(settings) == [("defaults", "controls.pause_growth")]
    assert store.last_good.get("chat") is None
    store.edit(defaults='{"controls": {"pause_growth": true}}')
    (chat,) = store.load().targets
    assert (chat.mode, chat.controls.pause_growth) == (Mode.ACT, True)


def test_defaults_that_are_gone_stay_in_force() -> None:
    store = Store(chat=document(), defaults='{"guard_rails": {"max_units": 0}}')
    before = store.load()
    del store.parameters.texts["defaults"]

    settings = store.load()

    assert settings.targets == before.targets
    assert places(settings) == [("defaults", "")]
    store.edit(defaults="{}")
    assert max_units(store.load()) == {"chat": 1}


def test_valid_defaults_that_contradict_a_target_leave_it_as_it_was() -> None:
    store = Store(chat=document(guard_rails={"max_units": 3}), web=document(OTHER_MODEL))
    store.load()
    store.edit(defaults='{"guard_rails": {"min_units": 4, "max_units": 6}}')

    settings = store.load()

    # chat's 3 lies below the new minimum of 4, so chat stays over the old defaults; web follows.
    assert max_units(settings) == {"chat": 3, "web": 6}
    assert places(settings) == [("chat", "guard_rails.min_units")]


def test_a_model_of_images_is_refused_with_the_reason() -> None:
    settings = Store(draw=document(modality="image"), web=document()).load()

    assert names(settings) == ["web"]
    assert "billed by what they draw" in settings.problems[0].message


def test_an_unchanged_document_is_written_once() -> None:
    store = Store(chat=document(), defaults="{}")

    store.load()
    store.load()

    assert store.last_good.writes == 2


@pytest.mark.parametrize(
    "edit",
    [
        {"chat": document(guard_rails={"max_units": 3})},
        {"defaults": '{"guard_rails": {"max_units": 3}}'},
        {"stack": json.dumps(STACK | {"max_units": 3})},
    ],
)
def test_a_run_that_was_overtaken_brings_no_older_document_back(edit: Mapping[str, str]) -> None:
    store = Store(chat=document(), defaults="{}", stack=json.dumps(STACK))
    slow = store.parameters.documents()
    store.edit(**edit)
    newer = store.load()
    store.load(slow)
    store.edit(**dict.fromkeys(edit, "{"))

    settings = store.load()

    assert settings.problems
    assert (settings.targets, settings.rails) == (newer.targets, newer.rails)


def test_a_run_that_read_the_later_edit_alone_is_older_than_one_that_read_both() -> None:
    store = Store(chat=document(), defaults="{}")
    first = store.parameters.documents()
    store.edit(defaults='{"guard_rails": {"max_units": 3}}')
    store.load()
    store.edit(chat=document(mode="act"))
    newer = store.load()
    both = store.parameters.documents()
    store.load(
        Documents(
            texts={**both.texts, "defaults": first.texts["defaults"]},
            changed_at={**both.changed_at, "defaults": first.changed_at["defaults"]},
        )
    )
    store.edit(chat="{")

    assert store.load().targets == newer.targets


def test_a_target_whose_document_was_deleted_is_gone() -> None:
    store = Store(chat=document())
    store.load()
    store.parameters.texts.clear()

    assert names(store.load()) == []


def test_documents_that_cannot_be_read_are_an_error_of_the_tick() -> None:
    store = Store(chat=document())
    store.parameters.fail_next(ObservationError("throttled"), method="documents")

    with pytest.raises(ObservationError):
        store.load()


class NewerLastGood(MemoryLastGood):
    """The last good document of `chat` was kept by newer code."""

    @override
    def get(self, name: str) -> str | None:
        if name == "chat":
            raise NewerRecordError("last good document of chat has schema 2")
        return super().get(name)

    @override
    def texts(self) -> Mapping[str, str]:
        return {name: text for name, text in super().texts().items() if name != "chat"}

    @override
    def put(self, name: str, text: str, changed_at: Sequence[datetime]) -> None:
        self.get(name)
        super().put(name, text, changed_at)


def test_what_newer_code_kept_holds_its_target_alone() -> None:
    store = Store(chat=document(mode="act"), web=document(OTHER_MODEL, mode="act"))
    store.last_good = NewerLastGood()

    settings = store.load()

    assert [(target.name, target.mode) for target in settings.targets] == [
        ("chat", Mode.ADVISE),
        ("web", Mode.ACT),
    ]
    assert [(problem.document, problem.message) for problem in settings.problems] == [
        ("chat", "last good document of chat has schema 2")
    ]


def test_an_invalid_document_over_what_newer_code_kept_is_left_out_alone() -> None:
    store = Store(chat="{", web=document(OTHER_MODEL))
    store.last_good = NewerLastGood()

    settings = store.load()

    assert names(settings) == ["web"]
    assert places(settings) == [("chat", "")]
