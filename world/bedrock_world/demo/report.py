"""The demo's HTML report: plots of the replayed minutes and the decisions behind them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from bedrock_autoscaler.backtest.baselines import all_on_demand
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.domain.decision import Decision, Purchase, Release
from bedrock_autoscaler.domain.target import Loop, OptionKind
from bedrock_autoscaler.report.page import Block, folded, page, table
from bedrock_autoscaler.report.plots import (
    bill_plot,
    cost_plot,
    demand_plot,
    route_plot,
    throttle_plot,
)
from bedrock_autoscaler.report.series import Mark, MarkKind, RunSeries, Series, thinned
from bedrock_autoscaler.report.wording import describe_action, headline, is_change
from bedrock_world.demo.plan import MEAN_UNITS, DemoPlan
from bedrock_world.demo.results import MinuteResult, Row, Served

_NAMES = {
    OptionKind.PROVISIONED: "provisioned",
    OptionKind.ON_DEMAND: "on demand",
    OptionKind.GEOGRAPHIC_PROFILE: "cross-Region",
}
"""Kinds of route as the plots call them, in the order in which they are stacked."""


def demo_page(
    plan: DemoPlan,
    minutes: Sequence[MinuteResult],
    rows: Sequence[Row],
    decisions: Sequence[Decision],
) -> str:
    """The page as HTML text."""
    run = thinned(_series(plan, minutes, decisions))
    return page(
        f"{plan.trace.name}: {plan.start:%A, %d %B %Y}",
        f"{len(minutes):,} minutes through the deployed application on virtual time; the trace "
        f"times {plan.scale:.4g}, so that demand averages {MEAN_UNITS:g} model units. Prices and "
        "rates are the demo's own numbers.",
        [
            Block(
                heading="Demand and who served it",
                text="Dotted: units held and paid for. Solid: units in service.",
                html=demand_plot(run),
            ),
            Block(
                heading="Cost",
                text="Units are paid by the started hour, tokens as they are served. In the "
                "backtest of the same policy a unit goes without draining, at once and at the end "
                "of its hour, so that its fleet is another one.",
                html=bill_plot({row.name: _parts(row) for row in rows})
                + _comparison(rows)
                + cost_plot(run),
            ),
            Block(heading="Throttled", html=throttle_plot(run)),
            Block(
                heading="Routes",
                text="Lines: a new routing table was decided.",
                html=route_plot(run),
            ),
            Block(
                heading="Decisions that changed something",
                text="Every hold is in the decision log too, with its reasons.",
                html="".join(_argued(decision) for decision in decisions if is_change(decision)),
            ),
        ],
    )


def _series(
    plan: DemoPlan, minutes: Sequence[MinuteResult], decisions: Sequence[Decision]
) -> RunSeries:
    token_usd = np.cumsum([minute.token_usd for minute in minutes])
    pt_usd = np.array([float(minute.pt_usd) for minute in minutes])
    return RunSeries(
        moments=tuple(minute.minute for minute in minutes),
        demand=np.array([minute.asked.units for minute in minutes]),
        served={
            name: np.array([minute.served.get(kind, Served()).units for minute in minutes])
            for kind, name in _NAMES.items()
        },
        throttled=np.array([minute.throttled.units for minute in minutes]),
        in_service=np.array([float(minute.in_service_units) for minute in minutes]),
        held=np.array([float(minute.held_units) for minute in minutes]),
        spent_usd={
            "bedrock-autoscaler": pt_usd + token_usd,
            "of it units": pt_usd,
            "all on demand": _all_on_demand(plan),
        },
        marks=tuple(_marks(decisions)),
    )


def _all_on_demand(plan: DemoPlan) -> Series:
    """USD so far, by the backtest's accounting, from as many scores as there are hours.

    A score covers a whole replay, so that the cost up to a minute is that of the trace cut there.
    """
    length, first = len(plan.trace), plan.first
    ends = sorted({*range(first + 60, length, 60), length})
    usd = [0.0]
    for end in ends:
        replay = Replay(plan.trace.cut(end), plan.scenario(), first)
        usd.append(replay.score(all_on_demand(replay)).total_usd)
    knots = np.array([first, *ends], dtype=float)
    so_far: Series = np.interp(np.arange(first + 1, length + 1, dtype=float), knots, usd)
    return so_far


def _marks(decisions: Sequence[Decision]) -> Iterator[Mark]:
    for decision in decisions:
        for action in decision.actions:
            kind = (
                MarkKind.PURCHASE
                if isinstance(action, Purchase)
                else MarkKind.RELEASE
                if isinstance(action, Release)
                else None
            )
            if kind is not None:
                text = describe_action(action)
                yield Mark(moment=decision.scheduled_at, kind=kind, text=text)
    routing = [one for one in decisions if one.loop is Loop.ROUTING]
    for before, after in pairwise(routing):
        if before.routes != after.routes:
            yield Mark(moment=after.scheduled_at, kind=MarkKind.ROUTES, text="new table")


def _parts(row: Row) -> dict[str, float]:
    return {"provisioned": row.pt_usd, "on demand": row.token_usd}


def _comparison(rows: Sequence[Row]) -> str:
    return table(
        ("", "USD", "units", "tokens", "requests not served", "tokens not served", "peak units"),
        [
            (
                row.name,
                f"{row.total_usd:,.2f}",
                f"{row.pt_usd:,.2f}",
                f"{row.token_usd:,.2f}",
                f"{row.throttled_requests:.2%}",
                f"{row.throttled_tokens:.2%}",
                f"{row.peak_units}",
            )
            for row in rows
        ],
        ours=0,
    )


def _argued(decision: Decision) -> str:
    lines = [f"{reason.code.value}: {reason.message}" for reason in decision.reasons]
    return folded(headline(decision), lines)
