"""The page of the break-even explorer: cost against load, its crossings, and every source."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bedrock_autoscaler.domain.economics.break_even import BreakEven, Comparison, Way
from bedrock_autoscaler.report.page import Block, page, table
from bedrock_autoscaler.report.plots import WIDTH_INCHES, plain_style, svg_of

_COLORS = ("#2f6f9f", "#e0a030", "#b9683c", "#1a7f37", "#9467bd", "#777777", "#c0272d", "#17becf")
_POINTS = 400
_MILLION = 1e6


def economics_page(title: str, lead: str, found: Comparison) -> str:
    """One file without script.

    Args:
        title: of the page.
        lead: what the figures are for: Region, mix, date.
        found: what to draw and to list.
    """
    return page(
        title,
        lead,
        [
            Block(
                heading="Cost of a steady load",
                text="Over all hours, busy or not. Dots: break-even. Dashed: only for what can "
                "wait. Units whose rate is not known are drawn as one.",
                html=cost_by_load_plot(found),
            ),
            Block(heading="Break-even", html=_crossings(found.break_evens)),
            Block(heading="Where each number comes from", html=_sources(found.ways)),
        ],
    )


def cost_by_load_plot(found: Comparison) -> str:
    """USD per hour against tokens per minute as SVG."""
    loads = np.linspace(0.0, found.highest, _POINTS)
    with plain_style():
        figure = Figure(figsize=(WIDTH_INCHES, 4.6), layout="constrained")
        axes = figure.add_subplot()
        for number, way in enumerate(found.ways):
            costs = [way.usd_per_hour(float(load)) for load in loads]
            style, color = "--" if way.is_deferrable else "-", _COLORS[number % len(_COLORS)]
            axes.plot(loads / _MILLION, costs, style, color=color, lw=1.5, label=way.name)
        _mark(axes, [one for one in found.break_evens if one.tokens_per_minute <= found.highest])
        axes.set_xlabel("million tokens a minute")
        axes.set_ylabel("USD per hour")
        axes.set_xlim(0, found.highest / _MILLION)
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left", frameon=False, fontsize=8)
        return svg_of(figure)


def _mark(axes: Axes, crossings: Sequence[BreakEven]) -> None:
    """A dot and its load at each break-even."""
    for one in crossings:
        place = (one.tokens_per_minute / _MILLION, one.usd_per_hour)
        axes.plot(*place, "o", color="#1a1a1a", ms=5, zorder=5)
        axes.annotate(
            f"{place[0]:.2f} M", place, xytext=(4, -10), textcoords="offset points", fontsize=8
        )


def _crossings(crossings: Sequence[BreakEven]) -> str:
    rows = [
        (
            one.by_unit,
            one.by_token,
            f"{one.tokens_per_minute:,.0f}",
            f"{one.usd_per_hour:,.2f}",
            "unknown" if one.utilization is None else f"{one.utilization:.0%}",
            {None: "unknown", True: "yes", False: "never"}[one.is_reached],
        )
        for one in crossings
    ]
    header = ("one unit of", "against", "tokens a minute", "USD an hour", "use of the unit", "pays")
    return table(header, rows)


def _sources(ways: Sequence[Way]) -> str:
    rows = [
        (way.name, figure.what, figure.value, figure.as_of, figure.source)
        for way in ways
        for figure in way.figures
    ]
    rows += [(way.name, "note", way.note, "", "") for way in ways if way.note]
    return table(("way", "number", "value", "as of", "source"), rows)
