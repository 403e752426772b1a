"""The targets of a schedule on the wire, and how they are minded: there must be much to buy."""

import json
from typing import Any, override

from botocore.config import Config

from bedrock_autoscaler.adapters.clients import Clients
from tests.builders import REGION
from tests.functions.account import SETTINGS, Account
from tests.functions.account import _Adapters as Adapters
from tests.simulation.adversary import Adversary, Temper

NAMES = ("alpha", "beta", "gamma")
MAX_UNITS, _MAX_UNITS_PER_PURCHASE = 4, 2
BILLING_MINUTES, RELEASE_WINDOW_MINUTES = 30, 8


def document(name: str) -> str:
    """The settings of one of the targets; each has a ModelId of its own."""
    content: dict[str, Any] = dict(SETTINGS)
    content["options"] = [{"kind": "on_demand", "address": f"vendor.{name}-v1:0"}]
    content["residency"] = {"other_models": True}  # another one answers there than is bought
    content["guard_rails"] = SETTINGS["guard_rails"] | {
        "max_units": MAX_UNITS,
        "max_purchases_per_day": 20,
        "max_releases_per_day": 20,
    }
    content["sizing"] = {
        "billing_minutes": BILLING_MINUTES,
        "max_units_per_purchase": _MAX_UNITS_PER_PURCHASE,
    }
    content["draining"] = {
        "client_cache_minutes": 1,
        "longest_request_minutes": 1,
        "quiet_minutes": 2,
        "release_window_minutes": RELEASE_WINDOW_MINUTES,
    }
    return json.dumps(content)


def spoiled() -> tuple[str, ...]:
    """Settings that are refused."""
    return ("{", "null", json.dumps(SETTINGS | {"guard_rails": {"max_units": "ten"}}))


def opener(seed: int) -> Adversary:
    """Buys for each target, honestly."""
    return Adversary(Temper(seed=seed, buys=1, releases=0, restores=0, lies=0, terms=0))


def asker(seed: int) -> Adversary:
    """Asks for much that could be done, and for some nonsense."""
    return Adversary(Temper(seed=seed, buys=0.5, releases=0.7, lies=0.1, terms=0.05))


class RememberedClients(Clients):
    """Made once for all functions of an account: that takes longer than most of their calls.

    They remember nothing of a call but how many were tried again, which stays far from its bound.
    """

    def __init__(self) -> None:
        super().__init__(REGION)
        self._made_before: dict[str, Any] = {}

    @override
    def _made(self, service: str, config: Config) -> Any:
        if service not in self._made_before:
            self._made_before[service] = super()._made(service, config)
        return self._made_before[service]


class WireAdapters(Adapters):
    """Those of one process, over clients that all share."""

    def __init__(self, account: Account, clients: Clients) -> None:
        super().__init__(account)
        self._clients = clients
