"""What imported models cost: Bedrock adds and removes their copies by itself, to none when idle.

Source: docs/model.md, section "Imported models".
"""

from decimal import Decimal

from bedrock_autoscaler.domain.option import InferenceOption, OptionKind
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.traffic.observation import CopiesSeen

WINDOW_MINUTES = 5
"""Copies are billed by windows of this length, each started one in full."""


def usd_of(option: InferenceOption, seen: CopiesSeen) -> Decimal | None:
    """Cost of the windows that were seen, in USD; None while the price is unknown.

    Source: Bedrock User Guide, import-model-calculate-cost, read 2026-11-21: rate x 5 minutes x
    windows x copies x units of a copy.
    """
    if option.copies is None:
        return None
    unit_minutes = WINDOW_MINUTES * sum(seen.by_window) * option.copies.units_per_copy
    return option.copies.usd_per_unit_minute * unit_minutes


def copy_reasons(
    options: tuple[InferenceOption, ...], seen: tuple[CopiesSeen, ...]
) -> tuple[Reason, ...]:
    """What each imported model ran and cost; nothing is to be decided about it."""
    by_address = {entry.address: entry for entry in seen}
    return tuple(
        _reason(option, by_address[option.address])
        for option in options
        if option.kind is OptionKind.IMPORTED_MODEL and option.address in by_address
    )


def _reason(option: InferenceOption, seen: CopiesSeen) -> Reason:
    usd, most = usd_of(option, seen), max(seen.by_window, default=0)
    cost = "at an unknown price" if usd is None else f"for {usd:.2f} USD"
    begun = sum(
        1
        for before, now in zip((0, *seen.by_window), seen.by_window, strict=False)
        if now and not before
    )
    numbers = [("copies", float(most)), ("cold_starts", float(begun))]
    if usd is not None:
        numbers.append(("usd_last_hour", float(usd)))
    return Reason(
        code=ReasonCode.COPIES_COST,
        message=f"{option.address} ran up to {most} copies in the newest hour {cost}, and started "
        f"from none {begun} times; Bedrock scales it, nothing is to be done",
        numbers=tuple(numbers),
    )
