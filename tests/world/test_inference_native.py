"""InvokeModel in the native form of each family, by an unmodified boto3 client over HTTP."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bedrock_world.world import World
from tests.world.support import HELLO, NOVA_LITE, START, Clients, refused

CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.mark.parametrize(
    ("model_id", "body", "where"),
    [
        (NOVA_LITE, {"messages": HELLO, "inferenceConfig": {"maxTokens": 5}}, "output"),
        (
            CLAUDE,
            {"messages": HELLO, "max_tokens": 5, "anthropic_version": "bedrock-2023-05-31"},
            "content",
        ),
        ("amazon.titan-embed-text-v1", {"inputText": "Hello"}, "embedding"),
        (
            "cohere.embed-english-v3",
            {"texts": ["Hello"], "input_type": "search_query"},
            "embeddings",
        ),
    ],
)
def test_invoke_model_speaks_the_native_form_of_the_family(
    world: World, clients: Clients, *, model_id: str, body: dict[str, Any], where: str
) -> None:
    world.inference.planned_outputs.append(70)
    answer = clients.runtime.invoke_model(
        modelId=model_id, body=json.dumps(body), serviceTier="flex"
    )
    content = json.loads(answer["body"].read())
    truth = world.traffic(START, START + timedelta(hours=1))

    assert where in content
    assert answer["contentType"] == "application/json"
    assert answer["serviceTier"] == "flex"
    assert [traffic.served for traffic in truth.values()] == [1]
    # Cut at five by the body's own limit; an embedding has no output.
    assert [t.output_tokens for t in truth.values()] == [0 if "embed" in where else 5]


def test_invoke_model_speaks_llama_in_its_own_region(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(region="us-west-2")
    world.inference.planned_outputs.append(3)
    stream = clients.runtime.invoke_model_with_response_stream(
        modelId="meta.llama3-1-8b-instruct-v1:0", body=b'{"prompt": "Hello", "max_gen_len": 5}'
    )
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]

    assert [chunk["generation_token_count"] for chunk in chunks] == [3]


@pytest.mark.parametrize(
    ("model_id", "words"),
    [("amazon.nova-canvas-v1:0", "image models"), ("amazon.titan-embed-text-v1", "streaming")],
)
def test_image_models_and_streamed_embeddings_are_refused(
    world: World, clients: Clients, model_id: str, words: str
) -> None:
    call: Any = clients.runtime.invoke_model
    if words == "streaming":
        call = clients.runtime.invoke_model_with_response_stream

    with refused("ValidationException", words):
        call(modelId=model_id, body=b'{"inputText": "Hello"}')
    assert world.traffic(START, START + timedelta(hours=1)) == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not json", "Malformed"),
        (b'{"prompt": "Hello"}', "required key [messages]"),
        (b'["messages"]', "required key [messages]"),
        (b'{"messages": []}', "#/messages: expected minimum item count: 1"),
        (b'{"messages": ["Hi"], "inferenceConfig": {"maxTokens": 0}}', "positive integer"),
    ],
)
def test_a_malformed_native_body_is_refused(
    world: World, clients: Clients, body: bytes, words: str
) -> None:
    with refused("ValidationException", words):
        clients.runtime.invoke_model(modelId=NOVA_LITE, body=body)

    assert world.traffic(START, START + timedelta(hours=1)) == {}


@pytest.mark.parametrize(
    ("model_id", "body", "key"),
    [
        (CLAUDE, {"messages": HELLO, "max_tokens": 5}, "anthropic_version"),
        (CLAUDE, {"messages": HELLO, "anthropic_version": "bedrock-2023-05-31"}, "max_tokens"),
        (CLAUDE, {"max_tokens": 5, "anthropic_version": "bedrock-2023-05-31"}, "messages"),
        ("cohere.embed-english-v3", {"texts": ["Hello"]}, "input_type"),
        ("amazon.titan-embed-text-v1", {"texts": ["Hello"]}, "inputText"),
    ],
)
def test_a_native_body_has_every_key_that_its_family_requires(
    world: World, clients: Clients, *, model_id: str, body: dict[str, Any], key: str
) -> None:
    with refused("ValidationException", f"required key [{key}] not found"):
        clients.runtime.invoke_model(modelId=model_id, body=json.dumps(body))

    assert world.traffic(START, START + timedelta(hours=1)) == {}
