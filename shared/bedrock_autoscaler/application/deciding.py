"""Observe and decide: one tick of one loop for all targets; records decisions, changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing import Known, Observer, Sources
from bedrock_autoscaler.application.ports import Clock, RecordedDecision, Reporter, Settings
from bedrock_autoscaler.application.ticking import (
    Summary,
    Tick,
    is_outdated,
    period_of,
    visit_targets,
)
from bedrock_autoscaler.domain.decide import decide as decide_by_rules
from bedrock_autoscaler.domain.decision import Action, Decision, Situation
from bedrock_autoscaler.domain.fleet import Ownership
from bedrock_autoscaler.domain.target import Loop, Target

_NEAR_CAP = Decimal("0.8")
_PUNCTUAL = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingPorts:
    """What observing and deciding needs.

    Attributes:
        read_settings: one snapshot of the settings; called once a tick.
        code_version: of the package that decides.
        decide: the decision core; a test may put an adversary here.
    """

    clock: Clock
    read_settings: Callable[[], Settings]
    sources: Sources
    code_version: str
    decide: Callable[[Situation], Decision] = decide_by_rules


def observe_and_decide(loop: Loop, scheduled_at: datetime | None, ports: DecidingPorts) -> Summary:
    """Decide one tick of `loop` for every target in force, and record each decision.

    A tick that was decided before, that a newer one overtook, or that is older than two periods
    leaves no trace. A source that cannot be read is a gap in the situation, so that the decision
    holds and says why.

    Args:
        loop: which of the two loops ticks.
        scheduled_at: the tick's scheduled time; None when the schedule does not tell.
        ports: what it reads and writes.

    Raises:
        TargetsFailedError: the pass of some target failed; the others are done.
        ObservationError: the settings could not be read.
    """
    now = ports.clock.now()
    _beat(scheduled_at, now, ports.sources)
    targets = _targets_in_force(ports)
    if not targets:
        return Summary(outcomes=())
    period = min(period_of(loop, target) for target in targets)
    tick = Tick.of(scheduled_at, now, period)
    current = tuple(
        target
        for target in targets
        if not is_outdated(tick.scheduled_at, now, period_of(loop, target))
    )
    outdated = tuple((target.name, "outdated") for target in targets if target not in current)
    summary = Summary(outcomes=outdated)
    if current:
        observer = Observer(loop, tick, targets, ports.sources)
        if loop is Loop.CAPACITY:
            _report_orphans(observer, targets, ports.sources.reporter)
        summary = summary.followed_by(_decide_targets(observer, current, ports))
    return summary.checked()


def _decide_targets(
    observer: Observer, targets: tuple[Target, ...], ports: DecidingPorts
) -> Summary:
    """Recall each target, read the metrics of all in one batch, then decide each."""
    reporter = ports.sources.reporter
    known: dict[str, Known] = {}

    def recall(target: Target) -> str:
        found = observer.recall(target)
        if found is None:
            return "decided before"
        known[target.name] = found
        return "recalled"

    def decide(target: Target) -> str:
        return _decide_target(known[target.name], observer, ports)

    recalled = visit_targets(targets, recall, reporter)
    observer.measure(known.values())
    waiting = [target for target in targets if target.name in known]
    return recalled.followed_by(visit_targets(waiting, decide, reporter))


def _decide_target(known: Known, observer: Observer, ports: DecidingPorts) -> str:
    """Decide and record one target; the record of another run of the same tick wins."""
    situation, history = observer.situation(known)
    decision = ports.decide(situation)
    recorded = RecordedDecision(
        decision=decision, situation=situation, history=history, code_version=ports.code_version
    )
    if not ports.sources.decisions.record(recorded):
        return "decided before"
    ports.sources.reporter.decided(decision)
    if situation.loop is Loop.CAPACITY:
        _report_standing(situation, ports.sources.reporter)
    return ", ".join(_phrase(action) for action in decision.actions) or "hold"


def _targets_in_force(ports: DecidingPorts) -> tuple[Target, ...]:
    settings = ports.read_settings()
    for problem in settings.problems:
        text = f"{problem.field}: {problem.message}" if problem.field else problem.message
        ports.sources.reporter.alarm("settings_rejected", problem.document, text)
    return settings.targets


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


def _report_orphans(observer: Observer, targets: tuple[Target, ...], reporter: Reporter) -> None:
    """PTs with our tag whose target is no longer in force go on costing money unwatched."""
    names = {target.name for target in targets}
    for pt in observer.tagged_as_ours():
        if pt.target not in names:
            reporter.alarm(
                "orphaned_pt",
                pt.target or "",
                f"{pt.arn} of {pt.model_units} units is tagged as ours, but its target "
                f"{pt.target!r} is not in force: nobody watches it",
            )


def _report_standing(situation: Situation, reporter: Reporter) -> None:
    """What a person must know for as long as it lasts."""
    target, fleet = situation.target, situation.fleet
    for pt in fleet.throughputs:
        if pt.ownership is Ownership.UNMANAGED:
            reporter.alarm(
                "unmanaged_pt",
                target.name,
                f"{pt.arn} of {pt.model_units} units is not ours: it counts against the caps and "
                "is never released",
            )
    rails = target.guard_rails
    for span, booked, cap in (
        ("day", fleet.spend.day_usd, rails.max_usd_per_day),
        ("month", fleet.spend.month_usd, rails.max_usd_per_month),
    ):
        if booked > 0 and booked >= _NEAR_CAP * cap:
            reporter.alarm(
                "spend_near_cap",
                target.name,
                f"{booked} USD are booked this {span}, max_usd_per_{span} is {cap}",
            )


def _phrase(action: Action) -> str:
    """An action as `purchase 2`, for the summary of the run."""
    return f"{type(action).__name__.lower()} {action.model_units}"
