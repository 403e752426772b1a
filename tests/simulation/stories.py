"""Short stories without faults, whose every call is then struck by every fault."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
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
    NAMES,
    START,
    Firing,
    Function,
    Happening,
    Moment,
    Plan,
    Scenario,
    document,
)

ROUTING, CAPACITY = Firing(Function.ROUTING), Firing(Function.CAPACITY)
PURCHASE, RELEASE = Firing(Function.PURCHASE), Firing(Function.RELEASE)
PUBLISH = Firing(Function.PUBLISH)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One of them.

    Attributes:
        held: PTs of one unit in service at the beginning, by their age in minutes.
        moments: (minutes since the last one, what happens, what fires).
        knobs: lags, as a plan has them.
        must: what the story without faults must bring about, by kind of effect.
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
    must: frozenset[str] = frozenset()

    def plan(self) -> Plan:
        """The schedule of the story."""
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
        )

    def _document(self, name: str) -> str:
        content = json.loads(document(name, random.Random(1), shared=False))  # noqa: S311
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


def _happens(what: str, share: float = 0.0, value: int = 0) -> tuple[Happening, ...]:
    return (Happening(what, share, value),)


_BUY = Wishes(units=((0, 1),))
_BUYING = (
    (5, (), (CAPACITY, PURCHASE)),
    (2, (), (PURCHASE, PUBLISH)),
    (1, (), (ROUTING, PUBLISH)),
)
_LEAVE = Wishes(units=((0, 0),))
# A PT that is 15 minutes old at the beginning has its window from 22 to 30 minutes after its
# purchase: at the moments 7 to 15.
_LEAVING = (
    (1, (), (CAPACITY, RELEASE, PUBLISH)),
    (9, (), (RELEASE, PUBLISH)),
    (1, (), (RELEASE, PUBLISH)),
)
_CONSENT = RecordedConsent(
    id="c0",
    target=NAMES[0],
    model_id=f"vendor.{NAMES[0]}-v1:0:24k",
    units=1,
    term=Commitment.ONE_MONTH,
    max_usd_per_hour=Decimal(60),
    given_by="a person",
    valid_until=START + timedelta(hours=6),
)

BRIEF: tuple[Story, ...] = (
    Story(
        name="buy once",
        core=_BUY,
        moments=((5, (), (CAPACITY, PURCHASE)), (2, (), (PURCHASE,))),
        must=frozenset({"created"}),
    ),
    Story(
        name="let go once",
        core=_LEAVE,
        held=(15,),
        moments=((1, (), (CAPACITY, RELEASE, PUBLISH)), (9, (), (RELEASE,))),
        must=frozenset({"gone"}),
    ),
    Story(
        name="publish once",
        core=Wishes(units=()),
        moments=((5, (), (CAPACITY, PUBLISH)), (1, (), (ROUTING, PUBLISH))),
        must=frozenset({"tables.publish"}),
    ),
)
"""Stories so short that every pair of faults can strike them."""

STORIES: tuple[Story, ...] = (
    Story(
        name="buy and route",
        core=_BUY,
        moments=_BUYING,
        must=frozenset({"created", "tables.publish"}),
    ),
    Story(
        name="buy while lists and tags lag",
        core=_BUY,
        moments=(*_BUYING, (10, (), (PURCHASE,)), (6, (), (PURCHASE, ROUTING, PUBLISH))),
        knobs={"list": 10, "tags": 6},
        must=frozenset({"created"}),
    ),
    Story(
        name="refused for quota",
        core=_BUY,
        moments=(
            (5, _happens("quota", 0.0, 1), (CAPACITY, PURCHASE)),
            (5, (), (CAPACITY, PURCHASE)),
        ),
        must=frozenset({"fleets.begin_purchase"}),
    ),
    Story(
        name="bought and failed",
        core=_BUY,
        moments=(
            (5, _happens("failed"), (CAPACITY, PURCHASE)),
            (2, (), (PURCHASE, PUBLISH)),
            (5, (), (CAPACITY, RELEASE, PUBLISH)),
            (12, (), (RELEASE,)),
        ),
        must=frozenset({"created", "fleets.begin_release"}),
    ),
    Story(
        name="stuck in creation",
        core=_BUY,
        moments=((5, _happens("stuck"), (CAPACITY, PURCHASE)), (61, (), (CAPACITY, PURCHASE))),
        must=frozenset({"created"}),
    ),
    Story(
        name="release",
        core=_LEAVE,
        held=(15,),
        moments=_LEAVING,
        must=frozenset({"gone", "fleets.begin_release"}),
    ),
    Story(
        name="release while lists lag",
        core=_LEAVE,
        held=(15,),
        moments=(*_LEAVING, (2, (), (CAPACITY, PURCHASE, RELEASE, PUBLISH))),
        knobs={"list": 15},
        must=frozenset({"gone"}),
    ),
    Story(
        name="called directly while it leaves",
        core=_LEAVE,
        held=(15,),
        knobs={"metrics": 3},
        moments=(
            (1, _happens("direct"), (CAPACITY, RELEASE, PUBLISH)),
            (9, (), (RELEASE, PUBLISH)),
            (1, (), (RELEASE, PUBLISH)),
        ),
        must=frozenset({"fleets.begin_release"}),
    ),
    Story(
        name="tagged as another's while it leaves",
        core=_LEAVE,
        held=(15,),
        moments=(*_LEAVING[:1], (9, _happens("retag"), (RELEASE, PUBLISH))),
        must=frozenset({"fleets.begin_release"}),
    ),
    Story(
        name="more leave than a day allows",
        core=_LEAVE,
        held=(15, 16),
        bounds={"max_releases_per_day": 1},
        moments=(
            (1, (), (CAPACITY, RELEASE, PUBLISH)),
            (4, (), (CAPACITY, RELEASE, PUBLISH)),
            (6, (), (RELEASE, PUBLISH)),
            (1, (), (RELEASE, PUBLISH)),
            (61, (), (CAPACITY, RELEASE, PUBLISH)),
        ),
        must=frozenset({"gone"}),
    ),
    Story(
        name="restore",
        core=Wishes(units=((0, 0), (5, 1))),
        held=(15,),
        moments=(
            (1, (), (CAPACITY, RELEASE, PUBLISH)),
            (4, (), (CAPACITY, RELEASE, PUBLISH)),
            (1, (), (ROUTING, PUBLISH)),
        ),
        must=frozenset({"fleets.begin_release"}),
    ),
    Story(
        name="lost by somebody's hand",
        core=Wishes(units=()),
        held=(15,),
        moments=(
            (1, _happens("vanish"), (CAPACITY, PURCHASE, ROUTING, PUBLISH)),
            (5, (), (CAPACITY, PURCHASE, PUBLISH)),
        ),
        must=frozenset({"gone"}),
    ),
    Story(
        name="a stranger takes the room",
        core=Wishes(units=((0, 2),)),
        held=(15,),
        bounds={"max_units": 2},
        moments=((5, _happens("foreign"), (CAPACITY, *ACTORS)), (5, (), (CAPACITY, *ACTORS))),
    ),
    Story(
        name="the switch closes and opens",
        core=_BUY,
        moments=(
            (5, _happens("switch", 0.0, 0), (CAPACITY, *ACTORS)),
            (1, _happens("switch", 0.0, 5), (*ACTORS,)),
            (2, (), (PURCHASE, ROUTING, PUBLISH)),
        ),
        must=frozenset({"created"}),
    ),
    Story(
        name="settings spoiled and mended",
        core=_BUY,
        moments=(
            (5, _happens("poison", 0.0, 4), (CAPACITY, PURCHASE)),
            (1, _happens("mend"), (CAPACITY, PURCHASE)),
            (4, (), (CAPACITY, PURCHASE, PUBLISH)),
        ),
        must=frozenset({"created"}),
    ),
    Story(
        name="commit on a person's word",
        core=Wishes(units=((0, 1),), consent_id="c0"),
        moments=_BUYING,
        consents=(_CONSENT,),
        must=frozenset({"created"}),
    ),
    Story(
        name="a term outlasts the wish",
        core=Wishes(units=((0, 1), (10, 0)), consent_id="c0"),
        moments=(
            (5, (), (CAPACITY, PURCHASE)),
            (2, (), (PURCHASE, ROUTING, PUBLISH)),
            (3, (), (CAPACITY, RELEASE, PUBLISH)),
            (18, (), (RELEASE, PUBLISH)),
        ),
        consents=(_CONSENT,),
        must=frozenset({"created"}),
    ),
    Story(
        name="two targets under one cap",
        core=_BUY,
        names=NAMES[:2],
        moments=((5, (), (CAPACITY, PURCHASE)), (5, (), (CAPACITY, PURCHASE))),
        stack=json.dumps(
            {
                "max_units": 1,
                "max_usd_per_hour": 1_000,
                "max_usd_per_day": 50_000,
                "max_usd_per_month": 100_000,
            }
        ),
        must=frozenset({"created"}),
    ),
    Story(
        name="two decisions in turn",
        core=Wishes(units=((0, 1), (6, 2))),
        bounds={"max_purchases_per_day": 1},
        moments=((5, (), (CAPACITY,)), (5, (), (CAPACITY, PURCHASE)), (2, (), (PURCHASE,))),
        must=frozenset({"created"}),
    ),
    Story(
        name="more asked than a day allows",
        core=Wishes(units=((0, 3),)),
        bounds={"max_purchases_per_day": 1},
        moments=(
            (5, (), (CAPACITY, PURCHASE)),
            (2, (), (PURCHASE,)),
            (3, (), (CAPACITY, PURCHASE)),
        ),
        must=frozenset({"created", "fleets.trip"}),
    ),
)

STRUCK = frozenset(
    {
        "buy and route",
        "refused for quota",
        "bought and failed",
        "stuck in creation",
        "release",
        "tagged as another's while it leaves",
        "restore",
        "lost by somebody's hand",
        "settings spoiled and mended",
        "commit on a person's word",
        "two decisions in turn",
        "more asked than a day allows",
    }
)
"""The twelve whose every call is struck by every fault in the quick run; the others in the soak."""
