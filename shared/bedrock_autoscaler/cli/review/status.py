"""`status` and `watch`: how targets stand now, once or for as long as one looks."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.decisions.choosing import (
    DEFAULT_STACK,
    FromOption,
    StackOption,
    open_ledger,
    targets_of,
)
from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json
from bedrock_autoscaler.domain.units import count_text, units_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from rich.console import Group

    from bedrock_autoscaler.cli.decisions.sources import Ledger
    from bedrock_autoscaler.domain.target import Target
    from bedrock_autoscaler.report.standing import Standing

type Documents = dict[str, Target] | None

STATUS_EXAMPLE = "Example: bedrock-autoscaler status chat --stack bedrock-autoscaler"
WATCH_EXAMPLE = "Example: bedrock-autoscaler watch --stack bedrock-autoscaler --every 30"

ALLOW, UNSET, UNTOLD = "allow", "nothing", "not read"
"""What the kill switch may say, beside what a person wrote."""

TargetArgument = Annotated[
    str | None, typer.Argument(metavar="TARGET", help="Only this target; default: all.")
]


def status(
    target: TargetArgument = None,
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show fleet, routes and spend, what changes next, and why not sooner."""
    ledger, switch = open_ledger(source, stack), _switch_of(source, stack)
    now, documents = ledger.now(), _documents_of(source, stack)()
    found = _standings(ledger, target, now, documents)
    if output is Output.JSON:
        from pydantic import TypeAdapter

        from bedrock_autoscaler.report.standing import Standing

        plain = TypeAdapter(tuple[Standing, ...]).dump_python(tuple(found), mode="json")
        print_json({"now": now.isoformat(), "switch": switch(), "targets": plain})
        return
    from rich.console import Console

    Console().print(_view(found, now, switch(), documents))


def watch(
    target: TargetArgument = None,
    *,
    stack: StackOption = DEFAULT_STACK,
    source: FromOption = None,
    every: Annotated[float, typer.Option(min=1.0, help="Seconds between two looks.")] = 15.0,
    looks: Annotated[int, typer.Option(min=0, help="Stop after so many looks; 0: never.")] = 0,
) -> None:
    """Show the same live, until Ctrl-C."""
    from threading import Event

    from rich.console import Console
    from rich.live import Live

    from bedrock_autoscaler.application.errors import ObservationError

    ledger, switch = open_ledger(source, stack), _switch_of(source, stack)
    documents = _documents_of(source, stack)
    console, pause, done = Console(), Event(), 0
    try:
        with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while not looks or done < looks:
                if done:
                    pause.wait(every)
                try:
                    now = ledger.now()
                    told = documents()
                    found = _standings(ledger, target, now, told)
                    live.update(_view(found, now, switch(), told), refresh=True)
                except ObservationError as error:
                    # What was seen last stays; a look that failed is no reason to stop looking.
                    live.console.log(str(error))
                done += 1
    finally:
        if done and not console.is_terminal:
            # Where nothing is drawn over, the last look is left without an end of its line.
            console.line()


def _switch_of(source: "Path | None", stack: str) -> "Callable[[], str]":
    """Reads what the kill switch says now; an export does not tell."""
    if source is not None:
        return lambda: UNTOLD

    access = access_to(stack)

    def read() -> str:
        try:
            return access.switch or UNSET
        except CommandError:
            # Whoever reviews needs no right to the parameters.
            return UNTOLD

    return read


def _documents_of(source: "Path | None", stack: str) -> "Callable[[], Documents]":
    """Reads the targets as they are set now; none of an export, None where they are not read."""
    if source is not None:
        return dict

    access = access_to(stack)

    def read() -> "Documents":
        from bedrock_autoscaler.application.errors import AutoscalerError

        try:
            return {target.name: target for target in access.settings().targets}
        except AutoscalerError:
            return None

    return read


