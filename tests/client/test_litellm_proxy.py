"""The proxy of a real LiteLLM against the Bedrock world; `make gateways` runs this."""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.client.litellm_config import ROUTER_SETTINGS
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.client.routers import HELLO, ids, litellm, reach
from tests.client.stage import IN_REGION_THEN_PROFILE
from tests.world.support import NOVA_LITE

# LiteLLM warns of itself, of its models and of unclosed connections.
pytestmark = pytest.mark.filterwarnings("ignore")

# The proxy does not start without one.
KEY = f"sk-{secrets.token_hex(32)}"


def test_the_proxy_reads_parameter_store_with_short_time_outs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bedrock_autoscaler.client.litellm_routing import table_at  # noqa: PLC0415 - needs LiteLLM

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    source: Any = table_at("ssm:/bedrock-autoscaler/routes/chat")._source

    config = source._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"routing_table": "/bedrock-autoscaler/routes/chat"},
        {"routing_table": {"ssm": "/bedrock-autoscaler/routes/chat"}},
        {"routing_table": "file:/tables/chat.json", "routing_regions": ["us-east-1"]},
    ],
)
def test_a_group_whose_table_is_named_wrongly_is_left_to_the_router(
    wrong: dict[str, Any],
    running: RunningWorld,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from litellm.proxy import proxy_server  # noqa: PLC0415 - needs LiteLLM

    from bedrock_autoscaler.client.litellm_routing import ProxyFollower  # noqa: PLC0415 - needs LiteLLM

    start = {"model": f"bedrock/converse/{NOVA_LITE}", **reach(running)}
    router = litellm.Router(
        model_list=[
            {"model_name": "chat", "litellm_params": start, "model_info": wrong},
            {"model_name": "other", "litellm_params": start},
        ],
        **ROUTER_SETTINGS,
    )
    monkeypatch.setattr(proxy_server, "llm_router", router)

    async def two_requests() -> list[Any]:
        follower, request = ProxyFollower(), {"model": "other"}
        return [
            await follower.async_pre_call_hook(None, None, request, "completion") for _ in range(2)
        ]

    assert asyncio.run(two_requests()) == [{"model": "other"}] * 2
    (told,) = [each.getMessage() for each in caplog.records if each.name.endswith("_routing")]
    assert told.startswith("group chat is left to the Router: ")


@pytest.mark.parametrize(
    ("place", "problem"), [("chat", "must be"), ("ssm:/chat", "must be"), ("s3:x", "must be")]
)
def test_a_place_that_is_none_is_refused(place: str, problem: str) -> None:
    from bedrock_autoscaler.client.litellm_routing import table_at  # noqa: PLC0415 - needs LiteLLM

    with pytest.raises(ValueError, match=problem):
        table_at(place)


@pytest.fixture
def proxy(running: RunningWorld, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a proxy, and the file that holds the table it follows."""
    path = tmp_path / "chat.json"
    path.write_text(routing_table_text(IN_REGION_THEN_PROFILE), encoding="utf-8")
    start = {"model": f"bedrock/converse/{NOVA_LITE}", **reach(running)}
    configuration = {
        "model_list": [
            {
                "model_name": "chat",
                "litellm_params": start,
                "model_info": {"routing_table": f"file:{path}"},
            }
        ],
        "router_settings": dict(ROUTER_SETTINGS),
        "litellm_settings": {"callbacks": ["bedrock_autoscaler.client.litellm_routing.proxy"]},
    }
    settings = tmp_path / "config.yaml"
    settings.write_text(json.dumps(configuration), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "litellm"), "--config", str(settings)]
    started = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _await_ready(f"{url}/health/liveliness", started)
        yield url, path
    finally:
        started.terminate()
        started.wait(30)


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - on loopback
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the proxy did not start")


def _completion(url: str) -> str:
    body = json.dumps({"model": "chat", "messages": HELLO}).encode()
    request = urllib.request.Request(  # noqa: S310 - on loopback
        f"{url}/v1/chat/completions",
        body,
        {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - on loopback
        return str(answer.headers["x-litellm-model-id"])


def test_the_proxy_follows_the_table(
    build: Callable[..., World], running: RunningWorld, proxy: tuple[str, Path]
) -> None:
    build(applied_quotas={"L-E386A278": 2.0})
    url, _ = proxy
    first, second = ids(IN_REGION_THEN_PROFILE)

    answered = [_completion(url) for _ in range(5)]

    assert answered == [first, first, second, second, second]
