"""A LiteLLM routing strategy that follows routing tables live; import it where litellm is.

With the Router: `follow(router, {"chat": FollowedTable(...)})`. With the proxy: name
`bedrock_autoscaler.client.litellm_routing.proxy` among its callbacks, and in `model_info` of a
deployment `routing_table: ssm:/bedrock-autoscaler/routes/chat`.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, override

import boto3
import litellm
from botocore.exceptions import BotoCoreError
from litellm.integrations.custom_logger import CustomLogger
from litellm.types.router import CustomRoutingStrategyBase

from bedrock_autoscaler.client.answers import PASSING, Verdict
from bedrock_autoscaler.client.litellm_config import ROUTE_ID_PREFIX, deployments, route_id
from bedrock_autoscaler.client.tables import (
    TABLE_CONFIG,
    FileTable,
    FollowedTable,
    SsmTable,
    TableSource,
)
from bedrock_autoscaler.client.walking import RouteSet
from bedrock_autoscaler.domain.routing.table import RoutingTable

_TOO_MANY, _NOT_FOUND, _SERVER_ERROR = 429, 404, 500
_REFUSED = frozenset({401, 403})

logger = logging.getLogger(__name__)

TABLE_KEY, REGIONS_KEY = "routing_table", "routing_regions"
"""Members of a deployment's `model_info`: where its group's table is, and `Regions`."""


type Regions = Mapping[str, Mapping[str, Any]]
"""Parameters of LiteLLM's deployments by Region, such as `aws_bedrock_runtime_endpoint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _InForce:
    """A table with the Router's deployments for it; replaced as a whole, so that none is mixed.

    Attributes:
        deployments: of the routes, in their order.
        positions: of each route, by its deployment's id.
    """

    routes: RouteSet
    deployments: tuple[dict[str, Any], ...]
    positions: Mapping[str, int]


class _Group:
    """One model group of a Router: the table it follows, and its deployments."""

    def __init__(
        self,
        router: Any,  # noqa: ANN401 - litellm is not typed here
        name: str,
        table: FollowedTable,
        regions: Regions,
    ) -> None:
        self._router = router
        self._regions = regions
        self._name = name
        self._table = table
        self._lock = threading.Lock()
        self._seen: RoutingTable | None = None
        self._in_force: _InForce | None = None
        configured = router.get_model_list(model_name=name) or []
        self._common: Mapping[str, Any] = (
            dict(configured[0]["litellm_params"]) if configured else {}
        )

    def pick(self, tried: Iterable[str]) -> dict[str, Any] | None:
        """The deployment to try next; None while there is no table."""
        known = self._follow()
        if known is None:
            return None
        routes, positions, now = known.routes, known.positions, time.monotonic()
        index = routes.first(now)
        excluded = {positions[each] for each in tried if each in positions}
        if index in excluded:
            order = routes.order(now)
            index = next((each for each in order if each not in excluded), order[0])
        routes.health[index].claim(now)
        return known.deployments[index]

    def served(self, deployment: str, started: float) -> None:
        """Note that a call was served."""
        known = self._in_force
        index = known.positions.get(deployment) if known is not None else None
        if known is not None and index is not None:
            known.routes.health[index].served(time.monotonic(), started)

    def failed(self, deployment: str, verdict: Verdict, started: float) -> None:
        """Note that a call failed; refusals of one moment count once."""
        known, now = self._in_force, time.monotonic()
        index = known.positions.get(deployment) if known is not None else None
        if known is None or index is None or verdict is Verdict.FINAL:
            return
        if not known.routes.health[index].is_resting(now) or verdict not in PASSING:
            known.routes.strike(index, verdict, now, started)

    def _follow(self) -> _InForce | None:
        table = self._table.current()
        if table is not self._seen and table is not None:
            with self._lock:
                if table is not self._seen:
                    self._seen = table
                    try:
                        self._in_force = self._adopted(table)
                    except Exception as error:  # noqa: BLE001 - no call is lost over a table
                        # Its text may quote a deployment, and with it somebody's credentials.
                        what = type(error).__name__
                        logger.warning("Router cannot follow version %s: %s", table.version, what)
        return self._in_force

    def _adopted(self, table: RoutingTable) -> _InForce:
        """Make the Router's deployments those of the table."""
        wanted = deployments(table, self._common, self._regions, self._name)
        for deployment in wanted:
            self._router.upsert_deployment(litellm.types.router.Deployment(**deployment))
        kept = {deployment["model_info"]["id"] for deployment in wanted}
        listed = {
            each["model_info"]["id"]: each
            for each in self._router.get_model_list(model_name=self._name) or []
        }
        for gone in listed.keys() - kept:
            if gone.startswith(ROUTE_ID_PREFIX):
                self._router.delete_deployment(gone)
        ids = [route_id(self._name, route) for route in table.routes]
        before = self._in_force
        return _InForce(
            routes=RouteSet(table.routes, before.routes if before else None),
            deployments=tuple(listed[each] for each in ids),
            positions={each: index for index, each in enumerate(ids)},
        )


