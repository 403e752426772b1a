"""`doctor`: how the stack and its targets stand, and the command against what is wrong."""

import json
import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.stack import find_stack
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from bedrock_world.server import serve
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import POOL
from tests.builders import ACCOUNT, MODEL, NOW, PROFILE, PT_MODEL, REGION
from tests.functions.account import SETTINGS
from tests.operating.stage import DOCUMENT, STACK, Stage
from tests.operating.test_backtest_from_cloudwatch import PRICE, put, span
from tests.unit.application.test_what_if import limited, ticks

FUNCTIONS = {
    "ObserveDecideFunctionName": "test-observe-decide",
    "PurchaseFunctionName": "test-purchase",
    "ReleaseFunctionName": "test-release",
    "PublishFunctionName": "test-publish",
}
BUYABLE = f"arn:aws:bedrock:{REGION}::foundation-model/{PT_MODEL}"
UNLIMITED = {
    "kind": "on_demand",
    "address": MODEL,
    "price": PRICE | {"as_of": "2026-11-01"},
    "quota": "unlimited",
}
SOUND: dict[str, Any] = DOCUMENT | {"options": [UNLIMITED]}

Found = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def sound(stage: Stage) -> Stage:
    """A stack in which everything is as it should be."""
    stage.stacks.outputs.update(FUNCTIONS)
    stage.stacks.parameters["PurchasableModelArns"] = BUYABLE
    stage.answer(
        "lambda.GetFunctionConfiguration", lambda _: {"Role": "arn:aws:iam::111122223333:role/x"}
    )
    allow(stage)
    stage.put("targets/chat", SOUND)
    stage.record(ticks(0, limited(1), start=NOW - 5 * MINUTE))
    put("Heartbeat", span(NOW - 10 * MINUTE, NOW), 1.0)
    put("Invocations", span(NOW - HOUR, NOW), 2.0)
    return stage


def allow(stage: Stage, *denied: str) -> list[dict[str, Any]]:
    """IAM allows everything but these actions; what was asked of it."""
    asked: list[dict[str, Any]] = []

    def simulate(body: Any) -> Any:
        asked.append(dict(body))
        action = body["ActionNames.member.1"]
        decision = "implicitDeny" if action in denied else "allowed"
        return {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision}]}

    stage.answer("iam.SimulatePrincipalPolicy", simulate)
    return asked


def examined(stage: Stage, *arguments: str, status: int = 0) -> Found:
    """Findings by target and subject; the worst of several."""
    order = ["GREEN", "YELLOW", "RED"]
    checks = stage.json("doctor", *arguments, status=status)
    checks.sort(key=lambda check: order.index(check["state"]))
    return {(check["target"], check["about"]): check for check in checks}


def test_a_sound_stack_is_green_throughout(sound: Stage) -> None:
    text = sound.told("doctor")

    assert "0 YELLOW, 0 RED" in text
    assert "GREEN   settings: chat is valid" in text
    assert f"GREEN   metrics: {MODEL}: 120 calls in the last hour" in text
    assert "GREEN   unit price: 60.5 USD per unit-hour, of 2026-11-20 by test" in text
    assert "GREEN   unit rate: 1,000,000 input and 300,000 output tokens a minute, by test" in text
    assert "GREEN   decisions: the newest is of 2026-11-20T11:55:00Z, 5 minutes ago" in text
    assert f"GREEN   purchases: the stack may buy {PT_MODEL}" in text


def test_every_finding_that_is_not_green_has_a_command(stage: Stage) -> None:
    stage.put("targets/chat", SETTINGS)

    checks = stage.json("doctor", status=1)

    assert {check["state"] for check in checks} == {"GREEN", "YELLOW", "RED"}
    assert all(check["remedy"] for check in checks if check["state"] != "GREEN")
    commands = ("aws ", "sam ", "bedrock-autoscaler ", "ask ")
    assert all(
        check["remedy"].startswith(commands) for check in checks if check["state"] != "GREEN"
    )


