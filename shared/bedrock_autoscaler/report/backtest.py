"""The page of a backtest."""

from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.backtest.report import Report
from bedrock_autoscaler.backtest.timeline import TimelineLine
from bedrock_autoscaler.report.page import Block, page, table
from bedrock_autoscaler.report.plots import (
    bill_plot,
    cost_plot,
    demand_plot,
    route_plot,
    throttle_plot,
)
from bedrock_autoscaler.report.replayed import replayed_series
from bedrock_autoscaler.report.series import thinned

_NAMES = {"policy": "bedrock-autoscaler"}


def backtest_page(report: Report, replay: Replay, lines: tuple[TimelineLine, ...]) -> str:
    """Scores beside one another, the scored minutes as plots, and the classes found.

    Args:
        report: of the backtest.
        replay: the same trace, scaled, under the same scenario.
        lines: the policy's timeline.
    """
    run = thinned(replayed_series(replay, lines))
    scores = {_NAMES.get(key, key.replace("_", " ")): one for key, one in report.scores().items()}
    least = report.clairvoyant.objective_usd
    trace = report.trace
    return page(
        f"Backtest of {trace['name']}",
        f"{report.scored_minutes:,} scored minutes from {trace['score_from']}, traffic times "
        f"{trace['scale']:g}",
        [
            Block(
                heading="Cost",
                text="The optimum knows the whole trace; no policy that does not can reach it.",
                html=bill_plot({name: _parts(score) for name, score in scores.items()}),
            ),
            Block(
                heading="Scores",
                html=table(
                    ("", "USD", "over optimum", "throttled", "units used", "peak", "changes"),
                    [_cells(name, score, least) for name, score in scores.items()],
                    ours=0,
                ),
            ),
            Block(
                heading="Demand and who served it",
                text="Dotted: units held and paid for. Solid: units in service.",
                html=demand_plot(run),
            ),
            Block(heading="Spent", html=cost_plot(run)),
            Block(heading="Throttled", html=throttle_plot(run)),
            Block(heading="Routes", html=route_plot(run)),
            Block(heading="Classes of the traffic", html=_classes(report)),
        ],
    )


def _parts(score: Score) -> dict[str, float]:
    return {
        "provisioned": score.pt_usd + score.commitment_usd,
        "on demand": score.on_demand_usd,
        "cross-Region": score.cross_region_usd,
    }


def _cells(name: str, score: Score, least: float) -> tuple[str, ...]:
    return (
        name,
        f"{score.total_usd:,.2f}",
        f"{score.objective_usd / least:.3f}" if least > 0 else "",
        f"{score.throttled_tokens:.2%}",
        f"{score.pt_utilisation:.0%}",
        f"{score.peak_units}",
        f"{score.changes}",
    )


def _classes(report: Report) -> str:
    rows = [(record.since.isoformat(timespec="minutes"), record.name) for record in report.classes]
    return table(("from", "class"), rows) if rows else "<p>None was decided.</p>"
