"""Which cap on all targets together, or on those of one account, would be crossed.

The caps of one target are looked at where it is admitted; instances meet those on dollars as well.
"""

from decimal import Decimal

from bedrock_autoscaler.application.observing.stacking import StackView
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.fleet.spend_caps import spend_caps
from bedrock_autoscaler.domain.target import AccountRails
from bedrock_autoscaler.domain.units import units_text, usd


def stack_problem(view: StackView, wanted: Purchase, first_usd: Decimal) -> str | None:
    """Which cap on the stack the purchase would cross; None when it fits.

    The transaction that reserves the units checks units and dollars per hour again.

    Args:
        view: of all targets.
        wanted: the purchase.
        first_usd: what of it is paid at once.
    """
    units = view.state.held_units + wanted.model_units
    if units > view.rails.max_units:
        return (
            f"all targets and others would hold {units_text(units)}, the stack's max_units is "
            f"{view.rails.max_units}"
        )
    return stack_dollars_problem(view, wanted.usd_per_hour, first_usd)


def stack_dollars_problem(
    view: StackView, more_usd_per_hour: Decimal, first_usd: Decimal
) -> str | None:
    """Which dollars of the stack would be crossed by so much more an hour; None when it fits.

    Args:
        view: of all targets.
        more_usd_per_hour: beside what the view has.
        first_usd: what of it is paid at once.
    """
    rails, state = view.rails, view.state
    dollars = state.usd_per_hour + more_usd_per_hour
    if dollars > rails.max_usd_per_hour:
        return (
            f"all targets and others would cost {dollars} USD per hour, the stack's "
            f"max_usd_per_hour is {rails.max_usd_per_hour}"
        )
    caps = spend_caps(rails, state.spend)
    return next((cap.told_of_stack for cap in caps if not cap.admits(first_usd)), None)


def account_problem(view: StackView, wanted: Purchase, account: str) -> str | None:
    """Which cap on the target's account the purchase would cross; None when it fits.

    The sums of all accounts are as seen when the transaction reserves, so that these are too.
    """
    rails = _rails_of(view, account)
    if rails is None:
        return None
    units = sum(each for each, _ in _held_in(view, account)) + view.foreign_units
    units += wanted.model_units
    if units > rails.max_units:
        return (
            f"all targets and others in account {account} would hold {units_text(units)}, its "
            f"max_units is {rails.max_units}"
        )
    return account_dollars_problem(view, wanted.usd_per_hour, account)


def account_dollars_problem(
    view: StackView, more_usd_per_hour: Decimal, account: str
) -> str | None:
    """Whether the account's dollars would be crossed by so much more an hour."""
    rails = _rails_of(view, account)
    if rails is None:
        return None
    beside = view.foreign_usd_per_hour + view.risen_usd_per_hour
    beside += view.endpoints.in_account(account).usd_per_hour
    held = sum((each for _, each in _held_in(view, account)), beside)
    dollars = usd(held + more_usd_per_hour)
    if dollars > rails.max_usd_per_hour:
        return (
            f"all targets and others in account {account} would cost {dollars} USD per hour, its "
            f"max_usd_per_hour is {rails.max_usd_per_hour}"
        )
    return None


def _rails_of(view: StackView, account: str) -> AccountRails | None:
    return next((each for each in view.rails.accounts if each.account == account), None)


def _held_in(view: StackView, account: str) -> list[tuple[int, Decimal]]:
    return [view.own.get(where, (0, Decimal(0))) for where in (account, "")]
