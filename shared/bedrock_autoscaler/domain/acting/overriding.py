"""Overrides: what a person wants in place of what the arithmetic or the prices say."""

from dataclasses import replace
from datetime import datetime

from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.planning import Wish
from bedrock_autoscaler.domain.target import InferenceOption, Target
from bedrock_autoscaler.domain.units import moment_text, units_text


def overridden(wish: Wish, target: Target, now: datetime) -> Wish:
    """The size that a person set, while that lasts; else the wish as it is."""
    override = target.controls.units_at(now)
    if override is None:
        return wish
    reason = Reason(
        code=ReasonCode.UNITS_OVERRIDE,
        message=f"{override.by} wants {units_text(override.units)} until "
        f"{moment_text(override.until)}, whatever sizing says",
        numbers=(("units", float(override.units)),),
    )
    return Wish(
        grow_to=override.units,
        keep=override.units,
        plan=None,
        reasons=(*wish.reasons, reason),
    )


def preferred(
    options: list[InferenceOption], target: Target, now: datetime
) -> tuple[list[InferenceOption], tuple[Reason, ...]]:
    """The options with the one that a person put first, while that lasts, and the reason."""
    override = target.controls.route_at(now)
    chosen = [option for option in options if override and option.address == override.address]
    if override is None or not chosen:
        return options, ()
    reason = Reason(
        code=ReasonCode.ROUTE_OVERRIDE,
        message=f"{override.by} puts {override.address} first until {moment_text(override.until)}",
    )
    return [*chosen, *(option for option in options if option not in chosen)], (reason,)


def passed_over(target: Target, now: datetime) -> tuple[Reason, ...]:
    """That the option which a person put first cannot be used now, while that lasts."""
    override = target.controls.route_at(now)
    if override is None:
        return ()
    return (
        Reason(
            code=ReasonCode.ROUTE_OVERRIDE,
            message=f"{override.by} puts {override.address} first until "
            f"{moment_text(override.until)}, but it cannot be used now: the rules decide",
        ),
    )


def put_first(routes: list[Route], position: int) -> list[Route]:
    """The routes with the one at `position` first, and all traffic offered to it."""
    rest = [replace(route, weight=0.0) for route in routes]
    first = rest.pop(position)
    return [replace(first, weight=1.0), *rest]
