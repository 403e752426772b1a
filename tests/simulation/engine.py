"""Runs one schedule: the functions as in production, over the simulated world."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any, assert_never, override

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.application.ports.settings import Settings, SettingsProblem
from bedrock_autoscaler.application.settings.in_force import STACK, load_settings
from bedrock_autoscaler.application.settings.snapshots import SettingsReader
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.target import Loop, StackRails, Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE, floor_minute, floor_period
from tests.builders import ACCOUNT, REGION
from tests.documents import ListedPrices
from tests.fakes.memory_approvals import MemoryApprovals
from tests.fakes.memory_settings import MemoryParameters
from tests.fakes.recording_reporter import RecordingReporter
from tests.simulation.adversary import Adversary, Temper
from tests.simulation.bedrock import Knobs, SimulatedBedrock
from tests.simulation.callers import Callers
from tests.simulation.ending import Recovery, check_replays, heal_and_check, hold
from tests.simulation.endpoints import SimulatedEndpoints
from tests.simulation.faults import Killed, Kind
from tests.simulation.gate import Chance, Gate, Gated, Place, Replay, Run, calls_of
from tests.simulation.happenings import Happenings
from tests.simulation.ledger import Ledger, SimulatedTables
from tests.simulation.metrics import SimulatedMetrics
from tests.simulation.opening import open_with
from tests.simulation.oracles.findings import Findings, Violation
from tests.simulation.oracles.surroundings import Surroundings
from tests.simulation.oracles.watch import Watch
from tests.simulation.overlap import Overlap
from tests.simulation.schedule import (
    PERIODS,
    SELDOM,
    START,
    Firing,
    Function,
    Moment,
    Plan,
    Scenario,
)

DEPLOYMENT = "sim"
_MISSED = 0.05
_OFTEN, _SELDOM = 0.6, 0.12
_REPLAYED, _ALL_OF_THEM = 3, 10_000
TIMEOUT = timedelta(seconds=50)


class World:
    """The true time; it stands still while a run computes."""

    def __init__(self) -> None:
        self.now = START


class TrueClock:
    """The world's own clock, for the fakes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        """The true time."""
        return self._world.now


