"""Bedrock's provisioned throughputs in memory, with a lead time and faults."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    CommitmentActiveError,
    ObservationError,
    ThroughputNotFoundError,
)
from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.purchasing.identifying import came_of
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT
from tests.fakes.failures import Failures


@dataclass(frozen=True, slots=True)
class Call:
    """One mutating call that reached Bedrock: `buy` with a name or `delete` with an ARN."""

    method: str
    subject: str


class MemoryCapacity(Failures):
    """Implements Capacity, Purchasing and Releasing over one set of throughputs.

    A purchase is Creating until `lead_time` has passed on `clock`, then InService. The same
    token gives the same throughput. A deleted one is gone at once.

    Attributes:
        lead_time: from a purchase to InService.
        list_lag: how long a new throughput stays out of lists, as AWS's may; `get` knows it.
        quota: model-unit quota per model; a model without an entry has an unknown one.
        own_quota: the model's own, for units under a term; without an entry that of `quota`.
        inactive: models of which nothing may be bought.
        unknown_status: models whose life cycle cannot be read.
        ends: announced end of life by model.
        unknown_end: models whose end of life cannot be read.
        pages_missing: the inventory breaks off after its first half.
        calls: the mutating calls in order.
        deployment: whose tags a purchase gets.
        throughputs: what there is, by ARN; somebody's hand may change it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        deployment: str = "test",
        account: str = ACCOUNT,
        lead_time: timedelta = 15 * MINUTE,
        list_lag: timedelta = timedelta(0),
    ) -> None:
        super().__init__()
        self.lead_time = lead_time
        self.list_lag = list_lag
        self.quota: dict[str, int] = {}
        self.own_quota: dict[str, int] = {}
        self.inactive: set[str] = set()
        self.unknown_status: set[str] = set()
        self.ends: dict[str, datetime] = {}
        self.unknown_end: set[str] = set()
        self.pages_missing = False
        self.calls: list[Call] = []
        self._clock = clock
        self.deployment = deployment
        self._account = account
        self.throughputs: dict[str, ListedThroughput] = {}
        self._tokens: dict[str, str] = {}
        self._created = 0

    # -- Capacity ------------------------------------------------------------------------------

    def inventory(self) -> Inventory:
        """All throughputs that are listed now, by ARN."""
        self._begin("inventory")
        listed = self._listed()
        if self.pages_missing:
            return Inventory(throughputs=listed[: len(listed) // 2], complete=False)
        return Inventory(throughputs=listed, complete=True)

    def is_active(self, model_id: str) -> bool | None:
        """Whether the model may be bought."""
        self._begin("is_active")
        return None if model_id in self.unknown_status else model_id not in self.inactive

    def end_of_life(self, model_id: str) -> ModelEnd | None:
        """The end set in `ends`."""
        self._begin("end_of_life")
        return None if model_id in self.unknown_end else ModelEnd(at=self.ends.get(model_id))

    def model_unit_quota(
        self, model_id: str, commitment: Commitment = Commitment.NONE
    ) -> int | None:
        """The quota set in `quota`; under a term that in `own_quota`."""
        self._begin("model_unit_quota")
        quota = self.quota.get(model_id)
        return quota if commitment is Commitment.NONE else self.own_quota.get(model_id, quota)

    # -- Purchasing ----------------------------------------------------------------------------

    def buy(self, intent: PurchaseIntent) -> str:
        """Create it, unless its token was used before, or a quota, name or model forbids it."""
        self._begin("buy")
        self.calls.append(Call("buy", intent.name))
        if intent.token not in self._tokens:
            self._refuse(intent)
            self._tokens[intent.token] = self.add(
                name=intent.name,
                model_id=intent.model_id,
                model_units=intent.model_units,
                commitment=intent.commitment,
                committed_until=self._end_of_term(intent),
                deployment=self.deployment,
                target=intent.target,
                decision_id=intent.decision_id,
            )
        self._end("buy")
        return self._tokens[intent.token]

    def find(self, intent: PurchaseIntent) -> ListedThroughput | None:
        """By its ARN, where that is known; else by its name now, then by its tags in the list."""
        self._begin("find")
        for pt in self.throughputs.values():
            if not _is_meant(pt, intent):
                continue
            if came_of(pt, intent, self.deployment):
                return self._aged(pt)
            if pt.deployment is None:
                raise ObservationError(f"{pt.arn} has no owner tag yet")
        if intent.arn is not None:
            return None
        listed = (pt for pt in self._listed() if pt.name != intent.name)
        found = next((pt for pt in listed if came_of(pt, intent, self.deployment)), None)
        if found is None and self.pages_missing:
            raise ObservationError("the list of provisioned throughputs broke off")
        return found

    # -- Releasing -----------------------------------------------------------------------------

    def get(self, arn: str) -> ListedThroughput | None:
        """The throughput as it stands, also when lists do not show it yet."""
        self._begin("get")
        known = self.throughputs.get(arn)
        return self._aged(known) if known else None

    def delete(self, arn: str) -> None:
        """Delete it at once."""
        self._begin("delete")
        self.calls.append(Call("delete", arn))
        known = self.throughputs.get(arn)
        if known is None:
            raise ThroughputNotFoundError(f"{arn} does not exist")
        if known.committed_until is not None and known.committed_until > self._clock.now():
            raise CommitmentActiveError(f"{arn} is committed until {known.committed_until}")
        del self.throughputs[arn]
        self._end("delete")

    # -- for tests -----------------------------------------------------------------------------

    def add(
        self,
        *,
        name: str,
        model_id: str,
        model_units: int = 1,
        commitment: Commitment = Commitment.NONE,
        committed_until: datetime | None = None,
        deployment: str | None = None,
        target: str | None = None,
        decision_id: str | None = None,
    ) -> str:
        """Create a throughput past all checks, by default one without tags; its ARN."""
        self._created += 1
        number = f"{self._created:012d}"
        arn = f"arn:aws:bedrock:us-east-1:{self._account}:provisioned-model/{number}"
        self.throughputs[arn] = ListedThroughput(
            arn=arn,
            name=name,
            model_arn=f"arn:aws:bedrock:us-east-1::foundation-model/{model_id}",
            model_units=model_units,
            status=Status.CREATING,
            commitment=commitment,
            created_at=self._clock.now(),
            committed_until=committed_until,
            deployment=deployment,
            target=target,
            decision_id=decision_id,
        )
        return arn

    def vanish(self, arn: str) -> None:
        """Delete by someone else's hand."""
        del self.throughputs[arn]

    def fail_creation(self, arn: str) -> None:
        """Bedrock gives up on it: its status is Failed from now on."""
        self.throughputs[arn] = replace(self.throughputs[arn], status=Status.FAILED)

    def retag(self, arn: str, *, deployment: str | None) -> None:
        """Change the owner tag."""
        self.throughputs[arn] = replace(self.throughputs[arn], deployment=deployment)

    def _end_of_term(self, intent: PurchaseIntent) -> datetime | None:
        """Terms have 30 days a month here."""
        months = {Commitment.ONE_MONTH: 1, Commitment.SIX_MONTHS: 6}.get(intent.commitment)
        return None if months is None else self._clock.now() + timedelta(days=30 * months)

    def _refuse(self, intent: PurchaseIntent) -> None:
        if intent.model_id in self.inactive:
            raise CapacityUnavailableError(
                f"{intent.model_id} is not sold any more", code="ValidationException"
            )
        if any(pt.name == intent.name for pt in self.throughputs.values()):
            raise CapacityUnavailableError(f"{intent.name} is taken", code="ConflictException")
        is_plain = intent.commitment is Commitment.NONE
        quota = self.quota.get(intent.model_id)
        if not is_plain:
            quota = self.own_quota.get(intent.model_id, quota)
        held = sum(
            pt.model_units
            for pt in self.throughputs.values()
            if pt.model_arn.endswith(f"/{intent.model_id}")
            and (pt.commitment is Commitment.NONE or not is_plain)
        )
        if quota is not None and held + intent.model_units > quota:
            raise CapacityUnavailableError(
                f"{held} of {quota} units are used", code="ServiceQuotaExceededException"
            )

    def change(self, arn: str, **changes: Any) -> None:
        """Change a throughput by somebody's hand."""
        self.throughputs[arn] = replace(self.throughputs[arn], **changes)

    def _listed(self) -> tuple[ListedThroughput, ...]:
        shown = self._clock.now() - self.list_lag
        return tuple(
            self._aged(pt) for _, pt in sorted(self.throughputs.items()) if pt.created_at <= shown
        )

    def _aged(self, pt: ListedThroughput) -> ListedThroughput:
        is_due = self._clock.now() >= pt.created_at + self.lead_time
        if pt.status is Status.CREATING and is_due:
            return replace(pt, status=Status.IN_SERVICE)
        return pt


def _is_meant(pt: ListedThroughput, intent: PurchaseIntent) -> bool:
    """Whether it is what Get shows for an intent: by its ARN, while there is none by its name."""
    return pt.name == intent.name if intent.arn is None else pt.arn == intent.arn
