"""What the routed client adds to a call, beside LiteLLM's Router; exits 1 above its limits.

    make gateways, or in an environment with LiteLLM: python -m benchmarks.client_overhead

Both get their answers from a stub, without a network. What is added is the time of a call through
the router less that of the same call without it: `converse` of the same boto3 client, and
`litellm.acompletion` of the same deployment. The two calls of a pair take turns, and take turns
in going first, so that a change of the machine's load touches both alike. A call of boto3 and of
LiteLLM takes a good part of a millisecond itself, which is why the routed client is measured over
a stub of a client too, where nothing else is left.
"""

import asyncio
import gc
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import batched, count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import boto3
import litellm
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from bedrock_autoscaler.client import PROMPT, FollowedTable, RoutedClient
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.client.litellm_config import ROUTER_SETTINGS, deployments
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from benchmarks.surroundings import commit, machine, python

LIMIT_MICROSECONDS = 100.0
LIMIT_OF_LITELLM = 0.1
LIMIT_GROWTH_KIB = 1024
CALLS = 3000
MEMORY_CALLS = 1_000_000
RESULT = Path(__file__).parent / "results" / "client_overhead.txt"

_MODEL = "amazon.nova-lite-v1:0"
_ADDRESSES = {
    "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl": OptionKind.PROVISIONED,
    "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/mnopqrstuvwx": OptionKind.PROVISIONED,
    _MODEL: OptionKind.ON_DEMAND,
    f"us.{_MODEL}": OptionKind.GEOGRAPHIC_PROFILE,
}
_TABLE = RoutingTable(
    target="chat",
    version=1,
    routes=tuple(
        Route(kind=kind, address=address, weight=0.25) for address, kind in _ADDRESSES.items()
    ),
    refresh_seconds=60,
    no_fallback=False,
    decision_id="chat-routing-20260105T000000Z",
    published_at=datetime(2026, 1, 5, tzinfo=UTC),
)
_HELLO: Any = [{"role": "user", "content": [{"text": "Hello"}]}]
_ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    "metrics": {"latencyMs": 1},
}


class _Source:
    """Publishes one table."""

    text = routing_table_text(_TABLE)

    def read(self) -> str:
        """The text in force."""
        return self.text


class _StubClient:
    """Answers at once; every thousandth call is throttled, when asked to."""

    class meta:  # noqa: N801 - boto3's name
        region_name = "us-east-1"

    def __init__(self, *, throttles: bool) -> None:
        self._throttles = throttles
        self._calls = count()

    def converse(self, **_: object) -> dict[str, Any]:
        """The answer."""
        if self._throttles and next(self._calls) % 1000 == 0:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Converse")
        return _ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Medians in microseconds per call, and the growth of memory."""

    boto3_alone: float
    boto3_routed: float
    stub_alone: float
    stub_routed: float
    litellm_alone: float
    litellm_routed: float
    growth_kib: int

    @property
    def added(self) -> float:
        """What the routed client adds, the larger of the two readings."""
        over_boto3 = self.boto3_routed - self.boto3_alone
        return max(over_boto3, self.stub_routed - self.stub_alone)

    @property
    def added_by_litellm(self) -> float:
        """What LiteLLM's Router adds."""
        return self.litellm_routed - self.litellm_alone

    @property
    def is_kept(self) -> bool:
        """Whether every limit is kept."""
        return (
            self.added <= LIMIT_MICROSECONDS
            and self.added <= LIMIT_OF_LITELLM * self.added_by_litellm
            and self.growth_kib <= LIMIT_GROWTH_KIB
        )

    def text(self) -> str:
        """The result as it is printed and kept."""
        verdict = "kept" if self.is_kept else "NOT kept"
        return (
            f"python -m benchmarks.client_overhead\n"
            f"{machine()}, {python()}, boto3 {boto3.__version__}, commit {commit()}\n"
            f"microseconds per call, median     alone   routed    added\n"
            f"boto3 client, stub transport   {_row(self.boto3_alone, self.boto3_routed)}\n"
            f"stub of a client               {_row(self.stub_alone, self.stub_routed)}\n"
            f"LiteLLM, stub answer           {_row(self.litellm_alone, self.litellm_routed)}\n"
            f"memory: {self.growth_kib} KiB more after {MEMORY_CALLS:,} calls\n"
            f"limits: {LIMIT_MICROSECONDS:.0f} microseconds, {LIMIT_OF_LITELLM} of LiteLLM's "
            f"Router, {LIMIT_GROWTH_KIB} KiB: {verdict}, worst {self.added:.0f} microseconds, "
            f"{self.added / self.added_by_litellm:.3f} of LiteLLM's\n"
        )


def _row(alone: float, routed: float) -> str:
    return f"{alone:>8.0f} {routed:>8.0f} {routed - alone:>8.1f}"


