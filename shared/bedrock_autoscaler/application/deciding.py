"""Observe and decide: one tick of one loop for all targets; records decisions, changes nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.nowhere import Nowhere
from bedrock_autoscaler.application.fleets.places import Place, PlaceAdapters
from bedrock_autoscaler.application.observing.known import Known
from bedrock_autoscaler.application.observing.measuring import Listing
from bedrock_autoscaler.application.observing.observer import Observer
from bedrock_autoscaler.application.observing.sharing import SharedMetrics, SharedTables
from bedrock_autoscaler.application.observing.sources import Company, Sources
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.settings import Settings, SettingsProblem
from bedrock_autoscaler.application.scaling.spending import bounded_endpoints
from bedrock_autoscaler.application.settings.in_force import DEFAULTS, STACK
from bedrock_autoscaler.application.telling.asking import ask_persons
from bedrock_autoscaler.application.telling.left_behind import report_left_behind
from bedrock_autoscaler.application.telling.reminding import remind
from bedrock_autoscaler.application.telling.settings import report_settings
from bedrock_autoscaler.application.telling.standing import report_standing
from bedrock_autoscaler.application.ticking import (
    Deadline,
    Summary,
    Tick,
    period_of,
    report_late,
    visit_targets,
)
from bedrock_autoscaler.domain.decide import decide as decide_by_rules
from bedrock_autoscaler.domain.decision import Action, Decision, Situation
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE

_PUNCTUAL = timedelta(minutes=5)
_MAX_REJECTED = 300
"""Characters of a problem of the settings that each decision repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingPorts:
    """What observing and deciding needs.

    Attributes:
        read_settings: one snapshot of the settings; called once a tick.
        code_version: of the package that decides.
        decide: the decision core; a test may put an adversary here.
        unreachable: why the place cannot be reached; empty when it can.
    """

    clock: Clock
    read_settings: Callable[[], Settings]
    sources: Sources
    code_version: str
    decide: Callable[[Situation], Decision] = decide_by_rules
    unreachable: str = ""

    def shared(self) -> "DecidingPorts":
        """The same for both loops of one run, which read the same things once."""
        metrics, tables = SharedMetrics(self.sources.metrics), SharedTables(self.sources.tables)
        sources = replace(self.sources, metrics=metrics, tables=tables, states={})
        return replace(self, sources=sources)

    def elsewhere(self, there: PlaceAdapters) -> "DecidingPorts":
        """The same in another place; records and endpoints stay where they are."""
        sources = replace(
            self.sources,
            metrics=there.metrics,
            listing=Listing(there.metrics),
            capacity=there.capacity,
            deployment=there.owner,
            keepsakes=self.sources.keepsakes.elsewhere(),
        )
        return replace(self, sources=sources)

    def blind(self, reason: str) -> "DecidingPorts":
        """The same for a place that cannot be reached: records are read, and nothing else."""
        nothing = Nowhere(reason)
        sources = replace(
            self.sources,
            metrics=nothing,
            listing=Listing(nothing),
            capacity=nothing,
            keepsakes=self.sources.keepsakes.elsewhere(),
            endpoints=None,
        )
        return replace(self, sources=sources, unreachable=reason)


