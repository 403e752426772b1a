"""O3: what persons have agreed to, at each purchase that needs their word."""

from dataclasses import dataclass
from datetime import timedelta

from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.target import Commitment, Target
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.surroundings import Surroundings

_SKEW = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentOracles:
    """Compares each intent with the consent that it names."""

    world: Surroundings
    findings: Findings

    def reserved(self, intent: PurchaseIntent, target: Target) -> None:
        """O3: a consent for exactly this, used up with the intent and for no other.

        A term needs one, and so does what costs more than the target lets pass without a word.
        """
        limit = target.controls.approval_above_usd_per_hour
        is_large = limit is not None and intent.usd_per_hour > limit
        if intent.commitment is Commitment.NONE and not is_large:
            return
        failed, name = self.findings.failed, intent.decision_id
        given = self.world.fleets.consents.get(intent.consent_id or "")
        wanted = (intent.target, intent.model_id, intent.model_units, intent.commitment)
        if given is None or wanted != (given.target, given.model_id, given.units, given.term):
            failed("O3", f"{name} commits {wanted} on the word {given}")
            return
        if given.used_by != name:
            failed("O3", f"{name} leaves the consent {given} unused")
        if intent.usd_per_hour > given.max_usd_per_hour * intent.model_units:
            failed("O3", f"{name} at {intent.usd_per_hour}, agreed {given}")
        if self.world.time.now - _SKEW > given.valid_until:
            failed("O3", f"{name} uses {given} after its end")
        others = [
            i.decision_id
            for i in self.world.fleets.peek_purchases(target.name)
            if i.consent_id == given.id and i.state is not PurchaseState.REFUSED
        ]
        if len(others) > 1:
            failed("O3", f"consent {given.id} is used by {others}")
