"""Which provisioned throughput came of which purchase."""

from dataclasses import replace
from typing import Any

import pytest

from bedrock_autoscaler.application.purchasing.identifying import came_of
from tests.intents import build_held, build_listed


def test_tags_model_and_size_together_tell_it() -> None:
    intent = build_held(arn=None)

    assert came_of(build_listed(name="renamed"), intent, "test")


@pytest.mark.parametrize(
    "other",
    [
        {"deployment": "someone else"},
        {"deployment": None},
        {"decision_id": "chat-capacity-20260101T000000Z"},
        {"model_units": 2},
        {"model_arn": "arn:aws:bedrock:us-east-1::foundation-model/vendor.other-v1:0"},
    ],
)
def test_anything_else_is_not_what_was_bought(other: dict[str, Any]) -> None:
    assert not came_of(replace(build_listed(), **other), build_held(arn=None), "test")


def test_once_the_ledger_has_the_arn_that_tells_with_the_tag_of_the_deployment() -> None:
    intent, untold = build_held(), build_listed(decision_id=None)

    assert came_of(untold, intent, "test")
    assert not came_of(untold, intent, "another")
    assert not came_of(build_listed(2), intent, "test")
