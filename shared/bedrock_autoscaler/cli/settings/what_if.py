"""`--what-if`: what a change of settings would have done in the last days."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.reviewing.simulated import Outcome
from bedrock_autoscaler.application.reviewing.what_if import Turn, WhatIf, what_if
from bedrock_autoscaler.application.settings.tuning import Effect
from bedrock_autoscaler.cli.output import Output
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import iso
from bedrock_autoscaler.report.wording import summary

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.settings.changing import Options

_SHOWN_TURNS = 10
_UNTRIED = (
    "The change also bears on the order of routes, which is not tried: routing decisions are not "
    "decided again."
)
_ROWS = (
    ("unit-hours", "unit_hours", ",.1f"),
    ("peak units", "peak_units", ",d"),
    ("purchases", "purchases", ",d"),
    ("releases", "releases", ",d"),
    ("units, USD", "units_usd", ",.2f"),
    ("overflow, USD", "overflow_usd", ",.2f"),
    ("together, USD", "total_usd", ",.2f"),
    ("calls not served", "throttled_calls", ",.0f"),
    ("demand not served", "throttled_share", ".3%"),
)


def report_what_if(
    access: StackAccess, effect: Effect, options: "Options"
) -> list[dict[str, object]]:
    """Try each target that would be another one on its stored decisions, and print it.

    Raises:
        ObservationError: the ledger could not be read.
    """
    found = []
    is_json = options.output is Output.JSON
    for before, after in effect.targets():
        if after is None:
            continue
        decisions = stored_decisions(access, after.name, options.days, is_quiet=is_json)
        result = what_if(after, decisions)
        routes = before is not None and _routes(before) != _routes(after)
        found.append(to_document(result) | {"routing_untried": routes})
        if not is_json:
            _print(result, options.days, is_new=before is None)
            if routes:
                typer.echo(_UNTRIED)
    if not found and not is_json:
        typer.echo("what if: no target in force would be another one")
    return found


def stored_decisions(
    access: StackAccess, target: str, days: float, *, is_quiet: bool
) -> Iterator[RecordedDecision]:
    """The capacity decisions of the last days with their situations, oldest first.

    Raises:
        ObservationError: the ledger could not be read.
    """
    ports = access.inspection()
    end = access.clock.now() + timedelta(minutes=1)
    ids = [
        decision.id
        for decision in ports.decisions.between(
            target, Loop.CAPACITY, end - timedelta(days=days), end
        )
    ]
    console = Console(stderr=True)
    for decision_id in track(
        ids,
        description=f"{target}: deciding {len(ids):,} times again",
        console=console,
        disable=is_quiet or not console.is_terminal,
    ):
        recorded = ports.decisions.load(decision_id, ports.history)
        if recorded is not None:
            yield recorded


def _routes(target: Target) -> tuple[object, ...]:
    """What of the settings bears on the order of routes."""
    slo = target.slo
    return (
        target.thresholds.routing,
        target.options,
        target.controls.route,
        (slo.latency, slo.deferrable_share),
    )


def to_document(result: WhatIf) -> dict[str, object]:
    """As JSON values."""
    return {
        "target": result.target,
        "first": iso(result.first) if result.first else None,
        "last": iso(result.last) if result.last else None,
        "decisions": result.decisions,
        "different": len(result.turns),
        "unread_minutes": result.unread_minutes,
        "priced": result.is_priced,
        "before": _plain(result.before),
        "after": _plain(result.after),
        "turns": [
            {
                "id": turn.before.id,
                "before": _verdict(turn, after=False),
                "after": _verdict(turn, after=True),
            }
            for turn in result.turns
        ],
    }


def _plain(outcome: Outcome) -> dict[str, float]:
    return {name: getattr(outcome, name) for _, name, _ in _ROWS}


def _print(result: WhatIf, days: float, *, is_new: bool) -> None:
    if result.first is None or result.last is None:
        hint = "it is new" if is_new else f"none was recorded in the last {days:g} days"
        typer.echo(f"what if, {result.target}: no stored decision to decide again: {hint}")
        return
    console = Console()
    console.print(
        f"\nwhat if, {result.target}: {result.decisions:,} decisions from {iso(result.first)} to "
        f"{iso(result.last)} decided again, {len(result.turns):,} differ",
        soft_wrap=True,
    )
    console.print(_table(result))
    for turn in result.turns[:_SHOWN_TURNS]:
        console.print(
            f"  {iso(turn.before.scheduled_at)}  {_verdict(turn, after=False)}  ->  "
            f"{_verdict(turn, after=True)}",
            soft_wrap=True,
        )
    if len(result.turns) > _SHOWN_TURNS:
        console.print(f"  and {len(result.turns) - _SHOWN_TURNS:,} further ones")
    for line in _remarks(result):
        console.print(line, soft_wrap=True)


def _table(result: WhatIf) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for heading in ("as set then", "as proposed", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    for label, name, form in _ROWS:
        before, after = getattr(result.before, name), getattr(result.after, name)
        table.add_row(
            label, format(before, form), format(after, form), format(after - before, f"+{form}")
        )
    return table


def _remarks(result: WhatIf) -> Sequence[str]:
    basis = (
        "Both columns are simulated on the recorded demand, as if the target acted, and billed at "
        "the proposed prices and rate."
    )
    lines = [basis]
    if not result.is_priced:
        lines.append(
            "The unit price or rate is unknown, so there are no dollars and no throttles to tell."
        )
    if result.unread_minutes:
        lines.append(f"{result.unread_minutes:,} minutes were never read and are in no sum.")
    return lines


def _verdict(turn: Turn, *, after: bool) -> str:
    """What it comes to; where both come to the same, also what is wanted."""
    one = turn.after if after else turn.before
    if summary(turn.before) != summary(turn.after):
        return summary(one)
    return f"{summary(one)} (wanted {one.desired_units}, allowed {one.allowed_units})"
