"""`commitments`: a target's ladder, the verdicts on its renewals, and what its terms have saved."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json
from bedrock_autoscaler.domain.units import units_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bedrock_autoscaler.application.ports.decisions import RecordedDecision
    from bedrock_autoscaler.cli.stack import StackAccess
    from bedrock_autoscaler.domain.commitments.advice import CommitmentAdvice
    from bedrock_autoscaler.domain.commitments.ladder import Ladder
    from bedrock_autoscaler.domain.commitments.renewal import Renewal
    from bedrock_autoscaler.domain.commitments.term_savings import TermSaving
    from bedrock_autoscaler.domain.target import Target

EXAMPLE = "Example: bedrock-autoscaler commitments chat"
DEFAULT_STACK = "bedrock-autoscaler"
_BOOKED = timedelta(days=190)
_ADVICE_BEFORE = timedelta(days=1)


def commitments(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Name of the target.")],
    *,
    stack: Annotated[str, typer.Option(help="Name of the deployed stack.")] = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what to commit to, what to do about terms that end, and savings foretold and come.

    Everything is worked out of the newest study and the kept history; nothing is bought.
    """
    access = access_to(stack)
    newest = _newest(access, target)
    ladder, renewals = _ladder(access, newest), _renewals(access, newest)
    savings = _savings(access, newest)
    if output is Output.JSON:
        print_json(
            {
                "ladder": None if ladder is None else _plain(asdict(ladder)),
                "renewals": [_plain(asdict(one)) for one in renewals],
                "savings": [_plain(asdict(one)) for one in savings],
            }
        )
        return
    if ladder is None:
        typer.echo(f"no study: {_missing(newest.situation.target)}")
    _print(ladder, renewals, savings, typer.echo)


def _newest(access: "StackAccess", target: str) -> "RecordedDecision":
    from bedrock_autoscaler.domain.target import Loop

    access.target(target)
    found = access.inspection().decisions.latest(target, Loop.CAPACITY)
    if found is None:
        raise CommandError(f"target {target!r} has no capacity decision yet")
    return found


def _ladder(access: "StackAccess", newest: "RecordedDecision") -> "Ladder | None":
    from bedrock_autoscaler.domain.commitments.advice import Ceiling
    from bedrock_autoscaler.domain.commitments.ladder import build_ladder
    from bedrock_autoscaler.domain.commitments.reasons import outdated, unlasting

    situation, known = newest.situation, newest.decision.classification
    study, bought = situation.observation.commitment, situation.target.provisioned
    if study is None or bought is None or bought.price is None:
        return None
    now = access.clock.now()
    return build_ladder(
        study,
        bought.price,
        lasting_units=situation.fleet.lasting_units,
        now=now,
        ceiling=Ceiling.of(situation.target.guard_rails, situation.fleet, bought.price),
        obstacle=outdated(study, situation.target, now) or (unlasting(known) if known else None),
    )


def _missing(target: "Target") -> str:
    """Why nothing is known of a commitment yet, and what helps."""
    from bedrock_autoscaler.domain.commitments.terms import LEAST_HISTORY_DAYS, terms_of

    bought, command = target.provisioned, f"bedrock-autoscaler settings set {target.name}"
    if bought is None:
        return "no units are wanted, there is no `provisioned` section"
    if bought.price is None or not terms_of(bought.price):
        return (
            "no price of a term is known: "
            f"{command} provisioned.price.one_month_usd_per_hour=N, beside the rest of the price"
        )
    if bought.unit_rate is None:
        return f"what a unit serves is unknown: {command} 'provisioned.unit_rate=...'"
    return (
        "one is made once a day of the hours that are kept, once all prices and the model's life "
        f"cycle are known (bedrock-autoscaler doctor {target.name}); advice needs "
        f"{LEAST_HISTORY_DAYS} days"
    )


def _renewals(access: "StackAccess", newest: "RecordedDecision") -> "tuple[Renewal, ...]":
    """The verdict as of now on every running term, soonest first."""
    from bedrock_autoscaler.domain.commitments.renewal import renewal_of

    situation = newest.situation
    bought, fleet = situation.target.provisioned, situation.fleet
    found = [
        renewal_of(
            pt,
            fleet.serving,
            situation.observation.commitment,
            price=bought.price if bought else None,
            now=access.clock.now(),
        )
        for pt in fleet.owned
        if pt.committed_until is not None
    ]
    return tuple(sorted(found, key=lambda one: one.ends_at))


