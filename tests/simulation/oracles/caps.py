"""O1 and O2: units and dollars, each time that more are reserved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bedrock_autoscaler.application.purchasing.accounting import booked_spend
from bedrock_autoscaler.application.purchasing.identifying import is_same_model
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.target import AccountRails, StackRails, Target
from bedrock_autoscaler.domain.units import MINUTE, usd
from tests.builders import ACCOUNT
from tests.simulation.bedrock import SimulatedPt
from tests.simulation.gate import Run
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.surroundings import Surroundings


def caps_of(rails: StackRails) -> Iterator[StackRails | AccountRails]:
    """The caps on all targets, and those of the one account in which all of them are."""
    yield rails
    yield from (each for each in rails.accounts if each.account == ACCOUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapOracles:
    """Compares what is held and reserved with the caps of the run's settings.

    Attributes:
        made: ARNs of the PTs that came of each decision.
    """

    world: Surroundings
    findings: Findings
    made: Mapping[str, Sequence[str]]

    def reserved(self, run: Run, intent: PurchaseIntent, target: Target) -> None:
        """O1, O2: what is held and reserved stays within the caps of this run's settings."""
        failed, rails = self.findings.failed, target.guard_rails
        units = self._held_units(run, target)
        if units > rails.max_units:
            failed("O1", f"{target.name} holds {units} units, max_units {rails.max_units}")
        price = intent.usd_per_hour / intent.model_units if intent.model_units > 0 else Decimal(0)
        dollars = usd(price * units)
        if dollars > rails.max_usd_per_hour:
            failed("O2", f"{target.name} holds {dollars} USD/h, cap {rails.max_usd_per_hour}")
        billing = target.thresholds.sizing.billing_minutes * MINUTE
        purchases = self.world.fleets.peek_purchases(target.name)
        # A run that is held up beyond its end reserves, but has no time left to buy.
        at = min(self.world.time.now, run.deadline_at)
        spend = booked_spend(purchases, at + run.skew, billing)
        if spend.day_usd > rails.max_usd_per_day or spend.month_usd > rails.max_usd_per_month:
            failed("O2", f"{target.name} has booked {spend}, caps {rails}")
        self._reserved_of_all(run)

    def _reserved_of_all(self, run: Run) -> None:
        """O1, O2 of the account: all targets and everybody else together."""
        rails = run.settings.rails if run.settings else None
        if rails is None:
            return
        units, dollars = self._held_units(run, None), Decimal(0)
        for name in self.world.fleets.peek_targets():
            for intent in self.world.fleets.peek_purchases(name):
                if intent.state in HOLDING_STATES:
                    dollars += intent.usd_per_hour
        failed = self.findings.failed
        for caps in caps_of(rails):
            if units > caps.max_units:
                failed("O1", f"the account holds {units} units, {caps}")
            if dollars > caps.max_usd_per_hour:
                failed("O2", f"all targets hold {dollars} USD/h, {caps}")

    def _held_units(self, run: Run, target: Target | None) -> int:
        """Owned PTs and open intents, and what others hold as far as the run could know.

        Of one target, or of all with everybody else in the account.
        """
        world, now = self.world, self.world.time.now
        names = world.fleets.peek_targets() if target is None else (target.name,)
        intents = {i.decision_id: i for name in names for i in world.fleets.peek_purchases(name)}
        known = run.inventory.throughputs if run.inventory else ()
        listed = {pt.arn for pt in known} if run.inventory else None
        units = 0
        for pt in world.bedrock.pts.values():
            if not pt.exists(now):
                continue
            could_know = listed is None or pt.arn in listed
            counts = target is None or self._concerns(pt, target)
            if pt.bought_for in intents or (could_know and counts):
                units += pt.units
        units += sum(
            intent.model_units
            for intent in intents.values()
            if intent.state is PurchaseState.RECORDED and not self.made.get(intent.decision_id)
        )
        return units

    def _concerns(self, pt: SimulatedPt, target: Target) -> bool:
        if pt.target is not None:
            return pt.target == target.name
        tags = pt.tags[pt.tags_at(self.world.time.now)] if pt.tags else None
        if tags is not None and tags.deployment == self.world.deployment and tags.target:
            return tags.target == target.name  # it says whose it is, if only by its tags
        bought = target.provisioned
        return bought is not None and is_same_model(f"x/{pt.model_id}", bought.model_id)
