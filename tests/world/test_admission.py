"""Admission worked by hand: quotas with reservation and burndown, PT limits, windows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bedrock_world.runtime import Call, MinuteOffer
from bedrock_world.settings import UnitRate, Window
from bedrock_world.world import World
from tests.world.support import NOVA_2, NOVA_2_PROFILE, NOVA_LITE, NOVA_LITE_PROFILE, world_with

START = datetime(2026, 1, 5, tzinfo=UTC)
SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
GLOBAL_SONNET = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
LITE_RPM, LITE_TPM = "L-E386A278", "L-70423BF8"
LITE_CROSS_TPM = "L-7C42E72A"
SONNET_TPM, SONNET_GLOBAL_TPM = "L-F4DDD3EB", "L-27C57EE8"
TOKENS = "Too many tokens"
REQUESTS = "Too many requests"


def _offer(world: World, address: str, seconds: float, **call: Any) -> str:
    """`served`, or the first three words of the refusal."""
    outcome = world.offer(address, Call(**call), START + timedelta(seconds=seconds))
    if outcome.served:
        return "served"
    assert outcome.code == "ThrottlingException", outcome
    return " ".join(outcome.message.split()[:3]).rstrip(",")


def test_the_hold_is_input_plus_max_tokens_and_what_is_not_used_comes_back() -> None:
    world = world_with(applied_quotas={LITE_TPM: 1000})
    call = {"input_tokens": 100, "output_tokens": 50, "max_tokens": 400}

    # 100 + 400 held twice fills the 1,000; each call lasts 0.4 + 50 x 0.01 = 0.9 s.
    assert [_offer(world, NOVA_LITE, second, **call) for second in (0, 0.1, 0.2)] == [
        "served",
        "served",
        TOKENS,
    ]
    # At 0.9 s the first settles at 150, so 500 + 150 are in use, and 350 do not hold 500.
    assert _offer(world, NOVA_LITE, 0.9, **call) == TOKENS
    # At 1.0 s both are settled: 300 in use.
    assert _offer(world, NOVA_LITE, 1.0, **call) == "served"
    # The next minute starts from nothing.
    assert _offer(world, NOVA_LITE, 60.0, input_tokens=600, output_tokens=1, max_tokens=400) == (
        "served"
    )


def test_a_hold_of_the_last_minute_gives_nothing_to_this_one() -> None:
    world = world_with(applied_quotas={LITE_TPM: 1000})
    _offer(world, NOVA_LITE, 59.9, input_tokens=100, output_tokens=50, max_tokens=400)

    # The new minute is full from 60.0 s on; the old call settles at 60.8 s and frees nothing.
    assert _offer(world, NOVA_LITE, 60.0, input_tokens=600, output_tokens=100, max_tokens=400) == (
        "served"
    )
    assert _offer(world, NOVA_LITE, 60.9, input_tokens=1, output_tokens=1, max_tokens=1) == TOKENS


def test_what_a_call_of_the_last_minute_uses_beyond_its_hold_burdens_this_one() -> None:
    world = world_with(applied_quotas={SONNET_TPM: 1000})
    _offer(world, SONNET, 59.9, input_tokens=100, output_tokens=100, max_tokens=100)

    # Held 200, used 600, so 400 of the minute in which it ends are gone.
    assert _offer(world, SONNET, 62, input_tokens=501, output_tokens=1, max_tokens=100) == TOKENS
    assert _offer(world, SONNET, 62, input_tokens=500, output_tokens=1, max_tokens=100) == "served"


def test_without_max_tokens_the_models_largest_output_is_held() -> None:
    world = world_with(applied_quotas={LITE_TPM: 10_999})

    # Nova Lite writes up to 10,000 tokens: 1,000 + 10,000 are one too many.
    assert _offer(world, NOVA_LITE, 0, input_tokens=1000, output_tokens=1) == TOKENS
    assert _offer(world, NOVA_LITE, 0, input_tokens=999, output_tokens=1) == "served"


def test_an_output_token_of_claude_takes_five_in_the_end() -> None:
    world = world_with(applied_quotas={SONNET_TPM: 1000})
    call = {"input_tokens": 100, "output_tokens": 100, "max_tokens": 100}

    assert _offer(world, SONNET, 0, **call) == "served"
    # Held 200, settled after 1.4 s at 100 + 5 x 100 = 600: 400 are left.
    assert _offer(world, SONNET, 2, input_tokens=301, output_tokens=1, max_tokens=100) == TOKENS
    assert _offer(world, SONNET, 2, input_tokens=300, output_tokens=1, max_tokens=100) == "served"


def test_cache_writes_take_quota_and_cache_reads_do_not() -> None:
    world = world_with(applied_quotas={LITE_TPM: 1000})
    call = {"input_tokens": 100, "output_tokens": 1, "max_tokens": 100}

    assert _offer(world, NOVA_LITE, 0, cache_write_tokens=801, **call) == TOKENS
    assert _offer(world, NOVA_LITE, 0, cache_read_tokens=9999, **call) == "served"
    assert _offer(world, NOVA_LITE, 0, cache_write_tokens=600, **call) == "served"


def test_requests_are_limited_beside_tokens() -> None:
    world = world_with(applied_quotas={LITE_RPM: 2})
    call = {"input_tokens": 1, "output_tokens": 1, "max_tokens": 1}

    assert [_offer(world, NOVA_LITE, s, **call) for s in (0, 1, 2, 60)] == [
        "served",
        "served",
        REQUESTS,
        "served",
    ]


def test_a_refused_call_takes_nothing_of_either_quota() -> None:
    world = world_with(applied_quotas={LITE_RPM: 2, LITE_TPM: 100})
    small = {"input_tokens": 1, "output_tokens": 1, "max_tokens": 1}

    for second in range(5):
        assert _offer(
            world, NOVA_LITE, second, input_tokens=101, output_tokens=1, max_tokens=1
        ) == (TOKENS)
    assert [_offer(world, NOVA_LITE, s, **small) for s in (10, 11, 12)] == [
        "served",
        "served",
        REQUESTS,
    ]


def test_in_region_geographic_and_global_calls_have_buckets_of_their_own() -> None:
    world = world_with(
        applied_quotas={
            LITE_TPM: 100,
            LITE_CROSS_TPM: 100,
            SONNET_TPM: 100,
            SONNET_GLOBAL_TPM: 100,
        }
    )
    call = {"input_tokens": 60, "output_tokens": 1, "max_tokens": 1}
    profile = f"arn:aws:bedrock:us-east-1:111111111111:inference-profile/{NOVA_LITE_PROFILE}"

    places = (NOVA_LITE, NOVA_LITE_PROFILE, SONNET, GLOBAL_SONNET)
    assert [_offer(world, place, 0, **call) for place in places] == ["served"] * 4
    # Id and ARN of one profile are the same bucket.
    assert _offer(world, profile, 1, **call) == TOKENS
    assert _offer(world, NOVA_LITE, 1, **call) == TOKENS


def test_quotas_raised_on_the_way_count_from_then_on() -> None:
    world = world_with(applied_quotas={LITE_TPM: 100})
    call = {"input_tokens": 60, "output_tokens": 1, "max_tokens": 1}
    before = [_offer(world, NOVA_LITE, s, **call) for s in (0, 1)]
    world.reconfigure(applied_quotas={LITE_TPM: 1000})

    assert before == ["served", TOKENS]
    assert _offer(world, NOVA_LITE, 2, **call) == "served"


def test_an_unrelated_switch_does_not_refill_a_bucket() -> None:
    world = world_with(applied_quotas={LITE_TPM: 100})
    call = {"input_tokens": 60, "output_tokens": 1, "max_tokens": 1}
    assert _offer(world, NOVA_LITE, 0, **call) == "served"
    world.reconfigure(metric_lag=timedelta(minutes=1))

    assert _offer(world, NOVA_LITE, 1, **call) == TOKENS


def _pt(units: int = 2, **switches: Any) -> tuple[World, str]:
    """A world with a PT in service from the start minute on."""
    world = world_with(lead_time=timedelta(0), **switches)
    answer = world.call(
        "CreateProvisionedModelThroughput",
        {"modelUnits": units, "provisionedModelName": "fleet-1", "modelId": NOVA_2},
    )
    return world, answer["provisionedModelArn"]


def test_a_pt_has_separate_limits_for_input_and_output() -> None:
    # Two units at 1,000 in and 100 out a minute each
    world, arn = _pt(units=2)

    assert _offer(world, arn, 0, input_tokens=1990, output_tokens=100) == "served"
    assert _offer(world, arn, 1, input_tokens=11, output_tokens=1) == TOKENS


def test_the_output_limit_of_a_pt_binds_alone() -> None:
    world, arn = _pt(units=2)

    assert _offer(world, arn, 0, input_tokens=1, output_tokens=200) == "served"
    assert _offer(world, arn, 1, input_tokens=1, output_tokens=1) == TOKENS
    assert _offer(world, arn, 60, input_tokens=1, output_tokens=1) == "served"


def test_a_weighted_unit_rate_is_one_limit() -> None:
    world, arn = _pt(
        units=1, unit_rates={NOVA_2: UnitRate(input_tokens_per_minute=1000, output_weight=5)}
    )

    # 500 + 5 x 100 fill the 1,000.
    assert _offer(world, arn, 0, input_tokens=500, output_tokens=100) == "served"
    assert _offer(world, arn, 1, input_tokens=1, output_tokens=0) == TOKENS


def test_a_pt_charges_real_output_unless_told_to_hold_max_tokens() -> None:
    call = {"input_tokens": 1, "output_tokens": 10, "max_tokens": 80}
    actual, arn = _pt(units=1)
    reserved, same_arn = _pt(units=1, pt_admission="reserved")

    assert [_offer(actual, arn, 0, **call) for _ in range(2)] == ["served"] * 2
    # 80 of 100 held; settled at 10 after 0.5 s.
    assert [_offer(reserved, same_arn, s, **call) for s in (0, 0.1, 0.6)] == [
        "served",
        TOKENS,
        "served",
    ]


def test_traffic_on_a_pt_leaves_the_on_demand_quota_alone() -> None:
    world, arn = _pt(units=1)
    world.reconfigure(applied_quotas={"L-C6F5908D": 10, "L-FE44174A": 9, "L-07D3BCF0": 9})
    call = {"input_tokens": 9, "output_tokens": 1, "max_tokens": 1}

    assert _offer(world, arn, 0, **call) == "served"
    assert _offer(world, NOVA_2_PROFILE, 0, **call) == "served"
    assert _offer(world, NOVA_2_PROFILE, 1, **call) == TOKENS


def test_a_bucket_grants_its_burst_and_then_the_rate() -> None:
    world = world_with(
        applied_quotas={LITE_TPM: 600}, quota_window=Window(mode="bucket", burst_seconds=30)
    )
    call = {"input_tokens": 99, "output_tokens": 1, "max_tokens": 1}

    # 300 at once; then 10 a second, so the next 100 are there after 10 seconds.
    at_once = [_offer(world, NOVA_LITE, 0, **call) for _ in range(4)]
    assert at_once == ["served"] * 3 + [TOKENS]
    assert [_offer(world, NOVA_LITE, s, **call) for s in (9.9, 10.0)] == [TOKENS, "served"]


def test_a_full_bucket_lets_one_larger_call_pass_on_credit() -> None:
    world = world_with(
        applied_quotas={LITE_TPM: 600}, quota_window=Window(mode="bucket", burst_seconds=10)
    )
    large = {"input_tokens": 399, "output_tokens": 1, "max_tokens": 1}

    # 400 of a bucket of 100: 300 in debt, which 30 seconds pay off; full 10 seconds later.
    assert _offer(world, NOVA_LITE, 0, **large) == "served"
    assert _offer(world, NOVA_LITE, 39.9, **large) == TOKENS
    assert _offer(world, NOVA_LITE, 40.0, **large) == "served"
    assert (
        _offer(world, NOVA_LITE, 400.0, input_tokens=600, output_tokens=1, max_tokens=1) == TOKENS
    )


@pytest.mark.parametrize("window", [Window(), Window(mode="bucket")])
def test_a_minute_of_calls_is_the_same_as_the_calls_one_by_one(window: Window) -> None:
    switches: dict[str, Any] = {"applied_quotas": {LITE_TPM: 20_000}, "quota_window": window}
    calls = [
        Call(input_tokens=100 + 37 * n % 400, output_tokens=n % 90, max_tokens=100)
        for n in range(150)
    ]
    seconds = [n * 0.4 for n in range(150)]
    batch, single = world_with(**switches), world_with(**switches)
    result = batch.offer_minute(
        MinuteOffer(address=NOVA_LITE, start=START, seconds=seconds, calls=calls)
    )
    outcomes = [
        single.offer(NOVA_LITE, call, START + timedelta(seconds=second))
        for second, call in zip(seconds, calls, strict=True)
    ]

    codes = {index: o.code for index, o in enumerate(outcomes) if o.code is not None}
    assert result.refused == codes
    assert 0 < result.served < 150
    assert result.served == sum(outcome.served for outcome in outcomes)
    assert result.output_tokens == sum(outcome.output_tokens for outcome in outcomes)
    assert result.refused_by_code() == {"ThrottlingException": 150 - result.served}
    end = START + timedelta(minutes=5)
    assert batch.traffic(START, end) == single.traffic(START, end)


def test_a_minute_to_an_address_that_leads_nowhere_is_refused_whole() -> None:
    world = world_with()
    calls = [Call(input_tokens=1, output_tokens=1)] * 2
    result = world.offer_minute(
        MinuteOffer(address="acme.model", start=START, seconds=[0, 1], calls=calls)
    )

    assert result.refused == {0: "ValidationException", 1: "ValidationException"}
    assert world.offer("acme.model", calls[0]).code == "ValidationException"
    with pytest.raises(ValueError, match="1 instants for 2 calls"):
        MinuteOffer(address="acme.model", start=START, seconds=[0], calls=calls)


def test_a_pt_that_enters_service_within_the_minute_serves_from_then_on() -> None:
    world, arn = _pt(units=1)
    world.purchases.all[0].ready_at = START + timedelta(seconds=30)
    calls = [Call(input_tokens=1, output_tokens=1)] * 2
    result = world.offer_minute(
        MinuteOffer(address=arn, start=START, seconds=[29.9, 30.0], calls=calls)
    )

    assert result.refused == {0: "ResourceNotFoundException"}
    assert result.served == 1