def _savings(access: "StackAccess", newest: "RecordedDecision") -> "tuple[TermSaving, ...]":
    from bedrock_autoscaler.application.observing.counting import counted
    from bedrock_autoscaler.domain.commitments.term_savings import term_savings
    from bedrock_autoscaler.domain.target import Commitment, Loop
    from bedrock_autoscaler.domain.unit_rates.rate_choice import rate_in_use, with_rate
    from bedrock_autoscaler.domain.units import floor_hour

    situation, ports = newest.situation, access.inspection()
    target = situation.target
    purchases = [
        intent
        for intent in ports.fleets.state_of(target.name).purchases
        if intent.commitment is not Commitment.NONE
    ]
    if not purchases:
        return ()
    end = floor_hour(access.clock.now())
    first = max(min(intent.recorded_at for intent in purchases), end - _BOOKED)
    stored = ports.history.load(target.name, floor_hour(first), end)
    decisions = [
        decision
        for intent in purchases
        for decision in ports.decisions.between(
            target.name,
            Loop.CAPACITY,
            intent.recorded_at - _ADVICE_BEFORE,
            intent.recorded_at + timedelta(seconds=1),
        )
    ]
    rated = with_rate(target, rate_in_use(target.provisioned, situation.observation.unit_rate))
    traffic = counted(stored.total, stored.traffic, rated)
    return term_savings(rated, purchases, traffic, decisions)


# -- printing ----------------------------------------------------------------------------------


def _print(
    ladder: "Ladder | None",
    renewals: "Sequence[Renewal]",
    savings: "Sequence[TermSaving]",
    say: "Callable[[str], None]",
) -> None:
    from bedrock_autoscaler.domain.commitments.renewal import RenewalVerdict

    if ladder is not None:
        _print_ladder(ladder, say)
    for one in renewals:
        kept = "" if one.verdict is RenewalVerdict.UNKNOWN else f" {one.kept_units} of"
        say(
            f"renewal {one.ends_at:%Y-%m-%d}: {one.verdict.value}{kept} {units_text(one.units)}; "
            f"whole it costs {one.renewal_usd:,.0f} USD, kept units save {one.saving_usd:,.0f}, "
            f"the others waste {one.wasted_usd:,.0f}; {one.because}. AWS renews it unless a "
            "person acts"
        )
    for saving in savings:
        say(_saving(saving))


def _saving(one: "TermSaving") -> str:
    foretold = "unknown" if one.predicted_usd is None else f"{one.predicted_usd:,.0f}"
    return (
        f"saved by {one.decision_id} ({units_text(one.units)}, {one.commitment.value}) from "
        f"{one.since:%Y-%m-%d %H:%M} to {one.until:%Y-%m-%d %H:%M}: {one.realised_usd:,.0f} "
        f"USD realised over {one.known_hours:,.0f} hours read, {foretold} foretold, "
        f"{one.paid_usd:,.0f} paid"
    )


def _print_ladder(ladder: "Ladder", say: "Callable[[str], None]") -> None:
    say(f"ladder of {ladder.at:%Y-%m-%d %H:%M} UTC")
    say(f"  on a term already, or of others that serve: {units_text(ladder.lasting_units)}")
    for one in ladder.base:
        say(f"  advised: {_advice(one)}")
    for commitment, why in ladder.refused:
        say(f"  not advised, {commitment.value}: {why}")
    say(
        f"  flexible: {units_text(ladder.flexible_units)} without commitment, "
        f"{ladder.flexible_usd_per_hour:,.2f} USD an hour in the newest week"
    )
    say(f"  overflow: {ladder.overflow_usd_per_hour:,.2f} USD an hour")


def _advice(one: "CommitmentAdvice") -> str:
    return (
        f"{units_text(one.units)} for {one.commitment.value} at {one.usd_per_hour:,.2f} USD, "
        f"{one.term_usd:,.0f} in all; saves {one.saving_usd:,.0f} "
        f"({one.saving_low_usd:+,.0f} to {one.saving_high_usd:+,.0f} by the weeks); loses "
        f"{one.regret_halved_usd:,.0f} if demand halves, {one.regret_ended_usd:,.0f} if it ends"
    )


def _plain(value: object) -> object:
    """Values that JSON knows."""
    from datetime import datetime

    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value.isoformat() if isinstance(value, datetime) else value
