"""The sections that protect the operator: what throttling is worth, and the hard bounds."""

from typing import Literal, Self

from pydantic import Field, model_validator

from bedrock_autoscaler.adapters.documents.values import Account, Section, conflict, money
from bedrock_autoscaler.domain.target import AccountRails, GuardRails, Slo, StackRails


class SloDocument(Section):
    """What throttling costs the operator."""

    max_throttled_share: float = Field(
        default=0.01, ge=0, le=1, description="Throttled share of the demand that is tolerated."
    )
    throttle_cost_factor: float = Field(
        default=10.0,
        ge=0,
        le=1_000,
        description=(
            "Worth of one token not throttled, as a multiple of its on-demand price; a higher "
            "factor buys units earlier where quotas are tight."
        ),
    )

    assure_throttled_share: float | None = Field(
        default=None,
        ge=0.0001,
        le=0.2,
        description=(
            "Promise: units are bought and kept until at most this share of the demand is "
            "throttled, although they cost more than they save; lower: more idle units. For "
            "targets without overflow or with a small quota. Null: no promise, units must pay."
        ),
    )

    latency: Literal["optimized"] | None = Field(
        default=None,
        description="`optimized`: latency-optimized options come first, whatever they cost; null: "
        "they are not used.",
    )
    deferrable_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the work that may wait for hours: above 0, batch jobs and the flex "
        "tier stand in the table for it. Callers choose which work that is; units are sized for "
        "the calls that show, so that nothing is subtracted for it.",
    )

    @model_validator(mode="after")
    def _promise_has_a_price(self) -> Self:
        if self.assure_throttled_share is not None and self.throttle_cost_factor == 0:
            reason = (
                "0 says that throttling costs nothing, while slo.assure_throttled_share promises "
                f"at most {self.assure_throttled_share:.2%} of it"
            )
            raise conflict(["throttle_cost_factor"], reason)
        return self

    def to_domain(self) -> Slo:
        """The same as a domain value."""
        return Slo(**(dict(self) | {"latency": self.latency or ""}))


class GuardRailsDocument(Section):
    """Hard bounds; the defaults let one unit be tried, and leave more to a person."""

    min_units: int = Field(
        default=0,
        ge=0,
        le=1_000,
        description="Units that are never released; 0 lets an idle target go.",
    )
    max_units: int = Field(
        default=1,
        ge=0,
        le=1_000,
        description=(
            "Units held at most, unmanaged and open purchases included. One by default: a unit "
            "costs tens of dollars an hour, so a second one is a person's decision."
        ),
    )
    max_usd_per_hour: float = Field(
        default=100.0,
        gt=0,
        le=100_000,
        description="Price of all held units at most; the default admits one unit of any "
        "model in the shipped price list.",
    )
    max_usd_per_day: float = Field(
        default=1_000.0,
        gt=0,
        le=2_400_000,
        description="Spend on units booked in a UTC day at most; the default stops a mistake "
        "within a day.",
    )
    max_usd_per_month: float = Field(
        default=10_000.0,
        gt=0,
        le=75_000_000,
        description="Spend on units booked in a UTC month at most.",
    )
    max_purchases_per_day: int = Field(
        default=6,
        ge=0,
        le=1_440,
        description="Purchase calls in 24 hours; bounds what a fault may buy.",
    )
    max_releases_per_day: int = Field(
        default=4,
        ge=0,
        le=1_440,
        description="Releases in 24 hours; bounds what a fault may delete.",
    )
    max_release_share_per_hour: float = Field(
        default=0.25,
        ge=0.01,
        le=1,
        description="Share of the units in service that may be released in an hour; one "
        "throughput always may. Mass idleness then empties a fleet over hours, not at once.",
    )

    @model_validator(mode="after")
    def _units_are_ordered(self) -> Self:
        if self.min_units > self.max_units:
            reason = f"{self.min_units} is above max_units, which is {self.max_units}"
            raise conflict(["min_units"], reason)
        return self

    def to_domain(self) -> GuardRails:
        """The same as a domain value, money as `Decimal`."""
        return GuardRails(
            min_units=self.min_units,
            max_units=self.max_units,
            max_usd_per_hour=money(self.max_usd_per_hour),
            max_usd_per_day=money(self.max_usd_per_day),
            max_usd_per_month=money(self.max_usd_per_month),
            max_purchases_per_day=self.max_purchases_per_day,
            max_releases_per_day=self.max_releases_per_day,
            max_release_share_per_hour=self.max_release_share_per_hour,
        )


class AccountDocument(Section):
    """Hard bounds on all targets in one account."""

    account: Account = Field(description="AWS account that these bounds are for.")
    max_units: int = Field(
        ge=0,
        le=10_000,
        description="Units of all targets in this account, of others there and open purchases "
        "at most.",
    )
    max_usd_per_hour: float = Field(
        gt=0, le=1_000_000, description="Price of all these units at most."
    )

    def to_domain(self) -> AccountRails:
        """The same as a domain value, money as `Decimal`."""
        return AccountRails(
            account=self.account,
            max_units=self.max_units,
            max_usd_per_hour=money(self.max_usd_per_hour),
        )


class StackDocument(Section):
    """The document `stack`: hard bounds on all targets together.

    Without it the stack may hold what its targets may hold together.
    """

    max_units: int = Field(
        ge=0,
        le=10_000,
        description="Units of all targets, of others in the account and open purchases at most.",
    )
    max_usd_per_hour: float = Field(
        gt=0, le=1_000_000, description="Price of all these units at most."
    )
    max_usd_per_day: float = Field(
        gt=0, le=24_000_000, description="Spend that all targets book in a UTC day at most."
    )
    max_usd_per_month: float = Field(
        gt=0, le=750_000_000, description="Spend that all targets book in a UTC month at most."
    )
    accounts: tuple[AccountDocument, ...] = Field(
        default=(),
        max_length=1_000,
        description="Further bounds on the targets of single accounts; one that is not named has "
        "those of the stack alone.",
    )

    @model_validator(mode="after")
    def _accounts_are_distinct(self) -> Self:
        named = [each.account for each in self.accounts]
        for index, account in enumerate(named):
            if account in named[:index]:
                raise conflict(["accounts", index, "account"], f"{account} stands twice")
        return self

    def to_domain(self) -> StackRails:
        """The same as a domain value, money as `Decimal`."""
        return StackRails(
            max_units=self.max_units,
            max_usd_per_hour=money(self.max_usd_per_hour),
            max_usd_per_day=money(self.max_usd_per_day),
            max_usd_per_month=money(self.max_usd_per_month),
            accounts=tuple(each.to_domain() for each in self.accounts),
        )
