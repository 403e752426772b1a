"""Stories of Marketplace endpoints: a core that asks for instances, within reason or without."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bedrock_autoscaler.domain.decision import Decision, Scaling, Situation
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.simulation.ending import hold
from tests.simulation.schedule import (
    ENDPOINTS,
    FOREIGN_ENDPOINT,
    Firing,
    Happening,
    PlannedEndpoint,
)
from tests.simulation.settings import NAMES, START, document
from tests.simulation.story import CAPACITY, PURCHASE, ROUTING, SCALE, Story, Wishes, happens

OWN = f"{ENDPOINTS}/own"
_AT_FIRST, _USD_EACH = 2, 2.0
_DOCUMENT = json.loads(document(NAMES[0], random.Random(1), shared=False))  # noqa: S311 - simulation
_UNIT_USD: float = _DOCUMENT["provisioned"]["price"]["usd_per_hour"]
_SHOWN_AFTER = 3
"""Minutes; with the ten that an effect may be late it is within the actor's grace."""
_RAILS: dict[str, Any] = {
    "min_instances": 1,
    "max_instances": 4,
    "calls_per_minute": 40,
    "usd_per_instance_hour": _USD_EACH,
    "max_changes_per_day": 3,
    "source": "test",
    "as_of": "2026-02-20",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """A core that asks for the same changes at each decision, whatever stands there by then.

    Attributes:
        asked: what it asks for, by minutes since START, ascending.
        units: what else it wants.
    """

    asked: tuple[tuple[int, tuple[Scaling, ...]], ...]
    units: Callable[[Situation], Decision] = hold

    def __call__(self, situation: Situation) -> Decision:
        """These instances, and these units."""
        decision = self.units(situation)
        if situation.loop is Loop.ROUTING:
            return decision
        elapsed = (situation.scheduled_at - START) / MINUTE
        due = [scalings for minute, scalings in self.asked if minute <= elapsed]
        return replace(decision, scalings=due[-1]) if due else decision


def _from(before: int, after: int, address: str = OWN) -> Scaling:
    return Scaling(address=address, from_instances=before, to_instances=after)


def _told(
    name: str,
    asked: Mapping[int, tuple[Scaling, ...]],
    moments: tuple[tuple[int, tuple[Happening, ...], tuple[Firing, ...]], ...],
    rails: Mapping[str, Any] | None = None,
    *,
    units: Wishes | None = None,
    **more: Any,
) -> Story:
    """A story of one endpoint of the target's own, and one of somebody else's."""
    option = {
        "kind": "marketplace_endpoint",
        "address": OWN,
        "instances": _RAILS | dict(rails or {}),
    }
    return Story(
        name=name,
        core=Instances(asked=tuple(asked.items()), units=units or hold),
        moments=moments,
        sections={"options": [option]} | ({} if units else {"provisioned": None}),
        endpoints=(
            PlannedEndpoint(address=OWN, instances=_AT_FIRST, target=NAMES[0]),
            PlannedEndpoint(address=FOREIGN_ENDPOINT, instances=_AT_FIRST, target=None),
        ),
        **more,
    )


_UP, _DOWN = _from(2, 3), _from(3, 2)
_TURN = (5, (), (CAPACITY, SCALE))

ENDPOINT_STORIES: tuple[Story, ...] = (
    _told(
        "an endpoint grows and shrinks",
        {0: (_UP,), 8: (_DOWN,)},
        (_TURN, (2, (), (SCALE,)), (3, (), (CAPACITY, SCALE)), (2, (), (SCALE,))),
        must=frozenset({"grown", "shrunk"}),
        struck=frozenset({SCALE.function}),
    ),
    _told(
        "an endpoint is shown late",
        {0: (_UP,), 8: (_DOWN,)},
        (
            _TURN,
            (2, (), (SCALE,)),
            (3, (), (SCALE,)),
            (5, (), (CAPACITY, SCALE)),
            (11, (), (SCALE,)),
        ),
        knobs={"list": _SHOWN_AFTER},
        must=frozenset({"grown", "shrunk"}),
    ),
    _told(
        "an endpoint beyond its bounds",
        {0: (_from(2, 9), _from(2, 3, FOREIGN_ENDPOINT)), 8: (_from(2, 0),), 13: (_from(2, 4),)},
        (_TURN, _TURN, _TURN),
        bounds={"max_usd_per_hour": _USD_EACH * 3},
        never=frozenset({"grown", "shrunk"}),
    ),
    _told(
        "an endpoint changes more often than a day allows",
        {0: (_UP,), 8: (_DOWN,)},
        (_TURN, (2, (), (SCALE,)), (3, (), (CAPACITY, SCALE))),
        {"max_changes_per_day": 1},
        must=frozenset({"grown"}),
        never=frozenset({"shrunk"}),
    ),
    _told(
        "an endpoint beside units",
        {0: (_UP,), 11: (_DOWN,), 16: (_UP,)},
        (
            # A unit, and no instance beside it; then the endpoint grows once the unit is gone.
            (5, (), (CAPACITY, PURCHASE, SCALE)),
            (5, (), (CAPACITY, PURCHASE, SCALE)),
            (2, happens("vanish"), (PURCHASE, ROUTING)),
            (8, (), (CAPACITY, PURCHASE, SCALE)),
        ),
        units=Wishes(units=((0, 1), (11, 0))),
        bounds={"max_usd_per_hour": _UNIT_USD + _USD_EACH * 2},
        must=frozenset({"created", "grown"}),
    ),
    _told(
        "an endpoint is changed by hand",
        {0: (_UP,), 8: (_from(4, 3),)},
        (
            (5, (), (CAPACITY,)),
            (2, happens("rescaled", value=4), (SCALE,)),
            (3, (), (CAPACITY, SCALE)),
        ),
        must=frozenset({"shrunk"}),
        never=frozenset({"grown"}),
    ),
    _told(
        "a change of an endpoint does not end",
        {0: (_UP,)},
        ((5, happens("endless"), (CAPACITY, SCALE)), (61, (), (CAPACITY, SCALE))),
        must=frozenset({"grown"}),
    ),
    _told(
        "the switch closes on an endpoint",
        {0: (_UP,)},
        (
            (5, happens("switch", value=0), (CAPACITY, SCALE)),
            (1, happens("reopen"), (SCALE,)),
            (2, (), (SCALE,)),
        ),
        must=frozenset({"grown"}),
    ),
)