class SkewedClock:
    """The clock of the environment that runs now."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def now(self) -> datetime:
        """What this environment takes for the time."""
        run = self._gate.run
        return self._world.now if run is None else self._world.now + run.skew


class TrueDeadline:
    """What Lambda's context tells: it counts true time."""

    def __init__(self, world: World, run: Run) -> None:
        self._world = world
        self._run = run

    def remaining(self) -> timedelta:
        """Time until the run is stopped."""
        return self._run.deadline_at - self._world.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one schedule.

    Attributes:
        moments: ticks of the schedules, those after the last fault included.
        runs: of functions in them.
        strikes: faults by (call, kind).
        happenings: of the world, by name.
        struck: every fault with its place, for a replay.
        digest: of every call, fault and outcome in order.
        effects: changes of the world, the ledger and the tables, by kind.
        recovery: how soon all was well again; None when that was not tried.
    """

    plan: Plan
    violations: tuple[Violation, ...]
    moments: int
    runs: int
    strikes: Counter[tuple[str, Kind]]
    happenings: Counter[str]
    struck: Mapping[Place, Kind]
    digest: str
    effects: Counter[str]
    recovery: Recovery | None


class Simulation:
    """One world and one deployment in it."""

    def __init__(self, plan: Plan, strikes: Mapping[Place, Kind] | None = None) -> None:
        """Build both.

        Args:
            plan: the schedule.
            strikes: what strikes single calls; drawn from the seed when not given.
        """
        self.plan = plan
        self.world = World()
        self.clock = TrueClock(self.world)
        lags = dict(plan.lags)
        knobs = Knobs(
            list_lag=lags["list"] * MINUTE,
            tag_lag=lags["tags"] * MINUTE,
            lead_time=lags["lead"] * MINUTE,
            token_lifetime=lags["token"] * MINUTE,
            descending=bool(lags["descending"]),
        )
        self.bedrock = SimulatedBedrock(self.clock, DEPLOYMENT, knobs)
        missed = _MISSED if plan.scenario is Scenario.METRICS else 0.0
        self.metrics = SimulatedMetrics(self.clock, lags["metrics"], missed)
        self.metrics.beat_through(START - 2 * HOUR, START)
        self.ledger = Ledger()
        self.endpoints = SimulatedEndpoints(self.clock, knobs, plan.endpoints)
        self.approvals = MemoryApprovals(self.ledger.fleets)
        self.tables = SimulatedTables()
        self.parameters = MemoryParameters(dict(plan.documents))
        self.reporter = RecordingReporter()
        self.surroundings = Surroundings(
            time=self.world,
            deployment=DEPLOYMENT,
            bedrock=self.bedrock,
            metrics=self.metrics,
            fleets=self.ledger.fleets,
            decisions=self.ledger.decisions,
            tables=self.tables,
            endpoints=self.endpoints,
            scalings=self.ledger.scalings,
        )
        self.findings = Findings()
        self.watch = Watch(self.surroundings, self.findings)
        self.script = (
            Replay(strikes)
            if strikes is not None
            else Chance(str(plan.seed), plan.rate, _focus(plan), SELDOM)
        )
        self.gate = Gate(self.world, self.script, self.watch)
        self.gate.late = self._later
        self.gate.close = self._close
        self.callers = Callers(
            self.bedrock, self.metrics, self.tables.projected, self.surroundings.last_call_to
        )
        self.happenings = Happenings(self)
        self.core: Callable[[Situation], Decision] = (
            decide if plan.has_rules else Adversary(temper_of(plan))
        )
        self.moments = self.runs = 0
        self.recovery: Recovery | None = None
        self._replayed = _REPLAYED
        if plan.has_rules:
            self._replayed = _ALL_OF_THEM
        elif strikes:
            self._replayed = 0  # a fault at a call: what is decided without it was replayed
        self.deployment = DEPLOYMENT
        self.overlap = Overlap(self.gate)
        self._turns = random.Random(f"turns {plan.seed}")  # noqa: S311 - simulation
        self._delays = random.Random(f"delays {plan.seed}")  # noqa: S311 - simulation
        self._ports = self._gated()
        self._warm: dict[Function, Application] = {}
        self.opened: set[str] = set()
        self.ledger.fleets.consents = {consent.id: consent for consent in plan.consents}
        self._open()

    def _open(self) -> None:
        """The state in which the schedule finds the targets and their callers."""
        chance = random.Random(f"opening {self.plan.seed}")  # noqa: S311 - simulation
        for name, text in self.plan.documents:
            if name == STACK:
                continue
            target = _PARSERS[self.plan.decision_minutes].parse(name, None, text)
            if not isinstance(target, Target):
                raise ValueError(f"a schedule begins with valid settings: {target}")  # noqa: TRY004
            open_with(self, target, chance)
            self.callers.add(target)
            if target.provisioned is not None:
                self.bedrock.quota[target.provisioned.model_id] = 50
        self.callers.demand = dict.fromkeys(self.plan.targets, 1.0)

    # -- running -------------------------------------------------------------------------------

    def run(self, *, heal: bool = True) -> Outcome:
        """The whole schedule up to the first violation, then what must come true afterwards."""
        try:
            for number, moment in enumerate(self.plan.moments):
                self.play(number, moment)
                if self.findings.violations:
                    break
            self.finish()
            if heal and not self.findings.violations:
                check_replays(self, self._replayed)
                self.recovery = heal_and_check(self)
        finally:
            self.overlap.abort()
        return self.outcome()

    def outcome(self) -> Outcome:
        """What came of it so far."""
        digest = self.gate.digest
        digest.update("\n".join(self.findings.effects).encode())
        return Outcome(
            plan=self.plan,
            violations=tuple(self.findings.violations),
            moments=self.moments,
            runs=self.runs,
            strikes=self.gate.counts,
            happenings=self.happenings.counts,
            struck=self.script.struck,
            digest=digest.hexdigest(),
            effects=Counter(line.split()[0] for line in self.findings.effects),
            recovery=self.recovery,
        )

    def play(self, number: int, moment: Moment) -> None:
        """One moment."""
        self.moments += 1
        self.advance(moment.step)
        for happening in moment.happenings:
            self.happenings.happen(happening, number)
        if self.plan.scenario is Scenario.OVERLAPPING and self.gate.is_open:
            self._fire_together(number, moment.firings)
            return
        for index, firing in enumerate(moment.firings):
            if not firing.is_lost:
                self.fire(number, index, firing)

    def _fire_together(self, moment: int, firings: tuple[Firing, ...]) -> None:
        """All events of a moment at once; now and then a run is held up till later moments."""
        for index, firing in enumerate(firings):
            if firing.is_lost:
                continue
            self.enter(moment, index, firing)
        leave = self._turns.choice((0, 0, 0, 1, 2))
        self.overlap.drive(self._turns.choice, leave=leave)

    def enter(self, moment: int, number: int, firing: Firing) -> None:
        """A run that begins when it is given its first turn."""
        run = self.begin(moment, number, firing)
        scheduled = floor_minute(self.world.now - firing.late)
        self.overlap.add(run, partial(self._execute, run, firing, scheduled, self.build()))

    def finish(self) -> None:
        """Let all runs come to their end."""
        self.overlap.drive(self._turns.choice)

    def advance(self, step: timedelta) -> None:
        """Time passes: callers call, late effects come.

        The routing loop beats each minute; the schedule has only some of its runs in full.
        """
        start, end = self.world.now, self.world.now + step
        while (due := self.bedrock.next_due()) is not None and due <= end:
            self.world.now = max(due, start)
            self.bedrock.settle(self.world.now)
        self.world.now = end
        self.metrics.beat_through(start, self.world.now)
        for failure in self.callers.call(start, self.world.now):
            self.findings.failed("O6", failure)

    def fire(self, moment: int, number: int, firing: Firing) -> None:
        """One event: a run of its function from beginning to end."""
        run = self.begin(moment, number, firing)
        self.gate.run = run
        scheduled = floor_minute(self.world.now - firing.late)
        try:
            self._execute(run, firing, scheduled, self.application(firing))
        finally:
            self.gate.run = None

    def _execute(
        self, run: Run, firing: Firing, scheduled: datetime, application: Application
    ) -> None:
        """The run itself; what it raises is what Lambda would log."""
        try:
            text = self.call(application, firing.function, scheduled, run)
        except Killed as killed:
            text = f"killed at {killed}"
            self._warm.pop(firing.function, None)
        except AutoscalerError as error:
            text = type(error).__name__
        except KeyError as error:  # the unexpected error that the gate raises outside any target
            if "simulated" not in str(error):
                raise
            text = "KeyError"
        self.runs += 1
        place = f"{run.moment}.{run.number} {firing.function}"
        self.gate.digest.update(f"{place} {text}\n".encode())

    def heal(self) -> None:
        """Faults stop: services answer, people put right what they spoiled, clocks agree."""
        self.gate.is_open = False
        self.surroundings.switch = "allow"
        self.parameters.texts = dict(self.plan.documents)
        self.metrics.heal()
        self.core = hold
        self.bedrock.quota = dict.fromkeys(self.bedrock.quota, 50)
        self.bedrock.legacy.clear()

    def targets_in_force(self) -> tuple[Target, ...]:
        """As the settings stand now."""
        found = (
            _PARSERS[self.plan.decision_minutes].parse(name, None, text)
            for name, text in self.parameters.texts.items()
        )
        return tuple(target for target in found if isinstance(target, Target))

    def begin(self, moment: int, number: int, firing: Firing) -> Run:
        """A run that starts now."""
        return Run(
            function=firing.function,
            moment=moment,
            number=number,
            skew=firing.skew,
            started_at=self.world.now,
            deadline_at=self.world.now + TIMEOUT,
        )

    def call(
        self, application: Application, function: Function, scheduled: datetime, run: Run
    ) -> str:
        """What the function's handler does."""
        deadline = TrueDeadline(self.world, run)
        match function:
            case Function.ROUTING:
                summary = application.observe_and_decide(Loop.ROUTING, scheduled)
            case Function.CAPACITY:
                period = self.plan.decision_minutes * MINUTE
                summary = application.observe_and_decide(
                    Loop.CAPACITY, floor_period(scheduled, period)
                )
            case Function.PURCHASE:
                summary = application.purchase(scheduled, deadline)
            case Function.RELEASE:
                summary = application.release(scheduled, deadline)
            case Function.PUBLISH:
                summary = application.publish(scheduled)
            case Function.SCALE:
                summary = application.scale_endpoint(scheduled, deadline)
            case _:
                assert_never(function)
        return str(summary.outcomes)

    # -- building ------------------------------------------------------------------------------

    def application(self, firing: Firing) -> Application:
        """The environment that runs it: the warm one of its function, or a new one."""
        if firing.cold:
            self._warm.pop(firing.function, None)
        found = self._warm.get(firing.function)
        if found is None:
            found = self.build()
            self._warm[firing.function] = found
        return found

    def build(self) -> Application:
        """A new environment: nothing of an earlier one is remembered."""
        adapters: Any = SimpleNamespace(**self._ports, settings=self._settings_reader())
        return Application(
            adapters,
            deployment=DEPLOYMENT,
            code_version="1.2.3",
            decide=self._decide,
        )

    def _decide(self, situation: Situation) -> Decision:
        return self.core(situation)

    def _settings_reader(self) -> Callable[[], Settings]:
        gate, ledger = self.gate, self.ledger
        parameters: Any = Gated(gate, self.parameters, {"documents": "settings.documents"})
        last_good: Any = Gated(
            gate,
            ledger.last_good,
            {"get": "settings.last_good", "put": "settings.keep_last_good"},
        )
        parser = _PARSERS[self.plan.decision_minutes]

        def load(documents: Any) -> Settings:
            return load_settings(documents, parser, last_good, account=ACCOUNT, region=REGION)

        reader = SettingsReader(parameters, load)

        def read() -> Settings:
            settings = reader()
            if gate.run is not None:
                gate.run.settings = settings
            return settings

        return read

    def _gated(self) -> dict[str, Any]:
        gate, bedrock, ledger = self.gate, self.bedrock, self.ledger
        gate.alternatives = {
            "capacity.inventory": bedrock.partial_inventory,
            "capacity.is_active": lambda _: None,
            "capacity.end_of_life": lambda _: None,
            "capacity.model_unit_quota": lambda _: None,
            "metrics.read": self.metrics.partial_read,
            "switch.allows_action": lambda _: False,
        }
        switch = SimpleNamespace(allows_action=lambda _: self.surroundings.switch == "allow")
        ports: dict[str, object] = {
            "metrics": self.metrics,
            "capacity": bedrock,
            "purchasing": bedrock,
            "releasing": bedrock,
            "decisions": ledger.decisions,
            "fleets": ledger.fleets,
            "history": ledger.history,
            "tables": self.tables,
            "switch": switch,
        }
        if self.plan.endpoints:
            ports |= {"endpoints": self.endpoints, "scalings": ledger.scalings}
        if self.plan.asks:
            ports["approvals"] = self.approvals
        # What a plan leaves out is not there: the consents of schedules are given with the plan.
        gated: dict[str, Any] = dict.fromkeys(("endpoints", "scalings", "approvals"))
        gated |= {name: Gated(gate, port, calls_of(name)) for name, port in ports.items()}
        gated["clock"] = SkewedClock(self.world, gate)
        gated["reporter"] = self.reporter
        return gated

    def _close(self) -> None:
        self.surroundings.switch = "stop"

    def _later(self, subject: str, effect: Callable[[], object]) -> None:
        delay = timedelta(seconds=self._delays.randint(30, 600))
        self.bedrock.later(self.world.now + delay, subject, effect)


