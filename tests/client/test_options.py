"""Each row of docs/options.md, from its document to a served call over real HTTP.

A document names the option, the decision core puts it into a table, and the routed client, around
an unmodified boto3 client, calls the Bedrock world by that table.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bedrock_autoscaler.adapters.bedrock.endpoints import BedrockEndpoints
from bedrock_autoscaler.client import FollowedTable
from bedrock_autoscaler.client.deferring import Batches, Deferral
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.server import RunningWorld, serve
from bedrock_world.settings import DEFAULT_UNIT_RATE
from bedrock_world.world import World
from tests.builders import NOW, build_fleet, build_pt, build_traffic
from tests.client.caller import ACCOUNT, AWAY, REGION, Caller, by, metered, table_of, target_of
from tests.client.stage import MemorySource, at_once
from tests.staging import Stage
from tests.world.support import (
    CREDENTIALS,
    HELLO,
    NOVA_2,
    NOVA_2_PROFILE,
    NOVA_LITE,
    NOVA_LITE_PROFILE,
    buy,
    memory,
    refused,
    world_with,
)

OURS = f"arn:aws:bedrock:{REGION}:{ACCOUNT}"
NOVA_PRO_PROFILE = "us.amazon.nova-pro-v1:0"
CUSTOM = f"{OURS}:custom-model/{NOVA_2}/abcdefghijkl"
IMPORTED = f"{OURS}:imported-model/abcdefghijkl"
ENDPOINT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/own"
ROUTER = f"{OURS}:default-prompt-router/amazon.nova:1"
LONG: Any = [{"role": "user", "content": [{"text": "word " * 300}]}]
# Requests a minute of Nova Lite in its Region and by its profile, and of Nova Pro by its profile.
LITE_CALLS, LITE_PROFILE_CALLS, PRO_PROFILE_CALLS = "L-E386A278", "L-89F8391A", "L-ED46B8C5"
BUCKET = "team-bucket"

type Build = Callable[..., World]


@pytest.fixture
def control(running: RunningWorld) -> Iterator[Any]:
    """An unmodified boto3 client of the control plane."""
    client = boto3.Session(**CREDENTIALS).client("bedrock", endpoint_url=running.url)
    yield client
    client.close()


def test_on_demand_in_the_region(build: Build, running: RunningWorld) -> None:
    world = build(applied_quotas={LITE_CALLS: 3.0})
    caller = by(running, {"kind": "on_demand", "address": NOVA_LITE})

    assert caller.call_until_refused() == 3
    assert metered(world, NOVA_LITE) == 3


def test_provisioned_throughput_of_a_base_model(
    build: Build, running: RunningWorld, control: Any
) -> None:
    world = build(default_unit_rate=DEFAULT_UNIT_RATE)
    arn = buy(control)
    world.advance(timedelta(minutes=15))
    target = target_of(
        {"kind": "geographic_profile", "address": NOVA_2_PROFILE},
        provisioned={"model_id": NOVA_2},
    )
    caller = Caller(running.url, table_of(target, build_fleet(build_pt(1, arn=arn))))

    caller.call()

    assert caller.used == {(arn, ""): 1}
    assert metered(world, arn) == 1


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


def test_a_geographic_profile(build: Build, running: RunningWorld) -> None:
    world = build(applied_quotas={LITE_PROFILE_CALLS: 4.0})
    caller = by(running, {"kind": "geographic_profile", "address": NOVA_LITE_PROFILE})

    assert caller.call_until_refused() == 4
    assert metered(world, NOVA_LITE_PROFILE) == 4


def test_a_global_profile(world: World, running: RunningWorld) -> None:
    address = "global.amazon.nova-2-lite-v1:0"
    target = target_of(
        {"kind": "geographic_profile", "address": NOVA_2_PROFILE},
        {"kind": "global_profile", "address": address},
    )
    caller = Caller(running.url, table_of(target))

    caller.call()

    # A tenth cheaper by the shipped prices, so that it comes first.
    assert metered(world, address) == 1


def test_an_application_profile(build: Build, running: RunningWorld, control: Any) -> None:
    world = build(applied_quotas={LITE_PROFILE_CALLS: 4.0})
    arn = control.create_inference_profile(
        inferenceProfileName="chat",
        modelSource={"copyFrom": f"{OURS}:inference-profile/{NOVA_LITE_PROFILE}"},
    )["inferenceProfileArn"]
    caller = by(running, {"kind": "geographic_profile", "address": arn, "geography": "us"})

    assert caller.call_until_refused() == 4
    # Its quota is that of what it copies, and its calls are told apart.
    assert metered(world, arn.rsplit("/")[-1]) == 4
    assert metered(world, NOVA_LITE_PROFILE) == 0


def test_several_source_regions(build: Build, running: RunningWorld) -> None:
    build(applied_quotas={LITE_PROFILE_CALLS: 4.0})
    profile = {"kind": "geographic_profile", "address": NOVA_LITE_PROFILE}
    table = table_of(target_of(profile | {"region": AWAY}, profile))
    with serve(world_with(region=AWAY, applied_quotas={LITE_PROFILE_CALLS: 5.0})) as away:
        caller = Caller(running.url, table, us_west_2=away.url)

        assert [route.region for route in table.routes] == ["", AWAY]
        # One profile, and a quota in each Region that it is called from.
        assert caller.call_until_refused() == 4 + 5


def test_latency_optimized(build: Build, running: RunningWorld) -> None:
    world = build()
    caller = by(
        running,
        {"kind": "geographic_profile", "address": NOVA_PRO_PROFILE, "latency": "optimized"},
        {"kind": "geographic_profile", "address": NOVA_PRO_PROFILE},
        slo={"latency": "optimized"},
    )

    served = Counter(
        # Admission holds the input and all that may come out, so that 10 calls fit.
        caller.call(inferenceConfig={"maxTokens": 100})["performanceConfig"]["latency"]
        for _ in range(12)
    )

    # Its quota is 10 calls a minute; what overflows is served and billed as standard.
    assert served == {"optimized": 10, "standard": 2}
    assert metered(world, f"{NOVA_PRO_PROFILE}+latency-optimized") == 10
    assert metered(world, NOVA_PRO_PROFILE) == 2


@pytest.mark.parametrize("tier", ["priority", "default"])
def test_a_tier_that_shares_the_quota(build: Build, running: RunningWorld, tier: str) -> None:
    build(applied_quotas={PRO_PROFILE_CALLS: 5.0})
    plain = {"kind": "geographic_profile", "address": NOVA_PRO_PROFILE}
    usual, ranked = by(running, plain), by(running, plain | {"tier": tier})

    served = ranked.call()["serviceTier"]["type"]

    assert served == tier
    assert usual.call_until_refused() == 4
    assert ranked.call_until_refused() == 0


def test_the_flex_tier_is_for_work_that_may_wait(world: World, running: RunningWorld) -> None:
    plain = {"kind": "geographic_profile", "address": NOVA_PRO_PROFILE}
    ways = (plain, plain | {"tier": "flex"})
    table = table_of(target_of(*ways, slo={"deferrable_share": 0.2}))

    patient, prompt = Caller(running.url, table, waits=True), Caller(running.url, table)

    assert patient.call()["serviceTier"]["type"] == "flex"
    assert "serviceTier" not in prompt.call()
    assert [route.tier for route in table.routes] == [""]
    assert table_of(target_of(*ways)).deferrable == ()


def test_the_reserved_tier(build: Build, running: RunningWorld) -> None:
    # Each call holds 3 tokens of input and 100 of output: four fit into 450.
    build(reserved_tokens_per_minute={NOVA_PRO_PROFILE: 450.0}, output_tokens_sigma=0.0)
    plain = {"kind": "geographic_profile", "address": NOVA_PRO_PROFILE}
    caller = by(running, plain, plain | {"tier": "reserved"})

    served = Counter(
        caller.call(inferenceConfig={"maxTokens": 100})["serviceTier"]["type"] for _ in range(6)
    )

    assert served == {"reserved": 4, "default": 2}


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


class S3Store:
    """The world's way to the emulated S3."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def read(self, uri: str) -> str:
        text: str = self._s3.get_object(**self._place(uri))["Body"].read().decode()
        return text

    def write(self, uri: str, text: str) -> None:
        self._s3.put_object(**self._place(uri), Body=text.encode())

    def _place(self, uri: str) -> dict[str, str]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": key}


