"""The oracles of endpoints, asked before each change of instances and at each record of one."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.decision import Scaling
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingIntent, ScalingState
from bedrock_autoscaler.domain.option import InstanceRails
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_autoscaler.domain.units import MINUTE
from tests.simulation.gate import Run
from tests.simulation.oracles.caps import caps_of
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.permits import PermitOracles
from tests.simulation.oracles.surroundings import DAY, FUNCTION_TIME, Surroundings

_ENDED_WITHOUT = frozenset({ScalingState.REFUSED, ScalingState.GIVEN_UP})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOracles:
    """Compares what is done to endpoints with settings, ledger and the true state."""

    world: Surroundings
    findings: Findings
    permits: PermitOracles
    _made: Counter[str] = field(default_factory=Counter, init=False)
    _sent: dict[str, dict[str, datetime]] = field(
        default_factory=lambda: defaultdict(dict), init=False
    )

    def scaling(self, run: Run, before: EndpointState, instances: int, token: str) -> None:
        """O1, O2, O4, O5, O9, O10, O12, O13 right before a change is sent."""
        address = before.address
        name = self.world.endpoints.owners.get(address)
        target = run.target(name) if name else None
        options = target.options if target else ()
        rails = next((option.instances for option in options if option.address == address), None)
        if target is None or rails is None:
            self.findings.failed(
                "O5", f"{address} is changed, which the settings of {name} do not allow"
            )
            return
        self.permits.permitted(run, target.name, f"scaling of {address}")
        self.permits.in_time(run, f"scaling of {address}")
        grows = instances > before.instances
        self.permits.unpaused(run, target, f"scaling of {address}", grows=grows)
        self._bounded(before, instances, target, rails)
        if grows:
            self._afforded(run, address, instances, target)
        intent = self._written(target, address, instances, token)
        if intent is not None:
            self._decided(run, target, address, intent)
        if token not in run.sent:  # else the SDK sends it again
            run.sent.add(token)
            self._paced(run, address, rails, token)

    def written(self, before: EndpointRecord) -> None:
        """O10: no change ends as not made that was made, or that is still to come."""
        record = self.world.scalings.records.get((before.target, before.address))
        if record is None or record.changes[-1].state not in _ENDED_WITHOUT:
            return
        ended = record.changes[-1]
        true = self.world.endpoints.true_state(record.address)
        was_made = self._made[ended.token] > 0 and true.instances == ended.to_instances
        if was_made or self.world.bedrock.is_to_come(record.address):
            self.findings.failed(
                "O10", f"{ended.decision_id} is {ended.state}, but was or will be made"
            )

    def restored(self) -> None:
        """The ledger cannot count the changes that it has forgotten."""
        records = self.world.scalings.records.values()
        kept = {change.token for record in records for change in record.changes}
        for sent in self._sent.values():
            for token in sent.keys() - kept:
                del sent[token]

    def scaled(self, address: str, token: str, before: int, after: int) -> None:
        """O4: a change took effect, for the first time."""
        self.findings.effects.append(f"{'grown' if after > before else 'shrunk'} {address} {after}")
        self._made[token] += 1
        if self._made[token] > 1:
            self.findings.failed(
                "O4", f"{address} was changed {self._made[token]} times by one decision"
            )

    def _bounded(
        self, before: EndpointState, instances: int, target: Target, rails: InstanceRails
    ) -> None:
        """O1: no growth above the bounds of this run's settings, and no shrinking below them."""
        grows = instances > before.instances
        if instances > rails.max_instances if grows else instances < rails.min_instances:
            self.findings.failed(
                "O1", f"{before.address} is to run {instances} instances, bounds {rails}"
            )

    def _afforded(self, run: Run, address: str, instances: int, target: Target) -> None:
        """O2: with what is bought already within the dollars of this run's settings."""
        everything = Decimal(0)
        for one in run.settings.targets if run.settings else ():
            dollars = self._paid(one, address, instances)
            everything += dollars
            if one.name == target.name and dollars > one.guard_rails.max_usd_per_hour:
                self.findings.failed(
                    "O2", f"{address} at {instances} makes {one.name} cost {dollars} USD/h"
                )
        for caps in caps_of(run.settings.rails) if run.settings else ():
            if everything > caps.max_usd_per_hour:
                self.findings.failed(
                    "O2", f"{address} at {instances} makes all cost {everything} USD/h, {caps}"
                )

    def _paid(self, target: Target, address: str, instances: int) -> Decimal:
        """USD an hour of its units that are known to be bought, and of its endpoints."""
        units = sum(
            intent.usd_per_hour
            for intent in self.world.fleets.peek_purchases(target.name)
            if intent.state in HOLDING_STATES and intent.arn is not None
        )
        running = Decimal(0)
        for option in target.options:
            if option.instances is not None:
                true = self.world.endpoints.true_state(option.address).instances
                count = instances if option.address == address else true
                running += option.instances.usd_per_instance_hour * count
        return running + units

    def _written(
        self, target: Target, address: str, instances: int, token: str
    ) -> ScalingIntent | None:
        """O9: the intent of exactly this call stands in the ledger."""
        record = self.world.scalings.records.get((target.name, address))
        intent = record.open if record else None
        if (
            intent is None
            or intent.state is not ScalingState.RECORDED
            or (intent.token, intent.to_instances) != (token, instances)
        ):
            self.findings.failed("O9", f"{address} is changed without its intent: {intent}")
            return None
        return intent

    def _decided(self, run: Run, target: Target, address: str, intent: ScalingIntent) -> None:
        """O10, O13: a decision asks for exactly this, and it is not an old one."""
        recorded = self.world.decisions.peek_one(intent.decision_id)
        wanted = Scaling(
            address=address, from_instances=intent.from_instances, to_instances=intent.to_instances
        )
        if recorded is None or wanted not in recorded.decision.scalings:
            self.findings.failed("O10", f"no decision {intent.decision_id} asks for {wanted}")
            return
        age = run.started_at - recorded.decision.scheduled_at
        period = target.thresholds.sizing.decision_minutes * MINUTE
        if age > 2 * period + abs(run.skew) + FUNCTION_TIME:
            self.findings.failed("O13", f"{intent.decision_id} is carried out {age} after its time")

    def _paced(self, run: Run, address: str, rails: InstanceRails, token: str) -> None:
        """O4, O13: each change is sent by one run, and few a day."""
        now, sent = self.world.time.now, self._sent[address]
        if token in sent:
            self.findings.failed("O4", f"{address} is changed again by a decision of {sent[token]}")
        sent[token] = now
        recent = sum(now - at < DAY - abs(run.skew) * 2 - FUNCTION_TIME for at in sent.values())
        if recent > rails.max_changes_per_day:
            self.findings.failed("O13", f"{recent} changes of {address} in 24 hours")
