"""The semantics of `AWS/Bedrock`: successes only, missing means none, counted at the end, late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bedrock_world.metrics import MOST_VALUES, NAMESPACE, Datum
from bedrock_world.runtime import Call
from bedrock_world.sinks import CloudWatchSink
from bedrock_world.world import World
from tests.world.support import (
    CREDENTIALS,
    NOVA_2,
    NOVA_2_PROFILE,
    NOVA_LITE,
    NOVA_LITE_PROFILE,
    memory,
    world_with,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PROFILE_ARN = f"arn:aws:bedrock:us-east-1:111111111111:inference-profile/{NOVA_LITE_PROFILE}"


def _offer(world: World, address: str = NOVA_LITE, seconds: float = 0, **call: Any) -> None:
    values = {"input_tokens": 10, "output_tokens": 5, "max_tokens": 100} | call
    world.offer(address, Call(**values), START + timedelta(seconds=seconds))


def _names(world: World) -> set[str]:
    return {datum.metric for _, datum in memory(world).data}


def test_successes_and_throttles_are_counted_apart_and_nothing_else_appears() -> None:
    world = world_with(applied_quotas={"L-E386A278": 2})
    for second in range(5):
        _offer(world, seconds=second)
    world.advance(timedelta(minutes=10))
    sink = memory(world)

    assert sink.sums("Invocations", NOVA_LITE) == {START: 2.0}
    assert sink.sums("InvocationThrottles", NOVA_LITE) == {START: 3.0}
    assert sink.sums("InputTokenCount", NOVA_LITE) == {START: 20.0}
    assert sink.sums("OutputTokenCount", NOVA_LITE) == {START: 10.0}
    # 10 + 5 for each success: real use, not the hold of 110
    assert sink.sums("EstimatedTPMQuotaUsage", NOVA_LITE) == {START: 30.0}
    assert sink.sums("InvocationLatency", NOVA_LITE) == {START: 900.0}
    assert _names(world) == {
        "EstimatedTPMQuotaUsage",
        "InputTokenCount",
        "InvocationLatency",
        "InvocationThrottles",
        "Invocations",
        "OutputTokenCount",
    }
    assert {namespace for namespace, _ in sink.data} == {NAMESPACE}


def test_a_minute_without_calls_has_no_point() -> None:
    world = world_with()
    _offer(world, seconds=0)
    _offer(world, seconds=120)
    world.advance(timedelta(minutes=10))

    assert list(memory(world).sums("Invocations", NOVA_LITE)) == [START, START + 2 * MINUTE]


def test_a_call_counts_in_the_minute_of_its_end_and_a_throttle_at_once() -> None:
    world = world_with(applied_quotas={"L-E386A278": 1})
    _offer(world, seconds=59)  # ends 0.45 s later, in the same minute
    _offer(world, seconds=59.2)
    world.advance(timedelta(minutes=10))
    slow = world_with()
    _offer(slow, seconds=59, output_tokens=100)  # 0.4 + 1.0 s: ends in the next minute
    slow.advance(timedelta(minutes=10))

    assert memory(world).sums("Invocations", NOVA_LITE) == {START: 1.0}
    assert memory(world).sums("InvocationThrottles", NOVA_LITE) == {START: 1.0}
    assert memory(slow).sums("Invocations", NOVA_LITE) == {START + MINUTE: 1.0}


def test_client_and_server_errors_are_counted_and_are_no_invocations() -> None:
    end = START + timedelta(hours=1)
    world = world_with(
        denied=[NOVA_LITE], episodes=[{"start": START, "end": end, "addresses": [NOVA_2_PROFILE]}]
    )
    _offer(world)
    _offer(world, NOVA_2_PROFILE)
    world.advance(timedelta(minutes=10))
    sink = memory(world)

    assert sink.sums("InvocationClientErrors", NOVA_LITE) == {START: 1.0}
    assert sink.sums("InvocationServerErrors", NOVA_2_PROFILE) == {START: 1.0}
    assert _names(world) == {"InvocationClientErrors", "InvocationServerErrors"}


def test_a_share_of_an_episode_fails_and_the_rest_serves() -> None:
    world = world_with(episodes=[{"start": START, "end": START + timedelta(hours=1), "share": 0.5}])
    for second in range(40):
        _offer(world, seconds=second)
    (traffic,) = world.traffic(START, START + MINUTE).values()

    assert traffic.served + traffic.server_errors == 40
    assert 8 < traffic.served < 32  # 20 expected, 4 standard deviations of 3.2


def test_burndown_and_cache_writes_show_in_the_quota_estimate() -> None:
    world = world_with()
    sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    _offer(world, sonnet, cache_write_tokens=7, cache_read_tokens=1000)
    world.advance(timedelta(minutes=10))
    sink = memory(world)

    # 10 + 7 + 5 x 5
    assert sink.sums("EstimatedTPMQuotaUsage", sonnet) == {START: 42.0}
    assert sink.sums("InputTokenCount", sonnet) == {START: 10.0}
    assert sink.sums("CacheReadInputTokenCount", sonnet) == {START: 1000.0}
    assert sink.sums("CacheWriteInputTokenCount", sonnet) == {START: 7.0}


def test_the_older_names_of_the_cache_metrics_are_a_switch() -> None:
    world = world_with(cache_metric_suffix="")
    _offer(world, cache_write_tokens=7, cache_read_tokens=9)
    world.advance(timedelta(minutes=10))

    assert memory(world).sums("CacheReadInputTokens", NOVA_LITE) == {START: 9.0}
    assert memory(world).sums("CacheWriteInputTokens", NOVA_LITE) == {START: 7.0}


def test_an_embedding_model_has_no_output_tokens() -> None:
    world = world_with()
    _offer(world, "amazon.titan-embed-text-v1", max_tokens=None, output_tokens=0)
    world.advance(timedelta(minutes=10))

    assert "OutputTokenCount" not in _names(world)
    assert memory(world).sums("InputTokenCount", "amazon.titan-embed-text-v1") == {START: 10.0}


def test_a_minute_is_published_when_it_is_over_and_its_lag_is_too() -> None:
    world = world_with(metric_lag=2 * MINUTE, metric_lag_longest=None)
    _offer(world)
    world.advance(timedelta(minutes=2, seconds=59))
    early = len(memory(world).data)
    world.advance(timedelta(seconds=1))

    assert (early, memory(world).sums("Invocations", NOVA_LITE)) == (0, {START: 1.0})


def test_lags_differ_by_series_and_minute_between_their_bounds() -> None:
    seen: dict[datetime, datetime] = {}
    world = world_with()  # 2 to 3 minutes
    for minute in range(30):
        _offer(world, seconds=60 * minute)
    for _ in range(40 * 12):
        now = world.advance(timedelta(seconds=5))
        for minute_start in memory(world).sums("Invocations", NOVA_LITE):
            seen.setdefault(minute_start, now)
    lags = [shown - minute_start - MINUTE for minute_start, shown in seen.items()]

    assert len(lags) == 30
    assert all(2 * MINUTE <= lag <= 3 * MINUTE + timedelta(seconds=5) for lag in lags)
    assert len(set(lags)) > 3


def test_backfill_raises_a_minute_later() -> None:
    world = world_with(
        backfill_share=0.5, backfill_lag=10 * MINUTE, metric_lag_longest=None, seed=3
    )
    for second in range(40):
        _offer(world, seconds=second)
    world.advance(3 * MINUTE)
    first = memory(world).sums("Invocations", NOVA_LITE)[START]
    world.advance(8 * MINUTE)

    assert 0 < first < 40
    assert memory(world).sums("Invocations", NOVA_LITE) == {START: 40.0}


@pytest.mark.parametrize(
    ("switches", "address", "model_id"),
    [
        ({}, NOVA_LITE_PROFILE, NOVA_LITE_PROFILE),
        ({}, PROFILE_ARN, NOVA_LITE_PROFILE),
        ({"profile_metric_id": "arn"}, NOVA_LITE_PROFILE, PROFILE_ARN),
    ],
)
def test_the_model_id_of_a_profile_is_a_switch(
    switches: dict[str, Any], address: str, model_id: str
) -> None:
    world = world_with(**switches)
    _offer(world, address)

    assert {key[0] for key in world.traffic(START, START + MINUTE)} == {model_id}


@pytest.mark.parametrize("form", ["arn", "id", "name", "model_id"])
def test_the_model_id_of_a_pt_is_a_switch(form: str) -> None:
    world = world_with(lead_time=timedelta(0), pt_metric_id=form)
    arn = world.call(
        "CreateProvisionedModelThroughput",
        {"modelUnits": 1, "provisionedModelName": "fleet-1", "modelId": NOVA_2},
    )["provisionedModelArn"]
    _offer(world, arn)

    expected = {"arn": arn, "id": arn[-12:], "name": "fleet-1", "model_id": NOVA_2}
    assert {key[0] for key in world.traffic(START, START + MINUTE)} == {expected[form]}


def test_a_renamed_pt_is_counted_under_its_new_name() -> None:
    world = world_with(lead_time=timedelta(0), pt_metric_id="name")
    arn = world.call(
        "CreateProvisionedModelThroughput",
        {"modelUnits": 1, "provisionedModelName": "fleet-1", "modelId": NOVA_2},
    )["provisionedModelArn"]
    _offer(world, arn)
    world.call(
        "UpdateProvisionedModelThroughput",
        {"provisionedModelId": arn, "desiredProvisionedModelName": "fleet-2"},
    )
    _offer(world, arn)

    assert {key[0] for key in world.traffic(START, START + MINUTE)} == {"fleet-1", "fleet-2"}


@pytest.mark.parametrize("form", ["id", "arn"])
def test_the_model_id_of_an_application_profile_is_a_switch(form: str) -> None:
    world = world_with(application_profile_metric_id=form)
    source = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}"
    arn = world.call(
        "CreateInferenceProfile",
        {"inferenceProfileName": "chat", "modelSource": {"copyFrom": source}},
    )["inferenceProfileArn"]
    _offer(world, arn)

    expected = {"arn": arn, "id": arn.rsplit("/", 1)[-1]}
    assert {key[0] for key in world.traffic(START, START + MINUTE)} == {expected[form]}


def test_many_latencies_are_split_into_data_that_cloudwatch_takes() -> None:
    world = world_with(latency_base_ms=0, latency_per_output_token_ms=1)
    for length in range(1, 3000, 7):
        _offer(world, output_tokens=length, max_tokens=3000)
    world.advance(timedelta(minutes=10))
    data = [d for _, d in memory(world).data if d.metric == "InvocationLatency"]

    assert all(len(datum.counts) <= MOST_VALUES for datum in data)
    assert sum(count for datum in data for _, count in datum.counts) == len(range(1, 3000, 7))


@mock_aws
def test_the_cloudwatch_sink_is_read_back_by_getmetricdata() -> None:
    client = boto3.client("cloudwatch", **CREDENTIALS)
    world = World(world_with(metric_lag_longest=None).config.current, [CloudWatchSink(client)])
    for second in range(3):
        _offer(world, seconds=second)
    world.advance(timedelta(minutes=3))
    queries: Any = [
        {
            "Id": f"q{index}",
            "MetricStat": {
                "Metric": {
                    "Namespace": NAMESPACE,
                    "MetricName": metric,
                    "Dimensions": [{"Name": "ModelId", "Value": NOVA_LITE}],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for index, metric in enumerate(["Invocations", "InputTokenCount", "InvocationThrottles"])
    ]
    answer = client.get_metric_data(
        MetricDataQueries=queries, StartTime=START, EndTime=START + 5 * MINUTE
    )

    values = [list(result["Values"]) for result in answer["MetricDataResults"]]
    assert values == [[3.0], [30.0], []]


def test_the_cloudwatch_sink_sends_at_most_a_thousand_a_call() -> None:
    sizes: list[int] = []

    class Client:
        def put_metric_data(self, *, Namespace: str, MetricData: list[Any]) -> None:  # noqa: N803 - boto3's names
            assert Namespace == NAMESPACE
            assert all("Unit" not in entry for entry in MetricData)
            sizes.append(len(MetricData))

    sink = CloudWatchSink(Client())  # type: ignore[arg-type]  # stands in for a boto3 client
    datum = Datum(metric="Invocations", model_id="m", minute=START, counts=((1.0, 1),))
    sink.put(NAMESPACE, [datum] * 2001)

    assert sizes == [1000, 1000, 1]
