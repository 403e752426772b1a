"""What a process keeps from tick to tick, because it changes seldom and costs a call to read."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.application.scaling.spending import EndpointCosts
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.units import MINUTE

_MODEL_AGE = 15 * MINUTE
_INVENTORY_AGE = MINUTE
_NEIGHBOURS_AGE = 5 * MINUTE
_STUDIES_AGE = 60 * MINUTE
_MOST_KEPT = 8_192
"""More than the ledger's sums over all targets can name."""


class Kept[Key: Hashable, Value]:
    """Values by key, read anew when they are older than `age`, or lie ahead of the clock.

    There are at most `most` of them; those that were read first go first.
    """

    def __init__(self, age: timedelta, most: int = _MOST_KEPT) -> None:
        self._age = age
        self._most = most
        self._values: dict[Key, tuple[datetime, Value]] = {}

    def get(
        self,
        key: Key,
        now: datetime,
        read: Callable[[], Value],
        *,
        keep: Callable[[Value], bool] = lambda _: True,
    ) -> Value:
        """The value of `key`, at most `age` old; what `keep` refuses is read again next time."""
        found = self._values.get(key)
        if found is not None and timedelta(0) <= now - found[0] < self._age:
            return found[1]
        value = read()
        if keep(value):
            self._values.pop(key, None)
            if len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
            self._values[key] = (now, value)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepsakes:
    """What one place's observations keep, and all places' of what the ledger at home says.

    Attributes:
        models: life cycle and applied quota by model; AWS changes them by hand, not by the minute.
        inventory: for the batches of one minute; the list itself may lag by 15 minutes.
        neighbours: purchases of targets that other batches decide, for the sums over all. What is
            bought is fenced by the ledger in any case. All places have them in common.
        endpoint_costs: what the endpoints of all targets cost; in common likewise.
        unstudied: targets whose study came to nothing, so that others have their turn.
    """

    models: Kept[str, tuple[bool | None, int | None]] = field(
        default_factory=lambda: Kept(_MODEL_AGE)
    )
    inventory: Kept[str, Inventory] = field(default_factory=lambda: Kept(_INVENTORY_AGE))
    neighbours: Kept[str, tuple[PurchaseIntent, ...]] = field(
        default_factory=lambda: Kept(_NEIGHBOURS_AGE)
    )

    endpoint_costs: Kept[str, EndpointCosts] = field(default_factory=lambda: Kept(_NEIGHBOURS_AGE))
    unstudied: Kept[str, bool] = field(default_factory=lambda: Kept(_STUDIES_AGE))

    def elsewhere(self) -> "Keepsakes":
        """Those of another place, with the same neighbours and endpoints."""
        return Keepsakes(neighbours=self.neighbours, endpoint_costs=self.endpoint_costs)
