"""The oracles of a Create: right before it is sent, and when its PT or its end is there."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.economics.costs import is_stale
from bedrock_autoscaler.domain.fleet.holdings import Ownership
from bedrock_autoscaler.domain.fleet.intent import (
    HOLDING_STATES,
    PurchaseIntent,
    PurchaseState,
)
from bedrock_autoscaler.domain.target import Commitment, Target, UnitPrice
from bedrock_autoscaler.domain.units import MINUTE, usd
from tests.simulation.bedrock import SimulatedPt
from tests.simulation.gate import Run
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.permits import PermitOracles
from tests.simulation.oracles.surroundings import DAY, FUNCTION_TIME, Surroundings
from tests.simulation.schedule import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOracles:
    """Compares what is bought with the intents, the decisions and the settings.

    Attributes:
        made: ARNs of the PTs that came of each decision.
    """

    world: Surroundings
    findings: Findings
    permits: PermitOracles
    made: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list), init=False)
    _held_since: dict[str, datetime] = field(default_factory=dict, init=False)
    _sent: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list), init=False)

    def buying(self, run: Run, intent: PurchaseIntent) -> None:
        """O2, O3, O9, O12, O13 right before a Create is sent."""
        failed, name = self.findings.failed, intent.target
        target = run.target(name)
        if target is None:
            failed("O1", f"{intent.decision_id} is bought for no target in force")
            return
        self.permits.permitted(run, name, "Create")
        self.permits.in_time(run, "Create")
        self.permits.unpaused(run, target, "Create", grows=True)
        kept = self.world.fleets.peek_purchase(name, intent.decision_id)
        if (
            kept is None
            or kept.state is not PurchaseState.RECORDED
            or (kept.token, kept.name) != (intent.token, intent.name)
        ):
            failed("O9", f"Create of {intent.decision_id} without its intent: {kept}")
        if (kept.commitment if kept else Commitment.NONE) is not intent.commitment:
            failed("O3", f"Create of {intent.decision_id} with a term that is not recorded")
        self._is_priced(run, target, intent)
        self._is_known(intent)
        self._is_due(run, target, intent)
        if intent.decision_id not in run.sent:  # else the SDK sends it again
            run.sent.add(intent.decision_id)
            self._is_paced(run, target)

    def created(self, pt: SimulatedPt) -> None:
        """O4, O10: one PT for each decision, and a decision for each PT."""
        if pt.bought_for is None:
            return
        self.findings.effects.append(f"created {pt.name}")
        made = self.made[pt.bought_for]
        made.append(pt.arn)
        if len(made) > 1:
            self.findings.failed("O4", f"{pt.bought_for} has made {made}")
        target = pt.target or ""
        if not self.world.decisions.peek(pt.bought_for) and not self.world.is_restored:
            self.findings.failed("O10", f"{pt.arn} of {target} was bought for no recorded decision")

    def updated(self, before: PurchaseIntent) -> None:
        """Row 4: given up only when nothing is there, and nothing is still to come."""
        bedrock, name = self.world.bedrock, before.decision_id
        after = self.world.fleets.peek_purchase(before.target, name)
        if after is not None and after.arn is not None:
            if after.state in HOLDING_STATES:
                self._held_since.setdefault(after.arn, self.world.time.now)
            else:
                self._held_since.pop(after.arn, None)
        if after is None or after.state is not PurchaseState.ABANDONED:
            return
        now = self.world.time.now
        made = [bedrock.pts[arn] for arn in self.made[name]]
        exists = any(pt.exists(now) and self._is_known_as(before, pt) for pt in made)
        if exists or bedrock.is_to_come(name):
            self.findings.failed(
                "O10", f"{name} is given up, but its PT exists or is still to come"
            )

    def decided(self, run: Run, recorded: RecordedDecision, _: object) -> None:
        """O15: what another target just bought is no stranger's while its tags do not show.

        Asked of runs that read the whole ledger, after it told of the purchase.
        """
        fleet, now = recorded.situation.fleet, self.world.time.now
        if fleet.stack is None or run.function == Function.VISIT or self.world.is_restored:
            return
        listed = run.inventory.throughputs if run.inventory else ()
        untagged = {pt.arn for pt in listed if pt.deployment is None}
        for pt in fleet.throughputs:
            since, truly = self._held_since.get(pt.arn), self.world.bedrock.pts[pt.arn]
            is_ours = since is not None and since <= run.started_at and truly.exists(now)
            is_young = now + abs(run.skew) - pt.created_at < GRACE
            is_strangers = pt.ownership is Ownership.UNMANAGED
            if is_ours and is_young and is_strangers and pt.arn in untagged:
                self.findings.failed("O15", f"{recorded.decision.id} calls {pt.arn} a stranger's")

    def _is_known_as(self, intent: PurchaseIntent, pt: SimulatedPt) -> bool:
        """Whether it can still be found.

        Not where a person tagged it as another's or for an adoption, or took its tags and its
        name, before it was.
        """
        tags = pt.tags[-1]
        if tags.deployment == self.world.deployment:
            return tags.decision_id == intent.decision_id
        return tags.deployment is None and pt.name == intent.name

    def restored(self) -> None:
        """The ledger cannot count the purchases that it has forgotten."""
        for name, sent in self._sent.items():
            kept = self.world.fleets.peek_purchases(name)
            del sent[: max(len(sent) - len(kept), 0)]

    def _is_priced(self, run: Run, target: Target, intent: PurchaseIntent) -> None:
        """O2: at the price of the settings, which is known and not old."""
        failed, now = self.findings.failed, self.world.time.now
        price = target.provisioned.price if target.provisioned else None
        age = target.thresholds.gating.max_price_age_days
        if price is None or is_stale(price.as_of, (now + run.skew).date(), age):
            failed("O2", f"Create of {intent.decision_id} at an unknown price")
        elif usd((_each(price, intent) or Decimal(0)) * intent.model_units) != intent.usd_per_hour:
            failed("O2", f"Create of {intent.decision_id} at {intent.usd_per_hour} USD/h")

    def _is_known(self, intent: PurchaseIntent) -> None:
        """Row 7: the decision knew the quota, and that the model is sold."""
        recorded = self.world.decisions.peek_one(intent.decision_id)
        if recorded is None:
            return  # the ledger was restored; O10 looks after that
        seen = recorded.situation.observation.under(intent.commitment)
        if seen.model_unit_quota is None or seen.model_is_active is not True:
            self.findings.failed("O2", f"Create of {intent.decision_id} on unknown facts")

    def _is_due(self, run: Run, target: Target, intent: PurchaseIntent) -> None:
        """Rows 3, 11, 35: nothing unresolved, no breaker tripped, no old decision carried out."""
        failed, fleets = self.findings.failed, self.world.fleets
        others = [
            i.decision_id
            for i in fleets.peek_purchases(target.name)
            if i.state is PurchaseState.RECORDED and i.decision_id != intent.decision_id
        ]
        if others:
            failed("O10", f"Create of {intent.decision_id} while {others} have no outcome")
        # It may trip right after the run looked, but not before that.
        is_tripped = fleets.peek_record(target.name).tripped_at is not None
        if is_tripped and not run.is_closed.get(target.name, False):
            failed("O13", f"Create of {intent.decision_id} against a breaker that tripped")
        at = run.last_at or self.world.time.now
        period = target.thresholds.sizing.decision_minutes * MINUTE
        oldest = at - 2 * period - abs(run.skew) - FUNCTION_TIME - (at - run.started_at)
        if _time_of(intent.decision_id) < oldest:
            failed("O13", f"Create of {intent.decision_id} at {at}, which is too late")

    def _is_paced(self, run: Run, target: Target) -> None:
        """O13: one in a tick, and few a day."""
        name = target.name
        run.bought[name] += 1
        if run.bought[name] > 1:
            self.findings.failed("O13", f"{run.bought[name]} Creates for {name} in one tick")
        now, sent = self.world.time.now, self._sent[name]
        sent.append(now)
        recent = sum(now - at < DAY - abs(run.skew) * 2 for at in sent)
        if recent > target.guard_rails.max_purchases_per_day:
            self.findings.failed("O13", f"{recent} Creates for {name} in 24 hours")


def _each(price: UnitPrice, intent: PurchaseIntent) -> Decimal | None:
    """What one unit costs an hour under the intent's term."""
    return {
        Commitment.NONE: price.usd_per_hour,
        Commitment.ONE_MONTH: price.one_month_usd_per_hour,
        Commitment.SIX_MONTHS: price.six_months_usd_per_hour,
    }[intent.commitment]


def _time_of(decision_id: str) -> datetime:
    """The scheduled time that a decision's id ends with."""
    return datetime.fromisoformat(decision_id[-16:])
