"""Calls of a model, by an unmodified boto3 client over HTTP: Converse, and what any call meets."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bedrock_world.provisioned import PurchasePlan
from bedrock_world.settings import Episode
from bedrock_world.world import World
from tests.world.support import (
    HELLO,
    NOVA_2_PROFILE,
    NOVA_LITE,
    NOVA_LITE_PROFILE,
    START,
    Clients,
    buy,
    refused,
)

ANSWER = {"role": "assistant", "content": [{"text": "Hello"}]}
IMPORTED = "arn:aws:bedrock:us-east-1:111111111111:imported-model/abcdefghijkl"


def test_converse_counts_text_by_length_and_stops_at_max_tokens(
    world: World, clients: Clients
) -> None:
    world.inference.planned_outputs.extend([7, 70])
    # "user" and 36 letters: 40 characters at 4 a token
    messages: Any = [{"role": "user", "content": [{"text": "x" * 36}]}]
    short = clients.runtime.converse(modelId=NOVA_LITE, messages=messages)
    long = clients.runtime.converse(
        modelId=NOVA_LITE, messages=messages, inferenceConfig={"maxTokens": 50}
    )

    assert short["usage"] == {"inputTokens": 10, "outputTokens": 7, "totalTokens": 17}
    assert (short["stopReason"], long["stopReason"]) == ("end_turn", "max_tokens")
    assert long["usage"]["outputTokens"] == 50
    # 400 ms, and 10 ms for each of the 50 tokens
    assert long["metrics"]["latencyMs"] == 900


def test_converse_stream_satisfies_the_sdk_event_by_event(world: World, clients: Clients) -> None:
    world.inference.planned_outputs.append(9)
    stream = clients.runtime.converse_stream(modelId=NOVA_LITE_PROFILE, messages=HELLO)["stream"]
    events: list[Any] = list(stream)

    assert [next(iter(event)) for event in events] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert events[-1]["metadata"]["usage"]["outputTokens"] == 9
    assert events[4]["messageStop"]["stopReason"] == "end_turn"


@pytest.mark.parametrize(
    ("model_id", "code", "words"),
    [
        ("amazon.nova-2-lite-v1:0", "ValidationException", "on-demand throughput isn\u2019t"),
        (f"{NOVA_LITE}:24k", "ValidationException", "doesn't support on-demand throughput"),
        ("acme.model-v1:0", "ValidationException", "identifier is invalid"),
        ("eu.amazon.nova-lite-v1:0", "ValidationException", "identifier is invalid"),
        (
            f"arn:aws:bedrock:us-west-2::foundation-model/{NOVA_LITE}",
            "ValidationException",
            "identifier is invalid",
        ),
        (
            "arn:aws:bedrock:us-east-1:111111111111:provisioned-model/abcdefghijkl",
            "ResourceNotFoundException",
            "was not found",
        ),
        (
            "arn:aws:bedrock:us-east-1:111111111111:application-inference-profile/abcdefghijkl",
            "ResourceNotFoundException",
            "was not found",
        ),
        (IMPORTED, "ResourceNotFoundException", "was not found"),
        (
            "arn:aws:bedrock:us-east-1:111111111111:custom-model/amazon.nova-lite-v1/abcdefghijkl",
            "ValidationException",
            "doesn't support on-demand throughput",
        ),
        ("amazon.titan-embed-text-v1", "ValidationException", "text or chat model"),
        ("fleet-1", "ValidationException", ""),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_and_counted_nowhere(
    world: World, clients: Clients, *, model_id: str, code: str, words: str
) -> None:
    buy(clients.bedrock)
    world.advance(timedelta(minutes=15))

    with refused(code, words):
        clients.runtime.converse(modelId=model_id, messages=HELLO)
    assert world.traffic(START, START + timedelta(hours=1)) == {}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": [ANSWER]}, "start with a user message"),
        ({"messages": [*HELLO, *HELLO]}, "alternate between user and assistant"),
        ({"messages": [*HELLO, ANSWER, ANSWER]}, "alternate between user and assistant"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0 is empty"),
        (
            {"messages": [*HELLO, {"role": "assistant", "content": [{"text": " "}]}]},
            "messages.1.content.0 is blank",
        ),
        ({"inferenceConfig": {"maxTokens": 10_001}}, "exceeds the model limit of 10000"),
        ({"performanceConfig": {"latency": "optimized"}}, "not supported"),
    ],
)
def test_a_call_that_the_model_cannot_take_is_refused(
    world: World, clients: Clients, params: Any, words: str
) -> None:
    world.advance(timedelta(0))
    with refused("ValidationException", words):
        clients.runtime.converse(**({"modelId": NOVA_LITE, "messages": HELLO} | params))


@pytest.mark.parametrize(
    ("asked", "served"), [("priority", "priority"), ("flex", "flex"), ("reserved", "default")]
)
def test_a_service_tier_is_accepted_and_says_what_served(
    world: World, clients: Clients, asked: Any, served: str
) -> None:
    world.advance(timedelta(0))
    answer = clients.runtime.converse(
        modelId=NOVA_LITE, messages=HELLO, serviceTier={"type": asked}
    )

    assert answer["serviceTier"] == {"type": served}


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_a_pt_answers_only_while_in_service(
    build: Callable[..., World], clients: Clients, code: str
) -> None:
    world = build(creating_pt_error=code, deleted_pt_error=code)
    world.inference.planned_outputs.extend([5] * 5)
    world.purchases.plans.append(PurchasePlan())
    world.purchases.plans.append(PurchasePlan(ending="failed"))
    arn, failed = buy(clients.bedrock), buy(clients.bedrock, "failed-1")
    with refused(code, "not InService"):
        clients.runtime.converse(modelId=arn, messages=HELLO)
    world.advance(timedelta(minutes=15))
    served = clients.runtime.converse(modelId=arn, messages=HELLO)
    with refused(code, "not InService"):
        clients.runtime.converse(modelId=failed, messages=HELLO)
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)

    assert served["usage"]["outputTokens"] == 5
    with refused(code, "was not found"):
        clients.runtime.converse(modelId=arn, messages=HELLO)


def test_a_denied_profile_is_403_while_its_neighbours_serve(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(denied=[NOVA_LITE_PROFILE])

    with refused("AccessDeniedException", "not authorized"):
        clients.runtime.converse(modelId=NOVA_LITE_PROFILE, messages=HELLO)
    clients.runtime.converse(modelId=NOVA_LITE, messages=HELLO)
    truth = world.traffic(START, START + timedelta(hours=1))
    assert {key[0]: traffic.client_errors for key, traffic in truth.items()} == {
        NOVA_LITE: 0,
        NOVA_LITE_PROFILE: 1,
    }


def test_an_episode_of_503_hits_on_demand_and_spares_the_pt(
    build: Callable[..., World], clients: Clients
) -> None:
    begin = START + timedelta(minutes=15)
    world = build(episodes=[Episode(start=begin, end=begin + timedelta(minutes=5))])
    world.inference.planned_outputs.extend([5] * 5)
    arn = buy(clients.bedrock)
    clients.runtime.converse(modelId=NOVA_2_PROFILE, messages=HELLO)
    world.advance_to(begin)
    with refused("ServiceUnavailableException", "high demand"):
        clients.runtime.converse(modelId=NOVA_2_PROFILE, messages=HELLO)
    clients.runtime.converse(modelId=arn, messages=HELLO)
    world.advance(timedelta(minutes=5))
    clients.runtime.converse(modelId=NOVA_2_PROFILE, messages=HELLO)

    truth = world.traffic(begin, begin + timedelta(minutes=1))
    assert {key[0]: (t.served, t.server_errors) for key, t in truth.items()} == {
        NOVA_2_PROFILE: (0, 1),
        arn: (1, 0),
    }


def test_an_imported_model_loads_at_the_first_call_and_unloads_when_idle(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(imported_models=[IMPORTED])
    steps = []
    for minutes in (0, 1, 1, 4, 5, 2):
        world.advance(timedelta(minutes=minutes))
        try:
            answer: Any = clients.runtime.converse(modelId=IMPORTED, messages=HELLO)
        except clients.runtime.exceptions.ModelNotReadyException as error:
            answer = error.response
        steps.append(answer["ResponseMetadata"]["HTTPStatusCode"])

    # Asked at 0, 1, 2, 6, 11 and 13: ready two minutes after the first, idle from 6 to 11.
    assert steps == [429, 429, 200, 200, 429, 200]