def test_a_loop_without_heartbeat_is_red(stage: Stage) -> None:
    found = examined(stage, status=1)["", "schedule"]

    assert (found["state"], found["remedy"][:9]) == ("RED", "aws logs ")
    assert "no heartbeat in the last 10 minutes" in found["message"]
    stage.stacks.parameters["SchedulesState"] = "DISABLED"
    found = examined(stage)["", "schedule"]
    assert found["state"] == "YELLOW"
    assert "SchedulesState=ENABLED" in found["remedy"]


def test_few_heartbeats_are_yellow(stage: Stage) -> None:
    put("Heartbeat", span(NOW - 10 * MINUTE, NOW - 7 * MINUTE), 1.0)

    found = examined(stage)["", "schedule"]

    assert (found["state"], "in 3 of the last 10 minutes" in found["message"]) == ("YELLOW", True)


def test_an_invalid_document_is_red_with_the_way_back(sound: Stage) -> None:
    sound.accept()
    sound.put("targets/chat", SOUND | {"sizing": {"keep_margin": 7}})

    found = examined(sound, status=1)["", "settings"]

    assert found["state"] == "RED"
    assert (
        "chat: sizing.keep_margin: 7 is not allowed; give a number from 0 to 1"
        in (found["message"])
    )
    assert found["remedy"] == "bedrock-autoscaler settings rollback chat --stack test"


def test_a_closed_switch_is_red_only_where_a_target_should_act(sound: Stage) -> None:
    assert examined(sound)["", "switch"]["state"] == "GREEN"
    sound.put("targets/chat", SOUND | {"mode": "act"})

    found = examined(sound, status=1)["", "switch"]

    assert "although chat should" in found["message"]
    assert found["remedy"] == "bedrock-autoscaler start --stack test"
    sound.ssm.put_parameter(Name="/bedrock-autoscaler/switch", Value="allow", Type="String")
    assert examined(sound)["", "switch"]["state"] == "GREEN"


def test_a_permission_that_is_denied_is_red(sound: Stage) -> None:
    asked = allow(sound, "bedrock:CreateProvisionedModelThroughput")
    sound.stacks.parameters["ClockEndpoint"] = ""

    found = examined(sound, status=1)["", "permissions"]

    assert found["message"] == (
        f"test-purchase may not bedrock:CreateProvisionedModelThroughput on {BUYABLE}"
    )
    assert found["remedy"].startswith("aws iam simulate-principal-policy --policy-source-arn")
    # Without what the request carries, a condition's key would be missing and all denied.
    tag = "aws:RequestTag/bedrock-autoscaler:deployment"
    keys = "bedrock-autoscaler:decision,bedrock-autoscaler:deployment,bedrock-autoscaler:target"
    assert (
        f"--context-entries 'ContextKeyName={tag},ContextKeyValues=test,ContextKeyType=string' "
        f"'ContextKeyName=aws:TagKeys,ContextKeyValues={keys},ContextKeyType=stringList'"
    ) in found["remedy"]
    assert len(asked) > 10


def test_what_an_emulator_s_iam_refuses_for_a_condition_is_yellow(sound: Stage) -> None:
    """A stack with a clock of its own, as this one, never stands in a real account."""
    allow(sound, "bedrock:CreateProvisionedModelThroughput")

    found = examined(sound)["", "permissions"]

    assert found["state"] == "YELLOW"
    assert found["message"].endswith("the statement has a condition, and this local AWS knows none")


def test_a_refusal_for_want_of_a_condition_s_key_is_no_proof(sound: Stage) -> None:
    result = {
        "EvalActionName": "x",
        "EvalDecision": "implicitDeny",
        "MissingContextValues": ["aws:PrincipalOrgID"],
    }
    sound.answer("iam.SimulatePrincipalPolicy", lambda _: {"EvaluationResults": [result]})
    sound.stacks.parameters["ClockEndpoint"] = ""

    found = examined(sound, status=1)["", "permissions"]

    assert found["state"] == "YELLOW"
    assert found["message"].endswith("says the simulation, but was not told aws:PrincipalOrgID")


