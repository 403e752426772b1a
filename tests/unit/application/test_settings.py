import json
from collections.abc import Mapping
from decimal import Decimal
from typing import override

import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.errors import NewerRecordError, ObservationError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.settings.in_force import (
    NOTHING_MAY_BE_HELD,
    load_settings,
    overlapping,
    settings_version,
)
from bedrock_autoscaler.domain.target import Mode
from tests.builders import ACCOUNT, MODEL, REGION, build_target
from tests.documents import BASE, ListedPrices
from tests.fakes.memory_settings import MemoryLastGood, MemoryParameters

OTHER_MODEL = "meta.llama3-1-8b-instruct-v1:0"


def document(model: str = MODEL, **changes: object) -> str:
    return json.dumps(BASE | {"options": [{"kind": "on_demand", "address": model}]} | changes)


class Store:
    """Parameters and last good documents over several ticks."""

    def __init__(self, **texts: str) -> None:
        self.parameters = MemoryParameters(texts)
        self.last_good = MemoryLastGood()
        self.elsewhere: frozenset[Place] = frozenset()

    def load(self) -> Settings:
        return load_settings(
            self.parameters,
            TargetDocuments(ListedPrices()),
            self.last_good,
            account=ACCOUNT,
            region=REGION,
            elsewhere=self.elsewhere,
        )

    def edit(self, **texts: str) -> None:
        self.parameters.texts.update(texts)


def names(settings: Settings) -> list[str]:
    return [target.name for target in settings.targets]


def places(settings: Settings) -> list[tuple[str, str]]:
    return [(problem.document, problem.field) for problem in settings.problems]


def max_units(settings: Settings) -> Mapping[str, int]:
    return {target.name: target.guard_rails.max_units for target in settings.targets}


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


def test_caps_of_the_stack_that_are_gone_stay_in_force() -> None:
    store = Store(chat=document(guard_rails={"max_units": 9}), stack=json.dumps(STACK))
    store.load()
    del store.parameters.texts["stack"]

    settings = store.load()

    assert settings.rails.max_units == STACK["max_units"]
    assert places(settings) == [("stack", "")]


def test_a_target_does_not_move_to_another_place() -> None:
    """What it holds would stay behind, billed and in nobody's sight."""
    store = Store(chat=document())
    store.elsewhere = frozenset({Place(account="999988887777", region="us-west-2")})
    before = store.load()
    store.edit(chat=document(account="999988887777", region="us-west-2"))

    settings = store.load()

    assert settings.targets == before.targets
    assert places(settings) == [("chat", "region")]


def test_a_target_does_not_come_home_from_a_place_that_is_managed_no_more() -> None:
    """Nobody would look after what it holds there, and its ledger would call all of it lost."""
    store = Store(chat=document(account="999988887777", region="us-west-2"))
    store.elsewhere = frozenset({Place(account="999988887777", region="us-west-2")})
    store.load()
    store.elsewhere = frozenset()
    store.edit(chat=document())

    settings = store.load()

    assert settings.targets == ()
    assert places(settings) == [("chat", "region")]


def test_valid_defaults_that_contradict_a_target_leave_it_as_it_was() -> None:
    store = Store(chat=document(guard_rails={"max_units": 3}), web=document(OTHER_MODEL))
    store.load()
    store.edit(defaults='{"guard_rails": {"min_units": 4, "max_units": 6}}')

    settings = store.load()

    # chat's 3 lies below the new minimum of 4, so chat stays over the old defaults; web follows.
    assert max_units(settings) == {"chat": 3, "web": 6}
    assert places(settings) == [("chat", "guard_rails.min_units")]


def test_a_document_of_another_account_or_region_is_refused() -> None:
    settings = Store(
        chat=document(account="999999999999"), web=document(OTHER_MODEL, region="eu-west-1")
    ).load()

    assert names(settings) == []
    assert places(settings) == [("chat", "account"), ("web", "account")]
    assert "999999999999 in us-east-1 is another place" in settings.problems[0].message


def test_a_document_of_a_listed_account_and_region_is_in_force() -> None:
    store = Store(
        chat=document(account="999999999999"),
        web=document(OTHER_MODEL, account="999999999999", region="eu-west-1"),
    )
    store.elsewhere = frozenset({Place(account="999999999999", region=REGION)})

    settings = store.load()

    assert names(settings) == ["chat"]
    assert places(settings) == [("web", "account")]
    assert "parameters SpokeAccounts and SpokeRegions" in settings.problems[0].message


def test_a_place_that_is_no_longer_listed_is_out_of_force_at_once() -> None:
    store = Store(chat=document(account="999999999999"))
    store.elsewhere = frozenset({Place(account="999999999999", region=REGION)})
    store.load()

    store.elsewhere = frozenset()

    assert names(store.load()) == []