def _standings(
    ledger: "Ledger", target: str | None, now: "datetime", documents: "Documents"
) -> "list[Standing]":
    """How the targets stand that were decided upon, with mode and hand as their documents say.

    Raises:
        CommandError: there is none.
    """
    from dataclasses import replace

    from bedrock_autoscaler.report.standing import by_hand, standing_of

    found = [standing_of(ledger.sources, name, now) for name in targets_of(ledger, target)]
    current = documents or {}
    known = [one for one in found if one is not None]
    for at, one in enumerate(known):
        if (target_now := current.get(one.name)) is not None:
            told = tuple(by_hand(target_now, now))
            known[at] = replace(one, mode=target_now.mode, by_hand=told)
    if not known:
        raise CommandError("no target was decided upon yet")
    return known


def _view(
    found: "Sequence[Standing]", now: "datetime", switch: str, documents: "Documents"
) -> "Group":
    """The kill switch, and all targets, one below the other."""
    from rich.console import Group
    from rich.text import Text

    parts: list[object] = [Text(f"{now:%Y-%m-%d %H:%M:%S} UTC", style="dim")]
    if switch not in {ALLOW, UNTOLD}:
        stops = f"the kill switch says {switch!r}: nothing is bought, deleted or routed"
        parts.append(Text(stops, style="bold"))
    if documents is None:
        untold = "the documents are not read: mode and what is set by hand are as last decided"
        parts.append(Text(untold))
    for standing in found:
        parts += [Text(), *_section(standing, now)]
    return Group(*parts)  # type: ignore[arg-type] # texts and tables are renderable


def _section(standing: "Standing", now: "datetime") -> Iterator[object]:
    from rich.table import Table
    from rich.text import Text

    head = Text(standing.name, style="bold")
    head.append(f"  mode {standing.mode.value}", style="default")
    if standing.traffic_class:
        head.append(f", {standing.traffic_class}", style="default")
    minutes = int((now - standing.decided_at).total_seconds() // 60)
    head.append(
        f", decided {count_text(minutes, 'minute')} ago under settings {standing.settings_version}"
    )
    yield head
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, lines in _lines(standing):
        table.add_row(name, "\n".join(lines))
    yield table


def _lines(standing: "Standing") -> Iterator[tuple[str, Sequence[str]]]:
    """Each aspect with its lines."""
    if standing.is_late:
        yield "LATE", ["three ticks of the capacity loop have passed without a decision"]
    if standing.breaker:
        yield (
            "BREAKER",
            [
                f"tripped at {standing.breaker}",
                f"close it with: bedrock-autoscaler reset-breaker --target {standing.name}",
            ],
        )
    yield "fleet", list(_fleet(standing))
    yield "routes", [standing.routes_in_short or "none"]
    money = standing.money
    known = "" if money.known_month >= 1 else f", {money.known_month:.0%} of it read"
    yield (
        "spend",
        [
            f"{money.units_per_hour:,.2f} USD an hour for units (cap {money.max_per_hour:,.2f})",
            f"{money.day:,.2f} booked for them today (cap {money.max_per_day:,.2f})",
            f"{money.month:,.2f} booked for them this month (cap {money.max_per_month:,.2f})",
            f"{money.on_demand_month:,.2f} on demand this month{known}",
        ],
    )
    yield "next", standing.coming
    if standing.not_sooner:
        yield "not sooner", standing.not_sooner
    yield "by hand", standing.by_hand or ["nothing is paused or overridden"]
    if not standing.breaker:
        yield "breaker", ["closed"]


def _fleet(standing: "Standing") -> Iterator[str]:
    from bedrock_autoscaler.domain.target import Commitment
    from bedrock_autoscaler.report.wording import short

    total = sum(one.units for one in standing.held)
    others = f", {units_text(standing.others_units)} of others" if standing.others_units else ""
    yield f"{units_text(total)} held{others}"
    for one in standing.held:
        paid = f", paid until {one.paid_until:%H:%M} UTC" if one.paid_until else ""
        if one.term is not Commitment.NONE:
            end = f"{one.paid_until:%Y-%m-%d %H:%M} UTC" if one.paid_until else "an unknown moment"
            paid = f", under {one.term.value} until {end}"
        yield (
            f"  {units_text(one.units)} {one.life.value.replace('_', ' ')}, {short(one.arn)}, "
            f"{one.usd_per_hour:,.2f} USD an hour since {one.since:%Y-%m-%d %H:%M}{paid}"
        )