class FollowingStrategy(CustomRoutingStrategyBase):  # type: ignore[misc]  # litellm is absent here
    """Picks deployments by routing tables; groups without one keep the Router's own strategy."""

    def __init__(
        self,
        router: Any,  # noqa: ANN401 - litellm is not typed here
        tables: Mapping[str, FollowedTable],
        regions: Regions,
    ) -> None:
        self._router = router
        self._own = type(router).get_available_deployment.__get__(router)
        self._own_async = type(router).async_get_available_deployment.__get__(router)
        self.groups = {name: _Group(router, name, table, regions) for name, table in tables.items()}

    @override
    def get_available_deployment(self, model: str, *args: Any, **kwargs: Any) -> Any:
        """The deployment for a call of the synchronous Router."""
        return self._pick(model, kwargs) or self._own(model, *args, **kwargs)

    @override
    async def async_get_available_deployment(self, model: str, *args: Any, **kwargs: Any) -> Any:
        """The deployment for a call of the asynchronous Router and of the proxy."""
        return self._pick(model, kwargs) or await self._own_async(model, *args, **kwargs)

    def _pick(self, model: str, kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        group = self.groups.get(model)
        if group is None or kwargs.get("specific_deployment"):
            return None
        return group.pick(_tried(kwargs.get("request_kwargs") or {}))


class _Watcher(CustomLogger):  # type: ignore[misc]  # litellm is absent here
    """Learns from LiteLLM what became of calls."""

    def __init__(self, groups: Mapping[str, _Group]) -> None:
        super().__init__()
        self._groups = groups

    @override
    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._note(kwargs, None, end_time - start_time)

    @override
    def log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._note(kwargs, kwargs.get("exception"), end_time - start_time)

    @override
    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._note(kwargs, None, end_time - start_time)

    @override
    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._note(kwargs, kwargs.get("exception"), end_time - start_time)

    def _note(self, kwargs: Mapping[str, Any], error: Exception | None, took: Any) -> None:  # noqa: ANN401
        params = kwargs.get("litellm_params") or {}
        group = self._groups.get(((params.get("metadata") or {}).get("model_group")) or "")
        deployment = (params.get("model_info") or {}).get("id")
        if group is None or not isinstance(deployment, str):
            return
        started = time.monotonic() - float(took.total_seconds())
        if error is None:
            group.served(deployment, started)
        else:
            group.failed(deployment, judge_litellm(error), started)


def judge_litellm(error: Exception) -> Verdict:
    """What an exception of LiteLLM means for the deployment that was called."""
    status = getattr(error, "status_code", None)
    if status in _REFUSED:
        return Verdict.DENIED
    if status == _NOT_FOUND:
        return Verdict.GONE
    if status == _TOO_MANY or (isinstance(status, int) and status >= _SERVER_ERROR):
        return Verdict.PRESSED
    return Verdict.FINAL


def follow(
    router: Any,  # noqa: ANN401 - litellm is not typed here
    tables: Mapping[str, FollowedTable],
    regions: Regions | None = None,
) -> FollowingStrategy:
    """Let a Router follow the tables of these model groups; waits a moment for the first of each.

    The Router should have the settings of `litellm_config.ROUTER_SETTINGS`. Parameters of the
    group's first configured deployment (credentials, time-outs) are those of all routes; its
    endpoint is used in its own Region, and `regions` has what differs in others.
    """
    # At once, so that a source that hangs costs one wait, and not one for each group.
    with ThreadPoolExecutor(max(1, len(tables))) as pool:
        list(pool.map(FollowedTable.current, tables.values()))
    strategy = FollowingStrategy(router, tables, regions or {})
    router.set_custom_routing_strategy(strategy)
    litellm.logging_callback_manager.add_litellm_callback(_Watcher(strategy.groups))
    return strategy


class ProxyFollower(CustomLogger):  # type: ignore[misc]  # litellm is absent here
    """A callback of the LiteLLM proxy that installs the strategy at the first request."""

    def __init__(self) -> None:
        super().__init__()
        self._router: Any = None
        self._lock = asyncio.Lock()

    @override
    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: Any, call_type: Any
    ) -> Any:
        """Follow the tables of the proxy's Router; a reloaded configuration has a new Router."""
        # The proxy sets this global when it starts.
        from litellm.proxy import proxy_server  # noqa: PLC0415 - needs the proxy's dependencies

        router = proxy_server.llm_router
        if router is not self._router:
            async with self._lock:
                if router is not self._router:
                    await asyncio.to_thread(_follow_configured, router)
                    self._router = router
        return data


