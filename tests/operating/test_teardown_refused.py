"""`teardown`: what forbids it, and what keeps the watcher of throughputs standing."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.fleet.lifecycle import stepped
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import REGION
from tests.intents import reserve
from tests.operating.stage import STACK, Stage
from tests.operating.tearing import bought, existing, tables
from tests.recorded import build_purchase


def bought_elsewhere(stage: Stage) -> str:
    """One that the ledger holds in a spoke's account."""
    intent = build_purchase()
    fleets = stage.access.fleets
    reserve(fleets, intent)
    arn = f"arn:aws:bedrock:{REGION}:999988887777:provisioned-model/abcdefghijkl"
    fleets.update_purchase(intent, stepped(intent, PurchaseState.BOUGHT, arn=arn))
    return arn


@pytest.mark.parametrize(
    "buys",
    [
        bought,
        bought_elsewhere,
        lambda stage: bought(stage, tags={}),
        lambda stage: reserve(stage.access.fleets, build_purchase()),
    ],
    ids=["here", "elsewhere", "without tags yet", "without an answer"],
)
def test_what_is_bought_while_a_person_reads_the_plan_keeps_its_watcher(
    built: Stage, monkeypatch: pytest.MonkeyPatch, buys: Callable[[Stage], object]
) -> None:
    def buy_and_agree(*_: Any, **__: Any) -> str:
        buys(built)
        return STACK

    monkeypatch.setattr("typer.prompt", buy_and_agree)

    error = built.refused("teardown")

    assert "was bought since this was looked through; nothing was deleted" in error
    assert len(tables()) == 3
    parameter = built.ssm.get_parameter(Name="/bedrock-autoscaler/switch")["Parameter"]
    assert parameter["Value"] == "stop"


def test_what_loses_our_tag_meanwhile_keeps_its_watcher(built: Stage) -> None:
    """It is read afresh right before its deletion; the stack stands until all of them are gone."""
    arn, looks = bought(built), []
    built.world.advance(20 * MINUTE)

    def give_away(_: Any) -> Any:
        looks.append(1)
        if len(looks) == 2:  # the throughputs were listed for the second time
            bedrock: Any = boto3.client("bedrock", region_name=REGION)
            tag = {"key": "bedrock-autoscaler:deployment", "value": "another"}
            bedrock.tag_resource(resourceARN=arn, tags=[tag])
        return {"StackResourceSummaries": []}

    built.answer("cloudformation.ListStackResources", give_away)

    error = built.refused("teardown", "--yes")

    assert "is not as it was listed (deployment another" in " ".join(error.split())
    assert existing(built) == {arn}
    assert len(tables()) == 3


def test_another_name_deletes_nothing(built: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = bought(built)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "yes")

    assert "'yes' is not 'test'; nothing was deleted" in built.refused("teardown")
    assert existing(built) == {arn}
    parameter = built.ssm.get_parameter(Name="/bedrock-autoscaler/switch")["Parameter"]
    assert parameter["Value"] == "allow"


def test_a_throughput_that_cannot_be_deleted_keeps_its_watcher(built: Stage) -> None:
    bought(built)
    built.answer("bedrock.DeleteProvisionedModelThroughput", lambda _: "AccessDeniedException")

    error = built.refused("teardown", "--yes")

    assert "delete throughputs failed: " in error
    assert "what comes after it was not begun" in error
    assert len(tables()) == 3
    assert built.told("settings", "get", "chat", "mode") == '"advise"\n'


def test_a_purchase_without_an_answer_forbids_it(built: Stage) -> None:
    intent = build_purchase()
    reserve(built.access.fleets, intent)

    found = built.json("teardown", "--dry-run")

    (open_purchase,) = found["unanswered_purchases"]
    assert open_purchase == f"{intent.name} of chat, asked for at 2026-11-20T12:00:00Z"
    assert "has no answer yet and may still bring" in built.refused("teardown", "--yes")
    assert len(tables()) == 3


def test_what_is_held_in_a_spoke_forbids_it(built: Stage) -> None:
    arn = bought_elsewhere(built)

    (held,) = built.json("teardown", "--dry-run")["held_elsewhere"]

    assert held == f"{arn} of chat, 1 unit"
    told = built.refused("teardown", "--yes")
    assert "in another account or Region" in told
    assert "`override units TARGET 0 --until 12h`" in told
    assert len(tables()) == 3


@pytest.mark.parametrize("prefix", ["/bedrock-autoscaler", "/bedrock-autoscaler/rehearsal"])
def test_another_stack_below_the_same_prefix_forbids_it(built: Stage, prefix: str) -> None:
    """Its settings and its switch would go with this one's."""
    built.stacks.add("prod", {"SettingsPrefixPath": prefix})

    assert built.json("teardown", "--dry-run")["sharing_the_prefix"] == ["prod"]
    assert "stack prod keeps its settings and its switch" in built.refused("teardown", "--yes")
    assert len(tables()) == 3
    parameter = built.ssm.get_parameter(Name="/bedrock-autoscaler/switch")["Parameter"]
    assert parameter["Value"] == "allow"


def test_a_stack_with_a_prefix_of_its_own_forbids_nothing(built: Stage) -> None:
    built.stacks.add("rehearsal", {"SettingsPrefixPath": "/bedrock-autoscaler-rehearsal"})

    assert "stack test deleted" in built.told("teardown", "--yes")


def test_stacks_that_cannot_be_listed_make_no_plan(built: Stage) -> None:
    def refuse_lists(params: Any) -> Any:
        return "AccessDenied" if "StackName" not in params else {"Stacks": [described]}

    described = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    built.answer("cloudformation.DescribeStacks", refuse_lists)

    assert "cannot be looked through" in built.refused("teardown", "--yes")
    assert len(tables()) == 3


def test_a_list_that_was_not_read_to_its_end_is_no_plan(built: Stage) -> None:
    bought(built)
    built.answer("bedrock.ListTagsForResource", lambda _: "ThrottlingException")

    assert "could not be read to its end" in built.refused("teardown", "--dry-run")


def test_the_stack_must_be_named() -> None:
    assert run(["teardown", "--dry-run"]) == 2


def test_what_was_bought_just_now_and_shows_no_tags_yet_keeps_the_stack(built: Stage) -> None:
    """Tags may lag: it would be left behind, billed, as if it were not the stack's."""
    arn = bought(built, tags={})

    told = built.refused("teardown", "--yes")

    assert f"{arn} of chat shows no owner's tag yet" in told
    assert "nothing was deleted" in told
    assert existing(built) == {arn}
