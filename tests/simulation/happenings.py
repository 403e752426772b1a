"""What the world does by itself: people, neighbours, services, and Bedrock's own troubles."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.domain.consents.consent import REJECTED, RecordedConsent, Request
from bedrock_autoscaler.domain.fleet.intent import OPEN_RELEASES
from bedrock_autoscaler.domain.units import MINUTE
from tests.simulation.bedrock import SimulatedPt
from tests.simulation.commands import Commands
from tests.simulation.metrics import dark_for
from tests.simulation.persons import PRICES, drawn_controls
from tests.simulation.schedule import Happening
from tests.simulation.settings import document, stack_document

if TYPE_CHECKING:
    from tests.simulation.engine import Simulation
    from tests.simulation.ledger import Backup

SWITCH_VALUES = ("stop", None, "Allow", "allow ", "", "allow", "allow", "allow")
_SERVICES = ("capacity.", "purchasing.", "releasing.", "fleets.", "decisions.", "metrics.")
_TAKEN_AWAY = 0.15
_MORE_SERVICES = ("tables.", "settings.", "switch.", "history.")

POISON: tuple[Callable[[dict[str, Any]], object], ...] = (
    lambda _: "",
    lambda _: "{",
    lambda _: "null",
    lambda _: "[]",
    lambda text: text | {"guard_rails": {"max_units": "ten"}},
    lambda text: text | {"guard_rails": {"max_units": None}},
    lambda text: text | {"guard_rails": {"max_units": 1e9}},
    lambda text: text | {"guard_rails": {"max_units": -1}},
    lambda text: text | {"guard_rails": {"min_units": 3, "max_units": 2}},
    lambda text: text | {"guard_rails": {"max_usd_per_hour": 0}},
    lambda text: text | {"surprise\nmarker": 1},
    lambda text: text | {"mode": ""},
    lambda text: {key: value for key, value in text.items() if key != "options"} | {"account": ""},
)
"""What people and broken pipelines make of a settings document."""

_MANY = 7
"""Instances that nobody sets by hand: these and more."""


class Happenings:
    """Lets things happen to one simulation, and counts them."""

    def __init__(self, simulation: "Simulation") -> None:
        self.counts: Counter[str] = Counter()
        self._sim = simulation
        self._backups: list[Backup] = []
        self._strangers = 0
        self.commands = Commands(simulation)

    def happen(self, happening: Happening, moment: int) -> None:
        """One of them, where there is something that it can happen to."""
        act = getattr(self, f"_{happening.what}")
        if act(happening.share, int(happening.value or 0), moment) is not False:
            self.counts[happening.what] += 1
            self._sim.gate.digest.update(f"{moment} {happening.what}\n".encode())

    # -- people and neighbours -----------------------------------------------------------------

    def _foreign(self, share: float, value: int, _: int) -> None:
        self._stranger(value, None)

    def _foreign_tagged(self, share: float, value: int, _: int) -> None:
        """Someone copies our tags onto a PT of their own."""
        names = self._sim.plan.targets
        finished = [release.decision_id for release in self._sim.ledger.fleets.peek_releases()]
        decision = _pick(finished, share) if value % 2 and finished else None
        self._stranger(value, ("sim", names[value % len(names)], decision))

    def _stranger(self, value: int, tags: tuple[str | None, str | None, str | None] | None) -> None:
        self._strangers += 1
        models = sorted(self._sim.bedrock.quota) or ["vendor.other-v1:0"]
        self._sim.bedrock.add(
            name=f"stranger\nmarker-{self._strangers}",
            model_id=models[value % len(models)],
            units=1 + value % 3,
            tags=tags,
        )

    def _foreign_gone(self, share: float, value: int, _: int) -> bool:
        return self._end([pt for pt in self._sim.bedrock.existing() if not pt.bought_for], share)

    def _vanish(self, share: float, value: int, _: int) -> bool:
        return self._end([pt for pt in self._sim.bedrock.existing() if pt.bought_for], share)

    def _end(self, candidates: list[SimulatedPt], share: float) -> bool:
        if not candidates:
            return False
        self._sim.bedrock.vanish(_pick(candidates, share))
        return True

    def _untag(self, share: float, value: int, _: int) -> bool:
        return self._tag(share, (None, None, None))

    def _retag(self, share: float, value: int, _: int) -> bool:
        return self._tag(share, ("someone else", None, None))

    def _tag_back(self, share: float, value: int, _: int) -> bool:
        """Someone gives a PT of ours the tags again that it had at first."""
        ours = self._ours()
        if ours:
            pt = _pick(ours, share)
            first = pt.tags[0]
            self._sim.bedrock.retag(pt, (first.deployment, first.target, first.decision_id))
        return bool(ours)

    def _tag(self, share: float, tags: tuple[str | None, str | None, str | None]) -> bool:
        ours = self._ours()
        if ours:
            self._sim.bedrock.retag(_pick(ours, share), tags)
        return bool(ours)

    def _ours(self) -> list[SimulatedPt]:
        """PTs of ours; those that are leaving where there are some, since they matter most."""
        ours = [pt for pt in self._sim.bedrock.existing() if pt.bought_for]
        releases = self._sim.ledger.fleets.peek_releases()
        leaving = {release.arn for release in releases if release.state in OPEN_RELEASES}
        return [pt for pt in ours if pt.arn in leaving] or ours

    def _rename(self, share: float, value: int, _: int) -> bool:
        """Names may be changed by hand; what Bedrock shows of the PT changes with them."""
        ours = [pt for pt in self._sim.bedrock.existing() if pt.bought_for]
        if ours:
            self._sim.bedrock.rename(_pick(ours, share), f"renamed-{value}")
        return bool(ours)

    def _spoil_projection(self, share: float, value: int, _: int) -> bool:
        """Someone deletes the callers' copy."""
        copies = self._sim.tables.projected
        if copies:
            del copies[_pick(sorted(copies), share)]
        return bool(copies)

    # -- settings ------------------------------------------------------------------------------

    def _switch(self, share: float, value: int, _: int) -> None:
        self._sim.surroundings.switch = SWITCH_VALUES[value % len(SWITCH_VALUES)]

    def _reopen(self, share: float, value: int, _: int) -> bool:
        """Someone opens the switch again that somebody closed."""
        was_closed = self._sim.surroundings.switch != "allow"
        self._sim.surroundings.switch = "allow"
        return was_closed

    def _edit(self, share: float, value: int, _: int) -> None:
        name = _pick(self._sim.plan.targets, share)
        chance = random.Random(value)  # noqa: S311 - simulation
        self._sim.parameters.texts[name] = document(name, chance, shared=False)

    def _poison(self, share: float, value: int, _: int) -> bool:
        return self._rewrite(share, POISON[value % len(POISON)])

    def _control(self, share: float, value: int, _: int) -> bool:
        """A person pauses, overrides, limits, or takes all of that back."""
        now, chance = self._sim.world.now, random.Random(value)  # noqa: S311 - simulation
        return self._rewrite(share, lambda text: text | {"controls": drawn_controls(chance, now)})

    def _reprice(self, share: float, value: int, _: int) -> bool:
        """The price of units, or what else a purchase needs, changes or is not known any more."""
        return self._rewrite(share, PRICES[value % len(PRICES)])

    def _rewrite(self, share: float, change: Callable[[dict[str, Any]], object]) -> bool:
        """Somebody changes a target's document, where there is one that can be read."""
        name = _pick(self._sim.plan.targets, share)
        try:
            content = json.loads(self._sim.parameters.texts.get(name, ""))
        except ValueError:
            return False
        if not isinstance(content, dict):
            return False
        changed = change(content)
        self._sim.parameters.texts[name] = (
            changed if isinstance(changed, str) else json.dumps(changed)
        )
        return True

    def _stack(self, share: float, value: int, _: int) -> None:
        """The caps on all targets change, are spoiled, or are taken away."""
        chance = random.Random(value)  # noqa: S311 - simulation
        texts = (stack_document(chance), stack_document(chance), "{", '{"max_units": -1}')
        if share < _TAKEN_AWAY:
            self._sim.parameters.texts.pop("stack", None)
        else:
            self._sim.parameters.texts["stack"] = texts[value % len(texts)]

    def _mend(self, share: float, value: int, _: int) -> bool:
        """Someone puts a document right that was spoiled."""
        name, text = _pick(self._sim.plan.documents, share)
        is_mended = self._sim.parameters.texts.get(name) != text
        self._sim.parameters.texts[name] = text
        return is_mended

    def _reset(self, share: float, value: int, _: int) -> bool:
        """A person closes a breaker that tripped."""
        fleets = self._sim.ledger.fleets
        tripped = [
            record
            for name in self._sim.plan.targets
            if (record := fleets.record_of(name)).tripped_at is not None
        ]
        if tripped:
            fleets.reset(_pick(tripped, share))
        return bool(tripped)

    def _trip(self, share: float, value: int, _: int) -> bool:
        """A person trips a breaker."""
        fleets = self._sim.ledger.fleets
        record = fleets.record_of(_pick(self._sim.plan.targets, share))
        is_closed = record.version > 0 and record.tripped_at is None
        if is_closed:
            fleets.trip(record, self._sim.world.now, "by hand")
        return is_closed

    def _remove(self, share: float, value: int, _: int) -> None:
        self._sim.parameters.texts.pop(_pick(self._sim.plan.targets, share), None)

    def _defaults(self, share: float, value: int, _: int) -> None:
        texts = ("{", "{}", json.dumps({"slo": {"throttle_cost_factor": 5}}), "null")
        self._sim.parameters.texts["defaults"] = texts[value % len(texts)]

    # -- persons who are asked, and endpoints -----------------------------------------------------

    def _approve(self, share: float, value: int, _: int) -> bool:
        """A person agrees to all that was asked, and does so twice.

        The consent ends after `value` minutes, at the request's own end when that is 0.
        """
        approvals, now = self._sim.approvals, self._sim.world.now
        asked = self._asked()
        for request in asked:
            consent = _agreed(request, now + value * MINUTE if value else request.expires_at)
            approvals.give(consent)
            approvals.give(consent)
        return bool(asked)

    def _reject(self, share: float, value: int, _: int) -> bool:
        """A person refuses all that was asked, or takes back what nothing has used."""
        approvals, now = self._sim.approvals, self._sim.world.now
        asked = self._asked()
        for request in asked:
            refusal = replace(
                _agreed(request, request.expires_at),
                max_usd_per_hour=Decimal(0),
                used_by=REJECTED,
                used_at=now,
                rejected_by="a person",
                rejected_at=now,
            )
            kept = approvals.answer(request.id)
            if kept is None:
                approvals.give(refusal)
            elif kept.is_open:
                approvals.take_back(kept, "a person", now)
        return bool(asked)

    def _asked(self) -> list[Request]:
        """What waits for a word."""
        now = self._sim.world.now
        names = self._sim.plan.targets
        return [each for name in names for each in self._sim.approvals.asked(name, now)]

    def _adopt(self, share: float, value: int, _: int) -> bool:
        """A person wants to adopt a PT; one in two goes on at once."""
        is_planned = self.commands.adopt(share, tags=bool(value & 1))
        return self.commands.confirm() if is_planned and value & 2 else is_planned

    def _confirm(self, share: float, value: int, _: int) -> bool:
        """A person goes on with what they were asked about ticks ago."""
        return self.commands.confirm()

    def _teardown(self, share: float, value: int, _: int) -> bool:
        """A person looks through the stack, or takes it away."""
        return not self._sim.is_gone and self.commands.tear_down(value)

    def _rescaled(self, share: float, value: int, _: int) -> None:
        """Somebody changes the instances of an endpoint by hand."""
        own = [each for each in self._sim.plan.endpoints if each.target is not None]
        self._sim.endpoints.by_hand(_pick(own, share).address, value % _MANY)

    def _endless(self, share: float, value: int, _: int) -> None:
        """The next change of an endpoint does not come to an end."""
        self._sim.endpoints.is_stuck = True

    # -- Bedrock -------------------------------------------------------------------------------

    def _lead(self, share: float, value: int, _: int) -> None:
        self._sim.bedrock.endings.append((value % 60) * MINUTE)

    def _failed(self, share: float, value: int, _: int) -> None:
        self._sim.bedrock.endings.append("failed")

    def _stuck(self, share: float, value: int, _: int) -> None:
        self._sim.bedrock.endings.append("stuck")

    def _quota(self, share: float, value: int, _: int) -> None:
        models = sorted(self._sim.bedrock.quota)
        quotas = (None, 0, 1, 3, 50)
        self._sim.bedrock.quota[_pick(models, share)] = quotas[value % len(quotas)]

    def _legacy(self, share: float, value: int, _: int) -> None:
        model = _pick(sorted(self._sim.bedrock.quota), share)
        self._sim.bedrock.legacy ^= {model}

    # -- traffic and metrics -------------------------------------------------------------------

    def _demand(self, share: float, value: int, _: int) -> None:
        demands = (0.0, 0.0, 1.0, 20.0)
        name = _pick(self._sim.plan.targets, share)
        self._sim.callers.demand[name] = demands[value % len(demands)]

    def _direct(self, share: float, value: int, _: int) -> bool:
        """Somebody begins, or ceases, to call a PT by its ARN."""
        ours = self._ours()
        if ours:
            self._sim.callers.direct ^= {_pick(ours, share).arn}
        return bool(ours)

    def _dark(self, share: float, value: int, _: int) -> None:
        length = timedelta(minutes=1 + value % 40)
        self._sim.metrics.dark = dark_for(self._sim.world.now, length)

    def _series(self, share: float, value: int, _: int) -> None:
        """The queries of one series begin or cease to fail."""
        ids = sorted(self._sim.metrics.model_ids())
        if ids:
            self._sim.metrics.failing ^= {_pick(ids, share)}

    # -- services ------------------------------------------------------------------------------

    def _outage(self, share: float, value: int, moment: int) -> None:
        services = (*_SERVICES, *_MORE_SERVICES)
        self._sim.gate.outages[_pick(services, share)] = moment + 1 + value % 8

    def _backup(self, share: float, value: int, _: int) -> None:
        self._backups.append(self._sim.ledger.backup())

    def _restore(self, share: float, value: int, _: int) -> bool:
        """The table goes back in time; the Region's other services do not.

        Nobody restores it once the stack is gone: what is left then was told by what it held.
        """
        if self._sim.is_gone or not self._backups:
            return False
        self._sim.ledger.restore(_pick(self._backups, share))
        self._sim.watch.restored()
        return True


def _agreed(request: Request, until: datetime) -> RecordedConsent:
    """What a person gives to exactly this request."""
    return RecordedConsent(
        id=request.id,
        target=request.target,
        model_id=request.model_id,
        units=request.units,
        term=request.term,
        max_usd_per_hour=request.usd_per_hour,
        given_by="a person",
        valid_until=until,
    )


def _pick[Item](items: "tuple[Item, ...] | list[Item]", share: float) -> Item:
    return items[int(share * len(items))]