proxy = ProxyFollower()
"""The instance that a proxy's configuration names."""


def table_at(place: str) -> FollowedTable:
    """The table at `ssm:<parameter>` or `file:<path>`, whose last part is the target's name.

    Raises:
        ValueError: the place is written in another way.
    """
    kind, _, path = place.partition(":")
    prefix, folder, target = path.rpartition("/routes/")
    source: TableSource
    if kind == "ssm" and folder and target:
        source = SsmTable(boto3.client("ssm", config=TABLE_CONFIG), target, prefix)
    elif kind == "file" and path:
        source, target = FileTable(Path(path)), Path(path).stem
    else:
        raise ValueError(
            f"{TABLE_KEY} is {place!r}, must be ssm:<prefix>/routes/<target> or "
            "file:<folder>/<target>.json"
        )
    return FollowedTable(source, target)


def _follow_configured(router: Any) -> None:  # noqa: ANN401 - litellm is not typed here
    """Follow the tables that the Router's configuration names.

    A group whose table is named wrongly is left to the Router: its mistake is not that of calls
    to other models.
    """
    tables: dict[str, FollowedTable] = {}
    regions: dict[str, Mapping[str, Any]] = {}
    for deployment in router.get_model_list() or []:
        information = deployment.get("model_info") or {}
        if information.get(TABLE_KEY):
            name = deployment["model_name"]
            try:
                further = dict(information.get(REGIONS_KEY) or {})
                tables[name] = table_at(str(information[TABLE_KEY]))
                regions |= further
            except (TypeError, ValueError, BotoCoreError) as error:
                logger.warning("group %s is left to the Router: %s", name, error)
    follow(router, tables, regions)


def _tried(request: Mapping[str, Any]) -> set[str]:
    """Ids of the deployments that this request has tried already, in LiteLLM's three ways."""
    tried = {
        *(request.get("_excluded_deployment_ids") or ()),
        *(request.get("_retry_skipped_deployment_ids") or ()),
    }
    for name in ("metadata", "litellm_metadata"):
        attempts = (request.get(name) or {}).get("previous_models") or ()
        tried |= {each.get("deployment_id") for each in attempts if isinstance(each, Mapping)}
    return {each for each in tried if isinstance(each, str)}
