"""Prints the check values of the benchmark beside those computed here; exits 1 on a difference.

    python benchmarks/check_values.py [FOLDER OF TRACES, default ../shared/traces]

Values are USD and agree when they are equal to the cent.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from bedrock_autoscaler.backtest.baselines import all_on_demand, target_tracking
from bedrock_autoscaler.backtest.optimum import optimum_score
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.scenario import scenario_for
from bedrock_autoscaler.backtest.trace import Trace, read_trace

TRACES = Path(__file__).resolve().parents[1] / ".." / "shared" / "traces"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckValues:
    """Totals and objectives in USD, to the cent, as text.

    Attributes:
        on_demand: all on demand, total and objective.
        tracking: target tracking, total and objective.
        optimum: the clairvoyant's objective.
    """

    on_demand: tuple[str, str]
    tracking: tuple[str, str]
    optimum: str


def _values(on_demand: tuple[str, str], tracking: tuple[str, str], optimum: str) -> CheckValues:
    return CheckValues(on_demand=on_demand, tracking=tracking, optimum=optimum)


# Published with the benchmark's definition; measured there by an independent replay.
EXPECTED = {
    ("burstgpt-week1", "claude50-x2"): _values(
        ("26880.00", "26880.00"), ("45719.84", "45719.84"), "22329.29"
    ),
    ("burstgpt-week1", "quota50-x2"): _values(
        ("13386.10", "148325.08"), ("45132.99", "51001.53"), "32315.81"
    ),
    ("burstgpt-week1", "custom50-x2"): _values(
        ("0.00", "268800.00"), ("43901.33", "62086.40"), "41310.92"
    ),
    ("servegen-L001", "claude50-x2"): _values(
        ("53760.00", "53760.00"), ("94093.37", "94093.37"), "39206.52"
    ),
    ("servegen-L001", "quota50-x2"): _values(
        ("5826.59", "485160.69"), ("86865.16", "159147.31"), "53799.87"
    ),
    ("servegen-L001", "custom50-x2"): _values(
        ("0.00", "537600.00"), ("85465.33", "171745.74"), "57834.74"
    ),
    ("nasa-http-jul95", "claude50-x2"): _values(
        ("103680.00", "103680.00"), ("111847.08", "111847.08"), "66521.37"
    ),
    ("nasa-http-jul95", "quota50-x2"): _values(
        ("76915.54", "344560.16"), ("111825.98", "112037.03"), "67282.62"
    ),
    ("nasa-http-jul95", "custom50-x2"): _values(
        ("0.00", "1036800.00"), ("111496.67", "115000.83"), "88807.90"
    ),
}


def computed(trace: Trace, scenario_name: str) -> CheckValues:
    """The check values of one trace in one scenario, computed here."""
    benchmark = scenario_for(scenario_name, trace)
    replay = Replay(trace.scaled(benchmark.scale), benchmark.scenario)
    on_demand = replay.score(all_on_demand(replay))
    tracking = replay.score(target_tracking(replay))
    return CheckValues(
        on_demand=(_cents(on_demand.total_usd), _cents(on_demand.objective_usd)),
        tracking=(_cents(tracking.total_usd), _cents(tracking.objective_usd)),
        optimum=_cents(optimum_score(replay).objective_usd),
    )


def main(folder: Path) -> int:
    """Print both tables row by row; 0 when all values agree, 1 otherwise, 2 without traces."""
    if not folder.is_dir():
        sys.stderr.write(f"{folder}: no such folder of traces\n")
        return 2
    status = 0
    traces = {name: read_trace(folder / f"{name}.csv.gz") for name, _ in EXPECTED}
    for (name, scenario_name), expected in EXPECTED.items():
        found = computed(traces[name], scenario_name)
        agrees = found == expected
        status = status if agrees else 1
        sys.stdout.write(f"{name:16} {scenario_name:12} {'agrees' if agrees else 'DIFFERS'}\n")
        for label, values in (("expected", expected), ("computed", found)):
            on_demand, tracking = " / ".join(values.on_demand), " / ".join(values.tracking)
            sys.stdout.write(
                f"  {label}: on demand {on_demand}; target tracking {tracking}; "
                f"optimum {values.optimum}\n"
            )
    return status


def _cents(usd: float) -> str:
    return f"{usd:.2f}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TRACES))
