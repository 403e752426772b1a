"""`teardown`: what costs money, what goes, in which order, and what is left."""

from typing import Any

import pytest

from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.server import serve
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.builders import ACCOUNT, NOW, REGION
from tests.operating.stage import STACK, Stage
from tests.operating.tearing import OWN, bought, buy, existing, tables


def test_a_dry_run_lists_what_costs_money_and_deletes_nothing(built: Stage) -> None:
    own, foreign = bought(built), buy("foreign", {"team": "search"})

    found = built.json("teardown", "--dry-run")

    parts = {part["name"]: part for part in found["parts"]}
    # Two units at 60.50 USD for 730 hours.
    assert parts[own]["usd_per_month"] == pytest.approx(2 * 60.5 * 730)
    assert (parts[own]["is_deleted"], parts[foreign]["is_deleted"]) == (True, False)
    assert "not this stack's" in parts[foreign]["note"]
    by_kind = {part["kind"]: part for part in found["parts"]}
    assert by_kind["alarms"]["usd_per_month"] == pytest.approx(0.2)
    assert by_kind["composite alarms"]["usd_per_month"] == pytest.approx(0.5)
    assert by_kind["keys"]["usd_per_month"] == pytest.approx(1.0)
    assert by_kind["logs"]["usd_per_month"] == pytest.approx(0.03)
    assert [part["name"] for part in found["parts"] if part["kind"] == "table"] == [
        "ledger",
        "routes",
        "consents",
    ]
    assert by_kind["parameters"]["note"].startswith("2 parameters")
    assert existing(built) == {own, foreign}
    assert len(tables()) == 3
    text = built.told("teardown", "--dry-run")
    assert "STAYS" in text
    assert "USD a month now" in text


