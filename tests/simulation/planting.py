"""Ways to switch a guard off: each makes the faulty function of the sound one."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import numpy as np

from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import Traffic

_NUMBERS = count()


def answers(value: Any) -> Callable[[Any], Any]:
    """A function or method that answers the same whatever it is asked."""

    def plant(_: Any) -> Any:
        return lambda *_args, **_kwargs: value

    return plant


FINDS_NOTHING = answers(None)


def becomes(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def new_token(sound: Any) -> Any:
    """The call goes out with a token of its own, as the SDK makes one for a call without."""

    def buy(self: Any, intent: PurchaseIntent) -> Any:
        return sound(self, replace(intent, token=f"{intent.token}-{next(_NUMBERS)}"))

    return buy


def without_caps(sound: Any) -> Any:
    """The intent is written, the caps are not looked at."""

    def begin(self: Any, intent: PurchaseIntent, *, fleet: FleetRecord, **_: Any) -> Any:
        wide = {"unmanaged_units": 0, "max_units": 10**6, "max_usd_per_hour": Decimal(10**9)}
        return sound(self, intent, fleet=fleet, **wide)

    return begin


def without_fence(sound: Any) -> Any:
    """The version of the fleet and the sums over all targets are not compared."""

    def begin(self: Any, intent: PurchaseIntent, *, fleet: FleetRecord, **caps: Any) -> Any:
        caps["stack"] = None
        now = self.record_of(intent.target)
        return sound(self, intent, fleet=replace(fleet, version=now.version), **caps)

    return begin


def begins_unfenced(sound: Any) -> Any:
    """A release begins whatever became of the fleet since it was read."""

    def begin(self: Any, intent: ReleaseIntent, *, fleet: FleetRecord) -> None:
        now = self.record_of(intent.target)
        sound(self, intent, fleet=replace(fleet, version=now.version))

    return begin


def by_ledger_alone(_: Any) -> Any:
    def identity_problem(_pt: Any, purchase: PurchaseIntent | None, *_rest: Any) -> str | None:
        return None if purchase is not None else "the ledger holds no purchase"

    return identity_problem


def by_tag_alone(_: Any) -> Any:
    def identity_problem(pt: ListedThroughput, _purchase: Any, *rest: Any) -> str | None:
        return None if pt.deployment == rest[-1] else "it carries another tag"

    return identity_problem


def gap_is_silence(_: Any) -> Any:
    def quiet_minutes(traffic: Traffic) -> int:
        loud = np.flatnonzero(np.nan_to_num(traffic.invocations) > 0)
        return len(traffic) - 1 - int(loud[-1]) if loud.size else len(traffic)

    return quiet_minutes


def reads_fresh_minutes(sound: Any) -> Any:
    """Silence is read up to the present minute."""

    def quiet_minutes(self: Any, *args: Any) -> Any:
        arn, target, *rest = args
        thresholds = target.thresholds
        observing = replace(thresholds.observing, settling_minutes=0)
        fresh = replace(target, thresholds=replace(thresholds, observing=observing))
        return sound(self, arn, fresh, *rest)

    return quiet_minutes


def claims_to_be_whole(sound: Any) -> Any:
    return lambda self: replace(sound(self), complete=True)


def looks_uncommitted(sound: Any) -> Any:
    def get(self: Any, arn: str) -> ListedThroughput | None:
        found: ListedThroughput | None = sound(self, arn)
        return found and replace(found, commitment=Commitment.NONE, committed_until=None)

    return get


def takes_any_version(sound: Any) -> Any:
    def publish(self: Any, table: RoutingTable) -> None:
        current = self.tables.get(table.target)
        if current is not None and current.version + 1 != table.version:
            self.tables[table.target] = table
            return
        sound(self, table)

    return publish


def all_listed(_: Any) -> Any:
    def in_service(self: Any) -> frozenset[str]:
        return frozenset(pt.arn for pt in self._capacity.inventory().throughputs)

    return in_service


def keeps_routes(_: Any) -> Any:
    return lambda _self, routes, *_rest: routes


def sees_no_release(_: Any) -> Any:
    return lambda *_args: ()


def holds_all(sound: Any) -> Any:
    """The tag alone says what is ours."""
    return lambda access, pt, _: sound(access, pt, {pt.arn})
