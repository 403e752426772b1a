"""Native bodies of InvokeModel, one form per model family, and how tokens are counted."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_world.errors import validation

# Where each family keeps the output limit in its request body.
_LIMITS = {
    "nova": ("inferenceConfig", "maxTokens"),
    "anthropic": ("max_tokens",),
    "llama": ("max_gen_len",),
}
_REQUIRED = {
    "nova": ("messages",),
    "anthropic": ("anthropic_version", "max_tokens", "messages"),
    "llama": ("prompt",),
    "titan_embed": ("inputText",),
    "cohere_embed": ("input_type", "texts"),
}
_EMBEDDING_SIZE = 8
_WORDS = "This answer comes from the Bedrock world, a fake. "


def count_tokens(value: object, characters_per_token: float) -> int:
    """Tokens of all text in a JSON value: its characters by a fixed ratio, at least 1."""
    characters = sum(len(text) for text in _texts(value))
    return max(1, math.ceil(characters / characters_per_token))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def answer_text(output_tokens: int, characters_per_token: float) -> str:
    """Filler of about `output_tokens`, cut at 400 characters; the usage has the true count."""
    length = min(400, round(output_tokens * characters_per_token))
    return (_WORDS * (length // len(_WORDS) + 1))[: max(1, length)]


def read_body(family: str, body: bytes) -> tuple[dict[str, Any], int | None]:
    """The request body of a family, and its limit on output tokens when it gives one.

    Raises:
        BedrockError: not the JSON this family takes.
    """
    try:
        content = json.loads(body or b"null")
    except ValueError as error:
        raise validation("Malformed input request, please reformat your input.") from error
    required = _REQUIRED.get(family)
    if required is None:
        raise validation("The Bedrock world models no calls of image models.")
    keys = content if isinstance(content, dict) else {}
    for key in required:
        if key not in keys:
            raise validation(f"Malformed input request: #: required key [{key}] not found")
        if keys[key] == []:
            raise validation(f"Malformed input request: #/{key}: expected minimum item count: 1")
    limit: Any = content
    for key in _LIMITS.get(family, ("",)):
        limit = limit.get(key) if isinstance(limit, dict) else None
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise validation("Malformed input request: the output limit must be a positive integer")
    return content, limit


def write_body(family: str, text: str, *, input_tokens: int, output_tokens: int) -> bytes:
    """The response body of a family."""
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    vector = [0.0] * _EMBEDDING_SIZE
    bodies: dict[str, dict[str, Any]] = {
        "nova": {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {
                "inputTokens": input_tokens,
                "outputTokens": output_tokens,
                "totalTokens": input_tokens + output_tokens,
            },
        },
        "anthropic": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": usage,
        },
        "llama": {
            "generation": text,
            "prompt_token_count": input_tokens,
            "generation_token_count": output_tokens,
            "stop_reason": "stop",
        },
        "titan_embed": {"embedding": vector, "inputTextTokenCount": input_tokens},
        "cohere_embed": {"embeddings": [vector], "response_type": "embeddings_floats"},
    }
    return json.dumps(bodies[family]).encode()
