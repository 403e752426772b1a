"""A loop in small: decisions every 15 minutes, carried out at once, over a given demand."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Memory,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    build_fleet,
    build_observation,
    build_pt,
    build_pt_traffic,
)
from tests.unit.domain.worlds import half_price_target

_LEAD = 15
_SETTLING = 3


@dataclass(slots=True, kw_only=True)
class Replay:
    """What was bought and released so far, by minute of the demand.

    Attributes:
        load: model units by minute; the first one is midnight.
    """

    load: Series
    bought: list[int] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)
    held: list[ProvisionedThroughput] = field(default_factory=list)
    memory: Memory = NO_MEMORY

    def tick(self, minute: int) -> None:
        """Decide at this minute and carry the decision out."""
        now = self._at(minute)
        self._age(now)
        decision = decide(self._situation(minute, now))
        self.memory = decision.memory
        for action in decision.actions:
            match action:
                case Purchase():
                    pt = build_pt(
                        minute,
                        model_units=action.model_units,
                        status=Status.CREATING,
                        in_service_since=None,
                        created_at=now,
                    )
                    self.held.append(pt)
                    self.bought.append(minute)
                case Release() | Restore():
                    drains = isinstance(action, Release)
                    self.held = [
                        replace(pt, draining=drains) if pt.arn == action.arn else pt
                        for pt in self.held
                    ]
                    if drains:
                        self.freed.append(minute)

    def _at(self, minute: int) -> datetime:
        return NOW.replace(hour=0) - timedelta(days=7) + minute * MINUTE

    def _age(self, now: datetime) -> None:
        """Units enter service after the lead time; draining ones leave before their next hour."""
        aged = [
            replace(pt, status=Status.IN_SERVICE) if now - pt.created_at >= _LEAD * MINUTE else pt
            for pt in self.held
        ]
        self.held = [
            pt for pt in aged if not (pt.draining and pt.paid_until(now - 15 * MINUTE, HOUR) <= now)
        ]

    def _situation(self, minute: int, now: datetime) -> Situation:
        return Situation(
            target=half_price_target(),
            loop=Loop.CAPACITY,
            scheduled_at=now,
            observation=build_observation(
                traffic=self._traffic(minute - _SETTLING),
                by_option=(),
                provisioned=tuple(build_pt_traffic(pt.arn) for pt in self.held),
                model_unit_quota=100,
            ),
            fleet=self._fleet(minute),
            routes=(),
            memory=self.memory,
        )

    def _traffic(self, minutes: int) -> Traffic:
        load = self.load[:minutes]
        tokens = {"invocations": 100.0, "input_tokens": 1_000_000.0, "output_tokens": 300_000.0}
        series = {name: load * tokens.get(name, 0.0) for name in METRICS}
        return Traffic(start=self._at(0), **series)

    def _fleet(self, minute: int) -> Fleet:
        served = [pt.created_at + _LEAD * MINUTE for pt in self.held]
        last_grow = max((*served, *map(self._at, self.bought[-1:])), default=None)
        return build_fleet(
            *self.held,
            last_grow_at=None if last_grow is None else min(last_grow, self._at(minute)),
            last_release_at=self._at(self.freed[-1]) if self.freed else None,
            purchases_last_day=sum(minute - at < 1440 for at in self.bought),
            releases_last_day=sum(minute - at < 1440 for at in self.freed),
        )