def test_permissions_that_cannot_be_simulated_are_yellow(sound: Stage) -> None:
    sound.answer("iam.SimulatePrincipalPolicy", lambda _: "AccessDenied")

    found = examined(sound)["", "permissions"]

    assert found["state"] == "YELLOW"
    assert "could not be checked: An error occurred (AccessDenied)" in found["message"]
    assert "iam:SimulatePrincipalPolicy" in found["remedy"]


def test_alarms_that_are_on_are_named(sound: Stage) -> None:
    cloudwatch = boto3.client("cloudwatch", region_name=REGION)
    for number in range(5):
        name = f"test-alarm-{number}"
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="x",
            Namespace="x",
            Period=60,
            Statistic="Sum",
            Threshold=0,
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    found = examined(sound)["", "alarms"]

    assert found["message"] == "on: test-alarm-0, test-alarm-1, test-alarm-2 and 2 more"


def test_a_target_without_metrics_is_pointed_to_what_there_is(sound: Stage) -> None:
    sound.put("targets/chat", SOUND | {"options": [UNLIMITED | {"address": f"{MODEL}x"}]})

    found = examined(sound)["chat", "metrics"]

    assert found["state"] == "YELLOW"
    assert f"CloudWatch lists none of {MODEL}x" in found["message"]


def test_calls_by_a_profile_of_the_same_model_are_noticed(sound: Stage) -> None:
    put("Invocations", span(NOW - 5 * MINUTE, NOW), 1.0, PROFILE)

    found = examined(sound)["chat", "dimensions"]

    assert f"calls under {PROFILE} are of the same model and of no target" in found["message"]
    assert found["remedy"] == (
        f"""bedrock-autoscaler settings set chat 'model_ids=["{MODEL}", "{PROFILE}"]'"""
    )


@pytest.mark.parametrize(
    ("change", "about", "remedy"),
    [
        ({"options": [UNLIMITED | {"quota": None}]}, "quota", "'options.0.quota="),
        (
            {"options": [UNLIMITED | {"price": PRICE | {"as_of": "2026-01-01"}}]},
            "price",
            "'options.0.price=",
        ),
        (
            {"provisioned": SOUND["provisioned"] | {"unit_rate": None}},
            "unit rate",
            "'provisioned.unit_rate=",
        ),
        (
            {
                "provisioned": SOUND["provisioned"]
                | {"price": SOUND["provisioned"]["price"] | {"as_of": "2026-01-01"}}
            },
            "unit price",
            "'provisioned.price=",
        ),
    ],
)
def test_a_missing_fact_blocks_purchases_red_where_it_acts(
    sound: Stage, change: dict[str, Any], about: str, remedy: str
) -> None:
    sound.put("targets/chat", SOUND | change)

    found = examined(sound)["chat", about]
    assert found["state"] == "YELLOW"
    assert remedy in found["remedy"]

    sound.put("targets/chat", SOUND | change | {"mode": "act"})
    sound.ssm.put_parameter(Name="/bedrock-autoscaler/switch", Value="allow", Type="String")
    assert examined(sound, status=1)["chat", about]["state"] == "RED"


def test_a_price_of_a_day_to_come_is_yellow(sound: Stage) -> None:
    """It would be believed until that day and `gating.max_price_age_days` more."""
    of_unit = SOUND["provisioned"]["price"] | {"as_of": "2062-11-20"}
    change = {
        "provisioned": SOUND["provisioned"] | {"price": of_unit},
        "options": [UNLIMITED | {"price": PRICE | {"as_of": "2026-11-22"}}],
    }
    sound.put("targets/chat", SOUND | change)

    found = examined(sound)["chat", "price date"]

    assert found["state"] == "YELLOW"
    assert found["message"].startswith("provisioned.price is of 2062-11-20, a day to come")
    assert "settings set chat 'provisioned.price.as_of=" in found["remedy"]


