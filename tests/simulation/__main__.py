"""The simulation from the command line: `python -m tests.simulation --help`."""

import argparse
import json
import sys
from collections.abc import Callable
from os import times
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import track

from tests.simulation.defects import hunt, report
from tests.simulation.engine import Simulation
from tests.simulation.fanning import fanned_plan
from tests.simulation.faults import why_impossible
from tests.simulation.persons import person_plan
from tests.simulation.planted import DEFECTS
from tests.simulation.recording import record
from tests.simulation.recovering import (
    after_the_last_fault,
    day_without_control_plane,
    spillover_ticks,
)
from tests.simulation.schedule import SCENARIOS, plan
from tests.simulation.shrinking import shrink
from tests.simulation.sweeping import sweep_meetings, sweep_stories, sweep_wire
from tests.simulation.volume import (
    LONG,
    QUICK,
    QUICK_SCHEDULES,
    Planner,
    Size,
    Totals,
    batches_of,
    dump,
    fill,
    impossible,
    missing_cells,
    run_range,
    table,
)

_SHRINK_TRIES = 600
_EACH_APART, _SAMPLED, _WAYS, _WIRED = 500, 20_000, 50, 200
_APART: dict[Planner, tuple[str, str]] = {
    person_plan: ("schedules in which persons act:", "--persons"),
    fanned_plan: ("schedules in which targets are handed out:", "--fan-out"),
}
"""Planners of schedules with seeds of their own: what is told of them, and their option."""
_SPILLOVER_TICKS = 2


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked; 1 when an oracle fails, a cell stays empty, or a defect is missed."""
    chosen = _parser().parse_args(arguments)
    act: Callable[[argparse.Namespace], int] = chosen.act
    return act(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(name: str, act: Callable[[argparse.Namespace], int], what: str) -> _Command:
        added = commands.add_parser(name, help=what, description=what)
        added.set_defaults(act=act)
        return added

    run = command("run", _run, "run the schedules of a range of seeds")
    run.add_argument("--from", dest="first", type=int, default=0, help="first seed")
    run.add_argument("--to", type=int, default=QUICK_SCHEDULES, help="the seed after the last")
    replay = command("replay", _replay, "run one schedule, and shrink it if it fails")
    replay.add_argument("seed", type=int)
    for each in (run, replay):
        each.add_argument("--moments", type=int, default=QUICK.moments, help="ticks of each")
        each.add_argument("--targets", type=int, default=QUICK.targets, help="targets of each")
        each.add_argument(
            "--persons",
            dest="planner",
            action="store_const",
            const=person_plan,
            default=plan,
            help="those in which persons act and targets have endpoints",
        )
        each.add_argument(
            "--fan-out",
            dest="planner",
            action="store_const",
            const=fanned_plan,
            default=plan,
            help="those in which a dispatcher hands targets to workers",
        )
    recording = command("record", _record, "run the long schedules, a file for each shard of seeds")
    recording.add_argument("folder", type=Path)
    recording.add_argument("--since", type=int, default=0, help="the first seed")
    recording.add_argument("--to", type=int, default=100_000, help="the seed after the last one")
    recording.add_argument("--shard", type=int, default=2_000, help="seeds of each file")
    merge = command("merge", _merge, "add up the results of disjoint ranges of seeds")
    merge.add_argument("files", type=Path, nargs="+")
    for each in (run, merge):
        each.add_argument("--table", action="store_true", help="print every cell")
    points = command("points", _points, "strike every call of every story")
    points.add_argument("--pairs", action="store_true", help="every pair, in the briefest three")
    points.add_argument("--sampled", type=int, default=0, help="so many pairs of the others")
    meetings = command("meetings", _meetings, "let runs meet at every call")
    meetings.add_argument("--ways", type=int, default=_WAYS, help="random orders of each meeting")
    wire = command("wire", _wire, "run schedules through handlers, adapters, moto and the world")
    wire.add_argument("--schedules", type=int, default=_WIRED)
    wire.add_argument("--from", dest="first", type=int, default=0, help="first seed")
    soak = command("soak", _soak, "schedules, points and meetings at length")
    soak.add_argument("schedules", type=int, nargs="?", default=20_000)
    apart = command("apart", _soak_apart, "schedules with persons, messages or the wire at length")
    for each in (run, merge, soak):
        each.add_argument("--json", type=Path, help="write the schedules' results there")
    for each in (run, points, meetings, wire, soak, apart):
        each.add_argument("--jobs", type=int, default=2, help="processes")
    recovery = command("recovery", _recovery, "how soon all is well again, in numbers")
    recovery.add_argument("--each", type=int, default=10, help="schedules of each scenario")
    command("defects", _defects, "switch each guard off, and see whether it is noticed")
    return parser


type _Command = argparse.ArgumentParser


def _run(chosen: argparse.Namespace) -> int:
    size = Size(moments=chosen.moments, targets=chosen.targets)
    seeds = range(chosen.first, chosen.to)
    if chosen.planner is not plan:
        return _apart(seeds, size, chosen.jobs, chosen.planner)
    totals, seconds = _volume(seeds, size, chosen.jobs)
    if totals.schedules.total() >= QUICK_SCHEDULES:
        fill(totals, SCENARIOS, size)
    return _report(totals, seconds, chosen)


def _apart(seeds: range, size: Size, jobs: int, planner: Planner) -> int:
    """Schedules with more in them; how often a fault struck is not asked of those."""
    totals, seconds = _volume(seeds, size, jobs, planner=planner)
    for line in (_APART[planner][0], *totals.lines()):
        _say(line)
    _say(f"{len(totals.violations)} violations, {seconds:,.0f} s")
    return 1 if totals.violations else 0


def _volume(
    seeds: range, size: Size, jobs: int, *, kept: Path | None = None, planner: Planner = plan
) -> tuple[Totals, float]:
    """The totals of the seeds and the seconds they took; `kept` can be merged with a record."""
    started, totals = monotonic(), Totals()
    results = run_range(seeds, size, jobs, planner)
    console = Console(stderr=True)
    for batch in track(results, "schedules", batches_of(seeds), console=console):
        totals.merge(batch)
        for seed, oracle, message in batch.violations:
            _say(f"seed {seed}: {oracle}: {message}")
    if kept:
        spent = times()
        about = {"moments": size.moments, "seconds": round(spent.user + spent.children_user)}
        kept.write_text(dump(totals, about), encoding="utf-8")
    return totals, monotonic() - started


def _replay(chosen: argparse.Namespace) -> int:
    """One schedule: its hash, and its shortest form when an oracle fails."""
    seed = chosen.seed
    outcome = Simulation(chosen.planner(seed, chosen.moments, chosen.targets)).run()
    _say(f"seed {seed}, {outcome.plan.scenario}: {outcome.moments} ticks, {outcome.runs} runs")
    _say(f"transcript {outcome.digest}")
    if not outcome.violations:
        return 0
    shrunk = shrink(outcome.plan, dict(outcome.struck), outcome.violations[0], _SHRINK_TRIES)
    for line in shrunk.lines():
        _say(line)
    options = f"--moments {chosen.moments} --targets {chosen.targets}"
    if chosen.planner is not plan:
        options += f" {_APART[chosen.planner][1]}"
    _say(f"replay: python -m tests.simulation replay {seed} {options}")
    return 1


def _record(chosen: argparse.Namespace) -> int:
    failed = 0
    for path, totals in record(chosen.folder, range(chosen.since, chosen.to, chosen.shard)):
        failed += len(totals.violations)
        _say(f"{path}: {totals.ticks.total():,} ticks, {totals.faults:,} faults, {failed} failed")
    return 1 if failed else 0


def _merge(chosen: argparse.Namespace) -> int:
    totals, seconds = Totals(), 0.0
    for path in chosen.files:
        content = json.loads(path.read_text(encoding="utf-8"))
        more = Totals.from_json(content)
        if totals.overlaps(more):
            raise SystemExit(f"{path} counts seeds again that another file has")
        totals.merge(more)
        seconds += content["seconds"]
    return _report(totals, seconds, chosen)


def _points(chosen: argparse.Namespace) -> int:
    return _told(sweep_stories(chosen.jobs, pairs=chosen.pairs, sampled=chosen.sampled))


def _meetings(chosen: argparse.Namespace) -> int:
    return _told(sweep_meetings(chosen.jobs, ways=chosen.ways))


def _wire(chosen: argparse.Namespace) -> int:
    seeds = range(chosen.first, chosen.first + chosen.schedules)
    return _told(sweep_wire(chosen.jobs, seeds))


def _soak(chosen: argparse.Namespace) -> int:
    """All three, whatever fails on the way."""
    jobs = chosen.jobs
    totals, seconds = _volume(range(chosen.schedules), LONG, jobs, kept=chosen.json)
    chosen.table, chosen.json = True, None
    fill(totals, SCENARIOS, LONG)
    failed = _report(totals, seconds, chosen)
    failed |= _told(sweep_stories(jobs, pairs=True, sampled=_SAMPLED))
    return failed | _told(sweep_meetings(jobs, ways=_WAYS))


def _soak_apart(chosen: argparse.Namespace) -> int:
    """The same of the schedules that have seeds of their own."""
    failed = 0
    for planner in _APART:
        failed |= _apart(range(_EACH_APART), LONG, chosen.jobs, planner)
    return failed | _told(sweep_wire(chosen.jobs, range(_WIRED)))


def _defects(chosen: argparse.Namespace) -> int:
    del chosen
    found = [hunt(defect) for defect in track(DEFECTS, "defects", console=Console(stderr=True))]
    for line in report(found):
        _say(line)
    return 0 if all(caught.oracle for caught in found) else 1


def _recovery(chosen: argparse.Namespace) -> int:
    totals = after_the_last_fault(chosen.each)
    _say(f"after the last fault, {totals.schedules.total():,} schedules:")
    for what, count in sorted(totals.recovered.items()):
        _say(f"  {what}: {count:,}")
    ticks, (calls, lost) = spillover_ticks(), day_without_control_plane()
    _say(f"spillover is published {ticks} ticks after pressure shows, every purchase refused")
    _say(f"a client without any control plane for 24 hours: {calls:,} calls, {lost} lost")
    for seed, oracle, message in totals.violations:
        _say(f"seed {seed}: {oracle}: {message}")
    return 1 if totals.violations or ticks > _SPILLOVER_TICKS or lost else 0


def _report(totals: Totals, seconds: float, chosen: argparse.Namespace) -> int:
    missing = missing_cells(totals)
    if chosen.table:
        _say(table(totals))
        _say("\nimpossible:\n" + impossible(why_impossible))
    for line in totals.lines():
        _say(line)
    _say(f"{len(totals.violations)} violations, {len(missing)} empty cells, {seconds:,.0f} s")
    for seed, oracle, message in totals.violations:
        _say(f"  seed {seed}: {oracle}: {message}")
    for cell in missing:
        _say(f"  never: {' | '.join(cell)}")
    if chosen.json:
        chosen.json.write_text(dump(totals, {"seconds": round(seconds)}), encoding="utf-8")
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
