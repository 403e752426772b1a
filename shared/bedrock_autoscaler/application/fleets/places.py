"""Accounts and Regions: where a target is, and what the functions can reach there.

Settings, ledger and decisions are at home, in the account and Region of the stack. What a target
is about (metrics, throughputs, quotas, the callers' table) is where the target is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bedrock_autoscaler.application.ports.bedrock import (
        Capacity,
        Purchasing,
        Releasing,
    )
    from bedrock_autoscaler.application.ports.cloudwatch import Metrics
    from bedrock_autoscaler.application.ports.tables import RoutingTables
    from bedrock_autoscaler.domain.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """One account and Region."""

    account: str
    region: str

    @staticmethod
    def of(target: Target) -> Place:
        """Where the target is."""
        return _place(target.account, target.region)

    @staticmethod
    def of_arn(arn: str) -> Place:
        """Where a throughput is."""
        _, _, _, region, account, _ = arn.split(":", maxsplit=5)
        return Place(account=account, region=region)

    @property
    def name(self) -> str:
        """For people: `111122223333/us-east-1`."""
        return f"{self.account}/{self.region}"


@lru_cache(maxsize=1_024)
def _place(account: str, region: str) -> Place:
    """Each place once: every pass over a target asks for its own, and there are few."""
    return Place(account=account, region=region)


def owner_elsewhere(deployment: str, home: Place) -> str:
    """Value of a stack's owner tag outside of its home, where another stack may have its name."""
    return f"{deployment}@{home.name}"


class PlaceAdapters(Protocol):
    """What lies in one place; each part is made when first used."""

    @property
    def owner(self) -> str:
        """Value of our owner tag there."""

    @property
    def metrics(self) -> Metrics:
        """CloudWatch."""

    @property
    def capacity(self) -> Capacity:
        """What Bedrock holds and sells."""

    @property
    def purchasing(self) -> Purchasing:
        """The one way to spend."""

    @property
    def releasing(self) -> Releasing:
        """The one way to delete."""

    @property
    def tables(self) -> RoutingTables:
        """Routing tables, which are at home, and the callers' copies, which are there."""


type Places = Callable[[Place], PlaceAdapters]
"""Reaches a place; raises PlaceUnreachableError where it cannot. It asks a place that failed again
after a minute at the earliest, so that many targets of it cost no more than one."""
