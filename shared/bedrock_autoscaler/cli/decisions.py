"""`decisions`: reading the decision log, and deciding again on what it recorded."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

if TYPE_CHECKING:
    from bedrock_autoscaler.application.ports import RecordedDecision
    from bedrock_autoscaler.application.replaying import Difference
    from bedrock_autoscaler.cli.argument import Outcomes
    from bedrock_autoscaler.cli.ledger import Ledger
    from bedrock_autoscaler.domain.decision import Decision

app = typer.Typer(help="Read the decision log, and replay it.", no_args_is_help=True)

DEFAULT_STACK = "bedrock-autoscaler"
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_LAST = datetime(3000, 1, 1, tzinfo=UTC)


class LoopChoice(StrEnum):
    """The loops; the same names as in the domain."""

    ROUTING = "routing"
    CAPACITY = "capacity"


FromOption = Annotated[
    Path | None,
    typer.Option("--from", help="An export of the ledger, instead of a live stack's table."),
]
StackOption = Annotated[str, typer.Option(help="Stack whose ledger is read.")]
TargetOption = Annotated[str | None, typer.Option(help="Only this target.")]
LoopOption = Annotated[LoopChoice | None, typer.Option(help="Only this loop.")]
SinceOption = Annotated[
    str | None, typer.Option(help="First moment, ISO 8601 in UTC: 2025-03-17 or ...T09:00Z.")
]
UntilOption = Annotated[str | None, typer.Option(help="Moment before which to stop.")]


@app.command(
    "list", epilog="Example: bedrock-autoscaler decisions list --from out/demo/ledger.jsonl.gz"
)
def list_decisions(
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    target: TargetOption = None,
    loop: LoopOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Leave out holds and unchanged routes.")
    ] = False,
    last: Annotated[int, typer.Option(min=0, help="At most so many, the newest; 0: all.")] = 40,
    output: OutputOption = Output.TABLE,
) -> None:
    """List decisions, oldest first."""
    from bedrock_autoscaler.report.wording import is_change

    found = _find(_open(source, stack), target, loop, _window(since, until))
    if changes:
        found = [decision for decision in found if is_change(decision)]
    shown = found[-last:] if last else found
    if output is Output.JSON:
        print_json([_plain(decision) for decision in shown])
    else:
        from bedrock_autoscaler.cli.listing import print_list

        print_list(shown, len(found))


@app.command(
    epilog="Example: bedrock-autoscaler decisions show chat-capacity-20250317T091500Z"
    " --from out/demo/ledger.jsonl.gz"
)
def show(
    decision_id: Annotated[str, typer.Argument(metavar="ID", help="As `decisions list` shows it.")],
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one decision as an argument.

    What was seen and expected, what each alternative costs, the reasons, what would have changed
    the decision (found by deciding again on other traffic and prices), and what came of it.
    """
    from bedrock_autoscaler.cli.argument import argue
    from bedrock_autoscaler.report.wording import headline

    ledger = _open(source, stack)
    recorded = _load(ledger, decision_id)
    outcomes = _outcomes(ledger, recorded.decision)
    sections = argue(recorded, outcomes)
    if output is Output.JSON:
        print_json(
            {
                "decision": _plain(recorded.decision),
                "code_version": recorded.code_version,
                "argument": {section.heading: list(section.lines) for section in sections},
            }
        )
        return
    typer.secho(headline(recorded.decision), bold=True)
    typer.echo(
        f"{decision_id}, settings {recorded.decision.settings_version}, "
        f"code {recorded.code_version}"
    )
    for section in sections:
        typer.secho(f"\n{section.heading}", bold=True)
        for line in section.lines:
            typer.echo(f"  {line}")


@app.command(epilog="Example: bedrock-autoscaler decisions replay --from out/demo/ledger.jsonl.gz")
def replay(
    decision_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these; default: all.")
    ] = None,
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    target: TargetOption = None,
    loop: LoopOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide again on the recorded inputs, and name every difference.

    Exit status 0 when there is none, 2 otherwise.
    """
    ledger = _open(source, stack)
    ids = decision_ids or [
        decision.id for decision in _find(ledger, target, loop, _window(since, until))
    ]
    differences = replay_all(ledger, ids)
    if output is Output.JSON:
        print_json(
            {
                "replayed": len(ids),
                "differences": [
                    {
                        "id": difference.decision_id,
                        "code_version": difference.code_version,
                        "mismatches": [
                            {"path": m.path, "recorded": m.recorded, "replayed": m.replayed}
                            for m in difference.mismatches
                        ],
                    }
                    for difference in differences
                ],
            }
        )
    else:
        for difference in differences:
            typer.echo(str(difference))
        typer.echo(f"{len(ids):,} decisions replayed, {len(differences):,} with a difference")
    if differences:
        raise CommandError(
            f"{len(differences)} of {len(ids)} decisions replay differently; the first is "
            f"{differences[0].decision_id}"
        )


def replay_all(ledger: "Ledger", ids: list[str]) -> "list[Difference]":
    """The differences of these decisions, in their order.

    Raises:
        CommandError: one of them is unknown.
    """
    from bedrock_autoscaler.application.replaying import replay as replay_one

    found = (replay_one(_load(ledger, decision_id)) for decision_id in ids)
    return [difference for difference in found if difference is not None]


def _open(source: Path | None, stack: str) -> "Ledger":
    from bedrock_autoscaler.cli.ledger import open_export, open_stack

    return open_export(source) if source is not None else open_stack(stack)


def _find(
    ledger: "Ledger",
    target: str | None,
    loop: LoopChoice | None,
    window: tuple[datetime, datetime],
) -> "list[Decision]":
    """Decisions of all targets or of one, oldest first.

    Raises:
        CommandError: the target is unknown.
    """
    from bedrock_autoscaler.domain.target import Loop

    if target is not None and target not in ledger.targets:
        known = ", ".join(ledger.targets) or "none"
        raise CommandError(f"target {target!r} has no decision; there are: {known}")
    chosen = Loop(loop.value) if loop is not None else None
    found = [
        decision
        for name in ([target] if target is not None else ledger.targets)
        for decision in ledger.decisions.between(name, chosen, *window)
    ]
    return sorted(found, key=lambda decision: (decision.scheduled_at, decision.id))


def _load(ledger: "Ledger", decision_id: str) -> "RecordedDecision":
    recorded = ledger.decisions.load(decision_id, ledger.history)
    if recorded is None:
        raise CommandError(f"decision {decision_id!r} is unknown; `decisions list` shows the ids")
    return recorded


def _outcomes(ledger: "Ledger", decision: "Decision") -> "Outcomes":
    from bedrock_autoscaler.cli.argument import Outcomes

    fleets, name = ledger.fleets, decision.target
    return Outcomes(
        purchases=tuple(i for i in fleets.purchases(name) if i.decision_id == decision.id),
        releases=tuple(i for i in fleets.releases(name) if i.decision_id == decision.id),
    )


def _window(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    return _moment("--since", since) or _FIRST, _moment("--until", until) or _LAST


def _moment(option: str, text: str | None) -> datetime | None:
    """A moment in UTC.

    Raises:
        CommandError: it is none.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"{option} {text!r} is not ISO 8601, such as 2025-03-17T09:00Z"
        ) from error
    if moment.utcoffset() not in {None, timedelta(0)}:
        raise CommandError(f"{option} {text!r} is not UTC; write it with a trailing Z")
    return moment.replace(tzinfo=UTC)


def _plain(decision: "Decision") -> object:
    import json

    from bedrock_autoscaler.adapters.storage.codec import encode_decision

    return json.loads(encode_decision(decision))