def _routed(client: Any) -> RoutedClient:  # noqa: ANN401 - a stub or boto3's
    table = FollowedTable(_Source(), "chat")
    table.look()
    return RoutedClient(client, table)


def _boto3_client() -> Any:  # noqa: ANN401 - its answers do not come from AWS
    """A boto3 client that does all of its work except the network's."""
    session = boto3.Session("measured", "measured", region_name="us-east-1")
    client = session.client("bedrock-runtime", config=PROMPT)
    body = json.dumps(_ANSWER).encode()

    headers: Any = {"Content-Type": "application/json"}

    def answer(request: Any, **_: object) -> Any:  # noqa: ANN401 - botocore's
        found: Any = AWSResponse(request.url, 200, headers, None)
        found._content = body  # noqa: SLF001 - it would read a socket otherwise
        return found

    client.meta.events.register("before-send.bedrock-runtime.Converse", answer)
    return client


def _litellm_router() -> Any:  # noqa: ANN401 - litellm is not typed here
    listed = deployments(_TABLE, {"aws_region_name": "us-east-1", "mock_response": "Hello"})
    # All four are drawn by weight, as the routed client does.
    for each in listed:
        each["litellm_params"]["order"] = 1
    return litellm.Router(model_list=listed, **ROUTER_SETTINGS)


async def _measure(calls: int) -> dict[str, float]:
    """Microseconds of each way to call, in turns."""
    plain, stub, router = _boto3_client(), _StubClient(throttles=False), _litellm_router()
    through, through_stub = _routed(plain), _routed(stub)
    asked: Any = [{"role": "user", "content": "Hello"}]

    async def of(call: Callable[[], object]) -> None:
        call()

    async def alone() -> None:
        await litellm.acompletion(
            model=f"bedrock/converse/{_MODEL}", messages=asked, mock_response="Hello"
        )

    async def through_router() -> None:
        await router.acompletion(model="chat", messages=asked)

    ways: dict[str, Callable[[], Awaitable[None]]] = {
        "boto3_alone": lambda: of(lambda: plain.converse(modelId=_MODEL, messages=_HELLO)),
        "boto3_routed": lambda: of(lambda: through.converse(modelId=_MODEL, messages=_HELLO)),
        "stub_alone": lambda: of(lambda: stub.converse(modelId=_MODEL, messages=_HELLO)),
        "stub_routed": lambda: of(lambda: through_stub.converse(modelId=_MODEL, messages=_HELLO)),
        "litellm_alone": alone,
        "litellm_routed": through_router,
    }
    times: dict[str, float] = {}
    for pair in batched(ways, 2, strict=True):
        times |= await _in_turns({name: ways[name] for name in pair}, calls)
    return times


async def _in_turns(
    ways: Mapping[str, Callable[[], Awaitable[None]]], calls: int
) -> dict[str, float]:
    """Median microseconds of each of these ways; the first tenth of calls is not counted."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(calls + calls // 10):
        for name in ways if turn % 2 else reversed(list(ways)):
            begun = perf_counter()
            await ways[name]()
            times[name].append((perf_counter() - begun) * 1e6)
            # LiteLLM leaves work for later; neither call shall be charged with the other's.
            for _ in range(5):
                await asyncio.sleep(0)
    return {name: median(taken[calls // 10 :]) for name, taken in times.items()}


def _memory_growth(calls: int) -> int:
    """KiB by which the process grows over so many calls, after the first tenth of them."""
    source, clock = _Source(), [0.0]
    table = FollowedTable(source, "chat", clock=lambda: clock[0], start=_at_once)
    client = RoutedClient(
        _StubClient(throttles=True),  # type: ignore[arg-type]  # the one method that is called
        table,
        clock=lambda: clock[0],
    )
    before = 0
    for call in range(calls):
        if call == calls // 10:
            gc.collect()
            before = _resident_kib()
        if call % 10_000 == 0:
            # A new table, so that whatever a table leaves behind would show.
            newer = replace(_TABLE, version=1 + call // 10_000)
            source.text = routing_table_text(newer)
        clock[0] += 0.01
        client.converse(modelId=_MODEL, messages=_HELLO)
    gc.collect()
    return _resident_kib() - before


def _at_once(work: Callable[[], object]) -> None:
    work()


def _resident_kib() -> int:
    """Memory of this process that is in use, in KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def main() -> int:
    """Measure, print and keep the result; 1 when a limit is not kept."""
    litellm.suppress_debug_info = True
    logging.disable(logging.WARNING)
    growth = _memory_growth(MEMORY_CALLS)
    result = Overhead(**asyncio.run(_measure(CALLS)), growth_kib=growth)
    RESULT.write_text(result.text(), encoding="utf-8")
    sys.stdout.write(result.text())
    return 0 if result.is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
