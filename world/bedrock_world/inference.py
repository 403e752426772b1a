"""The operations of `bedrock-runtime`: what a caller sends and gets, around one offered call."""

import json
import math
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

from bedrock_world.addressing import Addresses
from bedrock_world.catalogue import FoundationModel
from bedrock_world.conversations import check_conversation
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
            **_served_by(params, outcome),
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
                    **_served_by(params, outcome),
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
        check_conversation(params.get("messages", ()))
        prompt = [params["messages"], params.get("system"), params.get("toolConfig")]
        limit = params.get("inferenceConfig", {}).get("maxTokens")
        asked = {
            "tier": params.get("serviceTier", {}).get("type", ""),
            "latency": params.get("performanceConfig", {}).get("latency", ""),
        }
        return self._offer(params["modelId"], prompt, limit, asked)

    def invoke_model(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`InvokeModel` with the native body of the model's family."""
        body, outcome = self._invoke(params)
        return {"body": body, "contentType": _JSON, **_flat(params, outcome)}

    def invoke_model_with_response_stream(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`InvokeModelWithResponseStream`: the native body as one chunk, under `body`."""
        if not self._model(params["modelId"]).streams:
            raise validation("The model is unsupported for streaming.")
        body, outcome = self._invoke(params)
        chunk = {"chunk": {"bytes": body}}
        return {"body": [chunk], "contentType": _JSON, **_flat(params, outcome)}

    def answer_record(
        self, model: FoundationModel, record: Mapping[str, Any], *, converse: bool
    ) -> dict[str, Any]:
        """The answer to one record of a batch job, which takes no quota.

        Raises:
            BedrockError: the record is malformed.
        """
        output = self._draw_output()
        characters = self._config.current.characters_per_token
        text, tokens = answer_text(output, characters), count_tokens(record, characters)
        if not converse:
            read_body(model.body, json.dumps(record).encode())
            body = write_body(model.body, text, input_tokens=tokens, output_tokens=output)
            answer: dict[str, Any] = json.loads(body)
            return answer
        check_conversation(record.get("messages", ()))
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {
                "inputTokens": tokens,
                "outputTokens": output,
                "totalTokens": tokens + output,
            },
        }

    def _invoke(self, params: Mapping[str, Any]) -> tuple[bytes, Outcome]:
        family = self._model(params["modelId"]).body
        content, limit = read_body(family, params.get("body", b""))
        asked = {
            "tier": params.get("serviceTier", ""),
            "latency": params.get("performanceConfigLatency", ""),
        }
        call, outcome = self._offer(params["modelId"], content, limit, asked)
        body = write_body(
            family,
            self._text(outcome),
            input_tokens=call.input_tokens,
            output_tokens=outcome.output_tokens,
        )
        return body, outcome

    def _model(self, address: str) -> FoundationModel:
        return self._addresses.resolve(address).base

    def _offer(
        self, address: str, prompt: object, limit: int | None, asked: Mapping[str, str]
    ) -> tuple[Call, Outcome]:
        """Offer the call that a prompt makes.

        Raises:
            BedrockError: the call was refused.
        """
        settings = self._config.current
        call = Call(
            input_tokens=count_tokens(prompt, settings.characters_per_token),
            output_tokens=self._draw_output(),
            max_tokens=limit,
            tier=asked["tier"],
            latency=asked["latency"],
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


def _served_by(params: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    """The tier and the latency of the answer, where the call asked for one."""
    found: dict[str, Any] = {}
    if "serviceTier" in params:
        found["serviceTier"] = {"type": outcome.tier}
    if "performanceConfig" in params:
        found["performanceConfig"] = {"latency": outcome.latency}
    return found


def _flat(params: Mapping[str, Any], outcome: Outcome) -> dict[str, str]:
    """The same as InvokeModel answers it."""
    found = {}
    if "serviceTier" in params:
        found["serviceTier"] = outcome.tier
    if "performanceConfigLatency" in params:
        found["performanceConfigLatency"] = outcome.latency
    return found


def _halves(text: str) -> tuple[str, str] | tuple[str]:
    middle = len(text) // 2
    return (text[:middle], text[middle:]) if middle else (text,)