def test_instances_of_endpoints_are_changed_at_home_alone() -> None:
    endpoint = {
        "kind": "marketplace_endpoint",
        "address": "arn:aws:sagemaker:us-east-1:999999999999:endpoint/own",
        "instances": {
            "max_instances": 2,
            "calls_per_minute": 40,
            "usd_per_instance_hour": 1.5,
            "source": "test",
            "as_of": "2026-11-01",
        },
    }
    store = Store(chat=document(account="999999999999", options=[endpoint]))
    store.elsewhere = frozenset({Place(account="999999999999", region=REGION)})

    settings = store.load()

    assert places(settings) == [("chat", "options")]
    assert "in us-east-1 alone" in settings.problems[0].message


def test_a_model_of_images_is_refused_with_the_reason() -> None:
    settings = Store(draw=document(modality="image"), web=document()).load()

    assert names(settings) == ["web"]
    assert "billed by what they draw" in settings.problems[0].message


def test_two_new_targets_that_share_a_model_id_are_both_invalid() -> None:
    settings = Store(chat=document(), web=document(), other=document(OTHER_MODEL)).load()

    assert names(settings) == ["other"]
    assert places(settings) == [("chat", "model_ids"), ("web", "model_ids")]
    assert f"{MODEL} is also a ModelId of web" in settings.problems[0].message


def test_a_new_target_cannot_push_out_one_that_was_there_before() -> None:
    store = Store(chat=document())
    store.load()
    store.edit(web=document())

    settings = store.load()

    assert names(settings) == ["chat"]
    assert places(settings) == [("chat", "model_ids"), ("web", "model_ids")]


def test_a_new_target_cannot_take_the_model_of_one_that_is_kept_in_force() -> None:
    store = Store(chat=document())
    store.load()
    # chat's edit is invalid, so that its old document stays, whose model web would take over.
    store.edit(chat="{", web=document())

    settings = store.load()

    assert names(settings) == ["chat"]
    assert places(settings) == [("chat", ""), ("web", "model_ids")]
    assert store.last_good.get("web") is None


def test_kept_documents_that_overlap_one_another_are_both_out() -> None:
    store = Store(chat=document())
    store.load()
    # While chat is away, web takes its model; then both documents go bad.
    store.parameters.texts = {"web": document()}
    store.load()
    store.edit(chat="{", web="{")

    settings = store.load()

    assert names(settings) == []
    assert places(settings) == [
        ("chat", ""),
        ("web", ""),
        ("chat", "model_ids"),
        ("web", "model_ids"),
    ]


def test_a_kept_document_that_is_not_valid_any_more_is_out() -> None:
    store = Store(chat=document(OTHER_MODEL))
    store.last_good.put("chat", json.dumps({"defaults": None, "document": "{}"}))
    store.edit(chat="{")

    assert names(store.load()) == []


def test_an_overlapping_document_does_not_become_the_last_good_one() -> None:
    store = Store(chat=document(), web=document())
    store.load()

    assert store.last_good.get("chat") is None


def test_an_unchanged_document_is_written_once() -> None:
    store = Store(chat=document(), defaults="{}")

    store.load()
    store.load()

    assert store.last_good.writes == 2


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


def test_an_arn_and_the_id_at_its_end_are_one_model_id() -> None:
    arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:application-inference-profile/abc123"
    chat = build_target(name="chat", model_ids=(arn, MODEL))
    web = build_target(name="web", model_ids=("abc123",))

    problems = overlapping([chat, web])

    assert [problem.document for problem in problems] == ["chat", "web"]


def test_the_same_model_id_in_two_regions_is_no_overlap() -> None:
    chat = build_target(name="chat")
    web = build_target(name="web", region="eu-west-1")

    assert overlapping([chat, web]) == ()


STACK = {
    "max_units": 4,
    "max_usd_per_hour": 250,
    "max_usd_per_day": 2_000,
    "max_usd_per_month": 20_000,
}


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
        store.last_good.put("stack", kept)

    settings = store.load()

    assert settings.rails == NOTHING_MAY_BE_HELD
    assert places(settings) == [("stack", "max_units")]
    assert names(settings) == ["chat"]


class NewerLastGood(MemoryLastGood):
    """The last good document of `chat` was kept by newer code."""

    @override
    def get(self, name: str) -> str | None:
        if name == "chat":
            raise NewerRecordError("last good document of chat has schema 2")
        return super().get(name)

    @override
    def put(self, name: str, text: str) -> None:
        self.get(name)
        super().put(name, text)


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
