"""The actor of endpoints: changes the instances that the newest capacity decision asks for.

As with purchases, the order keeps a change from happening twice: settle what is open, look at the
settings, the bounds and the endpoint as they are now, write the intent, look at the dollars, the
switch and the time again, call with the stored token, record what came of it.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bedrock_autoscaler.application.acting import ActorPorts
from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.observing.stacking import StackWatch
from bedrock_autoscaler.application.ports.bedrock import Capacity, Endpoints
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import Scalings
from bedrock_autoscaler.application.scaling.affording import Affording
from bedrock_autoscaler.application.scaling.rescaling import Rescaling
from bedrock_autoscaler.application.ticking import (
    Deadline,
    Summary,
    carrying_problem,
    has_time,
    period_of,
    visit_targets,
)
from bedrock_autoscaler.domain.decision import Scaling
from bedrock_autoscaler.domain.fleet.scalings import (
    KEPT,
    EndpointRecord,
    ScalingIntent,
    ScalingState,
)
from bedrock_autoscaler.domain.option import InstanceRails
from bedrock_autoscaler.domain.target import Loop, Mode, Target
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_autoscaler.domain.units import in_a_day


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePorts(ActorPorts):
    """What the actor needs.

    Attributes:
        fleets, capacity: what units cost under the same caps, ours and others'.
    """

    endpoints: Endpoints
    scalings: Scalings
    deployment: str
    capacity: Capacity


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
    tick = ports.tick(scheduled_at)
    if tick is None:
        return Summary(outcomes=())

    now, settings = tick.now, ports.read_settings()
    stack = StackWatch.over(
        settings,
        fleets=ports.fleets,
        endpoints=ports.endpoints,
        scalings=ports.scalings,
        deployment=ports.deployment,
    )

    def visit(target: Target) -> str:
        affording = Affording(stack=stack, capacity=ports.capacity, target=target, now=now)
        scaler = _Scaler(
            ports=ports, target=target, affording=affording, now=now, deadline=deadline
        )
        return scaler.run()

    targets = tuple(
        target for target in settings.targets if any(option.instances for option in target.options)
    )
    return visit_targets(targets, visit, ports.reporter).checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaler:
    """One pass for one target."""

    ports: ScalePorts
    target: Target
    affording: Affording
    now: datetime
    deadline: Deadline

    def run(self) -> str:
        """Settle what is open, then change what the decision asks for, each endpoint by itself."""
        endpoints, outcomes = self._settled()
        recorded = self.ports.decisions.latest(self.target.name, Loop.CAPACITY)
        if recorded is None or not recorded.decision.scalings:
            return ", ".join(outcomes) or "nothing to scale"
        decision_id = recorded.decision.id
        problem = carrying_problem(recorded, self.now, period_of(Loop.CAPACITY, self.target))
        if problem:
            return ", ".join([*outcomes, self._held(decision_id, problem)])
        for wanted in recorded.decision.scalings:
            if wanted.address in endpoints:
                outcomes.append(self._carry_out(wanted, recorded, *endpoints[wanted.address]))
            else:
                what = f"{wanted.address} is no endpoint whose instances may be changed now"
                outcomes.append(self._held(decision_id, what))
        return ", ".join(outcomes)

    def _settled(self) -> tuple[dict[str, tuple[InstanceRails, EndpointRecord]], list[str]]:
        """Bounds and record of each endpoint, once its open change was looked up.

        One that could not be is left out and told; the others go on.
        """
        ports = self.ports
        rescaling = Rescaling(
            scalings=ports.scalings,
            endpoints=ports.endpoints,
            reporter=ports.reporter,
            now=self.now,
        )
        found, outcomes = {}, []
        for option in self.target.options:
            if option.instances is None:
                continue
            try:
                record = ports.scalings.record_of(self.target.name, option.address)
                record, outcome = rescaling.settle(record)
            except ObservationError as error:
                ports.reporter.alarm("unobserved", self.target.name, str(error))
                outcomes.append("unobserved")
                continue
            found[option.address] = (option.instances, record)
            outcomes += [outcome] if outcome else []
        return found, outcomes

    def _carry_out(
        self,
        wanted: Scaling,
        recorded: RecordedDecision,
        rails: InstanceRails,
        record: EndpointRecord,
    ) -> str:
        """Everything that is checked before the intent is written."""
        decision_id = recorded.decision.id
        if any(each.decision_id == decision_id for each in record.changes):
            return "asked before"
        problem = (
            self._problem(wanted, rails)
            or self._record_problem(record, rails, recorded)
            or self._dollars_problem(wanted, rails, is_recorded=False)
        )
        if problem:
            return self._held(decision_id, problem)
        if self.target.mode is Mode.ADVISE:
            if self.ports.once.is_first(f"{decision_id} {wanted.address}"):
                self._report("would_scale", wanted, decision_id)
            return f"would scale to {wanted.to_instances}"
        state = self.ports.endpoints.state(wanted.address)
        if not state.is_settled or state.instances != wanted.from_instances:
            return self._held(decision_id, f"{wanted.address} has moved since the decision")
        stop = self._stop()
        if stop:
            return self._held(decision_id, stop)
        try:
            return self._change(wanted, decision_id, record, state, rails=rails)
        except StaleDecisionError as error:
            return self._held(decision_id, str(error))

    def _change(
        self,
        wanted: Scaling,
        decision_id: str,
        record: EndpointRecord,
        state: EndpointState,
        *,
        rails: InstanceRails,
    ) -> str:
        """Record the intent, look once more, call, record what came of it."""
        token = sha256(f"{self.ports.deployment}/{decision_id}/{wanted.address}".encode())
        intent = ScalingIntent(
            decision_id=decision_id,
            token=token.hexdigest(),
            from_instances=wanted.from_instances,
            to_instances=wanted.to_instances,
            state=ScalingState.RECORDED,
            recorded_at=self.now,
        )
        begun = record.begun(intent)
        self.ports.scalings.write(record, begun)
        # From here on purchases count it; one that was reserved before is counted now.
        stop = self._dollars_problem(wanted, rails, is_recorded=True) or self._stop()
        if stop:
            self._refuse(begun, f"not sent: {stop}")
            return self._held(decision_id, stop)
        try:
            self.ports.endpoints.scale(state, wanted.to_instances, intent.token)
        except StaleDecisionError as error:
            self._refuse(begun, str(error))
            raise
        except CapacityUnavailableError as error:
            self._refuse(begun, str(error))
            self.ports.reporter.alarm("scaling_failed", self.target.name, str(error))
            return "scaling failed"
        except UnknownOutcomeError as error:
            self._report("scaling_unresolved", wanted, decision_id, reason=str(error))
            return "scaling unresolved"
        self.ports.scalings.write(begun, begun.stepped(ScalingState.ASKED))
        self._report("scaled", wanted, decision_id)
        return f"scaled to {wanted.to_instances}"

    def _refuse(self, begun: EndpointRecord, detail: str) -> None:
        """Nothing was changed for sure."""
        refused = begun.stepped(ScalingState.REFUSED, detail, ended_at=self.now)
        self.ports.scalings.write(begun, refused)

    def _stop(self) -> str | None:
        """What forbids a call right now; read afresh each time, the time last: reads take some."""
        if not self.ports.switch.allows_action(self.target.name):
            return "the switch does not permit action"
        if not has_time(self.deadline):
            return "no time is left in this run"
        return None

    def _record_problem(
        self, record: EndpointRecord, rails: InstanceRails, recorded: RecordedDecision
    ) -> str | None:
        """What the ledger says against it: an open change, too many, or one since the decision."""
        if record.open is not None:
            return f"{record.open.decision_id} has no end yet"
        made, most = record.made_since(self.now - KEPT), rails.max_changes_per_day
        if made >= most:
            return in_a_day(made, most, "change")
        endpoints = recorded.situation.observation.endpoints
        seen = next((each.version for each in endpoints if each.address == record.address), 0)
        if record.version != seen:
            return f"its record is at version {record.version}, the decision saw {seen}"
        return None

    def _problem(self, wanted: Scaling, rails: InstanceRails) -> str | None:
        """What the settings as they are now say against it.

        A step towards bounds that have moved may end outside of them: the next ones go on.
        """
        controls, grows = self.target.controls, wanted.to_instances > wanted.from_instances
        is_within = (
            wanted.to_instances <= rails.max_instances
            if grows
            else wanted.to_instances >= rails.min_instances
        )
        if not is_within:
            return (
                f"{wanted.to_instances} instances are outside of {rails.min_instances} to "
                f"{rails.max_instances}"
            )
        return controls.growth_problem(self.now) if grows else controls.shrink_problem(self.now)

    def _dollars_problem(
        self, wanted: Scaling, rails: InstanceRails, *, is_recorded: bool
    ) -> str | None:
        """Which cap on dollars speaks against growing; nothing of the kind holds up the other way.

        Args:
            wanted: the change.
            rails: of the endpoint.
            is_recorded: its intent stands in the ledger.
        """
        more = wanted.to_instances - wanted.from_instances
        return self.affording.problem(rails, more, is_recorded=is_recorded) if more > 0 else None

    def _held(self, decision_id: str, reason: str) -> str:
        if self.ports.once.is_first(f"{decision_id} {reason}"):
            self.ports.reporter.happened(
                "scaling_held", self.target.name, decision_id=decision_id, reason=reason
            )
        return "scaling held"

    def _report(self, event: str, wanted: Scaling, decision_id: str, **fields: str) -> None:
        self.ports.reporter.happened(
            event,
            self.target.name,
            decision_id=decision_id,
            endpoint=wanted.address,
            from_instances=wanted.from_instances,
            to_instances=wanted.to_instances,
            **fields,
        )
