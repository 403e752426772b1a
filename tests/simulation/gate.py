"""The gate that every call to the outside passes: faults strike here, oracles look on."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Protocol

from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.target import Target
from tests.simulation.faults import (
    ANY_CALL,
    EVERYWHERE,
    POSSIBLE,
    Killed,
    Kind,
    OracleBrokenError,
    error_of,
)

HANG = timedelta(seconds=24)
"""What the SDK's attempts and their time-outs cost before it gives up."""

STEP = timedelta(minutes=1)
"""By how much a clock is set back."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of one function, and what it has seen so far.

    Attributes:
        moment, number: its place in the schedule.
        skew: of its clock.
        deadline_at: when it is stopped, in true time.
        settings: its snapshot of the settings.
        inventory: the newest list that it read.
        allowed: the newest answer of the switch, by target.
        is_closed: whether the breaker was closed at the newest look since the run reserved units,
            by target.
        last_call: the call before the present one, and when it ended.
        got: the newest look at each PT.
        bought, deleted: calls that were sent, by target.
        sent: what they were about.
    """

    function: str
    moment: int
    number: int
    skew: timedelta
    started_at: datetime
    deadline_at: datetime
    calls: int = 0
    settings: Settings | None = None
    inventory: Inventory | None = None
    allowed: dict[str, bool] = field(default_factory=dict)
    is_closed: dict[str, bool] = field(default_factory=dict)
    last_call: str = ""
    last_at: datetime | None = None
    got: dict[str, ListedThroughput | None] = field(default_factory=dict)
    bought: Counter[str] = field(default_factory=Counter)
    deleted: Counter[str] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)

    def target(self, name: str) -> Target | None:
        """The target as this run's settings have it."""
        known = self.settings.targets if self.settings else ()
        return next((target for target in known if target.name == name), None)


class Time(Protocol):
    """The true time of the world."""

    now: datetime


class Onlooker(Protocol):
    """What hears of calls that change something."""

    def starting(self, call: str, run: Run, args: tuple[Any, ...]) -> None:
        """The call is about to be sent."""

    def done(self, call: str, run: Run, args: tuple[Any, ...], answer: object) -> None:
        """The call has had its effect; its answer may not have been read."""


WATCHED = frozenset(
    {
        "fleets.begin_purchase",
        "fleets.update_purchase",
        "fleets.begin_release",
        "fleets.update_release",
        "fleets.trip",
        "fleets.record_of",
        "purchasing.buy",
        "releasing.delete",
        "tables.publish",
        "tables.project",
        "tables.overtake",
        "capacity.inventory",
        "releasing.get",
        "switch.allows_action",
        "decisions.record",
        "endpoints.scale",
        "scalings.write",
    }
)
"""Calls that change something, or whose answer an oracle refers to."""

_BYTES = {call: call.encode() for call in POSSIBLE}

type Place = tuple[int, int, int]
"""Moment, number of the run in it, and number of the call in the run."""


class Script(Protocol):
    """Says what strikes; `struck` has what did."""

    struck: dict[Place, Kind]

    def strike(self, call: str, run: Run) -> Kind | None:
        """The fault at this call; None mostly."""


class Chance:
    """Draws faults, and sees to it that each of `focus` strikes where its call comes up.

    Attributes:
        struck: what was drawn, for a replay.
        outages: prefixes of calls that fail altogether, until which moment.
    """

    def __init__(
        self, seed: str, rate: float, focus: Mapping[str, list[Kind]], seldom: frozenset[str]
    ) -> None:
        self.struck: dict[Place, Kind] = {}
        self._random = random.Random(seed)  # noqa: S311 - simulation
        self._rate = rate
        self._seldom = seldom
        self._focus = {call: list(kinds) for call, kinds in focus.items()}

    def strike(self, call: str, run: Run) -> Kind | None:
        """Draw."""
        chance = self._random
        wanted = self._focus.get(call)
        if wanted and chance.random() < (_AT_ONCE if call in self._seldom else _SOME_TIME):
            kind = wanted.pop(0)
        elif chance.random() < self._rate:
            kinds = EVERYWHERE if chance.random() < _BESIDE else POSSIBLE[call]
            kind = chance.choice(kinds)
        else:
            return None
        self.struck[run.moment, run.number, run.calls] = kind
        return kind


_SOME_TIME, _AT_ONCE, _BESIDE = 0.15, 0.9, 0.05


class Replay:
    """Strikes where a list says so."""

    def __init__(self, strikes: Mapping[Place, Kind]) -> None:
        self.struck = dict(strikes)

    def strike(self, call: str, run: Run) -> Kind | None:
        """What the list says of this place, where it is possible."""
        kind = self.struck.get((run.moment, run.number, run.calls))
        return kind if kind is not None and can_strike(kind, call) else None


def can_strike(kind: Kind, call: str) -> bool:
    """Whether such a fault is possible at this call."""
    return kind in POSSIBLE[call] or kind in EVERYWHERE


