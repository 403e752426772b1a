"""One model id belongs to one target."""

import json

from bedrock_autoscaler.application.settings.in_force import overlapping
from tests.builders import ACCOUNT, MODEL, REGION, build_target
from tests.unit.application.stored_settings import OTHER_MODEL, Store, document, names, places


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
    store.last_good.put("chat", json.dumps({"defaults": None, "document": "{}"}), [])
    store.edit(chat="{")

    assert names(store.load()) == []


def test_an_overlapping_document_does_not_become_the_last_good_one() -> None:
    store = Store(chat=document(), web=document())
    store.load()

    assert store.last_good.get("chat") is None


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
