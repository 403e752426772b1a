"""Schedules in which persons act and targets have endpoints, which the other schedules leave out.

Each is one of those with more in it, drawn apart: so the seeds of a recorded run go on giving what
they gave, and a further function and further reads do not slow all of its ticks.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bedrock_autoscaler.application.settings.in_force import STACK
from bedrock_autoscaler.domain.units import MINUTE, iso
from tests.builders import ACCOUNT
from tests.simulation.faults import OF_PERSONS, Kind
from tests.simulation.schedule import (
    ENDPOINTS,
    FOREIGN_ENDPOINT,
    SCENARIOS,
    Firing,
    Function,
    Happening,
    Moment,
    Plan,
    PlannedEndpoint,
    plan,
)
from tests.simulation.settings import NAMES, START

PERSONS = range(3 * len(SCENARIOS))
"""Seeds of the quick run."""

_RULES_EVERY = 7
_CONTROLLED, _SCALED, _FIRES, _LATE = 0.4, 0.8, 0.7, 0.05
_HAPPENINGS = (
    ("control", 0.15),
    ("reprice", 0.03),
    ("approve", 0.2),
    ("reject", 0.05),
    ("rescaled", 0.04),
    ("endless", 0.01),
    ("foreign_tagged", 0.005),
    ("adopt", 0.1),
    ("confirm", 0.2),
)
_TORN_DOWN = 0.2


def person_plan(seed: int, moments: int, targets: int = len(NAMES)) -> Plan:
    """The schedule of a seed, so many ticks and targets; the same seed gives the same one."""
    drawn = plan(seed, moments, targets)
    chance = random.Random(f"persons {seed}")  # noqa: S311 - simulation
    own = (
        PlannedEndpoint(address=_endpoint(name), instances=chance.randint(1, 3), target=name)
        for name in drawn.targets
    )
    foreign = PlannedEndpoint(address=FOREIGN_ENDPOINT, instances=2, target=None)
    return replace(
        drawn,
        documents=tuple(
            (name, (_bounded if name == STACK else partial(_extended, name))(text, chance))
            for name, text in drawn.documents
        ),
        endpoints=(*own, foreign),
        moments=_torn_down([_with_persons(moment, chance) for moment in drawn.moments], chance),
        focus=(*drawn.focus, *_focus(seed)),
        asks=True,
        has_rules=seed % _RULES_EVERY == 0,
    )


def _focus(seed: int) -> Iterator[tuple[str, Kind]]:
    """A fault at every other call that only these schedules make, each kind in its turn."""
    for index, (call, kinds) in enumerate(OF_PERSONS.items()):
        if (index + seed) % 2:
            yield call, kinds[seed // 2 % len(kinds)]


def _endpoint(target: str) -> str:
    return f"{ENDPOINTS}/{target}"


def _extended(name: str, text: str, chance: random.Random) -> str:
    """The document with an endpoint, which it may change mostly, and with controls now and then."""
    content: dict[str, Any] = json.loads(text)
    endpoint: dict[str, Any] = {"kind": "marketplace_endpoint", "address": _endpoint(name)}
    if chance.random() < _SCALED:
        endpoint["instances"] = {
            "min_instances": 1,
            "max_instances": chance.choice((2, 4)),
            "calls_per_minute": 40,
            "usd_per_instance_hour": chance.choice((2.0, 15.0)),
            "max_changes_per_day": chance.choice((2, 20)),
            "source": "test",
            "as_of": "2026-02-20",
        }
    content["options"].append(endpoint)
    if chance.random() < _CONTROLLED:
        content["controls"] = drawn_controls(chance, START)
    return json.dumps(content)


def _bounded(text: str, chance: random.Random) -> str:
    """The caps on all targets with narrower ones of their account, and some of another."""
    content: dict[str, Any] = json.loads(text)
    own = {
        "account": ACCOUNT,
        "max_units": chance.choice((3, 4, 50)),
        "max_usd_per_hour": chance.choice((60.0, 100.0, 1_000.0)),
    }
    other = {"account": "444455556666", "max_units": 0, "max_usd_per_hour": 1.0}
    content["accounts"] = chance.choice(([own], [own, other], [other]))
    return json.dumps(content)


def drawn_controls(chance: random.Random, now: datetime) -> dict[str, Any]:
    """What a person sets by hand: one thing, or nothing at all."""
    span = chance.choice((3, 20, 90))
    until = iso(now + timedelta(minutes=span))
    start = now + chance.choice((-5, 0, 10)) * MINUTE
    return chance.choice(
        (
            {},
            {"pause_growth": True},
            {"pause_shrink": True},
            {"pause_growth_until": until},
            {"pause_shrink_until": until},
            {"shrink_windows": [{"cron": f"{start.minute} {start.hour} * * *", "minutes": span}]},
            {"units": {"units": chance.randint(0, 6), "until": until, "by": "a person"}},
            {"approval_above_usd_per_hour": chance.choice((0, 25, 50))},
            {"approval_above_usd_per_hour": chance.choice((0, 25, 50))},
        )
    )


def _priced(text: dict[str, Any], **changes: Any) -> dict[str, Any]:
    bought = text["provisioned"]
    return text | {"provisioned": bought | {"price": bought.get("price", {}) | changes}}


def _without(text: dict[str, Any], fact: str) -> dict[str, Any]:
    known = {name: value for name, value in text["provisioned"].items() if name != fact}
    return text | {"provisioned": known}


PRICES: tuple[Callable[[dict[str, Any]], object], ...] = (
    lambda text: _priced(text, usd_per_hour=60.0),
    lambda text: _priced(text, usd_per_hour=5.0),
    lambda text: _priced(text, as_of="2025-01-31"),
    lambda text: _without(text, "price"),
    lambda text: _without(text, "unit_rate"),
)
"""What becomes of the facts that a purchase needs."""


def _with_persons(moment: Moment, chance: random.Random) -> Moment:
    more = tuple(
        Happening(what, chance.random(), chance.randrange(1 << 16))
        for what, share in _HAPPENINGS
        if chance.random() < share
    )
    firings = moment.firings
    if chance.random() < _FIRES:
        late = timedelta(minutes=chance.choice((1, 6, 30))) if chance.random() < _LATE else None
        firings += (Firing(Function.SCALE, late=late or timedelta(0)),)
    return replace(moment, happenings=moment.happenings + more, firings=firings)


def _torn_down(moments: list[Moment], chance: random.Random) -> tuple[Moment, ...]:
    """Now and then a person takes the stack away near the end, and tries until it is gone."""
    if chance.random() < _TORN_DOWN:
        for index in range(chance.randrange(len(moments) // 2, len(moments)), len(moments)):
            torn = Happening("teardown", value=chance.randrange(1 << 16))
            moments[index] = replace(moments[index], happenings=(*moments[index].happenings, torn))
    return tuple(moments)
