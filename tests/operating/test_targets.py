"""`targets` and `mode`: from an account that runs Bedrock to a target that acts."""

from dataclasses import replace
from typing import Any

import boto3
import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import ACCOUNT, MODEL, NOW, PROFILE, PT_MODEL, REGION, pt_arn
from tests.documents import APPLICATION_PROFILE
from tests.functions.account import SETTINGS
from tests.holds import limited, ticks
from tests.intents import build_held, reserve
from tests.operating.stage import DOCUMENT, STACK, Stage
from tests.operating.test_backtest_from_cloudwatch import put, span

OTHER = "amazon.nova-lite-v1:0"


def buy(*, tags: dict[str, str]) -> str:
    bedrock = boto3.client("bedrock", region_name=REGION)
    return bedrock.create_provisioned_model_throughput(
        modelUnits=2,
        provisionedModelName="one-of-others",
        modelId=PT_MODEL,
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )["provisionedModelArn"]


def test_what_carries_traffic_is_found_with_whose_it_is(stage: Stage) -> None:
    minutes = span(NOW - HOUR, NOW)
    put("Invocations", minutes, 2.0, OTHER)
    put("Invocations", minutes[:10], 1.0, MODEL)
    put("InvocationThrottles", minutes[:5], 1.0, PROFILE)
    arn = buy(tags={"team": "search"})

    found = {one["address"]: one for one in stage.json("targets", "discover")}

    assert list(found) == [OTHER, MODEL, PROFILE, arn]
    assert (found[OTHER]["kind"], found[OTHER]["calls_last_hour"]) == ("on_demand", 120.0)
    assert (found[MODEL]["target"], found[OTHER]["target"]) == ("chat", "")
    assert (found[PROFILE]["kind"], found[PROFILE]["of"]) == (
        "geographic_profile",
        "amazon.nova-2-lite-v1:0",
    )
    assert found[arn]["note"].startswith("2 units of amazon.nova-2-lite-v1:0")
    assert found[arn]["note"].endswith("not of any deployment")
    text = stage.told("targets", "discover")
    assert f"next: bedrock-autoscaler targets add NAME --address {OTHER}" in text


@pytest.mark.parametrize("state", [PurchaseState.RELEASED, PurchaseState.LOST])
def test_a_throughput_that_was_ours_is_no_address_to_adopt(
    stage: Stage, state: PurchaseState
) -> None:
    held = build_held(model_units=2)
    reserve(stage.access.fleets, replace(held, state=PurchaseState.RECORDED))
    gone = replace(held, state=state, ended_at=NOW - HOUR, version=held.version + 1)
    stage.access.fleets.update_purchase(replace(held, state=PurchaseState.RECORDED), gone)
    assert held.arn is not None
    put("Invocations", span(NOW - HOUR, NOW), 2.0, held.arn)

    (found,) = stage.json("targets", "discover")

    assert (found["kind"], found["target"], found["calls_last_hour"]) == (
        "provisioned",
        "chat",
        120.0,
    )
    assert found["note"] == f"was 2 units of {PT_MODEL}, {state.value} on 2026-11-20; gone"
    assert "next: " not in stage.told("targets", "discover")


def test_a_throughput_of_others_that_is_gone_is_no_address_either(stage: Stage) -> None:
    put("Invocations", span(NOW - HOUR, NOW), 2.0, pt_arn(7))

    (found,) = stage.json("targets", "discover")

    assert (found["kind"], found["target"]) == ("provisioned", "")
    assert "next: " not in stage.told("targets", "discover")


def test_an_application_profile_shows_without_any_call(stage: Stage) -> None:
    bedrock = boto3.client("bedrock", region_name=REGION)
    arn = bedrock.create_inference_profile(
        inferenceProfileName="search",
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}"},
    )["inferenceProfileArn"]

    (found,) = stage.json("targets", "discover")

    assert (found["address"], found["kind"], found["of"]) == (arn, "application_profile", MODEL)
    assert len(stage.json("targets", "discover", "--all")) > 1


def test_an_account_without_traffic_is_told_so(stage: Stage) -> None:
    assert "CloudWatch lists no ModelId of AWS/Bedrock" in stage.told("targets", "discover")


def test_targets_are_listed_with_their_newest_decision_and_problems(stage: Stage) -> None:
    stage.record(ticks(0, limited(1), start=NOW))
    stage.put("targets/broken", DOCUMENT | {"mode": "go"})

    text = stage.told("targets", "list")

    assert "chat" in text
    assert "advise" in text
    assert "not in force" in text
    assert 'broken: INVALID: mode: "go" is not allowed; give "advise" or "act"' in text
    found = {one["name"]: one for one in stage.json("targets", "list")}
    assert (found["chat"]["units"], found["chat"]["decided_at"]) == (1, "2026-11-20T12:00:00Z")
    assert found["chat"]["may_buy"] == PT_MODEL


def test_a_target_is_added_by_options_and_only_advises(stage: Stage) -> None:
    text = stage.told(
        *("targets", "add", "search", "--address", OTHER, "--address", f"us.{OTHER}"),
        *("--provisioned", f"{OTHER}:300k", "--input-rate", "1000000", "--output-rate", "2e5"),
        *("--rate-source", "load test of 2026-11-19", "--tokens-per-minute", "4000000"),
        *("--max-units", "2", "--max-usd-per-day", "500", "--yes"),
    )

    stored = stage.stored("targets/search")
    assert stored["mode"] == "advise"
    assert stored["residency"] == {"geographies": ["us"]}
    assert [option["kind"] for option in stored["options"]] == ["on_demand", "geographic_profile"]
    assert stored["options"][0]["quota"]["tokens_per_minute"] == 4e6
    assert stored["guard_rails"] == {"max_units": 2, "max_usd_per_day": 500.0}
    assert stage.access.target("search").provisioned is not None
    assert "written as version 1" in text
    assert "next: bedrock-autoscaler doctor search" in text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("amazon.nova-lit", "amazon.nova-lit: neither the price list nor the list of models has"),
        ("amazon.nova-lit", f"did you mean {OTHER} or "),
        (f"us.{OTHER}", ""),
    ],
)
def test_a_model_that_no_list_has_is_added_with_a_word_on_it(
    stage: Stage, address: str, said: str
) -> None:
    assert run(["targets", "add", "search", "--address", address, "--yes", "--stack", STACK]) == 0

    told = stage.capsys.readouterr().err
    assert said in told if said else not told
    assert stage.stored("targets/search")["options"][0]["address"] == address


