"""`doctor`, the stack: how it stands, and the command against what is wrong."""

import json

import boto3
import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.stack import find_stack
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, PT_MODEL, REGION
from tests.functions.account import SETTINGS
from tests.operating.doctoring import BUYABLE, SOUND, allow, examined
from tests.operating.stage import STACK, Stage
from tests.operating.test_backtest_from_cloudwatch import put, span


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