def temper_of(plan: Plan) -> Temper:
    """How the adversary of a schedule is minded."""
    terms = _OFTEN if plan.scenario is Scenario.TERMS else _SELDOM
    return Temper(seed=plan.seed, terms=terms)


def _focus(plan: Plan) -> dict[str, list[Kind]]:
    focus: dict[str, list[Kind]] = {}
    for call, kind in plan.focus:
        focus.setdefault(call, []).append(kind)
    return focus


class _CachedDocuments(TargetDocuments):
    """The deployed parser; what it made of a text once is handed out again."""

    @override
    @lru_cache(maxsize=20_000)  # noqa: B019 - it lives as long as the process
    def parse(self, name: str, defaults: str | None, text: str) -> Target | SettingsProblem:
        """The target in force, or the first problem of its document."""
        return super().parse(name, defaults, text)

    @override
    @lru_cache(maxsize=1_000)  # noqa: B019 - it lives as long as the process
    def parse_stack(self, text: str) -> StackRails | SettingsProblem:
        """The caps on all targets, or the first problem of the document."""
        return super().parse_stack(text)

    @override
    @lru_cache(maxsize=1_000)  # noqa: B019 - it lives as long as the process
    def check_defaults(self, text: str) -> SettingsProblem | None:
        """What is wrong with a document of defaults."""
        return super().check_defaults(text)


_PARSERS = {
    minutes: _CachedDocuments(ListedPrices(), decision_minutes=minutes) for minutes in PERIODS
}
