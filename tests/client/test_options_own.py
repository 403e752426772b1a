"""Rows of docs/options.md for models, endpoints and routers of one's own, as in test_options."""

from datetime import timedelta
from typing import Any

from bedrock_autoscaler.adapters.bedrock.endpoints import BedrockEndpoints
from bedrock_world.server import RunningWorld
from bedrock_world.settings import DEFAULT_UNIT_RATE
from tests.builders import NOW, build_fleet, build_pt, build_traffic
from tests.client.caller import (
    ACCOUNT,
    NOVA_PRO_PROFILE,
    OURS,
    REGION,
    Build,
    Caller,
    by,
    metered,
    table_of,
    target_of,
)
from tests.staging import Stage
from tests.world.support import NOVA_2, NOVA_LITE_PROFILE, buy, memory, refused

CUSTOM = f"{OURS}:custom-model/{NOVA_2}/abcdefghijkl"
IMPORTED = f"{OURS}:imported-model/abcdefghijkl"
ENDPOINT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/own"
ROUTER = f"{OURS}:default-prompt-router/amazon.nova:1"
LONG: Any = [{"role": "user", "content": [{"text": "word " * 300}]}]


def test_provisioned_throughput_of_a_custom_model(
    build: Build, running: RunningWorld, control: Any
) -> None:
    world = build(
        custom_models=[{"arn": CUSTOM, "base": NOVA_2}], default_unit_rate=DEFAULT_UNIT_RATE
    )
    arn = buy(control, modelId=CUSTOM)
    world.advance(timedelta(minutes=15))
    target = target_of(provisioned={"model_id": CUSTOM})
    table = table_of(target, build_fleet(build_pt(1, arn=arn, model_id=CUSTOM)))

    Caller(running.url, table).call()

    assert table.no_fallback
    assert metered(world, arn) == 1


def test_a_deployment_of_a_custom_model(build: Build, running: RunningWorld, control: Any) -> None:
    world = build(
        custom_models=[{"arn": CUSTOM, "base": NOVA_2}],
        applied_quotas={"L-WORLD-N2L-DEP": 1000.0},
        output_tokens_median=100.0,
        output_tokens_sigma=0.0,
    )
    arn = control.create_custom_model_deployment(modelDeploymentName="tuned", modelArn=CUSTOM)[
        "customModelDeploymentArn"
    ]
    caller = by(
        running,
        {"kind": "custom_deployment", "address": arn},
        provisioned={"model_id": CUSTOM},
        residency={},
    )
    with refused("ResourceNotFoundException"):
        caller.call()

    world.advance(timedelta(minutes=5))
    fresh = by(running, {"kind": "custom_deployment", "address": arn})

    # 3 tokens of input and 200 that may come out are held of 1,000 a minute.
    assert fresh.call_until_refused(inferenceConfig={"maxTokens": 200}) == 4
    assert metered(world, arn) == 4


def test_an_imported_model(build: Build, running: RunningWorld) -> None:
    world = build(imported_models=[IMPORTED])
    option = {"kind": "imported_model", "address": IMPORTED}
    with refused("ModelNotReadyException"):
        by(running, option).call()

    world.advance(timedelta(minutes=3))
    by(running, option).call()
    world.advance(timedelta(minutes=20))

    # A copy from the first call until five minutes after the last one; billed by 5 minutes.
    copies = memory(world).sums("ModelCopy", IMPORTED)
    assert len(copies) == 3 + 5
    with refused("ModelNotReadyException"):
        by(running, option).call()


def test_a_marketplace_endpoint(build: Build, running: RunningWorld, control: Any) -> None:
    world = build(endpoints=[{"arn": ENDPOINT, "calls_per_instance": 3.0}])
    option = {"kind": "marketplace_endpoint", "address": ENDPOINT}
    assert by(running, option).call_until_refused() == 3
    shown = control.get_marketplace_model_endpoint(endpointArn=ENDPOINT)
    config = shown["marketplaceModelEndpoint"]["endpointConfig"]["sageMaker"]

    control.update_marketplace_model_endpoint(
        endpointArn=ENDPOINT,
        endpointConfig={"sageMaker": config | {"initialInstanceCount": 2}},
    )

    with refused("ConflictException"):
        control.update_marketplace_model_endpoint(
            endpointArn=ENDPOINT,
            endpointConfig={"sageMaker": config | {"initialInstanceCount": 3}},
        )
    world.advance(timedelta(minutes=9))
    assert by(running, option).call_until_refused() == 3
    world.advance(timedelta(minutes=2))
    assert by(running, option).call_until_refused() == 6


def test_the_instances_of_an_endpoint_follow_its_calls(
    build: Build, running: RunningWorld, control: Any
) -> None:
    world = build(endpoints=[{"arn": ENDPOINT, "calls_per_instance": 3.0}])
    bounds = {
        "max_instances": 4,
        "calls_per_minute": 3,
        "usd_per_instance_hour": 1.5,
        "source": "the world",
        "as_of": "2026-11-20",
    }
    option = {"kind": "marketplace_endpoint", "address": ENDPOINT, "instances": bounds}
    stage: Any = Stage(target_of(option, mode="act"))
    stage.endpoints = BedrockEndpoints(control)
    # 3 served and 12 tries refused, three of a call: 7 calls, of which an instance is given 2.4.
    stage.metrics.put_traffic(ENDPOINT, build_traffic(60, end=NOW, invocations=3.0, throttles=12.0))

    stage.decide()
    ((_, outcome),) = stage.scale_endpoint().outcomes

    assert outcome == "scaled to 3"
    world.advance(timedelta(minutes=11))
    assert by(running, option).call_until_refused() == 9


def test_a_prompt_router(build: Build, running: RunningWorld) -> None:
    world = build(
        prompt_routers=[{"arn": ROUTER, "large": NOVA_PRO_PROFILE, "small": NOVA_LITE_PROFILE}]
    )
    caller = by(running, {"kind": "prompt_router", "address": ROUTER, "geography": "us"})

    caller.call()
    caller.call(LONG)
    caller.call(LONG)

    assert metered(world, NOVA_LITE_PROFILE) == 1
    assert metered(world, NOVA_PRO_PROFILE) == 2