class Gate:
    """Lets calls through, one at a time.

    Attributes:
        run: the one that is at work.
        counts: faults by (call, kind).
        is_open: False once nothing may strike any more.
        outages: prefixes of calls that fail until a moment.
        before: called first at each call; interleaved schedules switch runs in it.
        late: told of an effect that comes minutes later.
        close: sets the kill switch.
    """

    def __init__(self, time: Time, script: Script, watch: Onlooker) -> None:
        self.run: Run | None = None
        self.counts: Counter[tuple[str, Kind]] = Counter()
        self.is_open = True
        self.outages: dict[str, int] = {}
        self.before: Callable[[], None] | None = None
        self.digest = hashlib.sha256()
        self.alternatives: dict[str, Callable[..., Any]] = {}
        self.late: Callable[[str, Callable[[], object]], None] = lambda *_: None
        self.close: Callable[[], None] = lambda: None
        self._time = time
        self._script = script
        self._watch = watch

    def follow(self, script: Script) -> None:
        """Let another script say what strikes."""
        self._script = script

    def through(self, call: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """One call to the outside."""
        if self.before is not None:
            self.before()
        run = self.run
        if run is None:
            return method(*args, **kwargs)
        run.calls += 1
        if not self.is_open:
            kind = None
        elif self.outages and self._is_out(call, run):
            kind = _OUT.get(call, Kind.ERROR)
        else:
            kind = self._script.strike(call, run)
        self.digest.update(f"{call}/{kind}".encode() if kind else _BYTES[call])
        try:
            if kind is None and call not in WATCHED:
                return method(*args, **kwargs)
            sent = Sent(call, run, method, args, kwargs)
            if kind is None:
                return self._done(sent)
            if kind in EVERYWHERE:
                return self._beside(kind, sent)
            self.counts[call, kind] += 1
            return self._struck(kind, sent)
        finally:
            run.last_call, run.last_at = call, self._time.now

    def _is_out(self, call: str, run: Run) -> bool:
        return any(
            run.moment < until and call.startswith(prefix) for prefix, until in self.outages.items()
        )

    def _done(self, sent: "Sent") -> Any:
        """Let it have its effect, watched."""
        self._ask(self._watch.starting, sent.call, sent.run, sent.args)
        answer = sent.make()
        self._ask(self._watch.done, sent.call, sent.run, sent.args, answer)
        return answer

    @staticmethod
    def _ask(oracles: Callable[..., None], *about: Any) -> None:
        try:
            oracles(*about)
        except Exception as error:
            raise OracleBrokenError(f"at {about[0]}: {error!r}") from error

    def _struck(self, kind: Kind, sent: "Sent") -> Any:
        call = sent.call
        if kind is Kind.DEATH_BEFORE:
            raise Killed(call)
        if kind is Kind.DEATH_AFTER:
            self._done(sent)
            raise Killed(call)
        if kind in _ANSWERED:
            return self._answered(kind, sent)
        if kind is Kind.LOST:
            self._done(sent)
        else:
            self._ask(self._watch.starting, call, sent.run, sent.args)  # it was sent
        if kind is Kind.LATE:
            self.late(_subject(sent), sent.make)
        if kind in _SLOW:
            self._time.now += HANG
            if self._time.now >= sent.run.deadline_at:
                raise Killed(call)
        raise error_of(call, kind)

    def _answered(self, kind: Kind, sent: "Sent") -> Any:
        """The call comes back without an error."""
        if kind is Kind.RESENT:
            with suppress(AutoscalerError):
                self._done(sent)
            return self._done(sent)
        answer = self.alternatives[sent.call](*sent.args, **sent.kwargs)
        # Oracles go by what could have been known.
        known = sent.make() if kind is Kind.PARTIAL else answer
        self._ask(self._watch.done, sent.call, sent.run, sent.args, known)
        return answer

    def _beside(self, kind: Kind, sent: "Sent") -> Any:
        self.counts[ANY_CALL, kind] += 1
        if kind is Kind.CLOSES:
            self.close()
        else:
            sent.run.skew -= STEP
        return self._done(sent) if sent.call in WATCHED else sent.make()


@dataclass(slots=True)
class Sent:
    """One call on its way."""

    call: str
    run: Run
    method: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def make(self) -> Any:
        """Let it have its effect."""
        return self.method(*self.args, **self.kwargs)


def _subject(sent: Sent) -> str:
    """What a call to Bedrock is about: a decision, a PT, or an endpoint."""
    first = sent.args[0]
    return str(getattr(first, "decision_id", getattr(first, "address", first)))


_ANSWERED = frozenset({Kind.PARTIAL, Kind.UNKNOWN, Kind.STOP, Kind.RESENT})
_SLOW = frozenset({Kind.TIMEOUT, Kind.LOST, Kind.LATE})

_OUT = {
    "switch.allows_action": Kind.STOP,
    "capacity.is_active": Kind.UNKNOWN,
    "capacity.end_of_life": Kind.UNKNOWN,
    "capacity.model_unit_quota": Kind.UNKNOWN,
    "purchasing.buy": Kind.TIMEOUT,
    "releasing.delete": Kind.TIMEOUT,
}
"""How a call fails while its service is unreachable, where that is no plain error."""


class Gated:
    """A port whose calls to the outside pass the gate; the rest of it is as it was."""

    def __init__(self, gate: Gate, port: object, calls: Mapping[str, str]) -> None:
        """Wrap each method named in `calls` as the call that it stands for."""
        self._port = port
        for method, call in calls.items():
            setattr(self, method, partial(gate.through, call, getattr(port, method)))

    def __getattr__(self, name: str) -> Any:
        """What does not go out."""
        return getattr(self._port, name)


@lru_cache
def calls_of(port: str) -> Mapping[str, str]:
    """The calls of a port, by method."""
    return {call.partition(".")[2]: call for call in POSSIBLE if call.partition(".")[0] == port}
