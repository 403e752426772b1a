"""Changes of settings documents: edited by path, compared, and judged before they are written."""

import json
from typing import Any

import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.application.settings.tuning import (
    MISSING,
    FieldChange,
    Tuning,
    differences,
    document_text,
    edited,
)
from tests.builders import ACCOUNT, REGION
from tests.documents import BASE, ListedPrices
from tests.fakes.memory_settings import MemoryLastGood, MemoryParameters

DOCUMENT: dict[str, Any] = {
    "mode": "act",
    "sizing": {"grow_margin": 1.2},
    "options": [{"address": "a"}, {"address": "b"}],
}


def tuning(**texts: str) -> Tuning:
    return Tuning(
        parameters=MemoryParameters(texts),
        parser=TargetDocuments(ListedPrices()),
        last_good=MemoryLastGood(),
        account=ACCOUNT,
        region=REGION,
    )


def test_fields_are_set_and_left_out_by_path_and_the_rest_stays() -> None:
    changed = edited(
        DOCUMENT,
        {"sizing.keep_margin": 0.9, "slo.max_throttled_share": 0.02, "options.1.address": "c"},
        ["sizing.grow_margin", "options.0"],
    )

    assert changed == {
        "mode": "act",
        "sizing": {"keep_margin": 0.9},
        "options": [{"address": "c"}],
        "slo": {"max_throttled_share": 0.02},
    }
    assert DOCUMENT["options"] == [{"address": "a"}, {"address": "b"}]


@pytest.mark.parametrize(
    ("removals", "left"),
    [
        (["ids.0", "ids.1"], ["c", "d"]),
        (["ids.1", "ids.0"], ["c", "d"]),
        (["ids.0", "ids.3"], ["b", "c"]),
        (["ids.1", "ids.1", "ids.01"], ["a", "c", "d"]),
    ],
)
def test_positions_to_leave_out_are_those_of_the_document_as_it_was(
    removals: list[str], left: list[str]
) -> None:
    assert edited({"ids": ["a", "b", "c", "d"]}, {}, removals) == {"ids": left}


def test_a_field_of_a_position_that_goes_too_is_looked_up_before_it_goes() -> None:
    removals = ["options.0", "options.1.address", "options.0.address", "mode"]

    assert edited(DOCUMENT, {}, removals) == {"sizing": {"grow_margin": 1.2}, "options": [{}]}


def test_a_whole_object_or_position_can_be_set() -> None:
    changed = edited({"provisioned": None}, {"provisioned.model_id": "m", "options": [1, 2]})

    assert changed == {"provisioned": {"model_id": "m"}, "options": [1, 2]}
    assert edited({"options": [1, 2]}, {"options.1": 3}) == {"options": [1, 3]}


@pytest.mark.parametrize(
    ("changes", "removals", "message"),
    [
        ({"mode.x": 1}, [], 'mode.x leads through "act", which has no fields'),
        ({"options.5.address": 1}, [], "'5' is no position in a list of 2; they count from 0"),
        ({"options.first": 1}, [], "'first' is no position"),
        ({}, ["slo.factor"], "slo.factor is not in the document: slo is missing"),
        ({}, ["sizing.keep_margin"], "sizing.keep_margin is not in the document, so it cannot"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(
    changes: dict[str, object], removals: list[str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        edited(DOCUMENT, changes, removals)


def test_a_document_is_readable_while_it_fits_and_dense_where_it_does_not() -> None:
    assert document_text({"mode": "act"}) == '{\n "mode": "act"\n}'
    long = {f"field_{number}": 1 for number in range(270)}

    assert len(json.dumps(long, indent=1)) > 4_096
    assert "\n" not in document_text(long)
    assert json.loads(document_text(long)) == long


def test_documents_are_compared_leaf_by_leaf() -> None:
    after = {"mode": "act", "sizing": {"grow_margin": 1.3}, "options": [{"address": "a"}], "x": {}}

    assert differences(DOCUMENT, after) == (
        FieldChange(path="options.1.address", before="b", after=MISSING),
        FieldChange(path="sizing.grow_margin", before=1.2, after=1.3),
        FieldChange(path="x", before=MISSING, after={}),
    )
    assert differences({}, {}) == ()


def test_a_valid_change_names_the_targets_that_would_be_others() -> None:
    desk = tuning(chat=json.dumps(BASE))

    effect = desk.effect("chat", json.dumps(BASE | {"mode": "act"}))

    assert effect.problems == ()
    ((before, after),) = effect.targets()
    assert before is not None
    assert after is not None
    assert (before.mode.value, after.mode.value) == ("advise", "act")
    assert list(desk.effect("chat", json.dumps(BASE)).targets()) == []


def test_a_change_that_would_not_be_valid_is_a_problem_of_its_own() -> None:
    desk = tuning(chat=json.dumps(BASE), broken="{")

    effect = desk.effect("chat", json.dumps(BASE | {"mode": "go"}))

    assert [(problem.document, problem.field) for problem in effect.problems] == [("chat", "mode")]
    assert [problem.document for problem in effect.before.problems] == ["broken"]


def test_a_change_of_the_defaults_is_judged_by_the_targets_over_them() -> None:
    desk = tuning(chat=json.dumps(BASE | {"slo": {"throttle_cost_factor": 0}}))

    effect = desk.effect("defaults", json.dumps({"slo": {"assure_throttled_share": 0.01}}))

    assert [problem.document for problem in effect.problems] == ["chat"]


def test_deleting_a_document_takes_its_target_out() -> None:
    ((before, after),) = tuning(chat=json.dumps(BASE)).effect("chat", None).targets()

    assert before is not None
    assert (before.name, after) == ("chat", None)


def test_judging_keeps_nothing_as_good() -> None:
    desk = tuning(chat=json.dumps(BASE))

    desk.effect("chat", json.dumps(BASE | {"mode": "act"}))

    assert desk.settings().targets[0].mode.value == "advise"
    assert desk.last_good.get("chat") is None