def test_a_misspelled_model_to_buy_is_said_to_be_one_before_it_is_refused(stage: Stage) -> None:
    refused = stage.refused(
        *("targets", "add", "search", "--address", OTHER, "--yes"),
        *("--provisioned", "amazon.nova-lit-v1:0:300k"),
    )

    assert f"did you mean {OTHER}:300k or " in refused.splitlines()[0]


def test_what_no_option_tells_is_asked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = ["many", "0", "1,000,000", "200000", "me", "load test"]
    answers = iter([OTHER, f"{OTHER}:300k", *rate, "2", "", "4e6", "y"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr("typer.confirm", lambda *_, **__: next(answers) == "y")

    text = stage.told("targets", "add", "search")

    stored = stage.stored("targets/search")
    assert "'many' is no number" in text
    assert "0 is not allowed; give a number from 1" in text
    assert "'me': say who says so in 3 to 300 characters" in text
    assert stored["provisioned"]["unit_rate"] == {
        "input_tokens_per_minute": 1e6,
        "output_tokens_per_minute": 2e5,
        "source": "load test",
    }
    assert stored["guard_rails"] == {"max_units": 2}
    assert next(answers, None) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["chat", "--address", OTHER], "target 'chat' exists, at version 1; change it by"),
        (["search"], "nothing to manage; give --address or --provisioned"),
        (["search", "--address", MODEL], f"{MODEL} is also a ModelId of chat"),
        (["Search", "--address", OTHER], "a target's name is lower-case letters"),
        (["defaults", "--address", OTHER], "'defaults' is no name for a target"),
        (
            ["search", "--address", OTHER, "--input-rate", "1000", "--rate-source", "load test"],
            "are of one unit, and no unit may be bought: name its model by --provisioned",
        ),
        (
            ["search", "--provisioned", f"{OTHER}:300k", "--output-rate", "1000"],
            "--output-rate alone is no rate of a unit",
        ),
        (
            ["search", "--provisioned", f"{OTHER}:300k", "--tokens-per-minute", "1000"],
            "--tokens-per-minute is the quota of an address, and there is none",
        ),
        (
            ["search", "--provisioned", f"{OTHER}:300k", "--input-rate", "5"],
            "--rate-source is missing: AWS publishes no rate of a unit",
        ),
        (
            [
                "search",
                "--address",
                APPLICATION_PROFILE,
            ],
            "is an application profile, whose address does not tell where it serves",
        ),
    ],
)
def test_what_cannot_be_added_is_refused(stage: Stage, options: list[str], message: str) -> None:
    assert message in stage.refused("targets", "add", *options, "--yes")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["chat"], "target 'chat' exists, at version 1; change it by"),
        (["Search"], "a target's name is lower-case letters"),
        (["search", "--rate-source", "me"], "--rate-source 'me': say who says so in 3 to 300"),
    ],
)
def test_what_no_answer_can_mend_is_refused_before_anything_is_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.setattr("typer.prompt", lambda question, **_: pytest.fail(question))

    assert message in stage.refused("targets", "add", *options)


def test_a_new_target_beside_defaults_repeats_nothing_of_them(stage: Stage) -> None:
    stage.put("defaults", {"account": ACCOUNT, "region": REGION})

    stage.told("targets", "add", "search", "--address", OTHER, "--yes")

    assert "account" not in stage.stored("targets/search")


def test_acting_says_what_may_be_spent_and_what_still_hinders(stage: Stage) -> None:
    text = stage.told("mode", "chat", "act", "--yes")

    assert (
        "the switch is not set, so nothing acts yet: bedrock-autoscaler start --stack test" in text
    )
    assert "PurchasableModelArns of the stack is empty" in text
    assert (
        f"chat acts: it may hold 4 units of {PT_MODEL} (60.5 USD an hour each), for at most 242.00 "
        "USD an hour, 5,000.00 a day, 50,000.00 a month, in 6 purchases a day"
    ) in text
    assert stage.stored() == SETTINGS
    assert stage.json("settings", "history", "chat")[0]["why"] == "mode act"


def test_acting_is_asked_about_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def decline(*_: Any, **__: Any) -> None:
        raise SystemExit(130)

    monkeypatch.setattr("typer.confirm", decline)
    with pytest.raises(SystemExit):
        stage.told("mode", "chat", "act")

    assert stage.version() == 1


def test_advising_again_needs_no_word_on_spending(stage: Stage) -> None:
    stage.told("mode", "chat", "act", "--yes")

    text = stage.told("mode", "chat", "advise", "--yes")

    assert "USD" not in text
    assert stage.stored()["mode"] == "advise"
    assert "nothing differs" in stage.told("mode", "chat", "advise", "--yes")


def test_the_mode_of_an_unknown_target_is_refused(stage: Stage) -> None:
    assert "target 'web' is not in force; those that are: chat" in stage.refused(
        "mode", "web", "act"
    )