def test_a_listed_price_of_a_day_to_come_is_dated_by_stating_it(sound: Stage) -> None:
    with serve(World(WorldSettings(start=NOW - timedelta(days=3_000)))) as early:
        sound.stacks.parameters["ClockEndpoint"] = f"{early.url}/_world/clock"
        option = {"kind": "on_demand", "address": MODEL, "quota": "unlimited"}
        sound.put("targets/chat", SOUND | {"options": [option]})

        checks = sound.json("doctor", "chat", status=1)

    remedies = [check["remedy"] for check in checks if check["about"] == "price date"]
    stated, listed = (shlex.split(remedy)[-1] for remedy in remedies)
    assert stated == "provisioned.price.as_of=YYYY-MM-DD"
    listed = listed.replace(" N,", " 0.0003,").replace("YYYY-MM-DD", "2026-11-19")
    sound.told("settings", "set", "chat", listed, "--yes")
    assert sound.stored()["options"][0]["price"]["as_of"] == "2026-11-19"


def test_an_address_that_no_price_list_has_is_told(sound: Stage) -> None:
    option = {"kind": "on_demand", "address": "nosuchmodel"}
    sound.put("targets/new", {"account": ACCOUNT, "region": REGION, "options": [option]})

    found = examined(sound, "new")["new", "price"]

    assert found["state"] == "YELLOW"
    assert found["message"].startswith("nosuchmodel: no price is known in us-east-1: is it a")
    assert "settings set new 'options.0.price=" in found["remedy"]


def test_a_quota_below_what_the_target_may_hold_is_yellow(sound: Stage) -> None:
    sound.put("targets/chat", SOUND | {"guard_rails": {"max_units": 200}})

    found = examined(sound)["chat", "unit quota"]

    assert found["state"] == "YELLOW"
    assert found["message"].startswith(f"100 units for {PT_MODEL}, the target may hold 200")
    assert found["remedy"].endswith("--desired-value 200")
    assert POOL in found["message"]


def test_a_model_that_the_stack_may_not_buy_is_told_with_the_deployment(sound: Stage) -> None:
    other = f"arn:aws:bedrock:{REGION}::foundation-model/meta.*"
    sound.stacks.parameters["PurchasableModelArns"] = other

    found = examined(sound)["chat", "purchases"]

    assert (found["state"], found["remedy"]) == (
        "YELLOW",
        f"sam deploy --parameter-overrides PurchasableModelArns={other},{BUYABLE}",
    )


def test_a_new_version_of_a_custom_model_must_be_named_too(sound: Stage) -> None:
    old, new = (f"arn:aws:bedrock:{REGION}:{ACCOUNT}:custom-model/tuned/{v}" for v in "ab")
    sound.stacks.parameters["PurchasableModelArns"] = old
    sound.answer("service-quotas.GetServiceQuota", lambda _: {"Quota": {"Value": 100.0}})
    bought = SOUND["provisioned"] | {"model_id": new}
    changes = {"mode": "act", "provisioned": bought, "residency": {"other_models": True}}
    sound.put("targets/chat", SOUND | changes)
    sound.ssm.put_parameter(Name="/bedrock-autoscaler/switch", Value="allow", Type="String")

    found = examined(sound, status=1)["chat", "purchases"]

    assert found["state"] == "RED"
    assert found["message"].endswith(f"does not name {new}: IAM would refuse each purchase of it")
    assert found["remedy"] == f"sam deploy --parameter-overrides PurchasableModelArns={old},{new}"