def test_what_is_ours_goes_and_what_is_not_stays(built: Stage) -> None:
    own, foreign = bought(built), buy("foreign", {"team": "search"})

    built.world.advance(20 * MINUTE)  # until then Bedrock refuses to delete them

    text = built.told("teardown", "--yes")

    assert existing(built) == {foreign}
    assert tables() == []
    assert (
        built.ssm.get_parameters_by_path(Path="/bedrock-autoscaler", Recursive=True)["Parameters"]
        == []
    )
    order = [
        "/bedrock-autoscaler/switch is `stop`",
        f"throughput {own} deleted",
        "stack test deleted",
        "table ledger deleted",
        "2 parameters below /bedrock-autoscaler deleted",
        f"left: throughput {foreign}",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_what_carries_our_tag_but_is_no_purchase_of_the_ledger_stays(built: Stage) -> None:
    """Somebody may have copied the tag: only tag and ledger together make it ours."""
    own, copy = bought(built), buy("copy", OWN)
    built.world.advance(20 * MINUTE)

    text = built.told("teardown", "--yes")

    assert existing(built) == {copy}
    assert f"throughput {own} deleted" in text
    assert "no purchase of the ledger" in " ".join(text.split())


def test_what_turns_up_while_a_person_reads_the_plan_and_stays_is_told(
    built: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a purchase that was given up, say: it is billed, and nobody watches it any more."""
    late = []

    def turn_up_and_agree(*_: Any, **__: Any) -> str:
        late.append(buy("late", OWN))
        return STACK

    monkeypatch.setattr("typer.prompt", turn_up_and_agree)

    text = built.told("teardown")

    assert f"left: throughput {late[0]}" in text
    assert "no purchase of the ledger" in " ".join(text.split())


def test_what_lists_do_not_show_yet_goes_too(built: Stage) -> None:
    built.world.reconfigure(list_lag=15 * MINUTE, delete_while_creating="accepted")
    arn = bought(built)

    text = built.told("teardown", "--yes")

    assert f"throughput {arn} deleted" in text
    assert existing(built) == set()


def test_a_commitment_is_named_with_its_end_and_left(built: Stage) -> None:
    arn = buy("term", OWN, "OneMonth")

    text = built.told("teardown", "--yes", "--keep-tables")

    assert f"left: throughput {arn}" in text
    assert "committed (one_month) until 2026-12-2" in text
    assert existing(built) == {arn}
    assert len(tables()) == 3
    assert "table ledger: 0 bytes, kept as asked" in " ".join(text.split())


ENDPOINT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/own"


def bound(stage: Stage) -> None:
    """A target whose endpoint the stack scales."""
    rails = {
        "min_instances": 1,
        "max_instances": 3,
        "calls_per_minute": 40,
        "usd_per_instance_hour": 1.5,
        "source": "load test; price list",
        "as_of": "2026-11-20",
    }
    option = {"kind": "marketplace_endpoint", "address": ENDPOINT, "instances": rails}
    document = {"account": ACCOUNT, "region": REGION, "options": [option]}
    stage.put("targets/own", document)


def test_an_endpoint_that_goes_on_running_is_named_with_its_dollars(built: Stage) -> None:
    bound(built)
    built.world.reconfigure(endpoints=[{"arn": ENDPOINT, "instances": 3}])

    found = built.json("teardown", "--dry-run")

    (part,) = [part for part in found["parts"] if part["kind"] == "endpoint"]
    # Three instances at 1.50 USD for 730 hours.
    assert part["usd_per_month"] == pytest.approx(3 * 1.5 * 730)
    assert (part["name"], part["is_deleted"]) == (ENDPOINT, False)
    assert found["usd_per_month_left"] == pytest.approx(3285)
    assert "3,285.00 afterwards" in built.told("teardown", "--dry-run")
    told = " ".join(built.told("teardown", "--yes").split())
    assert f"left: endpoint {ENDPOINT}: 3 instances at 1.5 USD an hour each" in told


def test_an_endpoint_that_cannot_be_read_costs_an_unknown_sum(built: Stage) -> None:
    bound(built)

    text = " ".join(built.told("teardown", "--dry-run").split())

    assert "instances at 1.5 USD an hour each, not deleted" in text
    assert "how many is unknown" in text
    assert "0.00 and 1 part of unknown cost afterwards" in text


def test_the_stack_s_name_is_asked_for(built: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.prompt", lambda *_, **__: STACK)

    assert "stack test deleted" in built.told("teardown")


def test_after_the_stack_is_gone_a_failure_names_the_rest_and_the_commands(built: Stage) -> None:
    """Without the stack the teardown finds nothing, so that a person goes on by hand."""
    asked = []

    def delete_the_first(params: Any) -> Any:
        asked.append(params)
        return {} if len(asked) == 1 else "AccessDeniedException"

    built.answer("dynamodb.DeleteTable", delete_the_first)

    error = " ".join(built.refused("teardown", "--yes").split())

    assert "delete tables failed: " in error
    assert "Run the teardown again" not in error
    assert "left are table routes, table consents, /bedrock-autoscaler/*; by hand: " in error
    for name in ("routes", "consents"):
        assert f"update-table --table-name {name} --no-deletion-protection-enabled" in error
        assert f"delete-table --table-name {name}" in error
    assert "--table-name ledger" not in error
    assert "get-parameters-by-path --path /bedrock-autoscaler --recursive" in error
    assert "cannot be read" in built.refused("teardown", "--yes")


def test_where_parameters_alone_are_left_they_alone_are_named(built: Stage) -> None:
    built.answer("ssm.DeleteParameters", lambda _: "AccessDeniedException")

    error = " ".join(built.refused("teardown", "--yes").split())

    assert "delete parameters failed: " in error
    assert "left are /bedrock-autoscaler/*; by hand: aws ssm get-parameters-by-path" in error


def test_a_stack_that_may_stand_yet_is_torn_down_again(built: Stage) -> None:
    """Its deletion was refused, or takes longer than a person is kept waiting."""
    built.answer("cloudformation.DeleteStack", lambda _: "AccessDenied")

    error = " ".join(built.refused("teardown", "--yes", "--keep-tables").split())

    assert "Run the teardown again when that is mended, or, once the stack is gone: " in error
    assert "left are /bedrock-autoscaler/*" in error


def test_what_the_ledger_holds_without_our_tag_is_named_as_such(built: Stage) -> None:
    arn = bought(built, tags={"bedrock-autoscaler:deployment": "another"})

    told = built.told("teardown", "--yes")

    assert f"left: throughput {arn}" in told
    assert "of deployment another: the ledger holds it: tag it again, or delete it by hand" in told


def test_what_has_had_no_tags_for_long_forbids_nothing(built: Stage) -> None:
    arn = bought(built, tags={})
    later = WorldSettings(start=NOW + 26 * MINUTE, account_id=ACCOUNT, region=REGION)

    with serve(World(later)) as server:
        built.stacks.parameters["ClockEndpoint"] = f"{server.url}/_world/clock"
        told = built.told("teardown", "--yes")

    assert f"left: throughput {arn}" in told


def test_what_was_deleted_just_now_is_not_left_though_lists_show_it(built: Stage) -> None:
    """By a teardown that failed later, say; nobody can read its tags any more."""
    own = bought(built)
    built.world.reconfigure(list_lag=15 * MINUTE)
    built.world.advance(20 * MINUTE)
    built.access.releasing.delete(own)

    found = built.json("teardown", "--dry-run")

    assert own in {pt.arn for pt in built.access.inspection().capacity.inventory().throughputs}
    assert [part["name"] for part in found["parts"] if part["kind"] == "throughput"] == []
    assert found["without_tags_yet"] == []
