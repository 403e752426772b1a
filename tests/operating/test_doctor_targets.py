"""`doctor`, a target: its metrics, facts, quotas, life cycle and loop."""

import shlex
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.server import serve
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import POOL
from tests.builders import ACCOUNT, MODEL, NOW, PROFILE, PT_MODEL, REGION
from tests.holds import limited, ticks
from tests.operating.doctoring import BUYABLE, SOUND, UNLIMITED, examined
from tests.operating.stage import Stage
from tests.operating.test_backtest_from_cloudwatch import PRICE, put, span

CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
"""No list has the price of a unit of it."""


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
        (
            {
                "options": [UNLIMITED | {"address": CLAUDE}],
                "provisioned": {
                    "model_id": f"{CLAUDE}:200k",
                    "unit_rate": SOUND["provisioned"]["unit_rate"],
                },
            },
            "unit price",
            "'provisioned.price=",
        ),
        (
            {
                "options": [UNLIMITED | {"address": f"{CLAUDE}:200k", "price": "list"}],
                "provisioned": {
                    "model_id": f"{CLAUDE}:200k",
                    "unit_rate": SOUND["provisioned"]["unit_rate"],
                },
            },
            "price",
            "'options.0.price=",
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
