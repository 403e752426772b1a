"""A target's own traffic from CloudWatch, and the scenario and settings to replay it under."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from bedrock_autoscaler.adapters.documents.fields import shipped_defaults
from bedrock_autoscaler.adapters.documents.text import merged, read_object
from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.application.observing.measuring import matching_ids
from bedrock_autoscaler.application.settings.in_force import DEFAULTS
from bedrock_autoscaler.backtest.trace import Trace, write_trace
from bedrock_autoscaler.cli.backtest.commands import UnreadMinutes
from bedrock_autoscaler.cli.backtest.derived_scenario import scenario_of, unknown
from bedrock_autoscaler.cli.output import CommandError, refuse_source, writing
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.target import Loop, Target, UnitRate
from bedrock_autoscaler.domain.traffic.joining import combine, join
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, iso, units_text
from bedrock_autoscaler.traces.cloudwatch import with_refused

_DAY = timedelta(days=1)
_LEAST_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Everything that the backtest needs: what was written, and what the caller brought."""

    trace: Path
    scenario: Path
    settings: Path
    notes: tuple[str, ...]


def fetch(
    access: StackAccess,
    name: str,
    *,
    days: float,
    out: Path | None,
    unread: UnreadMinutes,
    scenario: Path | None = None,
    settings: Path | None = None,
    is_quiet: bool = False,
) -> Files:
    """Read a target's minutes from CloudWatch and write trace, scenario and settings.

    Args:
        access: the stack.
        name: of the target.
        days: back from now; 14 at most, since CloudWatch answers a call that begins more than 15
            days ago with no minute at all.
        out: the trace file; its siblings get the endings `.scenario.json` and `.settings.json`.
        unread: what becomes of minutes that were not read.
        scenario: the caller's own; None: derived, which needs the target's prices and rate.
        settings: the caller's own; None: the target's.
        is_quiet: without a progress bar.

    Raises:
        CommandError: there is no traffic, unread minutes forbid it, a price or rate is unknown
            that the scenario needs, or the trace would be written over a file that is read.
        ObservationError: CloudWatch or the ledger could not be read.
    """
    target = access.target(name)
    rate = _rate(access, target) if scenario is None else None
    path = out or Path(f"{name}.csv.gz")
    refuse_source("--out", path, [one for one in (scenario, settings) if one is not None])
    traffic, notes = _traffic(access, target, days, unread, is_quiet=is_quiet)
    trace = _trace(path, traffic, target.thresholds.observing.attempts_per_call)
    stem = path.name.removesuffix(".gz").removesuffix(".csv")
    beside = {kind: path.with_name(f"{stem}.{kind}.json") for kind in ("scenario", "settings")}
    written: dict[Path, object] = {}
    if settings is None:
        written[beside["settings"]] = _policy(access, name)
        notes = [*notes, _caps(target)]
    if rate is not None:
        written[beside["scenario"]] = scenario_of(target, rate, trace).to_document()
        notes = [*notes, *_unknown_quota(target)]
    with writing(path):
        write_trace(trace, path)
        for file, document in written.items():
            file.write_text(json.dumps(document, indent=2) + "\n")
    return Files(
        trace=path,
        scenario=scenario or beside["scenario"],
        settings=settings or beside["settings"],
        notes=tuple(notes),
    )


def _unknown_quota(target: Target) -> list[str]:
    """What must be known of a scenario whose quotas are not all known."""
    address = next((option.address for option in target.options if option.quota is None), None)
    return [] if address is None else [f"the quota of {address} is unknown and taken for unlimited"]


def _caps(target: Target) -> str:
    rails = target.guard_rails
    return (
        f"the target's caps of {units_text(rails.max_units)} and {rails.max_usd_per_hour:,.2f} "
        "USD an hour bind here too (the settings file has them); those on a day and a month do "
        "not"
    )


# -- traffic -----------------------------------------------------------------------------------


