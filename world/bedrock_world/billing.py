"""What the PTs of the world really cost: every started period in full."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bedrock_world.provisioned import ProvisionedModel
from bedrock_world.settings import Config, UnitPrice

_HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """The cost of one PT in a window; `usd` None when its price is unknown."""

    arn: str
    name: str
    model_units: int
    periods: int
    usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """All charges of a window."""

    start: datetime
    end: datetime
    charges: tuple[Charge, ...]

    @property
    def usd(self) -> Decimal | None:
        """The total; None when a price is unknown, never a guess."""
        amounts = [charge.usd for charge in self.charges]
        known = [amount for amount in amounts if amount is not None]
        return sum(known, Decimal(0)) if len(known) == len(amounts) else None


class Billing:
    """Computes bills from the lives of the PTs."""

    def __init__(self, config: Config, purchases: Iterable[ProvisionedModel]) -> None:
        self._config = config
        self._purchases = purchases

    def bill(self, start: datetime, end: datetime) -> Bill:
        """The periods that started in [start, end), each charged in full at its start.

        `end` must not lie after now: a life that is still open would be charged into the future.
        """
        charges = (self._charge(purchase, start, end) for purchase in self._purchases)
        return Bill(
            start=start, end=end, charges=tuple(charge for charge in charges if charge.periods)
        )

    def _charge(self, purchase: ProvisionedModel, start: datetime, end: datetime) -> Charge:
        period = self._config.current.billing_period
        periods = self._periods(purchase, start, end)
        price = self._price(purchase)
        hours = Decimal(period // timedelta(microseconds=1)) / Decimal(10**6) / _HOUR
        return Charge(
            arn=purchase.arn,
            name=purchase.name,
            model_units=purchase.units,
            periods=periods,
            usd=None if price is None else price * purchase.units * periods * hours,
        )

    def _periods(self, purchase: ProvisionedModel, start: datetime, end: datetime) -> int:
        """How many billing periods of the PT started in [start, end)."""
        settings = self._config.current
        first = purchase.created_at
        if settings.billing_starts == "in_service":
            ready, gone = purchase.ready_at, purchase.gone_at
            if ready is None or (gone is not None and gone <= ready):
                return 0
            first = ready
        stops = [end]
        if purchase.gone_at is not None:
            # A PT deleted in the instant of its purchase still started one period.
            stops.append(max(purchase.gone_at, first + timedelta.resolution))
        if purchase.failed_at is not None and not settings.failed_is_billed:
            stops.append(purchase.failed_at)
        period, stop = settings.billing_period, min(stops)
        return max(0, _starts(stop - first, period) - _starts(start - first, period))

    def _price(self, purchase: ProvisionedModel) -> Decimal | None:
        prices = self._config.current.unit_prices.get(purchase.purchase_id, UnitPrice())
        by_term = {"OneMonth": prices.one_month, "SixMonths": prices.six_months}
        return by_term[purchase.commitment] if purchase.commitment else prices.no_commitment


def _starts(elapsed: timedelta, period: timedelta) -> int:
    """How many periods start in [0, elapsed)."""
    return max(0, -(-elapsed // period))
