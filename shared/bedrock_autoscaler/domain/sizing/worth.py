"""How many model units are worth their price: marginal value under a learned forecast.

Unit j serves what of the demand lies between j and j + 1. It is worth the overflow and the
throttling that it avoids, and is bought or kept while that clears its price. The worth falls with
j, so the levels are decided one by one; what was bought as one is released as one. Source:
docs/model.md, section "Sizing".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np

from bedrock_autoscaler.domain.decision import Alternative
from bedrock_autoscaler.domain.economics.costs import Economics
from bedrock_autoscaler.domain.forecasting.forecast import Forecast
from bedrock_autoscaler.domain.forecasting.use import Curves, count_worth
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.margins import Margins
from bedrock_autoscaler.domain.thresholds import Sizing
from bedrock_autoscaler.domain.traffic.observation import Series

EXTRA_UNITS = 2
"""Units beyond the larger of held and wanted whose cost is shown."""
_JOINED = 0.15
"""Throttling that a unit avoids counts more by up to this share of what a purchase must be worth.

So the last purchases of a day have units for what may follow.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SizePlan:
    """The outcome of sizing.

    Attributes:
        grow_to: units worth having after a purchase; at most what is held where none is worth it.
        worth: expected USD per hour that unit j avoids once it could serve, by j.
        use: expected share of unit j in use then, by j.
        agreement: share of the trust in windows by which unit j alone pays its price, by j.
        keep_worth: as `worth`, over the next paid period, for units that are held.
        sure_worth: as `keep_worth`, with minutes that were not read as no demand.
        first_usd: what the first further unit must be worth for anything to be bought.
        grow_usd: what each unit that is bought with it must be worth.
        purchase_usd: what all that are bought must be worth above that, together, where throttling
            alone justifies the first.
        keep_usd: what a unit must be worth to be kept.
        alternatives: cost of each size from none to two above the largest of held, wanted and asked
            for.
        weights: trust in each look-back window, by name.
        quantiles: (probability, demand in units) of a minute that a further unit would serve.
        floor: units that are kept whatever they are worth: those held where more are wanted, and
            those that a promise on throttling needs.
        sure_floor: as `floor`, with minutes that were not read as no demand.
        remarks: what raised the margins, and what gaps in the history changed.
        promise: what a promise on throttling changed; None where it changed nothing.
        is_spent: whether units may lose no more than they did.
    """

    grow_to: int
    worth: Series
    use: Series
    agreement: Series
    keep_worth: Series
    sure_worth: Series
    first_usd: float
    grow_usd: float
    keep_usd: float
    alternatives: tuple[Alternative, ...]
    weights: Mapping[str, float]
    floor: int = 0
    sure_floor: int = 0
    remarks: tuple[Reason, ...] = ()
    quantiles: tuple[tuple[float, float], ...] = ()
    promise: Reason | None = None
    purchase_usd: float = 0.0
    is_spent: bool = False

    @property
    def keep(self) -> int:
        """Units that are each worth keeping."""
        return max(count_worth(self.keep_worth, self.keep_usd), self.floor)

    def is_worth_keeping(self, held: int, units: int) -> bool:
        """Whether the last `units` of those held are together worth their next paid period."""
        return self._pays(held, units, self.keep_worth, self.floor)

    def is_sure_to_stay(self, held: int, units: int) -> bool:
        """Whether they are even if nothing was asked for in the minutes that were not read."""
        return self._pays(held, units, self.sure_worth, self.sure_floor)

    def _pays(self, held: int, units: int, worth: Series, floor: int) -> bool:
        left = max(held - units, 0)
        return left < floor or float(worth[left:held].sum()) >= units * self.keep_usd


