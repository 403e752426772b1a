"""Plots as SVG text that can stand inside a page; the same run gives the same text."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from bedrock_autoscaler.report.series import MarkKind, RunSeries

WIDTH_INCHES = 11.0
_USUAL_SHARE = 0.995
_HEADROOM = 1.25
_COLORS = {
    "provisioned": "#2f6f9f",
    "on demand": "#e0a030",
    "cross-Region": "#b9683c",
    "throttled": "#c0272d",
    "demand": "#333333",
}
_OTHER_COLORS = ("#2f6f9f", "#777777", "#b0b0b0", "#9467bd")
_MARKS = {
    MarkKind.PURCHASE: ("^", "#1a7f37", "purchase"),
    MarkKind.RELEASE: ("v", "#c0272d", "release"),
}
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",  # text stays text: smaller, searchable, and read aloud
    "svg.hashsalt": "bedrock-autoscaler",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def demand_plot(run: RunSeries) -> str:
    """Who served the demand, against the units held, with the decisions marked."""
    with _axes(run, height=3.8) as (axes, result):
        names = list(run.served)
        axes.stackplot(
            _dates(run),
            [*run.served.values(), run.throttled],
            labels=[*(f"served {name}" for name in names), "throttled"],
            colors=[*(_COLORS.get(name, "#999999") for name in names), _COLORS["throttled"]],
            step="post",
            linewidth=0,
            alpha=0.85,
        )
        axes.step(
            _dates(run), run.held, where="post", color="#1a1a1a", lw=0.8, ls=":", label="held"
        )
        axes.step(
            _dates(run), run.in_service, where="post", color="#1a1a1a", lw=1.4, label="in service"
        )
        _draw_marks(axes, run)
        axes.set_ylabel("model units")
        _cut_spikes(axes, run)
        axes.legend(loc="upper left", ncols=4, frameon=False, fontsize=8)
    return result[0]


def cost_plot(run: RunSeries) -> str:
    """Money spent so far."""
    with _axes(run, height=2.6) as (axes, result):
        for (name, series), color in zip(run.spent_usd.items(), _OTHER_COLORS, strict=False):
            axes.plot(_dates(run), series, color=color, lw=1.4, label=name)
        axes.set_ylabel("USD so far")
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left", frameon=False, fontsize=8)
    return result[0]


def throttle_plot(run: RunSeries) -> str:
    """Share of the demand that was throttled."""
    with _axes(run, height=1.8) as (axes, result):
        share = np.divide(
            run.throttled, run.demand, out=np.zeros_like(run.demand), where=run.demand > 0
        )
        axes.fill_between(_dates(run), 100 * share, step="post", color=_COLORS["throttled"], lw=0)
        axes.set_ylabel("% throttled")
        axes.set_ylim(bottom=0)
    return result[0]


def route_plot(run: RunSeries) -> str:
    """Which share of the served traffic each kind of route took."""
    with _axes(run, height=1.8) as (axes, result):
        total = np.sum(list(run.served.values()), axis=0)
        shares = [
            np.divide(100 * series, total, out=np.zeros_like(total), where=total > 0)
            for series in run.served.values()
        ]
        axes.stackplot(
            _dates(run),
            shares,
            labels=list(run.served),
            colors=[_COLORS.get(name, "#999999") for name in run.served],
            step="post",
            linewidth=0,
            alpha=0.85,
        )
        for mark in run.marks:
            if mark.kind is MarkKind.ROUTES:
                axes.axvline(_number(mark.moment), color="#333333", lw=0.5, alpha=0.6)
        axes.set_ylabel("% of served")
        axes.set_ylim(0, 100)
    return result[0]


def bill_plot(parts: Mapping[str, Mapping[str, float]]) -> str:
    """Bars of USD by who spent it, stacked by what for.

    Args:
        parts: by bar, from top to bottom: USD by part.
    """
    with style.context(_STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, 0.8 + 0.32 * len(parts)), layout="constrained")
        axes = figure.add_subplot()
        left = np.zeros(len(parts))
        names: Sequence[str] = list(dict.fromkeys(name for one in parts.values() for name in one))
        for name in names:
            widths = np.array([one.get(name, 0.0) for one in parts.values()])
            color = _COLORS.get(name, "#999999")
            axes.barh(list(parts), widths, left=left, color=color, label=name, height=0.7)
            left += widths
        axes.invert_yaxis()
        axes.set_xlabel("USD")
        figure.legend(loc="outside upper right", ncols=len(names), frameon=False, fontsize=8)
        return svg_of(figure)


@contextmanager
def plain_style() -> Iterator[None]:
    """The style of all plots, for those that are drawn elsewhere."""
    with style.context(_STYLE):
        yield


@contextmanager
def _axes(run: RunSeries, *, height: float) -> Iterator[tuple[Axes, list[str]]]:
    """Axes over the run's time; the SVG stands in the list once they are left."""
    result: list[str] = []
    with style.context(_STYLE):
        figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
        axes = figure.add_subplot()
        yield axes, result
        locator = AutoDateLocator()  # type: ignore[no-untyped-call] # matplotlib leaves it untyped
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call] # likewise
        axes.xaxis.set_major_formatter(formatter)
        axes.set_xlim(_number(run.moments[0]), _number(run.moments[-1] + timedelta(minutes=1)))
        result.append(svg_of(figure))


def _cut_spikes(axes: Axes, run: RunSeries) -> None:
    """End the axis above all but the rarest minutes, and say so where one is cut off."""
    highest = float(run.demand.max())
    usual = max(float(np.quantile(run.demand, _USUAL_SHARE)), float(run.held.max()), 1.0)
    top = _HEADROOM * usual
    axes.set_ylim(0, min(top, _HEADROOM * highest) if highest > 0 else top)
    if highest > top:
        when = _number(run.moments[int(run.demand.argmax())])
        axes.annotate(f"{highest:.1f}", (when, top), ha="center", va="bottom", fontsize=8)


def _draw_marks(axes: Axes, run: RunSeries) -> None:
    """Purchases and releases at the height of the units held then."""
    for kind in (MarkKind.PURCHASE, MarkKind.RELEASE):
        marker, color, label = _MARKS[kind]
        moments = [mark.moment for mark in run.marks if mark.kind is kind]
        if moments:
            heights = [_held_at(run, moment) for moment in moments]
            numbers = [_number(moment) for moment in moments]
            axes.plot(numbers, heights, marker, color=color, ms=7, ls="", label=label, zorder=5)


def _held_at(run: RunSeries, moment: datetime) -> float:
    index = int(np.searchsorted(np.array(_dates(run)), _number(moment), side="right")) - 1
    return float(run.held[max(index, 0)])


def _dates(run: RunSeries) -> list[float]:
    return [_number(moment) for moment in run.moments]


def _number(moment: datetime) -> float:
    """The moment as matplotlib counts it: days since 1970."""
    return moment.timestamp() / 86_400


def svg_of(figure: Figure) -> str:
    """The figure as an SVG element, without the XML prologue that HTML does not want."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
