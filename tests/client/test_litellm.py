"""A real LiteLLM, Router and proxy, against the Bedrock world; `make gateways` runs this."""

import asyncio
import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, override

import pytest

from bedrock_autoscaler.client import FollowedTable
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.client.litellm_config import ROUTER_SETTINGS, deployments, router_config
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.builders import pt_arn
from tests.client.stage import IN_REGION_THEN_PROFILE, MemorySource, at_once, route, table
from tests.world.support import NOVA_LITE, NOVA_LITE_PROFILE

litellm = pytest.importorskip(
    "litellm", reason="LiteLLM is not installed here; `make gateways` runs this test"
)

# LiteLLM warns of itself, of its models and of unclosed connections.
pytestmark = pytest.mark.filterwarnings("ignore")

# The proxy does not start without one.
KEY = f"sk-{secrets.token_hex(32)}"
HELLO = [{"role": "user", "content": "Hello"}]


def reach(running: RunningWorld) -> dict[str, str]:
    """What every deployment needs to get to the world."""
    return {
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
        "aws_region_name": "us-east-1",
        "aws_bedrock_runtime_endpoint": running.url,
    }


def router_of(running: RunningWorld, shown: Any) -> Any:
    return litellm.Router(model_list=deployments(shown, reach(running)), **ROUTER_SETTINGS)


def following(running: RunningWorld, source: MemorySource) -> tuple[Any, FollowedTable]:
    """A Router whose configuration knows one model, and which follows a table."""
    from bedrock_autoscaler.client.litellm_routing import follow  # noqa: PLC0415 - needs litellm

    start = {"model": f"bedrock/converse/{NOVA_LITE}", **reach(running)}
    router = litellm.Router(
        model_list=[{"model_name": "chat", "litellm_params": start}], **ROUTER_SETTINGS
    )
    followed = FollowedTable(source, "chat", start=at_once)
    follow(router, {"chat": followed})
    return router, followed


def ask(router: Any, times: int, model: str = "chat") -> Counter[str]:
    """Ask so often; how often which deployment answered, or which error came."""

    async def all_of_them() -> Counter[str]:
        outcomes: Counter[str] = Counter()
        for _ in range(times):
            try:
                answer = await router.acompletion(model=model, messages=HELLO)
                outcomes[answer._hidden_params["model_id"]] += 1
            except litellm.RateLimitError:
                outcomes["throttled"] += 1
        return outcomes

    return asyncio.run(all_of_them())


def ids(shown: Any) -> list[str]:
    return [each["model_info"]["id"] for each in deployments(shown, {})]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)


def test_the_configuration_is_one_that_litellm_takes(world: World, running: RunningWorld) -> None:
    configuration = router_config(IN_REGION_THEN_PROFILE, "us-east-1")
    router = litellm.Router(
        model_list=[
            {**each, "litellm_params": {**reach(running), **each["litellm_params"]}}
            for each in configuration["model_list"]
        ],
        **configuration["router_settings"],
    )

    assert ask(router, 3) == {ids(IN_REGION_THEN_PROFILE)[0]: 3}