def observe_and_decide(
    loop: Loop,
    scheduled_at: datetime | None,
    ports: DecidingPorts,
    deadline: Deadline | None = None,
) -> Summary:
    """Decide one tick of `loop` for every target in force, and record each decision.

    A tick that was decided before, or that a newer one overtook, leaves no trace. One that is
    older than two periods, or far off the clock, is decided and recorded, but nothing follows from
    it; one that lies far ahead is not even recorded. A source that cannot be read is a gap in the
    situation, so that the decision holds and says why.

    Args:
        loop: which of the two loops ticks.
        scheduled_at: the tick's scheduled time; None when the schedule does not tell.
        ports: what it reads and writes.
        deadline: bounds how much old history is read; None: all of it.

    Raises:
        TargetsFailedError: the pass of some target failed; the others are done.
        ObservationError: the settings could not be read.
    """
    now = ports.clock.now()
    _beat(scheduled_at, now, ports.sources)
    settings = ports.read_settings()
    report_settings(settings, ports.sources.reporter)
    targets = settings.targets
    if not targets and loop is Loop.ROUTING:
        return Summary(outcomes=())
    # Without a target in force there may be throughputs of ours that nobody else tells of.
    shortest = min((period_of(loop, target) for target in targets), default=MINUTE)
    tick = Tick.of(scheduled_at, now, shortest)
    if tick.is_late(shortest):
        report_late(tick, ports.sources.reporter)
    if tick.is_far_ahead:
        return Summary(outcomes=())
    names = frozenset(target.name for target in targets)
    company = Company(names=names, rails=settings.rails, endpoints=bounded_endpoints(targets))
    observer = Observer(loop, tick, targets, ports.sources, company=company, deadline=deadline)
    if loop is Loop.CAPACITY:
        place = Place.of(targets[0]) if targets else None  # all are in the same one
        report_left_behind(observer.inventory, names, now, ports.sources, place=place)
    return _decide_targets(observer, targets, ports, problems=settings.problems).checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some targets of one account and Region, and what must be known of all of them.

    Attributes:
        scheduled_at: of the tick that they are due in.
        problems: of the settings.
    """

    targets: tuple[Target, ...]
    company: Company
    scheduled_at: datetime
    problems: tuple[SettingsProblem, ...] = ()

    def only(self, names: Iterable[str]) -> "Batch":
        """The same with these targets alone."""
        wanted = frozenset(names)
        kept = tuple(target for target in self.targets if target.name in wanted)
        return replace(self, targets=kept)


def decide_batch(
    loop: Loop,
    batch: Batch,
    ports: DecidingPorts,
    decided: Callable[[RecordedDecision], None],
    *,
    deadline: Deadline | None = None,
) -> Summary:
    """Decide one tick of `loop` for the targets of a batch, and record each decision.

    As `observe_and_decide`, but the settings are those of the batch, the heartbeat and what is
    wrong with the settings are the dispatcher's, and a failed pass is left to the caller.

    Args:
        loop: which of the two loops ticks.
        batch: what to decide.
        ports: what it reads and writes.
        decided: hears of each decision that was recorded.
        deadline: bounds how much old history is read; None: all of it.
    """
    if not batch.targets:
        return Summary(outcomes=())
    tick = Tick.of(batch.scheduled_at, ports.clock.now(), MINUTE)
    observer = Observer(
        loop, tick, batch.targets, ports.sources, company=batch.company, deadline=deadline
    )
    if loop is Loop.CAPACITY:
        place = Place.of(batch.targets[0])
        names = batch.company.names
        report_left_behind(observer.inventory, names, tick.now, ports.sources, place=place)
    return _decide_targets(observer, batch.targets, ports, problems=batch.problems, decided=decided)


def beat(scheduled_at: datetime | None, ports: DecidingPorts) -> Summary:
    """Prove the minute of a tick in which no loop decides.

    Where the routing loop ticks less often than each minute, the minutes between would count as
    unread, and nothing could ever be released.
    """
    _beat(scheduled_at, ports.clock.now(), ports.sources)
    return Summary(outcomes=())


def _decide_targets(
    observer: Observer,
    targets: tuple[Target, ...],
    ports: DecidingPorts,
    *,
    problems: tuple[SettingsProblem, ...],
    decided: Callable[[RecordedDecision], None] = lambda _: None,
) -> Summary:
    """Recall each target, read the newest metrics of all in one batch, then decide each.

    Those that lack old days of their history come last, the fewest first: each reads as many of
    them as time allows, and is decided then.
    """
    reporter = ports.sources.reporter
    known: dict[str, Known] = {}

    def recall(target: Target) -> str:
        found = observer.recall(target)
        if found is None:
            return "decided before"
        known[target.name] = found
        return "recalled"

    def decide(target: Target) -> str:
        rejected = _rejected(problems, target)
        found, outcome = _decide_target(known[target.name], observer, ports, rejected)
        if found is not None:
            decided(found)
        return outcome

    recalled = visit_targets(targets, recall, reporter)
    observer.measure(known.values())
    waiting = [target for target in targets if target.name in known]
    waiting.sort(key=lambda target: len(known[target.name].look.unread))
    return recalled.followed_by(visit_targets(waiting, decide, reporter))


def _decide_target(
    known: Known, observer: Observer, ports: DecidingPorts, rejected: tuple[str, ...]
) -> tuple[RecordedDecision | None, str]:
    """Decide and record one target, and the outcome; another run's record of the tick wins."""
    situation, history = observer.situation(known)
    if rejected or ports.unreachable:
        situation = replace(situation, rejected=rejected, unreachable=ports.unreachable)
    decision = ports.decide(situation)
    recorded = RecordedDecision(
        decision=decision, situation=situation, history=history, code_version=ports.code_version
    )
    if not ports.sources.decisions.record(recorded):
        return None, "decided before"
    ports.sources.reporter.decided(decision)
    if situation.loop is Loop.CAPACITY:
        costs = observer.endpoint_costs()
        beside = costs.of_target(decision.target).spend
        report_standing(situation, decision, ports.sources.reporter, beside=beside)
        remind(situation, ports.sources.reporter, costs)
        ask_persons(situation, decision, ports.sources.approvals, ports.sources.reporter)
    if situation.is_late:
        return recorded, "late: recorded"
    return recorded, ", ".join(_phrase(action) for action in decision.actions) or "hold"


def _rejected(problems: Iterable[SettingsProblem], target: Target) -> tuple[str, ...]:
    """What is wrong with the documents that the target's settings come from."""
    documents = (target.name, DEFAULTS, STACK)
    return tuple(
        f"{problem.document}: {problem.text}"[:_MAX_REJECTED]
        for problem in problems
        if problem.document in documents
    )


def _beat(scheduled_at: datetime | None, now: datetime, sources: Sources) -> None:
    """Prove that the loop and CloudWatch live; a minute without a beat is a gap, not a zero.

    The beat goes into the scheduled minute, so that a late tick does not leave a gap there and
    beat twice in the next minute. A tick that is far off its time proves only the present.
    """
    is_punctual = scheduled_at is not None and abs(now - scheduled_at) <= _PUNCTUAL
    moment = scheduled_at if scheduled_at is not None and is_punctual else now
    try:
        sources.metrics.beat(moment)
    except ObservationError as error:
        sources.reporter.alarm("heartbeat_failed", "", str(error))


def _phrase(action: Action) -> str:
    """An action as `purchase 2`, for the summary of the run."""
    return f"{type(action).__name__.lower()} {action.model_units}"
