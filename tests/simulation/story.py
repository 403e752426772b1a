"""What a short story is: what is there at first, what the core wants, what fires when."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.target import Commitment, Loop
from bedrock_autoscaler.domain.units import MINUTE, usd
from tests.simulation.ending import hold
from tests.simulation.schedule import (
    Firing,
    Function,
    Happening,
    Moment,
    Plan,
    PlannedEndpoint,
    Scenario,
)
from tests.simulation.settings import NAMES, START, document

ROUTING, CAPACITY = Firing(Function.ROUTING), Firing(Function.CAPACITY)
PURCHASE, RELEASE = Firing(Function.PURCHASE), Firing(Function.RELEASE)
PUBLISH, SCALE = Firing(Function.PUBLISH), Firing(Function.SCALE)
ACTORS = (PURCHASE, RELEASE, PUBLISH)
_BOUNDS: dict[str, Any] = {
    "min_units": 0,
    "max_units": 3,
    "max_usd_per_hour": 1_000.0,
    "max_usd_per_day": 50_000.0,
    "max_purchases_per_day": 6,
    "max_releases_per_day": 4,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """A core that wants so many units from a minute on, and does at once what brings it there.

    Attributes:
        units: by minutes since START, ascending.
        consent_id: purchases ask for a month under this consent.
    """

    units: tuple[tuple[int, int], ...]
    consent_id: str | None = None

    def __call__(self, situation: Situation) -> Decision:
        """At most one action."""
        decision = hold(situation)
        if situation.loop is Loop.ROUTING:
            return decision
        elapsed = (situation.scheduled_at - START) / MINUTE
        wanted = [units for minute, units in self.units if minute <= elapsed]
        action = self._action(situation, wanted[-1]) if wanted else None
        return replace(decision, actions=(action,)) if action else decision

    def _action(self, situation: Situation, wanted: int) -> Action | None:
        fleet, bought = situation.fleet, situation.target.provisioned
        if wanted > fleet.staying_units:
            for pt in fleet.owned:
                if pt.draining:
                    return Restore(arn=pt.arn, model_units=pt.model_units)
            if bought is None or bought.price is None:
                return None
            term = Commitment.ONE_MONTH if self.consent_id else Commitment.NONE
            price = bought.price.one_month_usd_per_hour if self.consent_id else None
            return Purchase(
                model_id=bought.model_id,
                model_units=1,
                usd_per_hour=usd(price or bought.price.usd_per_hour),
                commitment=term,
                consent_id=self.consent_id,
            )
        for pt in fleet.owned:
            if wanted < fleet.staying_units and not pt.draining and pt.in_service_since:
                return Release(arn=pt.arn, model_units=pt.model_units)
        return None


@dataclass(frozen=True, kw_only=True)
class Story:
    """One of them.

    Attributes:
        held: PTs of one unit in service at the beginning, by their age in minutes.
        moments: (minutes since the last one, what happens, what fires).
        knobs: lags, as a plan has them.
        must: what the story without faults must bring about, by kind of effect.
        never: what it must not, whatever strikes.
        struck: functions and ports whose calls the quick run strikes, where it leaves others to
            the soak.
    """

    name: str
    core: Callable[[Situation], Decision]
    moments: tuple[tuple[int, tuple[Happening, ...], tuple[Firing, ...]], ...]
    held: tuple[int, ...] = ()
    names: tuple[str, ...] = NAMES[:1]
    knobs: Mapping[str, int] = field(default_factory=dict)
    bounds: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)
    consents: tuple[RecordedConsent, ...] = ()
    stack: str | None = None
    endpoints: tuple[PlannedEndpoint, ...] = ()
    asks: bool = False
    must: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    struck: frozenset[str] = frozenset()

    @cached_property
    def plan(self) -> Plan:
        """The schedule of the story, made once for all its variants."""
        lags = {"list": 0, "tags": 0, "lead": 1, "token": 1_440, "descending": 0, "metrics": 1}
        documents = [(name, self._document(name)) for name in self.names]
        if self.stack:
            documents.append(("stack", self.stack))
        return Plan(
            seed=0,
            scenario=Scenario.CALM,
            targets=self.names,
            documents=tuple(documents),
            decision_minutes=5,
            lags=tuple((lags | dict(self.knobs)).items()),
            rate=0.0,
            focus=(),
            moments=tuple(
                Moment(minutes * MINUTE, happenings, firings)
                for minutes, happenings, firings in self.moments
            ),
            has_rules=False,
            consents=self.consents,
            held=self.held,
            endpoints=self.endpoints,
            asks=self.asks,
        )

    def _document(self, name: str) -> str:
        content = json.loads(document(name, random.Random(1), shared=False))  # noqa: S311 - simulation
        content |= {
            "mode": "act",
            "guard_rails": _BOUNDS | dict(self.bounds),
            "sizing": {"billing_minutes": 30, "max_units_per_purchase": 2},
            "draining": {
                "client_cache_minutes": 1,
                "longest_request_minutes": 1,
                "quiet_minutes": 2,
                "release_window_minutes": 8,
            },
        }
        return json.dumps(content | dict(self.sections))


def happens(what: str, share: float = 0.0, value: int = 0) -> tuple[Happening, ...]:
    return (Happening(what, share, value),)
