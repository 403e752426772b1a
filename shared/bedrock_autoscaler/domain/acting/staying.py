"""Why a throughput stays although its paid period ends."""

from collections.abc import Container

import numpy as np

from bedrock_autoscaler.domain.acting.grounds import Grounds
from bedrock_autoscaler.domain.acting.succession import Succession, still_old
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput
from bedrock_autoscaler.domain.forecasting.use import curves_of, full_use, mean_use, one_set
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.traffic.observation import Series
from bedrock_autoscaler.domain.units import units_text

_OBSERVED_MINUTES = 5
"""A forecast alone releases nothing: units in full use over the newest minutes stay."""
_FULL_USE = 0.9


def is_surplus(
    pt: ProvisionedThroughput, unpaid: Container[str], succession: Succession | None
) -> bool:
    """Whether it leaves however much it is worth: no cap pays for it, or it was replaced."""
    return pt.arn in unpaid or (succession is not None and succession.is_replaced(pt))


def needed(
    pt: ProvisionedThroughput,
    situation: Situation,
    wish: Wish,
    *,
    grounds: Grounds,
    succession: Succession | None,
) -> Reason | None:
    """Why the PT is not to leave; None when nobody needs it."""
    serving = situation.fleet.in_service_units
    if succession is not None and succession.old:
        if pt not in succession.old:
            return still_old(pt, succession)
        serving = succession.called_units
    return _worth_keeping(pt, serving, wish) or in_use(
        pt, situation, serving, wish, grounds=grounds
    )


def below_least(pt: ProvisionedThroughput, situation: Situation) -> Reason | None:
    """Whether too few units would serve without this PT; those on their way serve nobody yet."""
    left = situation.fleet.in_service_units - pt.model_units
    least = situation.target.guard_rails.min_units
    return min_units_reason(left, least) if left < least else None


def _worth_keeping(pt: ProvisionedThroughput, serving: int, wish: Wish) -> Reason | None:
    """Whether as many units as this PT has are together worth their next paid period.

    They are the last ones in service, whichever PT serves them; units on their way serve nobody
    yet.
    """
    if not wish.keeps(serving, pt.model_units):
        return None
    return Reason(
        code=ReasonCode.WORTH_KEEPING,
        message=f"the last {pt.model_units} of {units_text(serving)} in service, as many as "
        f"{pt.arn} has, are together worth keeping",
        numbers=(("units", float(pt.model_units)), ("worth_keeping", float(wish.keep))),
    )


def in_use(
    pt: ProvisionedThroughput, situation: Situation, serving: int, wish: Wish, *, grounds: Grounds
) -> Reason | None:
    """Whether the last of the serving units were in full use until now, and pay for themselves."""
    if not _may_hold(situation, wish):
        return None
    last = slice(serving - pt.model_units, serving)
    used = _recent_use(grounds, serving)[last].mean()
    if used < _FULL_USE or _period_gain(situation, serving, grounds)[last].sum() < 0:
        return None
    return Reason(
        code=ReasonCode.BUSY_LATELY,
        message=f"{used:.0%} of {pt.arn} would have been used in the newest {_OBSERVED_MINUTES} "
        "minutes: a forecast alone releases nothing",
        numbers=(("used", float(used)), ("full_use", _FULL_USE)),
    )


def busy_units(situation: Situation, serving: int, wish: Wish, *, grounds: Grounds) -> int:
    """How many of the serving units were in full use until now, and pay for themselves."""
    if not _may_hold(situation, wish):
        return 0
    is_busy = _recent_use(grounds, serving) >= _FULL_USE
    return int(np.count_nonzero(is_busy & (_period_gain(situation, serving, grounds) >= 0)))


def _may_hold(situation: Situation, wish: Wish) -> bool:
    """Whether busy minutes may hold what is not worth keeping.

    They may not where a person said how many units there are to be, nor where units may lose no
    more than they did.
    """
    is_set = situation.target.controls.units_at(situation.scheduled_at) is not None
    return not (is_set or wish.is_spent)


def _recent_use(grounds: Grounds, serving: int) -> Series:
    """The share of each unit in use over the newest minutes; one that was not read is full."""
    recent = np.nan_to_num(grounds.demand.load[-_OBSERVED_MINUTES:], nan=serving)
    use: Series = mean_use(one_set(recent), serving)[0]
    return use


def _period_gain(situation: Situation, serving: int, grounds: Grounds) -> Series:
    """USD per hour by which each unit was worth more than it is kept from, over the newest period.

    Traffic of some minutes an hour is there at the end of each paid period, and pays for none.
    Nothing is lost where no price is known; what was not read may have filled every quota.
    """
    economics, sizing = grounds.economics, situation.target.thresholds.sizing
    if economics is None:
        return np.zeros(serving)
    unread = full_use(economics, serving)
    recent = np.nan_to_num(grounds.demand.load[-sizing.billing_minutes :], nan=unread)
    kept_from = sizing.keep_margin * economics.unit_usd
    gain: Series = curves_of(one_set(recent), economics, serving).worth[0] - kept_from
    return gain


def min_units_reason(units: int, least: int) -> Reason:
    """That fewer units than `min_units` would be held."""
    return Reason(
        code=ReasonCode.MIN_UNITS,
        message=f"{units_text(units)} would be held, min_units is {least}",
        numbers=(("units", float(units)), ("min_units", float(least))),
    )
