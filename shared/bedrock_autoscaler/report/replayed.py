"""A backtest's plan minute by minute, for plotting; the accounting itself is the replay's."""

from collections.abc import Iterator

import numpy as np

from bedrock_autoscaler.backtest.baselines import all_on_demand
from bedrock_autoscaler.backtest.lives import Lives, lives_of
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.timeline import ROUTES, Plan, Route, TimelineLine, plan_of
from bedrock_autoscaler.domain.units import units_text
from bedrock_autoscaler.report.series import Mark, MarkKind, RunSeries, Series

_NAMES = {
    Route.PT: "provisioned",
    Route.ON_DEMAND: "on demand",
    Route.CROSS_REGION: "cross-Region",
}
_HOUR_MINUTES = 60


def replayed_series(replay: Replay, lines: tuple[TimelineLine, ...]) -> RunSeries:
    """The scored minutes of a timeline: demand, who served it, units, and money so far."""
    plan = plan_of(lines, replay.trace, replay.scenario)
    lives = lives_of(plan.units, replay.scenario.billing_minutes)
    in_service = _in_service(replay, plan, lives)
    served, throttled = _flows(replay, plan, in_service)
    pt_usd = np.cumsum(_unit_usd(replay, plan, lives)[replay.score_from :])
    token_usd = np.cumsum(_token_usd(replay, served)[replay.score_from :])
    nothing = np.zeros(len(replay.trace))
    elsewhere, _ = _flows(replay, all_on_demand(replay), nothing)
    scored = slice(replay.score_from, None)
    per_unit = replay.scenario.tokens_per_unit
    return RunSeries(
        moments=tuple(
            replay.trace.minute_at(row) for row in range(replay.score_from, len(replay.trace))
        ),
        demand=replay.demand[scored],
        served={name: served[route][scored] / per_unit for route, name in _NAMES.items()},
        throttled=throttled[scored] / per_unit,
        in_service=in_service[scored],
        held=(plan.units + _committed(replay, plan, delay=0))[scored],
        spent_usd={
            "bedrock-autoscaler": pt_usd + token_usd,
            "of it units": pt_usd,
            "all on demand": np.cumsum(_token_usd(replay, elsewhere)[scored]),
        },
        marks=tuple(
            mark
            for mark in _marks(lines)
            if mark.moment >= replay.trace.minute_at(replay.score_from)
        ),
    )


def _in_service(replay: Replay, plan: Plan, lives: Lives) -> Series:
    """Units that can serve, in each minute."""
    minutes = len(replay.trace)
    steps = np.zeros(minutes + 1)
    starts = lives.ordered + replay.scenario.creation_minutes
    lived = (starts < lives.deleted) & (starts < minutes)
    np.add.at(steps, starts[lived], lives.units[lived])
    np.subtract.at(steps, np.minimum(lives.deleted[lived], minutes), lives.units[lived])
    without_terms: Series = np.cumsum(steps[:-1])
    return without_terms + _committed(replay, plan, delay=replay.scenario.creation_minutes)


def _committed(replay: Replay, plan: Plan, *, delay: int) -> Series:
    """Units under a term, from `delay` minutes after their purchase."""
    units = np.zeros(len(replay.trace))
    for item in plan.commitments:
        units[item.row + delay : item.row + item.term.minutes] += item.units
    return units


def _flows(replay: Replay, plan: Plan, in_service: Series) -> tuple[dict[Route, Series], Series]:
    """Input equivalents served by each route, and throttled, in the plan's spill order."""
    limits = dict(zip(ROUTES, replay.limits, strict=True))
    limits[Route.PT] = in_service * replay.scenario.tokens_per_unit
    served = {route: np.zeros(len(replay.trace)) for route in ROUTES}
    left = replay.load.copy()
    for number, spill in enumerate(plan.spills):
        for route in spill:
            taken = np.minimum(left, limits[route] - served[route])
            if plan.spill_index is not None:
                taken = np.where(plan.spill_index == number, taken, 0.0)
            served[route] = served[route] + taken
            left = left - taken
    return served, left


def _unit_usd(replay: Replay, plan: Plan, lives: Lives) -> Series:
    """USD for units by the minute that is paid, as the score counts them."""
    scenario, usd = replay.scenario, np.zeros(len(replay.trace))
    paid_until = lives.paid_until(scenario.billing_minutes)
    for ordered, until, units in zip(lives.ordered, paid_until, lives.units, strict=True):
        usd[ordered:until] += units * scenario.unit_hour / _HOUR_MINUTES
    for item in plan.commitments:
        unit_hour = scenario.committed_unit_hour(item.term) or 0.0
        usd[item.row : item.row + item.term.minutes] += item.units * unit_hour / _HOUR_MINUTES
    return usd


def _token_usd(replay: Replay, served: dict[Route, Series]) -> Series:
    elsewhere = served[Route.CROSS_REGION] * replay.scenario.cross_region_price
    usd: Series = (served[Route.ON_DEMAND] + elsewhere) * replay.price + replay.unrouted_usd
    return usd


def _marks(lines: tuple[TimelineLine, ...]) -> Iterator[Mark]:
    held = 0
    for line in lines:
        units = line.provisioned_units
        if units is not None and units != held:
            kind = MarkKind.PURCHASE if units > held else MarkKind.RELEASE
            yield Mark(moment=line.minute, kind=kind, text=units_text(units))
            held = units
        if line.spill is not None:
            yield Mark(moment=line.minute, kind=MarkKind.ROUTES, text=" > ".join(line.spill))