def _traffic(
    access: StackAccess, target: Target, days: float, unread: UnreadMinutes, *, is_quiet: bool
) -> tuple[Traffic, list[str]]:
    """The target's minutes without gaps, and what must be known of them."""
    end = floor_minute(access.clock.now()) - target.thresholds.observing.settling_minutes * MINUTE
    start = floor_minute(end - timedelta(days=days))
    listed = access.metrics.model_ids()
    owned = [pt.arn for pt in access.fleets.purchases(target.name) if pt.arn]
    addresses = [*target.model_ids, *owned]
    ids = sorted({one for address in addresses for one in matching_ids(address, listed)})
    by_id: dict[str, Traffic] = {}
    problems: list[str] = []
    for first, last in _progress(list(_windows(start, end)), target.name, is_quiet=is_quiet):
        reading = access.metrics.read(ids, first, last)
        problems += reading.problems
        for model_id, part in reading.traffic.items():
            by_id[model_id] = join(by_id[model_id], part) if model_id in by_id else part
    # Without a heartbeat an address that never served is one long gap, which would hide the rest.
    seen = {model_id: part for model_id, part in by_id.items() if np.nansum(part.invocations) > 0}
    if not seen:
        raise CommandError(
            f"CloudWatch has no call of {target.name} from {iso(start)} to {iso(end)} under "
            f"{', '.join(ids)}; `bedrock-autoscaler targets discover` lists what it has"
        )
    if problems and unread is UnreadMinutes.ZERO:
        raise CommandError(f"--unread zero is no answer to a failed read: {problems[0]}")
    if unread is UnreadMinutes.ZERO:
        filled = {model_id: _filled(part) for model_id, part in seen.items()}
        gaps = sum(int(np.isnan(part.invocations).sum()) for part in seen.values())
        whole = counted(combine(list(filled.values())), filled, target)
        return whole, [f"{gaps:,} minutes without a point were taken for silent, as you said"]
    whole = counted(combine(list(seen.values())), seen, target)
    return without_gaps(whole, unread, target.name, problems)


def without_gaps(
    traffic: Traffic, unread: UnreadMinutes, name: str, problems: list[str]
) -> tuple[Traffic, list[str]]:
    """The longest stretch of known minutes, and what must be known of it.

    Raises:
        CommandError: it is shorter than a day, or any gap is to be refused.
    """
    known = ~np.isnan(traffic.invocations)
    missing = int((~known).sum())
    if not missing:
        return traffic, problems
    first, last = _longest(known)
    told = (
        f"{missing:,} of {len(traffic):,} minutes have neither a point nor a heartbeat, so that "
        "nobody can tell silent from unread"
    )
    if unread is UnreadMinutes.REFUSE or last - first < _LEAST_MINUTES:
        raise CommandError(
            f"{name}: {told}; the longest stretch without such a minute has {last - first:,}. Say "
            "--unread zero if you know that they were silent, or let the deployed stack's "
            "heartbeat prove a day first"
        )
    cut = Traffic(
        start=traffic.start + first * MINUTE,
        **{metric: getattr(traffic, metric)[first:last] for metric in METRICS},
    )
    note = (
        f"{told}; replayed is the longest stretch without one: {iso(cut.start)} to {iso(cut.end)}"
    )
    return cut, [*problems, note]


def _longest(known: NDArray[np.bool_]) -> tuple[int, int]:
    """The longest run of known minutes, as [first, last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8)))
    runs = edges.reshape(-1, 2)
    if not len(runs):
        return 0, 0
    first, last = runs[int(np.argmax(runs[:, 1] - runs[:, 0]))]
    return int(first), int(last)


def _filled(traffic: Traffic) -> Traffic:
    return replace(
        traffic, **{metric: np.nan_to_num(getattr(traffic, metric), nan=0.0) for metric in METRICS}
    )


def _windows(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, min(start + _DAY, end)
        start += _DAY


def _progress(
    windows: list[tuple[datetime, datetime]], name: str, *, is_quiet: bool
) -> Iterator[tuple[datetime, datetime]]:
    console = Console(stderr=True)
    yield from track(
        windows,
        description=f"{name}: reading {len(windows)} days from CloudWatch",
        console=console,
        disable=is_quiet or not console.is_terminal,
    )


def _trace(path: Path, traffic: Traffic, attempts_per_call: float) -> Trace:
    columns = with_refused(
        traffic.invocations,
        traffic.throttles,
        (traffic.input_tokens + traffic.cache_write_tokens, traffic.output_tokens),
        attempts_per_call=attempts_per_call,
    )
    return Trace.of(path.name.removesuffix(".gz").removesuffix(".csv"), traffic.start, columns)


def _rate(access: StackAccess, target: Target) -> UnitRate:
    """The stated unit rate, or the one that the newest decision used."""
    bought = target.provisioned
    if bought is not None and bought.unit_rate is not None:
        return bought.unit_rate
    latest = access.inspection().decisions.latest(target.name, Loop.CAPACITY)
    used = latest.decision.unit_rate if latest else None
    if used is None or used.rate is None:
        raise CommandError(f"{target.name}: {unknown('provisioned.unit_rate')}")
    return used.rate


def _policy(access: StackAccess, name: str) -> dict[str, object]:
    """What the target's document and the defaults say, with the caps that bind the target.

    A backtest knows no caps but those of its document; the target has the shipped ones too.
    """
    texts = access.tuning.parameters.documents().texts
    below = read_object(texts[DEFAULTS]) if DEFAULTS in texts else {}
    above = read_object(texts[name]) if name in texts else {}
    shipped = {"guard_rails": shipped_defaults()["guard_rails"]}
    return merged(shipped, merged(below, above))
