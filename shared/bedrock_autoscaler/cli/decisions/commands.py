"""`decisions`: reading the decision log, and deciding again on what it recorded."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.decisions import explaining, exporting
from bedrock_autoscaler.cli.decisions.choosing import (
    DEFAULT_STACK,
    Criteria,
    FromOption,
    StackOption,
    find,
    open_ledger,
)
from bedrock_autoscaler.cli.decisions.filters import filtered
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json

if TYPE_CHECKING:
    from bedrock_autoscaler.application.ports.decisions import RecordedDecision
    from bedrock_autoscaler.application.reviewing.replaying import Difference
    from bedrock_autoscaler.cli.decisions.argument import Outcomes
    from bedrock_autoscaler.cli.decisions.sources import Ledger
    from bedrock_autoscaler.domain.decision import Decision

_SHOWN_MISMATCHES = 8
_WIDEST = 160

app = typer.Typer(help="Read the decision log, export it, replay it.", no_args_is_help=True)
app.command(epilog=explaining.EXAMPLE)(explaining.explain)
app.command(epilog=exporting.EXAMPLE)(exporting.export)


@app.command(
    "list", epilog="Example: bedrock-autoscaler decisions list --from out/demo/ledger.jsonl.gz"
)
@filtered
def list_decisions(
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    criteria: Criteria,
    last: Annotated[int, typer.Option(min=0, help="At most so many, the newest; 0: all.")] = 40,
    output: OutputOption = Output.TABLE,
) -> None:
    """List decisions, oldest first."""
    found = [decision for decision, _ in find(open_ledger(source, stack), criteria)]
    shown = found[-last:] if last else found
    if output is Output.JSON:
        print_json([_plain(decision) for decision in shown])
    else:
        from bedrock_autoscaler.cli.decisions.listing import print_list

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
    from bedrock_autoscaler.cli.decisions.argument import argue
    from bedrock_autoscaler.report.wording import headline

    ledger = open_ledger(source, stack)
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
@filtered
def replay(
    decision_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Only these, whatever the filters; default: all."),
    ] = None,
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    criteria: Criteria,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide again on the recorded inputs, and name every difference.

    Exit status 0 when there is none, 2 otherwise. Another version's words for the same are none.
    """
    ledger = open_ledger(source, stack)
    ids = decision_ids or [decision.id for decision, _ in find(ledger, criteria)]
    found = replay_all(ledger, ids)
    differences = [difference for difference in found if not difference.is_wording]
    if output is Output.JSON:
        print_json(
            {
                "replayed": len(ids),
                "differences": [
                    {
                        "id": difference.decision_id,
                        "code_version": difference.code_version,
                        "only_words": difference.is_wording,
                        "mismatches": [
                            {"path": m.path, "recorded": m.recorded, "replayed": m.replayed}
                            for m in difference.mismatches
                        ],
                    }
                    for difference in found
                ],
            }
        )
    else:
        for difference in differences:
            _print_difference(difference)
        typer.echo(f"{len(ids):,} decisions replayed, {len(differences):,} with a difference")
        if reworded := len(found) - len(differences):
            typer.echo(f"{reworded:,} say the same in other words; --output json has both")
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
    from bedrock_autoscaler.application.reviewing.replaying import replay as replay_one

    found = (replay_one(_load(ledger, decision_id)) for decision_id in ids)
    return [difference for difference in found if difference is not None]


def _print_difference(difference: "Difference") -> None:
    """The decision and the first values that differ; after a change of code all of them may."""
    heading, *lines = str(difference).splitlines()
    typer.echo(heading)
    for line in lines[:_SHOWN_MISMATCHES]:
        typer.echo(line if len(line) <= _WIDEST else f"{line[:_WIDEST]} ...")
    left = len(lines) - _SHOWN_MISMATCHES
    if left > 0:
        typer.echo(f"  and {left:,} more; --output json has all")


def _load(ledger: "Ledger", decision_id: str) -> "RecordedDecision":
    recorded = ledger.decisions.load(decision_id, ledger.history)
    if recorded is None:
        raise CommandError(f"decision {decision_id!r} is unknown; `decisions list` shows the ids")
    return recorded


def _outcomes(ledger: "Ledger", decision: "Decision") -> "Outcomes":
    from bedrock_autoscaler.cli.decisions.argument import Outcomes

    fleets, name = ledger.fleets, decision.target
    return Outcomes(
        purchases=tuple(i for i in fleets.purchases(name) if i.decision_id == decision.id),
        releases=tuple(i for i in fleets.releases(name) if i.decision_id == decision.id),
    )


def _plain(decision: "Decision") -> object:
    import json

    from bedrock_autoscaler.adapters.storage.codec import encode_decision

    return json.loads(encode_decision(decision))
