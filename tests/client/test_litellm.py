"""A Router of a real LiteLLM against the Bedrock world; `make gateways` runs this."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, override

import pytest

from bedrock_autoscaler.client import FollowedTable
from bedrock_autoscaler.client.litellm_config import ROUTER_SETTINGS, deployments, router_config
from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.builders import pt_arn
from tests.client.routers import HELLO, ids, litellm, reach
from tests.client.stage import IN_REGION_THEN_PROFILE, MemorySource, at_once, route, table
from tests.world.support import NOVA_LITE, NOVA_LITE_PROFILE

# LiteLLM warns of itself, of its models and of unclosed connections.
pytestmark = pytest.mark.filterwarnings("ignore")


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
