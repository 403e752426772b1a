"""Drives a route with LLMeter: calls begin at their moments, whatever became of those before."""

import asyncio
import logging
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.client.requests import addressed
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.report.knee import Stage

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

REMEDY = (
    "the load tool LLMeter is not installed, or LiteLLM for --through litellm: pip install "
    "'bedrock-autoscaler[load,litellm]', in an environment of its own if that is easier"
)
_CODE = re.compile(r"\((\w+(?:Exception|Error))\)|^litellm\.(\w+(?:Exception|Error))\b")
_THROTTLED = "ThrottlingException"
_LITELLM_THROTTLED = "litellm.RateLimitError"
"""LiteLLM's word for each 429, also for that of an imported model without a copy."""
_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What each call sends.

    Attributes:
        input_tokens: about so many; what counts is what Bedrock counts.
        output_tokens: the answer's limit, which the prompt asks to be used up.
    """

    input_tokens: int
    output_tokens: int

    @property
    def _text(self) -> str:
        filler = "word " * max(1, self.input_tokens - 20)
        return f"{filler}\nCount upwards from one in words, and do not stop before you must."

    def request(self) -> dict[str, Any]:
        """A request of Converse, without its address."""
        return {
            "messages": [{"role": "user", "content": [{"text": self._text}]}],
            "inferenceConfig": {"maxTokens": self.output_tokens},
        }

    def completion(self) -> dict[str, Any]:
        """The same as LiteLLM takes it."""
        return {
            "messages": [{"role": "user", "content": self._text}],
            "max_tokens": self.output_tokens,
        }


class Pace:
    """The moments at which calls begin; shared by the threads of LLMeter's clients."""

    def __init__(self, calls_per_minute: float) -> None:
        self._moments = self._from_now_on(60.0 / calls_per_minute)
        self._lock = threading.Lock()

    @staticmethod
    def _from_now_on(gap: float) -> Iterator[float]:
        moment = time.monotonic()
        while True:
            yield moment
            moment += gap

    def wait(self) -> None:
        """Wait for the next moment."""
        with self._lock:
            moment = next(self._moments)
        time.sleep(max(0.0, moment - time.monotonic()))


def stage_of(responses: list[Any], *, calls_per_minute: float, seconds: float) -> Stage:
    """What LLMeter's responses to a stretch of calls come to."""
    codes = Counter(code_of(each.error) for each in responses if each.error)
    served = [each for each in responses if not each.error]
    return Stage(
        calls_per_minute=calls_per_minute,
        seconds=seconds,
        served=len(served),
        throttled=codes.pop(_THROTTLED, 0),
        errors=tuple(sorted(codes.items())),
        input_tokens=sum(each.num_tokens_input or 0 for each in served),
        output_tokens=sum(each.num_tokens_output or 0 for each in served),
        first_token_seconds=_known(each.time_to_first_token for each in served),
        token_seconds=_known(each.time_per_output_token for each in served),
    )


def code_of(error: str) -> str:
    """The error code in LLMeter's text; never the text itself."""
    if _THROTTLED.lower() in error.lower() or error.startswith(_LITELLM_THROTTLED):
        return _THROTTLED
    found = _CODE.search(error)
    return found.group(1) or found.group(2) if found else "OtherError"


def converse(client: "BedrockRuntimeClient", route: Route) -> Any:  # noqa: ANN401 - LLMeter's
    """LLMeter's endpoint for ConverseStream by boto3.

    Args:
        client: makes one attempt, so that every refusal is seen.
        route: what to call.

    Raises:
        ImportError: LLMeter is not installed; `REMEDY` says what to do.
    """
    from llmeter.endpoints.bedrock import BedrockConverseStream  # noqa: PLC0415 - an extra

    class Endpoint(BedrockConverseStream):  # type: ignore[misc]  # LLMeter may be absent
        """Calls at the moments of a pace."""

        pace: Pace

        def prepare_payload(self, payload: dict[str, Any]) -> dict[str, Any]:
            """The request as it goes to the route, at its moment."""
            prepared = addressed("converse_stream", payload, route)
            self.pace.wait()
            return prepared

    return Endpoint(
        model_id=route.address, region=client.meta.region_name, bedrock_boto3_client=client
    )


def completion(params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - LLMeter's
    """LLMeter's endpoint for LiteLLM's streamed completion, without a Router and its retries.

    Args:
        params: of the route's deployment, as `client.litellm_config` has them.

    Raises:
        ImportError: LLMeter or LiteLLM is not installed; `REMEDY` says what to do.
    """
    from llmeter.endpoints.litellm import LiteLLMStreaming  # noqa: PLC0415 - an extra

    class Endpoint(LiteLLMStreaming):  # type: ignore[misc]  # LLMeter may be absent
        """Calls at the moments of a pace."""

        pace: Pace

        def prepare_payload(self, payload: dict[str, Any]) -> dict[str, Any]:
            """The request as it goes to the route, at its moment."""
            prepared = {**super().prepare_payload(payload), **params, "num_retries": 0}
            self.pace.wait()
            return prepared

    return Endpoint(litellm_model=params["model"])


class Driver:
    """Sends stretches of calls to one route.

    Args:
        endpoint: of `converse` or `completion`.
        request: what that takes.
        clients: calls that may be under way at once.
    """

    def __init__(self, endpoint: Any, request: Mapping[str, Any], *, clients: int) -> None:  # noqa: ANN401 - LLMeter's
        from llmeter.runner import Runner  # noqa: PLC0415 - an extra

        # LLMeter logs each refusal with its stack.
        logging.getLogger("llmeter").setLevel(logging.CRITICAL)
        self._endpoint = endpoint
        self._runner = Runner(
            endpoint=self._endpoint,
            timeout=_TIMEOUT_SECONDS,
            disable_per_client_progress_bar=True,
            disable_clients_progress_bar=True,
        )
        self._request = dict(request)
        self._clients = clients

    def run(self, calls_per_minute: float, seconds: float) -> Stage:
        """One stretch of calls, begun evenly over `seconds`."""
        calls = max(1, round(calls_per_minute * seconds / 60.0))
        clients = min(self._clients, calls)
        each = math.ceil(calls / clients)
        self._endpoint.pace = Pace(calls_per_minute)
        result = asyncio.run(
            self._runner.run(payload=self._request, clients=clients, n_requests=each)
        )
        return stage_of(
            result.responses,
            calls_per_minute=calls_per_minute,
            seconds=clients * each * 60.0 / calls_per_minute,
        )


def _known(values: Iterator[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)
