"""A burst by the bare model id and by the published table, through real callers; exits 1 on a miss.

    make gateways, or in an environment with LiteLLM and LLMeter: python -m benchmarks.burst_routing

LLMeter sends the same calls at the same moments six times: through LiteLLM's Router, through its
proxy and through the routed client, each once with the bare model id and once by the table. No way
carries more than 60% of the peak, and all together carry 1.2 times it. The Bedrock world, a fake,
is reached over HTTP; the table is read from a file in its published form.
"""

import asyncio
import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
import litellm
from llmeter.endpoints.bedrock import BedrockConverse
from llmeter.endpoints.litellm import LiteLLM
from llmeter.endpoints.openai import OpenAICompletionEndpoint
from llmeter.runner import Runner

from bedrock_autoscaler.client import PROMPT, FileTable, FollowedTable, RoutedClient
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.client.litellm_config import ROUTER_SETTINGS
from bedrock_autoscaler.client.litellm_routing import follow
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from benchmarks.burst_worlds import AWAY, HOME, MODEL, PROFILE, Capacity, Worlds, worlds
from benchmarks.surroundings import commit, machine, python

FACTOR = 20.0
PEAK = 12.0
QUIET = 4.0
# Seconds and calls a second: a quiet stretch, the burst, and quiet again.
PHASES = ((4.0, QUIET), (16.0, PEAK), (2.0, QUIET))
CLIENTS = 8
CAPACITY = Capacity(
    on_demand=0.6 * PEAK, profile=0.4 * PEAK, profile_away=0.2 * PEAK, burst_seconds=2.0
)
RESULT = Path(__file__).parent / "results" / "burst_routing.txt"

_KEYS = {"aws_access_key_id": "measured", "aws_secret_access_key": "measured"}
_PROXY_WAIT_SECONDS = 180.0


def _table() -> RoutingTable:
    """The ways by their share of what all carry."""
    ways = (
        (OptionKind.ON_DEMAND, MODEL, "", CAPACITY.on_demand),
        (OptionKind.GEOGRAPHIC_PROFILE, PROFILE, "", CAPACITY.profile),
        (OptionKind.GEOGRAPHIC_PROFILE, PROFILE, AWAY, CAPACITY.profile_away),
    )
    whole = sum(share for _, _, _, share in ways)
    return RoutingTable(
        target="chat",
        version=1,
        routes=tuple(
            Route(kind=kind, address=address, region=region, weight=share / whole)
            for kind, address, region, share in ways
        ),
        refresh_seconds=60,
        no_fallback=False,
        decision_id="chat-routing-20260105T000000Z",
        published_at=datetime(2026, 1, 5, tzinfo=UTC),
    )


class Pace:
    """The moments at which calls begin, whatever becomes of those before; shared by threads."""

    def __init__(self) -> None:
        self._moments = self._schedule()
        self._lock = threading.Lock()
        self._begun: float | None = None

    @staticmethod
    def _schedule() -> Iterator[float]:
        start = 0.0
        for seconds, rate in PHASES:
            yield from (start + call / rate for call in range(round(seconds * rate)))
            start += seconds

    def wait(self) -> None:
        """Wait for the next moment."""
        with self._lock:
            moment = next(self._moments)
            self._begun = self._begun or time.monotonic()
            due = self._begun + moment
        time.sleep(max(0.0, due - time.monotonic()))


CALLS = sum(round(seconds * rate) for seconds, rate in PHASES)


