"""The PTs that exist, and what a purchase must satisfy."""

import random
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from bedrock_world.catalogue import Quota, catalogue
from bedrock_world.clock import VirtualClock
from bedrock_world.errors import not_found, quota_exceeded
from bedrock_world.models import Purchasable
from bedrock_world.naming import Names
from bedrock_world.provisioned import ProvisionedModel, PurchasePlan, Status
from bedrock_world.settings import Config


class Purchases:
    """All purchases ever made, in their order, and the plans for those to come."""

    def __init__(self, config: Config, clock: VirtualClock, names: Names) -> None:
        self.plans: deque[PurchasePlan] = deque()
        self.all: list[ProvisionedModel] = []
        self._config = config
        self._clock = clock
        self._names = names
        self._chance = random.Random(f"{config.current.seed}/lead time")  # noqa: S311 - simulation

    def existing(self, at: datetime) -> list[ProvisionedModel]:
        """The PTs at an instant, oldest first, updates settled."""
        for purchase in self.all:
            purchase.settle(at)
        return [purchase for purchase in self.all if purchase.exists(at)]

    def find(self, name_or_arn: str) -> ProvisionedModel:
        """The PT with this name or ARN.

        Raises:
            BedrockError: there is none now.
        """
        for purchase in self.existing(self._clock.now()):
            if name_or_arn in {purchase.arn, purchase.name}:
                return purchase
        raise not_found(f"The provisioned model {name_or_arn} was not found.")

    def has(self, arn: str) -> bool:
        """Whether a PT with this ARN exists now."""
        return any(purchase.arn == arn for purchase in self.existing(self._clock.now()))

    def by_arn(self, arn: str) -> ProvisionedModel | None:
        """The PT with this ARN, gone or not."""
        return next((purchase for purchase in self.all if purchase.arn == arn), None)

    def add(
        self, name: str, units: int, commitment: str | None, model: Purchasable
    ) -> ProvisionedModel:
        """Book a purchase that passed every check, under the next plan."""
        now, settings = self._clock.now(), self._config.current
        plan = self.plans.popleft() if self.plans else PurchasePlan()
        lead_time = self._draw_lead_time() if plan.lead_time is None else plan.lead_time
        terms = {"OneMonth": settings.one_month, "SixMonths": settings.six_months}
        purchase = ProvisionedModel(
            rank=f"{len(self.all):08}",
            arn=self._names.owned("provisioned-model", self._names.draw("provisioned-model")),
            name=name,
            model_arn=model.model_arn,
            foundation_model_arn=self._names.foundation_model(model.variant.model_id),
            purchase_id=model.variant.model_id,
            base_id=model.base.id,
            units=units,
            is_custom=model.is_custom,
            commitment=commitment,
            term=terms[commitment] if commitment else None,
            created_at=now,
            modified_at=now,
            ready_at=now + lead_time if plan.ending == "in_service" else None,
            failed_at=now + lead_time if plan.ending == "failed" else None,
            failure_message=plan.failure_message if plan.ending == "failed" else "",
            gone_at=now + plan.vanish_after if plan.vanish_after is not None else None,
        )
        self.all.append(purchase)
        return purchase

    def _draw_lead_time(self) -> timedelta:
        settings = self._config.current
        if settings.lead_time_longest is None:
            return settings.lead_time
        spread = settings.lead_time_longest - settings.lead_time
        return settings.lead_time + self._chance.random() * spread

    def check_quota(self, model: Purchasable, units: int, commitment: str | None) -> None:
        """Refuse a purchase that does not fit the account's quotas.

        Raises:
            BedrockError: the per-model quota, or without commitment the account pool, is too
                small.
        """
        holders = [purchase for purchase in self.all if self._holds_quota(purchase)]
        kind = "commitment" if commitment else "no commitment"
        subject = f"{kind} model units reserved for {model.variant.model_id}"
        same = [p for p in holders if p.purchase_id == model.variant.model_id]
        in_use = _units(same) if self._config.current.per_model_quota == "total" else 0
        self._check(model.variant.quota, in_use + units, subject)
        if commitment is None:
            pool = catalogue().custom_pool if model.is_custom else catalogue().base_pool
            sharing = [
                p for p in holders if p.commitment is None and p.is_custom == model.is_custom
            ]
            self._check(pool, _units(sharing) + units, subject)

    def _holds_quota(self, purchase: ProvisionedModel) -> bool:
        now = self._clock.now()
        if not purchase.exists(now):
            return False
        return self._config.current.failed_holds_quota or purchase.status(now) is not Status.FAILED

    def _check(self, quota: Quota, wanted: int, subject: str) -> None:
        allowed = self._config.current.applied_quotas.get(quota.code, quota.default)
        if allowed == 0:
            raise quota_exceeded(f"Your account does not currently have any {subject}.")
        if wanted > allowed:
            raise quota_exceeded(
                f"{wanted} {subject} are more than the {allowed:g} of quota {quota.code}."
            )

    def fail(self, name_or_arn: str, message: str) -> ProvisionedModel:
        """Turn a PT Failed now."""
        purchase = self.find(name_or_arn)
        purchase.failed_at, purchase.failure_message = self._clock.now(), message
        return purchase

    def remove(self, name_or_arn: str) -> ProvisionedModel:
        """Let a PT be gone from now on, whatever its term: a deletion, or a planned loss."""
        purchase = self.find(name_or_arn)
        purchase.gone_at = self._clock.now()
        return purchase


def _units(purchases: Iterable[ProvisionedModel]) -> int:
    return sum(purchase.units for purchase in purchases)
