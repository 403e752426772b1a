"""The page of a backtest."""

from bedrock_autoscaler.backtest.replay import Score
from bedrock_autoscaler.backtest.report import Report
from bedrock_autoscaler.report.page import Block, page, table
from bedrock_autoscaler.report.plots import bill_plot

_NAMES = {"policy": "bedrock-autoscaler"}


def backtest_page(report: Report) -> str:
    """Scores beside one another, as bars and as a table, and the classes found."""
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
