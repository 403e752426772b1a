"""Runs one schedule: the functions as in production, over the simulated world."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.application.settings.in_force import STACK
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE, floor_minute
from tests.fakes.memory_approvals import MemoryApprovals
from tests.fakes.memory_settings import MemoryParameters
from tests.fakes.recording_reporter import RecordingReporter
from tests.simulation.adversary import Adversary, temper_of
from tests.simulation.bedrock import Knobs, SimulatedBedrock
from tests.simulation.callers import Callers
from tests.simulation.clocks import TrueClock, World
from tests.simulation.ending import Recovery, check_replays, heal_and_check, hold
from tests.simulation.endpoints import SimulatedEndpoints
from tests.simulation.environments import Environments
from tests.simulation.fanning import Queue
from tests.simulation.faults import Killed, Kind
from tests.simulation.gate import Chance, Gate, Place, Replay, Run
from tests.simulation.happenings import Happenings
from tests.simulation.ledger import Ledger, SimulatedTables
from tests.simulation.metrics import SimulatedMetrics
from tests.simulation.opening import open_with
from tests.simulation.oracles.findings import Findings, Violation
from tests.simulation.oracles.surroundings import Surroundings
from tests.simulation.oracles.watch import Watch
from tests.simulation.overlap import Overlap
from tests.simulation.parsing import PARSERS
from tests.simulation.schedule import SELDOM, Firing, Moment, Plan, Scenario
from tests.simulation.settings import START

if TYPE_CHECKING:
    from bedrock_autoscaler.domain.decision import Decision, Situation

DEPLOYMENT = "sim"
_MISSED = 0.05
_REPLAYED, _ALL_OF_THEM = 3, 10_000
TIMEOUT = timedelta(seconds=50)


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
        self.is_gone = False  # once the stack is torn down
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
        self.queue = Queue(self)
        self.environments = Environments(self)
        self.opened: set[str] = set()
        self.ledger.fleets.consents = {consent.id: consent for consent in plan.consents}
        self._open()

    def _open(self) -> None:
        """The state in which the schedule finds the targets and their callers."""
        chance = random.Random(f"opening {self.plan.seed}")  # noqa: S311 - simulation
        for name, text in self.plan.documents:
            if name == STACK:
                continue
            target = PARSERS[self.plan.decision_minutes].parse(name, None, text)
            if not isinstance(target, Target):
                raise ValueError(f"a schedule begins with valid settings: {target}")  # noqa: TRY004
            open_with(self, target, chance)
            self.callers.add(target)
            if target.provisioned is not None:
                self.bedrock.quota[target.provisioned.model_id] = 50
        self.callers.demand = dict.fromkeys(self.plan.targets, 1.0)

    def run(self, *, heal: bool = True) -> Outcome:
        """The whole schedule up to the first violation, then what must come true afterwards."""
        try:
            for number, moment in enumerate(self.plan.moments):
                self.play(number, moment)
                if self.findings.violations:
                    break
            self.finish()
            if self.is_gone:
                self.happenings.commands.check_gone()
            elif heal and not self.findings.violations:
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
        if self.is_gone:
            return
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
        new = self.environments.build()
        self.overlap.add(run, partial(self._execute, run, firing, scheduled, new))

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
            self._execute(run, firing, scheduled, self.environments.take(firing))
        finally:
            self.gate.run = None

    def _execute(
        self, run: Run, firing: Firing, scheduled: datetime, application: Application
    ) -> None:
        """The run itself; what it raises is what Lambda would log."""
        try:
            text = self.environments.call(application, firing.function, scheduled, run)
        except Killed as killed:
            text = f"killed at {killed}"
            self.environments.drop(firing.function)
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
            PARSERS[self.plan.decision_minutes].parse(name, None, text)
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

    def _close(self) -> None:
        self.surroundings.switch = "stop"

    def _later(self, subject: str, effect: Callable[[], object]) -> None:
        delay = timedelta(seconds=self._delays.randint(30, 600))
        self.bedrock.later(self.world.now + delay, subject, effect)


def _focus(plan: Plan) -> dict[str, list[Kind]]:
    focus: dict[str, list[Kind]] = {}
    for call, kind in plan.focus:
        focus.setdefault(call, []).append(kind)
    return focus
