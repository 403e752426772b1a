"""Rows of docs/options.md for Bedrock's own models, from a document to a call over real HTTP.

A document names the option, the decision core puts it into a table, and the routed client, around
an unmodified boto3 client, calls the Bedrock world by that table.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bedrock_world.server import RunningWorld, serve
from bedrock_world.settings import DEFAULT_UNIT_RATE
from bedrock_world.world import World
from tests.builders import build_fleet, build_pt
from tests.client.caller import (
    AWAY,
    NOVA_PRO_PROFILE,
    OURS,
    Build,
    Caller,
    by,
    metered,
    table_of,
    target_of,
)
from tests.world.support import (
    NOVA_2,
    NOVA_2_PROFILE,
    NOVA_LITE,
    NOVA_LITE_PROFILE,
    buy,
    world_with,
)

# Requests a minute of Nova Lite in its Region and by its profile, and of Nova Pro by its profile.
LITE_CALLS, LITE_PROFILE_CALLS, PRO_PROFILE_CALLS = "L-E386A278", "L-89F8391A", "L-ED46B8C5"


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
