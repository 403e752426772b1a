"""Drives a route with LLMeter: calls begin at their moments, whatever became of those before."""

import asyncio
import logging
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.client.requests import addressed
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.report.knee import Stage

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

REMEDY = (
    "the load tool LLMeter is not installed: pip install 'bedrock-autoscaler[load]', in an "
    "environment of its own if that is easier"
)
_CODE = re.compile(r"\((\w+(?:Exception|Error))\)")
_THROTTLED = "ThrottlingException"
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

    def request(self) -> dict[str, Any]:
        """A request of Converse, without its address."""
        filler = "word " * max(1, self.input_tokens - 20)
        text = f"{filler}\nCount upwards from one in words, and do not stop before you must."
        return {
            "messages": [{"role": "user", "content": [{"text": text}]}],
            "inferenceConfig": {"maxTokens": self.output_tokens},
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
    if _THROTTLED.lower() in error.lower():
        return _THROTTLED
    found = _CODE.search(error)
    return found.group(1) if found else "OtherError"


class Driver:
    """Sends stretches of calls to one route.

    Args:
        client: makes one attempt, so that every refusal is seen.
        clients: calls that may be under way at once.

    Raises:
        ImportError: LLMeter is not installed; `REMEDY` says what to do.
    """

    def __init__(
        self, client: "BedrockRuntimeClient", route: Route, prompt: Prompt, *, clients: int
    ) -> None:
        from llmeter.endpoints.bedrock import (  # noqa: PLC0415 - an extra
            BedrockConverseStream,
        )
        from llmeter.runner import Runner  # noqa: PLC0415 - an extra

        class Endpoint(BedrockConverseStream):  # type: ignore[misc]  # LLMeter may be absent
            """LLMeter's endpoint for ConverseStream, at the moments of a pace."""

            pace: Pace

            def prepare_payload(self, payload: dict[str, Any]) -> dict[str, Any]:
                """The request as it goes to the route, at its moment."""
                prepared = addressed("converse_stream", payload, route)
                self.pace.wait()
                return prepared

        # LLMeter logs each refusal with its stack.
        logging.getLogger("llmeter").setLevel(logging.CRITICAL)
        self._endpoint = Endpoint(
            model_id=route.address,
            region=client.meta.region_name,
            bedrock_boto3_client=client,
        )
        self._runner = Runner(
            endpoint=self._endpoint,
            timeout=_TIMEOUT_SECONDS,
            disable_per_client_progress_bar=True,
            disable_clients_progress_bar=True,
        )
        self._request = prompt.request()
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
