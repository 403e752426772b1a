"""The operations of `bedrock-runtime`: what a caller sends and gets, around one offered call."""

import math
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

from bedrock_world.addressing import Addresses
from bedrock_world.catalogue import FoundationModel
from bedrock_world.errors import BedrockError, validation
from bedrock_world.native import answer_text, count_tokens, read_body, write_body
from bedrock_world.runtime import Call, Outcome, Runtime
from bedrock_world.settings import Config

_JSON = "application/json"


class Inference:
    """Converse and InvokeModel, each plain and streamed.

    `planned_outputs` holds how many tokens the next answers shall have, before the draw.
    """

    def __init__(self, config: Config, addresses: Addresses, runtime: Runtime) -> None:
        self.planned_outputs: deque[int] = deque()
        self._config = config
        self._addresses = addresses
        self._runtime = runtime
        self._chance = random.Random(f"{config.current.seed}/outputs")  # noqa: S311 - simulation

    def converse(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`Converse`."""
        call, outcome = self._converse(params)
        text = self._text(outcome)
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": _stop_reason(call, outcome),
            "usage": _usage(call, outcome),
            "metrics": {"latencyMs": outcome.latency_ms},
            **_tier(params),
        }

    def converse_stream(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ConverseStream`: all its events, in order, under `stream`."""
        call, outcome = self._converse(params)
        events: list[dict[str, Any]] = [
            {"messageStart": {"role": "assistant"}},
            *(
                {"contentBlockDelta": {"delta": {"text": part}, "contentBlockIndex": 0}}
                for part in _halves(self._text(outcome))
            ),
            {"contentBlockStop": {"contentBlockIndex": 0}},
            {"messageStop": {"stopReason": _stop_reason(call, outcome)}},
            {
                "metadata": {
                    "usage": _usage(call, outcome),
                    "metrics": {"latencyMs": outcome.latency_ms},
                    **_tier(params),
                }
            },
        ]
        return {"stream": events}

    def _converse(self, params: Mapping[str, Any]) -> tuple[Call, Outcome]:
        model = self._model(params["modelId"])
        if not model.is_text:
            raise validation(
                "This action doesn't support the model that you provided. Try again with a "
                "supported text or chat model."
            )
        if not params.get("messages"):
            raise validation("A conversation must have at least one message.")
        if params.get("performanceConfig", {}).get("latency") == "optimized":
            raise validation(f"Latency performance configuration is not supported for {model.id}")
        prompt = [params["messages"], params.get("system"), params.get("toolConfig")]
        limit = params.get("inferenceConfig", {}).get("maxTokens")
        return self._offer(params["modelId"], prompt, limit)

    def invoke_model(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`InvokeModel` with the native body of the model's family."""
        body = self._invoke(params)
        return {"body": body, "contentType": _JSON, **_flat_tier(params)}

    def invoke_model_with_response_stream(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`InvokeModelWithResponseStream`: the native body as one chunk, under `body`."""
        if not self._model(params["modelId"]).streams:
            raise validation("The model is unsupported for streaming.")
        chunk = {"chunk": {"bytes": self._invoke(params)}}
        return {"body": [chunk], "contentType": _JSON, **_flat_tier(params)}

    def _invoke(self, params: Mapping[str, Any]) -> bytes:
        family = self._model(params["modelId"]).body
        content, limit = read_body(family, params.get("body", b""))
        call, outcome = self._offer(params["modelId"], content, limit)
        return write_body(
            family,
            self._text(outcome),
            input_tokens=call.input_tokens,
            output_tokens=outcome.output_tokens,
        )

    def _model(self, address: str) -> FoundationModel:
        return self._addresses.resolve(address).base

    def _offer(self, address: str, prompt: object, limit: int | None) -> tuple[Call, Outcome]:
        """Offer the call that a prompt makes.

        Raises:
            BedrockError: the call was refused.
        """
        settings = self._config.current
        call = Call(
            input_tokens=count_tokens(prompt, settings.characters_per_token),
            output_tokens=self._draw_output(),
            max_tokens=limit,
        )
        outcome = self._runtime.offer(address, call)
        if outcome.code is not None:
            raise BedrockError(outcome.code, outcome.message)
        return call, outcome

    def _draw_output(self) -> int:
        if self.planned_outputs:
            return self.planned_outputs.popleft()
        settings = self._config.current
        median = math.log(settings.output_tokens_median)
        return max(1, round(self._chance.lognormvariate(median, settings.output_tokens_sigma)))

    def _text(self, outcome: Outcome) -> str:
        return answer_text(outcome.output_tokens, self._config.current.characters_per_token)


def _stop_reason(call: Call, outcome: Outcome) -> str:
    return "max_tokens" if outcome.output_tokens < call.output_tokens else "end_turn"


def _usage(call: Call, outcome: Outcome) -> dict[str, int]:
    return {
        "inputTokens": call.input_tokens,
        "outputTokens": outcome.output_tokens,
        "totalTokens": call.input_tokens + outcome.output_tokens,
    }


def _tier(params: Mapping[str, Any]) -> dict[str, Any]:
    tier = params.get("serviceTier")
    return {"serviceTier": {"type": _resolved(tier["type"])}} if tier else {}


def _flat_tier(params: Mapping[str, Any]) -> dict[str, str]:
    tier = params.get("serviceTier")
    return {"serviceTier": _resolved(tier)} if tier else {}


def _resolved(tier: str) -> str:
    """The tier that serves: nothing is reserved here, and what overflows there runs as default."""
    return "default" if tier == "reserved" else tier


def _halves(text: str) -> tuple[str, str] | tuple[str]:
    middle = len(text) // 2
    return (text[:middle], text[middle:]) if middle else (text,)