def test_an_endpoint_that_the_stack_may_not_scale_is_told_with_the_deployment(
    sound: Stage,
) -> None:
    address = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/own"
    instances = {
        "min_instances": 1,
        "max_instances": 3,
        "calls_per_minute": 40,
        "usd_per_instance_hour": 1.5,
        "source": "test",
        "as_of": "2026-11-20",
    }
    endpoint = {"kind": "marketplace_endpoint", "address": address, "instances": instances}
    changes = {"options": [UNLIMITED, endpoint], "residency": {"other_models": True}}
    sound.put("targets/chat", SOUND | changes)

    found = examined(sound)["chat", "endpoints"]
    assert found["state"] == "YELLOW"
    assert f"ScalableEndpointArns={address} EndpointRoleArns=ROLES" in found["remedy"]

    sound.stacks.parameters["ScalableEndpointArns"] = address
    assert examined(sound)["chat", "endpoints"]["state"] == "GREEN"


def test_of_a_target_elsewhere_only_what_stands_here_is_looked_at(sound: Stage) -> None:
    sound.stacks.parameters |= {"SpokeAccounts": "222222222222", "SpokeRegions": REGION}
    sound.put("targets/away", SOUND | {"account": "222222222222", "mode": "act"})

    found = examined(sound, "away", status=1)

    assert {about for target, about in found if target == "away"} == {
        "breaker", "decisions", "place", "unit price", "unit rate",
    }  # fmt: skip
    assert found["away", "place"]["state"] == "YELLOW"
    assert "it is in 222222222222, us-east-1" in found["away", "place"]["message"]


def test_a_tripped_breaker_is_red(sound: Stage) -> None:
    fleets = sound.access.fleets
    fleets.trip(fleets.record_of("chat"), NOW, "a seventh purchase")

    found = examined(sound, status=1)["chat", "breaker"]

    assert found["message"] == "tripped at 2026-11-20T12:00:00Z: a seventh purchase"
    assert found["remedy"] == "bedrock-autoscaler reset-breaker --target chat --stack test"


def test_a_late_loop_is_red_and_a_new_target_is_not(sound: Stage) -> None:
    sound.put("targets/web", SOUND | {"options": [UNLIMITED | {"address": f"{MODEL}y"}]})
    late = ticks(0, limited(1), start=NOW - timedelta(hours=2))
    assert examined(sound)["web", "decisions"]["state"] == "YELLOW"

    sound.put("targets/chat", SOUND | {"sizing": {"grow_margin": 1.2}})
    client = boto3.client("dynamodb", region_name=REGION)
    for item in client.scan(TableName="ledger")["Items"]:
        if item["sk"]["S"].startswith("DECISION"):
            client.delete_item(TableName="ledger", Key={"pk": item["pk"], "sk": item["sk"]})
    sound.record(late)
    found = examined(sound, "chat", status=1)["chat", "decisions"]

    assert (found["state"], "120 minutes ago" in found["message"]) == ("RED", True)


def test_minutes_that_were_not_read_are_told(sound: Stage) -> None:
    (newest,) = ticks(0, limited(1))
    hole = Reason(code=ReasonCode.DATA_INCOMPLETE, message="60 of the newest 90 minutes were not")
    sound.record([replace(newest, decision=replace(newest.decision, reasons=(hole,)))])

    found = examined(sound, "chat")["chat", "history"]

    assert (found["state"], found["message"]) == ("YELLOW", hole.message)
    assert found["remedy"] == "bedrock-autoscaler decisions explain data_incomplete"


def test_one_target_can_be_asked_for_and_json_is_one_word(
    sound: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "chat", "--json", "--stack", STACK]) == 0

    assert {check["target"] for check in json.loads(capsys.readouterr().out)} == {"", "chat"}
    assert "those that are: chat" in sound.refused("doctor", "web")


def test_a_source_that_cannot_be_read_is_a_finding_of_its_own(sound: Stage) -> None:
    sound.answer("cloudwatch.DescribeAlarms", lambda _: "AccessDenied")
    sound.answer("bedrock.GetFoundationModel", lambda _: "AccessDeniedException")

    found = examined(sound)

    assert "could not be checked" in found["", "alarms"]["message"]
    assert found["chat", "life cycle"]["message"] == f"whether {PT_MODEL} is sold could not be told"
    assert find_stack(STACK).purchasable == (BUYABLE,)
