"""The actor of endpoints: changes the instances that the newest capacity decision asks for.

A change is not recorded in the ledger: it is repeatable, can be taken back, and is paid by the
hour of its own, so that Bedrock's answer on the endpoint says all that matters. What makes a
repetition harmless is a token from the decision, and that the endpoint must still stand where the
decision saw it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports import (
    Clock,
    Decisions,
    Endpoints,
    Reporter,
    Settings,
    Switch,
)
from bedrock_autoscaler.application.ticking import (
    Deadline,
    Once,
    Summary,
    Tick,
    carrying_problem,
    has_time,
    period_of,
    visit_targets,
)
from bedrock_autoscaler.domain.decision import Scaling
from bedrock_autoscaler.domain.target import Loop, Mode, Target
from bedrock_autoscaler.domain.units import MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePorts:
    """What the actor needs; `once` keeps what was reported already."""

    clock: Clock
    read_settings: Callable[[], Settings]
    switch: Switch
    decisions: Decisions
    endpoints: Endpoints
    reporter: Reporter
    deployment: str
    once: Once = field(default_factory=Once)


def scale_endpoints(
    scheduled_at: datetime | None, deadline: Deadline, ports: ScalePorts
) -> Summary:
    """Carry out what each target's newest capacity decision says of its endpoints.

    A decision that is late, older than two periods or overtaken by the settings changes nothing.
    In mode `advise` what would have been changed is reported, once.

    Args:
        scheduled_at: the tick's scheduled time; None when the schedule does not tell.
        deadline: end of the invocation.
        ports: what it reads and changes.

    Raises:
        TargetsFailedError: the pass of some target failed; the others are done.
        ObservationError: the settings could not be read.
    """
    now = ports.clock.now()
    if not Tick.of(scheduled_at, now, MINUTE).may_act:
        ports.reporter.happened("tick_late", "")
        return Summary(outcomes=())

    def visit(target: Target) -> str:
        return _Scaler(ports=ports, target=target, now=now, deadline=deadline).run()

    targets = tuple(
        target
        for target in ports.read_settings().targets
        if any(option.instances for option in target.options)
    )
    return visit_targets(targets, visit, ports.reporter).checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaler:
    """One pass for one target."""

    ports: ScalePorts
    target: Target
    now: datetime
    deadline: Deadline

    def run(self) -> str:
        """Change what the decision asks for, each endpoint by itself."""
        recorded = self.ports.decisions.latest(self.target.name, Loop.CAPACITY)
        if recorded is None or not recorded.decision.scalings:
            return "nothing to scale"
        decision_id = recorded.decision.id
        problem = carrying_problem(recorded, self.now, period_of(Loop.CAPACITY, self.target))
        if problem:
            return self._held(decision_id, problem)
        outcomes = [self._carry_out(each, decision_id) for each in recorded.decision.scalings]
        return ", ".join(outcomes)

    def _carry_out(self, wanted: Scaling, decision_id: str) -> str:
        problem = self._problem(wanted)
        if problem:
            return self._held(decision_id, problem)
        if self.target.mode is Mode.ADVISE:
            if self.ports.once.is_first(f"{decision_id} {wanted.address}"):
                self._report("would_scale", wanted, decision_id)
            return f"would scale to {wanted.to_instances}"
        if not has_time(self.deadline):
            return self._held(decision_id, "no time is left in this run")
        return self._change(wanted, decision_id)

    def _change(self, wanted: Scaling, decision_id: str) -> str:
        """Look once more, then ask for the change."""
        state = self.ports.endpoints.state(wanted.address)
        if state.instances == wanted.to_instances:
            return f"scaled to {wanted.to_instances} before"
        if not state.is_settled or state.instances != wanted.from_instances:
            return self._held(decision_id, f"{wanted.address} has moved since the decision")
        if not self.ports.switch.allows_action(self.target.name):
            return self._held(decision_id, "the switch does not permit action")
        token = sha256(f"{self.ports.deployment}/{decision_id}/{wanted.address}".encode())
        try:
            self.ports.endpoints.scale(state, wanted.to_instances, token.hexdigest())
        except StaleDecisionError as error:
            return self._held(decision_id, str(error))
        except (CapacityUnavailableError, UnknownOutcomeError) as error:
            self.ports.reporter.alarm("scaling_failed", self.target.name, str(error))
            return "scaling failed"
        self._report("scaled", wanted, decision_id)
        return f"scaled to {wanted.to_instances}"

    def _problem(self, wanted: Scaling) -> str | None:
        """What the settings as they are now say against it."""
        option = next((o for o in self.target.options if o.address == wanted.address), None)
        rails = option.instances if option is not None else None
        if rails is None:
            return f"{wanted.address} is no endpoint whose instances may be changed"
        if not rails.min_instances <= wanted.to_instances <= rails.max_instances:
            return (
                f"{wanted.to_instances} instances are outside of {rails.min_instances} to "
                f"{rails.max_instances}"
            )
        usd = rails.usd_per_instance_hour * wanted.to_instances
        grows = wanted.to_instances > wanted.from_instances
        if grows and usd > self.target.guard_rails.max_usd_per_hour:
            return f"{usd} USD an hour are above max_usd_per_hour"
        controls = self.target.controls
        if grows:
            return controls.growth_problem(self.now)
        return controls.shrink_problem(self.now)

    def _held(self, decision_id: str, reason: str) -> str:
        if self.ports.once.is_first(f"{decision_id} {reason}"):
            self.ports.reporter.happened(
                "scaling_held", self.target.name, decision_id=decision_id, reason=reason
            )
        return "scaling held"

    def _report(self, event: str, wanted: Scaling, decision_id: str) -> None:
        self.ports.reporter.happened(
            event,
            self.target.name,
            decision_id=decision_id,
            endpoint=wanted.address,
            from_instances=wanted.from_instances,
            to_instances=wanted.to_instances,
        )
