"""`verify`, `adopt`, `reset-breaker`: what a person does with a deployed stack's purchases."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Annotated

import typer

from bedrock_autoscaler.cli.deployed import (
    DEFAULT_STACK,
    StackOption,
    TargetOption,
    YesOption,
    access_to,
)
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json
from bedrock_autoscaler.domain.units import count_text, units_text

VERIFY_EXAMPLE = "Example: bedrock-autoscaler verify --stack bedrock-autoscaler"
ADOPT_EXAMPLE = (
    "Example: bedrock-autoscaler adopt"
    " arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc123 --target chat --by jane"
)
RESET_EXAMPLE = "Example: bedrock-autoscaler reset-breaker --target chat"
VIOLATED = 1
"""Exit status when an oracle is violated."""
_ACCOUNT = re.compile("[0-9]{12}")

AccountOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ACCOUNT=PROFILE", help="Profile of the SDK for a spoke's account; repeatable."
    ),
]


def verify(
    *,
    stack: StackOption = DEFAULT_STACK,
    account: AccountOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check a deployed stack's promises against its accounts; writes nothing.

    Lists every provisioned throughput of the account, each of which is billed, and what was found.
    Other Regions of the stack's account are looked at too, and accounts that --account names.
    Exit status 1 when a promise is broken, 0 when only notices or nothing was found.
    """
    from bedrock_autoscaler.application.reviewing.findings import Severity
    from bedrock_autoscaler.application.reviewing.inspecting import holdings, inspect
    from bedrock_autoscaler.application.reviewing.verifying import verify as check
    from bedrock_autoscaler.cli.spots import spots_of

    access = access_to(stack)
    profiles = _profiles(account or [])
    facts = inspect(
        access.settings(),
        access.clock.now(),
        access.inspection(),
        home=access.home,
        elsewhere=spots_of(access, profiles),
    )
    _require_used(profiles, {place.account for place in (*facts.by_place, *facts.unseen)})
    findings = check(facts)
    unseen = [place.name for place in facts.unseen]
    broken = [finding for finding in findings if finding.severity is Severity.VIOLATION]
    if output is Output.JSON:
        print_json(
            {
                "findings": [asdict(finding) for finding in findings],
                "throughputs": [asdict(holding) for holding in holdings(facts)],
                "not_looked_at": unseen,
            }
        )
    else:
        for held in holdings(facts):
            units = units_text(held.model_units)
            typer.echo(f"{held.life.value:<11} {units:<9} {held.target or '-':<16} {held.arn}")
        for finding in findings:
            typer.echo(
                f"{finding.severity.value:<9} {finding.oracle:<4} {finding.target or '-':<16} "
                f"{finding.message}"
            )
        typer.echo(
            f"{count_text(len(facts.targets), 'target')}, "
            f"{count_text(len(facts.inventory.throughputs), 'provisioned throughput')}: "
            f"{count_text(len(broken), 'violation')}, "
            f"{count_text(len(findings) - len(broken), 'notice')}"
        )
        if unseen:
            typer.echo(
                f"not looked at: {', '.join(unseen)}; name a profile of the SDK for each of these "
                "accounts: --account ACCOUNT=PROFILE"
            )
    if broken:
        raise typer.Exit(VIOLATED)


def adopt(
    arn: Annotated[str, typer.Argument(metavar="ARN", help="Of the provisioned throughput.")],
    *,
    target: TargetOption,
    by: Annotated[str, typer.Option(help="Who adopts it; kept in the ledger.")],
    stack: StackOption = DEFAULT_STACK,
    yes: YesOption = False,
) -> None:
    """Give a throughput a purchase in the ledger, after a restore or a loss.

    It must carry the tags of the stack and the target. From then on it is routed to and released
    like any other purchase.
    """
    from bedrock_autoscaler.application.purchasing.adopting import Adoption

    access = access_to(stack)
    adoption = Adoption(
        fleets=access.fleets,
        releasing=access.releasing,
        deployment=access.deployment,
        now=access.clock.now(),
    )
    planned = adoption.plan(arn, access.target(target), by)
    typer.echo(
        f"{arn}: {units_text(planned.model_units)} of {planned.model_id} for "
        f"{planned.usd_per_hour} USD per hour, bought by {planned.decision_id}, become a "
        f"purchase of {target}; it will be released when it is not worth its price"
    )
    _confirm(yes=yes)
    adoption.record(planned)
    typer.echo("adopted")


def reset_breaker(
    *, target: TargetOption, stack: StackOption = DEFAULT_STACK, yes: YesOption = False
) -> None:
    """Close a target's breaker again, once it is known what ran away."""
    access = access_to(stack)
    record = access.fleets.record_of(target)
    if record.tripped_at is None:
        access.target(target)
        raise CommandError(f"the breaker of {target!r} has not tripped")
    typer.echo(f"tripped at {record.tripped_at.isoformat()}: {record.tripped_by}")
    _confirm(yes=yes)
    access.fleets.reset(record)
    typer.echo("reset")


def _profiles(given: list[str]) -> dict[str, str]:
    """Profiles of the SDK by account.

    Raises:
        CommandError: one is no account and profile.
    """
    found = dict(each.partition("=")[::2] for each in given)
    for account, profile in found.items():
        if not (_ACCOUNT.fullmatch(account) and profile):
            raise CommandError(
                f"--account {account}: give twelve digits and a profile, as 111122223333=PROFILE"
            )
    return found


def _require_used(profiles: Mapping[str, str], accounts: AbstractSet[str]) -> None:
    """Refuse a profile for an account that nothing of the stack is in.

    Raises:
        CommandError: with the accounts that there are.
    """
    for account in profiles:
        if account not in accounts:
            raise CommandError(
                f"--account {account}: the stack has no target and holds nothing there; its "
                f"accounts are {', '.join(sorted(accounts))}"
            )


def _confirm(*, yes: bool) -> None:
    if not yes:
        typer.confirm("Go on?", abort=True)