def test_batch(build: Build, running: RunningWorld, control: Any) -> None:
    world = build()
    ways = (
        {"kind": "on_demand", "address": NOVA_LITE},
        {"kind": "batch", "address": NOVA_LITE_PROFILE},
    )
    table = table_of(target_of(*ways, slo={"deferrable_share": 1.0}))
    assert [route.kind for route in table.deferrable] == [OptionKind.BATCH]
    with mock_aws():
        s3 = boto3.client("s3", **CREDENTIALS)
        s3.create_bucket(Bucket=BUCKET)
        world.jobs.store = S3Store(s3)
        batches = Batches(
            bucket=BUCKET,
            prefix="deferred/chat",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/batch",
            model_id=NOVA_LITE,
        )
        source = MemorySource(routing_table_text(table))
        followed = FollowedTable(source, "chat", start=at_once)
        work = Deferral(s3, control, batches, followed)
        ids = [work.defer({"messages": HELLO}) for _ in range(100)]

        work.submit()
        work.collect()
        assert work.result(ids[0]) is None
        world.advance(timedelta(hours=2))
        work.collect()

        outputs = [work.result(each) for each in ids]
        s3.close()
    assert all(found is not None and found.output is not None for found in outputs)
    # Nothing of it took the quota of calls.
    assert metered(world, NOVA_LITE_PROFILE) == 0


def test_a_job_with_too_few_records_fails(
    build: Build, running: RunningWorld, control: Any
) -> None:
    world = build()

    class OneRecord:
        def read(self, uri: str) -> str:
            return json.dumps({"recordId": "1", "modelInput": {"messages": HELLO}})

        def write(self, uri: str, text: str) -> None:
            raise AssertionError(uri)

    world.jobs.store = OneRecord()
    job = control.create_model_invocation_job(
        jobName="nightly",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/batch",
        modelId=NOVA_LITE,
        inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://team/in.jsonl"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://team/out/"}},
    )["jobArn"]
    world.advance(timedelta(hours=3))

    shown = control.get_model_invocation_job(jobIdentifier=job)

    assert shown["status"] == "Failed"
    assert "at least 100 are needed" in shown["message"]


def test_the_page_has_a_row_and_a_test_for_each_option() -> None:
    page = (Path(__file__).parents[2] / "docs" / "options.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))

    tests = {name for name in globals() if name.startswith("test_")}
    assert named <= tests
    kinds = {kind.value for kind in OptionKind} - {"other"}
    assert kinds <= set(re.findall(r"`(\w+)`", page))