def plan_size(
    forecast: Forecast,
    *,
    margins: Margins,
    economics: Economics,
    sizing: Sizing,
    held: int,
    peak: float,
    promised: int = 0,
    asked: int = 0,
    quantiles: tuple[tuple[float, float], ...] = (),
) -> SizePlan:
    """Size the fleet.

    Args:
        forecast: at least two units wider than `held` and `asked`.
        margins: multiples of the price.
        economics: prices.
        sizing: periods.
        held: units that stay if nothing is done.
        peak: highest demand on record, in units: growth goes at most one unit beyond it.
        promised: units that a promise on throttling needs, whatever they are worth.
        asked: units that a person asks for; their dollars are shown, and nothing else follows.
        quantiles: of the demand of a minute that a further unit would serve.
    """
    grow_to, waiting = wanted_units(forecast.order, margins, economics, held)
    grow_to = max(grow_to, promised) if promised > held else grow_to
    grow_to = min(grow_to, ceil(peak) + 1)
    top = min(max(grow_to, held, asked) + EXTRA_UNITS, len(forecast.order.worth))
    return SizePlan(
        grow_to=grow_to,
        worth=forecast.order.worth,
        use=forecast.order.used,
        agreement=forecast.agreement(economics.unit_usd),
        keep_worth=forecast.keep.worth,
        sure_worth=forecast.keep.worth,
        first_usd=margins.first * economics.unit_usd,
        grow_usd=margins.grow * economics.unit_usd,
        keep_usd=margins.keep * economics.unit_usd,
        alternatives=_alternatives(forecast.keep, economics, sizing, top=top),
        weights=forecast.weight_of(),
        floor=held if grow_to > held else 0,
        sure_floor=held if grow_to > held else 0,
        remarks=(*margins.reasons, *waiting),
        quantiles=quantiles,
        purchase_usd=margins.purchase * economics.unit_usd,
        is_spent=margins.is_spent,
    )


def wanted_units(
    expected: Curves, margins: Margins, economics: Economics, held: int
) -> tuple[int, tuple[Reason, ...]]:
    """Units worth having, or those held where the next one is not worth a purchase, and why.

    Where purchases run short, one that pays only because throttling is dear must be worth the
    purchase above its units' prices. It waits for more demand, and then has units for what may
    follow, since throttling that a unit avoids counts more. More demand never wants fewer units.
    """
    price = economics.unit_usd
    counted = expected.worth + np.minimum(expected.throttle, _JOINED * margins.purchase * price)
    wanted = count_worth(counted, margins.grow * price)
    if wanted <= held:
        return wanted, ()
    first_usd, needed_usd = margins.first * price, margins.purchase * price
    if expected.worth[held] < first_usd:
        return held, ()
    unthrottled = expected.worth[held] - expected.throttle[held] * economics.throttle_premium
    above_usd = float((counted[held:wanted] - margins.grow * price).sum())
    if unthrottled >= first_usd or above_usd >= needed_usd:
        return wanted, ()
    return held, (_waiting(wanted - held, above_usd, needed_usd),)


def _waiting(units: int, above_usd: float, needed_usd: float) -> Reason:
    what = "1 further unit is" if units == 1 else f"{units} further units are"
    must = "it must" if units == 1 else "they must"
    return Reason(
        code=ReasonCode.PURCHASES_SHORT,
        message=f"purchases of the day run short: {what} worth {above_usd:.2f} USD per hour more "
        f"than {must} be, {needed_usd:.2f} are needed for one more purchase",
        numbers=(
            ("units", float(units)),
            ("surplus_usd_per_hour", above_usd),
            ("needed_usd_per_hour", needed_usd),
        ),
    )


def _alternatives(
    expected: Curves, economics: Economics, sizing: Sizing, *, top: int
) -> tuple[Alternative, ...]:
    """Expected cost of each fleet size from none to `top`, over one billing period.

    What a size leaves to overflow is what the units above it would have been worth.
    """
    hours = sizing.billing_minutes / 60.0
    all_worth, all_throttle = float(expected.worth.sum()), float(expected.throttle.sum())
    by_unit = zip(
        expected.worth.tolist(), expected.throttle.tolist(), expected.used.tolist(), strict=True
    )
    found, worth, throttle, used = [], 0.0, 0.0, 0.0
    for size in range(top + 1):
        throttled = max(all_throttle - throttle, 0.0)
        served = max(all_worth - worth - throttled, 0.0)
        total = size * economics.unit_usd + served + throttled
        found.append(
            Alternative(
                units=size,
                units_usd=size * economics.unit_usd * hours,
                overflow_usd=served * hours,
                throttle_usd=throttled * hours,
                total_usd=total * hours,
                utilization=min(used / size, 1.0) if size else 0.0,
            )
        )
        if size < top:
            more = next(by_unit)
            worth, throttle, used = worth + more[0], throttle + more[1], used + more[2]
    return tuple(found)
