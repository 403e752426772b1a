"""The simulation from the command line: `python -m tests.simulation --help`."""

import argparse
import json
import sys
from pathlib import Path
from time import monotonic

from tests.simulation.engine import Simulation
from tests.simulation.faults import why_impossible
from tests.simulation.schedule import plan
from tests.simulation.shrinking import shrink
from tests.simulation.sweeping import sweep_meetings, sweep_stories
from tests.simulation.volume import (
    Totals,
    dump,
    impossible,
    missing_cells,
    run_range,
    table,
)

_SHRINK_TRIES = 600


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked; 1 when an oracle fails or a possible cell stays empty."""
    chosen = _parser().parse_args(arguments)
    match chosen.command:
        case "run":
            return _run(chosen)
        case "replay":
            return _replay(chosen.seed, chosen.moments)
        case "merge":
            return _report(_merged(chosen.files), chosen, 0.0)
        case "points":
            return _told(sweep_stories(chosen.jobs, pairs=chosen.pairs, sampled=chosen.sampled))
        case _:
            return _told(sweep_meetings(chosen.jobs, ways=chosen.ways))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the schedules of a range of seeds")
    run.add_argument("--from", dest="first", type=int, default=0, help="first seed")
    run.add_argument("--to", type=int, default=1_000, help="the seed after the last one")
    replay = commands.add_parser("replay", help="run one schedule, and shrink it if it fails")
    replay.add_argument("seed", type=int)
    for each in (run, replay):
        each.add_argument("--moments", type=int, default=60, help="ticks of each schedule")
    merge = commands.add_parser("merge", help="add up the results of disjoint ranges")
    merge.add_argument("files", type=Path, nargs="+")
    merge.set_defaults(moments=0)
    for each in (run, merge):
        each.add_argument("--json", type=Path, help="write the results there")
        each.add_argument("--table", action="store_true", help="print every cell")
    points = commands.add_parser("points", help="strike every call of every story")
    points.add_argument("--pairs", action="store_true", help="every pair, in the shortest three")
    points.add_argument("--sampled", type=int, default=0, help="so many pairs of the others")
    meetings = commands.add_parser("meetings", help="let runs meet at every call")
    meetings.add_argument("--ways", type=int, default=50, help="random orders of each meeting")
    for each in (run, points, meetings):
        each.add_argument("--jobs", type=int, default=2, help="processes")
    return parser


def _run(chosen: argparse.Namespace) -> int:
    started = monotonic()
    totals = Totals()
    for batch in run_range(range(chosen.first, chosen.to), chosen.moments, chosen.jobs):
        totals.merge(batch)
        for seed, oracle, message in batch.violations:
            _say(f"seed {seed}: {oracle}: {message}")
    return _report(totals, chosen, monotonic() - started)


def _replay(seed: int, moments: int) -> int:
    """One schedule: its hash, and its shortest form when an oracle fails."""
    outcome = Simulation(plan(seed, moments)).run()
    _say(f"seed {seed}, {outcome.plan.scenario}: {outcome.moments} ticks, {outcome.runs} runs")
    _say(f"transcript {outcome.digest}")
    if not outcome.violations:
        return 0
    shrunk = shrink(outcome.plan, dict(outcome.struck), outcome.violations[0], _SHRINK_TRIES)
    for line in shrunk.lines():
        _say(line)
    _say(f"replay: python -m tests.simulation replay {seed} --moments {moments}")
    return 1


def _merged(paths: list[Path]) -> Totals:
    totals = Totals()
    for path in paths:
        more = Totals.from_json(json.loads(path.read_text(encoding="utf-8")))
        if totals.overlaps(more):
            raise SystemExit(f"{path} counts seeds again that another file has")
        totals.merge(more)
    return totals


def _report(totals: Totals, chosen: argparse.Namespace, seconds: float) -> int:
    missing = missing_cells(totals)
    if chosen.table:
        _say(table(totals))
        _say("\nimpossible:\n" + impossible(why_impossible))
    for core in sorted(totals.schedules):
        _say(
            f"{core}: {totals.schedules[core]:,} schedules, {totals.ticks[core]:,} ticks, "
            f"{totals.runs[core]:,} runs of functions"
        )
    _say(
        f"{totals.faults:,} faults: {totals.cells.total():,} at calls, "
        f"{totals.happenings.total():,} of the world, {totals.disturbed.total():,} of events"
    )
    effects = ", ".join(f"{count:,} {what}" for what, count in totals.effects.most_common())
    _say(f"effects: {effects}")
    _say(f"{len(totals.violations)} violations, {len(missing)} empty cells, {seconds:.0f} s")
    for cell in missing:
        _say(f"  never: {' | '.join(cell)}")
    if chosen.json:
        about = {"moments": chosen.moments, "seconds": round(seconds)}
        chosen.json.write_text(dump(totals, about), encoding="utf-8")
    return 1 if totals.violations or missing else 0


def _told(told: tuple[list[str], int]) -> int:
    lines, failures = told
    for line in lines:
        _say(line)
    return 1 if failures else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