class _Paced:
    """What LLMeter does before a call is where a call waits for its moment."""

    pace: Pace

    def prepare_payload(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload, at its moment."""
        prepared: dict[str, Any] = super().prepare_payload(payload)  # type: ignore[misc]  # LLMeter's
        self.pace.wait()
        return prepared


class PacedRouter(_Paced, LiteLLM):  # type: ignore[misc]  # llmeter is absent where this is checked
    """LLMeter's LiteLLM endpoint, through a Router."""

    router: Any

    @LiteLLM.llmeter_invoke  # type: ignore[untyped-decorator]  # as above
    def invoke(self, payload: dict[str, Any]) -> Any:  # noqa: ANN401 - LiteLLM's answer
        """One call."""
        return self.router.completion(**{**payload, "model": "chat"})


class PacedProxy(_Paced, OpenAICompletionEndpoint):  # type: ignore[misc]  # as above
    """LLMeter's endpoint for OpenAI's protocol, which the proxy speaks."""


class PacedClient(_Paced, BedrockConverse):  # type: ignore[misc]  # as above
    """LLMeter's endpoint for Converse, with a client of ours or boto3's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What callers and the world saw of one burst."""

    caller: str
    way: str
    calls: int
    throttled: int
    other_errors: int
    attempts: int
    attempts_throttled: int

    @property
    def share(self) -> float:
        """Throttled calls among all."""
        return self.throttled / self.calls

    def row(self) -> str:
        """A line of the table."""
        refused = self.attempts_throttled / self.attempts if self.attempts else 0.0
        return (
            f"{self.caller:<16} {self.way:<10} {self.calls:>5} {self.throttled:>9} "
            f"{self.share:>7.2%} {self.other_errors:>6} {self.attempts:>8} {refused:>9.2%}"
        )


class Bench:
    """The six bursts."""

    def __init__(self, served: Worlds, folder: Path) -> None:
        self._served = served
        self._table_path = folder / "chat.json"
        self._table_path.write_text(routing_table_text(_table()), encoding="utf-8")
        self._folder = folder

    def run(self) -> list[Outcome]:
        """All outcomes, in pairs of bare model id and table."""
        return [
            self._burst("LiteLLM Router", "model id", self._router(followed=False)),
            self._burst("LiteLLM Router", "table", self._router(followed=True)),
            *self._proxy_bursts(),
            self._burst("boto3 client", "model id", self._client(followed=False)),
            self._burst("boto3 client", "table", self._client(followed=True)),
        ]

    def _burst(self, caller: str, way: str, endpoint: Any) -> Outcome:  # noqa: ANN401 - LLMeter's
        self._served.renew()
        endpoint.pace = Pace()
        content: Any = "Hello"
        if isinstance(endpoint, BedrockConverse):
            content = [{"text": "Hello"}]
        payload = {"messages": [{"role": "user", "content": content}]}
        runner = Runner(endpoint=endpoint, clients=CLIENTS, timeout=60)
        result = asyncio.run(runner.run(payload=payload, n_requests=CALLS // CLIENTS))
        errors = [response.error for response in result.responses if response.error]
        throttled = sum(_is_throttle(error) for error in errors)
        served, refused = self._served.attempts()
        return Outcome(
            caller=caller,
            way=way,
            calls=len(result.responses),
            throttled=throttled,
            other_errors=len(errors) - throttled,
            attempts=served + refused,
            attempts_throttled=refused,
        )

    def _reach(self, region: str) -> dict[str, str]:
        url = self._served.home if region == HOME else self._served.away
        return {**_KEYS, "aws_region_name": region, "aws_bedrock_runtime_endpoint": url}

    def _router(self, *, followed: bool) -> Any:  # noqa: ANN401 - LLMeter's
        params = {"model": f"bedrock/converse/{MODEL}", **self._reach(HOME)}
        router = litellm.Router(
            model_list=[{"model_name": "chat", "litellm_params": params}], **ROUTER_SETTINGS
        )
        if followed:
            source = FileTable(self._table_path)
            follow(router, {"chat": FollowedTable(source, "chat")}, self._endpoints())
        endpoint = PacedRouter(litellm_model=f"bedrock/converse/{MODEL}")
        endpoint.router = router
        return endpoint

    def _endpoints(self) -> dict[str, dict[str, Any]]:
        """Where each Region's world is; on AWS its name is enough."""
        return {region: self._reach(region) for region in (HOME, AWAY)}

    def _client(self, *, followed: bool) -> Any:  # noqa: ANN401 - LLMeter's
        def make(region: str) -> Any:  # noqa: ANN401 - boto3's
            url = self._reach(region)["aws_bedrock_runtime_endpoint"]
            session = boto3.Session("measured", "measured", region_name=region)
            return session.client("bedrock-runtime", endpoint_url=url, config=PROMPT)

        client = make(HOME)
        if followed:
            table = FollowedTable(FileTable(self._table_path), "chat")
            client = RoutedClient(client, table, clients=make)
        return PacedClient(model_id=MODEL, region=HOME, bedrock_boto3_client=client)

    def _proxy_bursts(self) -> list[Outcome]:
        outcomes = []
        for way, followed in (("model id", False), ("table", True)):
            with self._proxy(followed=followed) as (url, key):
                endpoint = PacedProxy(
                    model_id="chat", base_url=f"{url}/v1", api_key=key, max_retries=0
                )
                outcomes.append(self._burst("LiteLLM proxy", way, endpoint))
        return outcomes

    @contextmanager
    def _proxy(self, *, followed: bool) -> Iterator[tuple[str, str]]:
        """URL and key of a LiteLLM proxy in a process of its own."""
        deployment: dict[str, Any] = {
            "model_name": "chat",
            "litellm_params": {"model": f"bedrock/converse/{MODEL}", **self._reach(HOME)},
        }
        settings: dict[str, Any] = {"router_settings": dict(ROUTER_SETTINGS)}
        if followed:
            deployment["model_info"] = {
                "routing_table": f"file:{self._table_path}",
                "routing_regions": self._endpoints(),
            }
            callback = "bedrock_autoscaler.client.litellm_routing.proxy"
            settings["litellm_settings"] = {"callbacks": [callback]}
        path = self._folder / "proxy.yaml"
        path.write_text(json.dumps({"model_list": [deployment], **settings}), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        key = f"sk-{secrets.token_hex(32)}"
        program = str(Path(sys.executable).parent / "litellm")
        process = subprocess.Popen(  # noqa: S603 - LiteLLM's own program
            [program, "--config", str(path), "--host", "127.0.0.1", "--port", port],
            env={**os.environ, "LITELLM_MASTER_KEY": key},  # noqa: TID251 - the caller's, and a key
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            _await(lambda: httpx.get(f"{url}/health/liveliness").is_success)
            yield url, key
        finally:
            process.terminate()
            process.wait(30)


def _await(is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PROXY_WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if is_ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise TimeoutError(f"the proxy was not ready after {_PROXY_WAIT_SECONDS} seconds")


def _is_throttle(error: str) -> bool:
    lowered = error.lower()
    return any(words in lowered for words in ("throttl", "ratelimit", "too many", "429"))


_HEADER = (
    f"{'caller':<16} {'way':<10} {'calls':>5} {'throttled':>9} {'share':>7} {'errors':>6} "
    f"{'attempts':>8} {'throttled':>9}"
)


def _load() -> str:
    return (
        f"{CALLS} calls, {QUIET:g} a second and {PEAK:g} in the burst; ways carry "
        f"{CAPACITY.on_demand / PEAK:.0%}, {CAPACITY.profile / PEAK:.0%} and "
        f"{CAPACITY.profile_away / PEAK:.0%} of the peak"
    )


def report(outcomes: list[Outcome]) -> tuple[str, bool]:
    """The result as it is printed and kept, and whether every pair keeps the limit."""
    pairs = list(zip(outcomes[::2], outcomes[1::2], strict=True))
    kept = all(
        bare.share >= FACTOR * table.share and bare.throttled > 0 and not table.other_errors
        for bare, table in pairs
    )
    factors = ", ".join(
        f"{bare.caller} {'none left' if not table.share else f'{bare.share / table.share:.0f}'}"
        for bare, table in pairs
    )
    lines = [
        "python -m benchmarks.burst_routing",
        f"{machine()}, {python()}, commit {commit()}",
        _load(),
        _HEADER,
        *(outcome.row() for outcome in outcomes),
        f"throttled calls fewer by a factor of: {factors}",
        f"limit: a factor of {FACTOR:g} for each: {'kept' if kept else 'NOT kept'}",
    ]
    return "\n".join(lines) + "\n", kept


def main() -> int:
    """Run, print and keep the result; 1 when the limit is not kept."""
    litellm.suppress_debug_info = True
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, worlds(CAPACITY) as served:
        text, kept = report(Bench(served, Path(folder)).run())
    RESULT.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