def test_the_configuration_spills_in_the_order_of_the_table(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(applied_quotas={"L-E386A278": 2.0, "L-89F8391A": 3.0})
    first, second = ids(IN_REGION_THEN_PROFILE)

    outcomes = ask(router_of(running, IN_REGION_THEN_PROFILE), 5)

    assert outcomes == {first: 2, second: 3}


def test_a_pt_is_addressed_by_its_arn_and_named_by_its_base(
    world: World, running: RunningWorld
) -> None:
    shown = table(route(pt_arn(1)), route(NOVA_LITE))

    outcomes = ask(router_of(running, shown), 2)

    # The PT of that ARN does not exist, and LiteLLM goes on to the model.
    assert outcomes == {ids(shown)[1]: 2}


def test_a_strategy_follows_the_table_live(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(applied_quotas={"L-E386A278": 2.0})
    source = MemorySource(IN_REGION_THEN_PROFILE)
    router, followed = following(running, source)
    first, second = ids(IN_REGION_THEN_PROFILE)
    assert ask(router, 5) == {first: 2, second: 3}

    newer = table(route(pt_arn(1)), route(NOVA_LITE_PROFILE), version=2)
    source.show(newer)
    followed.look()
    outcomes = ask(router, 4)

    assert outcomes == {second: 4}
    known = {each["model_info"]["id"] for each in router.get_model_list(model_name="chat")}
    # The deployment that is in the table no more is gone; the configured one is not ours.
    assert set(ids(newer)) < known
    assert first not in known


def test_a_table_that_changes_while_a_route_is_picked_costs_no_call(
    world: World, running: RunningWorld
) -> None:
    source = MemorySource(IN_REGION_THEN_PROFILE)
    router, followed = following(running, source)
    assert ask(router, 1).total() == 1
    group = router.async_get_available_deployment.__self__.groups["chat"]
    routes = group._in_force.routes

    def first_while_the_table_shrinks(now: float) -> int:
        source.show(table(route(NOVA_LITE_PROFILE), version=2))
        followed.look()
        group._follow()
        return 1

    routes.first = first_while_the_table_shrinks

    assert group.pick(())["model_info"]["id"] == ids(IN_REGION_THEN_PROFILE)[1]


def test_a_table_that_the_router_does_not_take_costs_no_call_and_logs_no_credentials(
    world: World, running: RunningWorld, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(deployment: Any) -> None:
        raise ValueError(f"refused: {deployment}")

    source = MemorySource(IN_REGION_THEN_PROFILE)
    router, followed = following(running, source)
    assert ask(router, 1).total() == 1
    source.show(table(route(NOVA_LITE_PROFILE), version=2))
    followed.look()
    router.upsert_deployment = refuse

    assert ask(router, 2) == {ids(IN_REGION_THEN_PROFILE)[0]: 2}
    told = [each for each in caplog.records if each.name.endswith(".litellm_routing")]
    assert told[-1].getMessage() == "Router cannot follow version 2: ValueError"
    assert all(each.exc_info is None for each in told)


def test_throttles_reach_the_caller_only_when_every_route_throttles(
    build: Callable[..., World], running: RunningWorld
) -> None:
    build(applied_quotas={"L-E386A278": 2.0, "L-89F8391A": 3.0})
    router, _ = following(running, MemorySource(IN_REGION_THEN_PROFILE))
    first, second = ids(IN_REGION_THEN_PROFILE)

    assert ask(router, 7) == {first: 2, second: 3, "throttled": 2}


def test_the_synchronous_router_follows_too(world: World, running: RunningWorld) -> None:
    router, _ = following(running, MemorySource(table(route(NOVA_LITE_PROFILE))))

    answer = router.completion(model="chat", messages=HELLO)

    assert answer._hidden_params["model_id"] == ids(table(route(NOVA_LITE_PROFILE)))[0]


def test_without_a_table_the_configuration_is_used(world: World, running: RunningWorld) -> None:
    source = MemorySource()
    source.error = OSError("unreachable")
    router, _ = following(running, source)

    (answered,) = ask(router, 2)

    assert answered == router.get_model_list(model_name="chat")[0]["model_info"]["id"]


def test_groups_of_any_name_follow_a_table(world: World, running: RunningWorld) -> None:
    from bedrock_autoscaler.client.litellm_routing import follow  # noqa: PLC0415 - needs LiteLLM

    start = {"model": f"bedrock/converse/{NOVA_LITE}", **reach(running)}
    names = ("first", "second")
    router = litellm.Router(
        model_list=[{"model_name": name, "litellm_params": start} for name in names],
        **ROUTER_SETTINGS,
    )
    shown = table(route(NOVA_LITE_PROFILE))
    source = MemorySource(shown)
    follow(router, {name: FollowedTable(source, "chat", start=at_once) for name in names})

    answered = [ask(router, 2, name) for name in names]

    expected = [deployments(shown, {}, group=name)[0]["model_info"]["id"] for name in names]
    assert answered == [{each: 2} for each in expected]
    assert {each["model_name"] for each in router.get_model_list()} == set(names)


def test_a_source_that_hangs_holds_nobody_up(world: World, running: RunningWorld) -> None:
    from bedrock_autoscaler.client.litellm_routing import follow  # noqa: PLC0415 - needs LiteLLM

    release, gave_up = threading.Event(), threading.Event()

    class Hanging(MemorySource):
        @override
        def read(self) -> str:
            if not release.wait(30):
                gave_up.set()
            return super().read()

    start = {"model": f"bedrock/converse/{NOVA_LITE}", **reach(running)}
    router = litellm.Router(
        model_list=[{"model_name": "chat", "litellm_params": start}], **ROUTER_SETTINGS
    )
    source = Hanging(IN_REGION_THEN_PROFILE)
    follow(router, {"chat": FollowedTable(source, "chat", first_wait_seconds=0.01)})

    assert ask(router, 1) == {router.get_model_list()[0]["model_info"]["id"]: 1}
    assert not gave_up.is_set()
    release.set()


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


# -- the proxy ---------------------------------------------------------------------------------


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
