"""`settings show`, `get` and `explain`: what is in force, and where it comes from."""

import json

import pytest
from botocore.exceptions import (
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from bedrock_autoscaler.cli.app import run
from tests.client.refusals import refusal
from tests.operating.stage import DOCUMENT, STACK, Stage


def test_without_caps_of_the_stack_those_in_force_are_shown_with_the_way_to_others(
    stage: Stage,
) -> None:
    option = {"kind": "on_demand", "address": "amazon.nova-lite-v1:0"}
    residency = {"other_models": True}
    stage.put("targets/search", DOCUMENT | {"options": [option], "residency": residency})
    # Two targets with four units, 242, 5,000 and 50,000 USD each.
    write = (
        "settings set stack max_units=8 max_usd_per_hour=484 max_usd_per_day=10000 "
        "max_usd_per_month=100000"
    )

    shown = stage.told("settings", "show", "stack")
    assert "there is no document; in force are the sums over the targets' caps" in shown
    assert "max_usd_per_hour = 484.0  [sum over the targets]" in shown
    assert write in shown
    assert write in stage.refused("settings", "set", "stack", "max_units=6", "--what-if")
    stage.told(*write.split(), "--yes")

    assert "max_units = 8  [document]" in stage.told("settings", "show", "stack")


def test_caps_of_the_stack_that_are_gone_are_shown_as_the_last_valid_ones(stage: Stage) -> None:
    caps = ["max_units=4", "max_usd_per_hour=250", "max_usd_per_day=3000"]
    stage.told("settings", "set", "stack", *caps, "max_usd_per_month=40000", "--yes")
    stage.accept()
    stage.ssm.delete_parameter(Name="/bedrock-autoscaler/settings/stack")

    shown = stage.told("settings", "show", "stack")

    assert "the document is gone, and its last caps stay in force" in shown
    assert "max_units = 4  [document]" in shown


def test_what_is_in_force_shows_where_each_value_comes_from(stage: Stage) -> None:
    stage.put("defaults", {"slo": {"throttle_cost_factor": 4}})

    text = stage.told("settings", "show", "chat")

    assert text.startswith("chat: version 1 of ")
    assert "guard_rails.max_units = 4  [document]" in text
    assert "slo.throttle_cost_factor = 4  [defaults]" in text
    assert "further fields have their shipped value; --all shows them" in text
    shown = stage.told("settings", "show", "chat", "--all")
    assert "sizing.grow_margin = 1.15  [shipped]" in shown


def test_an_invalid_document_shows_what_is_wrong_and_what_is_in_force(stage: Stage) -> None:
    stage.accept()
    stage.put("targets/chat", DOCUMENT | {"guard_rails": {"max_units": "ten"}})

    text = stage.told("settings", "show", "chat")

    assert 'INVALID: guard_rails.max_units: "ten" is not allowed' in text
    assert "in force is the last valid text:" in text
    assert "guard_rails.max_units = 4  [document]" in text
    assert stage.json("settings", "show", "chat")["in_force"]["guard_rails"]["max_units"] == 4


def test_a_value_in_force_is_printed_as_json(stage: Stage) -> None:
    assert stage.told("settings", "get", "chat", "guard_rails.max_units") == "4\n"
    assert stage.told("settings", "get", "chat", "sizing.keep_margin") == "0.95\n"
    assert json.loads(stage.told("settings", "get", "chat")) == DOCUMENT
    assert "options.7.quota has no value; `settings show chat --all`" in stage.refused(
        "settings", "get", "chat", "options.7.quota"
    )


def test_a_field_of_the_stack_s_document_is_found_by_its_name(stage: Stage) -> None:
    caps = ["max_units=4", "max_usd_per_hour=250", "max_usd_per_day=3000"]
    stage.told("settings", "set", "stack", *caps, "max_usd_per_month=40000", "--yes")

    assert stage.told("settings", "get", "stack", "max_units") == "4\n"


def test_each_field_is_explained_with_range_and_effect(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["settings", "explain", "grow_margin"]) == 0
    text = capsys.readouterr().out
    assert "sizing.grow_margin  a number from 1 to 5 (shipped: 1.15)" in text
    assert "A unit is bought at this multiple of its price in worth; higher: fewer" in text
    assert run(["settings", "explain", "grow_margn"]) == 2
    assert "there is no field 'grow_margn'" in capsys.readouterr().err


def test_a_stack_that_is_not_there_is_named(stage: Stage) -> None:
    assert run(["settings", "show", "chat", "--stack", "none"]) == 2
    assert "stack 'none' cannot be read" in stage.capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "help_"),
    [
        (NoRegionError(), "You must specify a region; name the stack's Region"),
        (NoCredentialsError(), "Unable to locate credentials; log in to AWS"),
        (ProfileNotFound(profile="nope"), "; name one that `aws configure list-profiles` has"),
        (EndpointConnectionError(endpoint_url="https://x"), "; look at the network, the proxy"),
        (InvalidRegionError(region_name="a b"), "; name the stack's Region"),
        (refusal("ExpiredToken"), "; use credentials that are valid and may call"),
        (refusal("ValidationError"), "; name another with --stack, or the Region that it is in"),
    ],
)
def test_what_the_sdk_lacks_is_told_with_the_way_to_give_it(
    stage: Stage, error: Exception, help_: str
) -> None:
    def fail(_: object) -> object:
        raise error

    stage.answer("cloudformation.DescribeStacks", fail)

    for command in (["settings", "show", "chat"], ["status"]):
        assert help_ in stage.refused(*command)
    assert STACK == "test"
