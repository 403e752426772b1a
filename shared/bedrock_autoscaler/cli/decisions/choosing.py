"""Which decisions a command is about: where they are read, and the filters over them."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.output import CommandError

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.decisions.sources import Ledger
    from bedrock_autoscaler.domain.decision import Decision

type Found = tuple[Decision, Decision | None]
"""A decision, and the one before it of the same loop."""

DEFAULT_STACK = "bedrock-autoscaler"
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(3000, 1, 1, tzinfo=UTC)
_BEFORE = timedelta(minutes=15)
"""So long before the first one the decision before it is looked for; each loop ticks oftener."""


class LoopChoice(StrEnum):
    """The loops; the same names as in the domain."""

    ROUTING = "routing"
    CAPACITY = "capacity"


class VerdictChoice(StrEnum):
    """What the class means for capacity; the same names as in the domain."""

    UNKNOWN = "unknown"
    STEADY = "steady"
    BURSTY = "bursty"


class KindChoice(StrEnum):
    """What a decision comes to; the same names as in `report.wording`."""

    BUY = "buy"
    RELEASE = "release"
    RESTORE = "restore"
    ROUTES = "routes"
    HOLD = "hold"


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
VerdictOption = Annotated[
    VerdictChoice | None,
    typer.Option(help="Only where the traffic's class means this; the capacity loop has one."),
]
KindOption = Annotated[KindChoice | None, typer.Option(help="Only decisions that come to this.")]
ReasonOption = Annotated[
    list[str] | None,
    typer.Option(help="Only with this reason code; again for each further one, all must be there."),
]
MinUsdOption = Annotated[
    float | None,
    typer.Option(
        min=0.0, help="Only with an expected saving (or loss) of so many USD per hour or more."
    ),
]
ChangesOption = Annotated[
    bool,
    typer.Option("--changes", help="Leave out holds, and what the decision before it says too."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """The filters; None and empty ones let everything pass.

    Attributes:
        reasons: codes that a decision must all have.
        min_usd: least expected saving or loss, USD per hour.
    """

    target: str | None = None
    loop: str | None = None
    since: str | None = None
    until: str | None = None
    verdict: str | None = None
    kind: str | None = None
    reasons: tuple[str, ...] = ()
    min_usd: float | None = None
    changes: bool = False

    @property
    def window(self) -> tuple[datetime, datetime]:
        """[first moment, moment before which to stop).

        Raises:
            CommandError: one of them is no moment in UTC, or the first is not before the other.
        """
        from bedrock_autoscaler.domain.units import moment_text

        first = _moment("--since", self.since) or FIRST
        last = _moment("--until", self.until) or LAST
        if first >= last:
            raise CommandError(
                f"--since {moment_text(first)} is not before --until {moment_text(last)}; swap "
                "them, or leave one out"
            )
        return first, last


def open_ledger(source: Path | None, stack: str) -> "Ledger":
    """The export where one is named, else the live ledger of the stack."""
    from bedrock_autoscaler.cli.decisions.sources import open_export, open_stack

    return open_export(source) if source is not None else open_stack(stack)


def find(ledger: "Ledger", criteria: Criteria) -> "list[Found]":
    """The decisions that pass, oldest first, each with the one before it of its loop.

    Raises:
        CommandError: the target, or a reason code, is unknown.
    """
    from bedrock_autoscaler.domain.target import Loop
    from bedrock_autoscaler.report.wording import in_turn

    require_codes(criteria.reasons)
    chosen = Loop(criteria.loop) if criteria.loop is not None else None
    first, last = criteria.window
    found = [
        (decision, before)
        for name in targets_of(ledger, criteria.target)
        for decision, before in in_turn(
            ledger.decisions.between(name, chosen, first - _BEFORE, last)
        )
        if decision.scheduled_at >= first and passes(decision, criteria, before)
    ]
    return sorted(found, key=lambda each: (each[0].scheduled_at, each[0].id))


def targets_of(ledger: "Ledger", target: str | None) -> tuple[str, ...]:
    """The names to read: the one that was asked for, or all.

    Raises:
        CommandError: it is unknown.
    """
    if target is None:
        return ledger.targets
    if target not in ledger.targets:
        known = ", ".join(ledger.targets) or "none"
        raise CommandError(f"target {target!r} has no decision; there are: {known}")
    return (target,)


def passes(decision: "Decision", criteria: Criteria, before: "Decision | None") -> bool:
    """Whether the decision, and what it changes of the one before it, passes the filters."""
    from bedrock_autoscaler.report.wording import differs, kind_of

    classification = decision.classification
    codes = {reason.code.value for reason in decision.reasons}
    return (
        (not criteria.changes or differs(decision, before))
        and (criteria.kind is None or kind_of(decision, before).value == criteria.kind)
        and (
            criteria.verdict is None
            or (classification is not None and classification.verdict.value == criteria.verdict)
        )
        and codes.issuperset(criteria.reasons)
        and (
            criteria.min_usd is None
            or abs(decision.expected_saving_usd_per_hour) >= criteria.min_usd
        )
    )


def require_codes(codes: tuple[str, ...]) -> None:
    """Refuse a code that no decision can have.

    Raises:
        CommandError: with the codes that are spelled alike.
    """
    from difflib import get_close_matches

    from bedrock_autoscaler.domain.reason import ReasonCode

    known = [code.value for code in ReasonCode]
    for code in codes:
        if code not in known:
            near = get_close_matches(code, known)
            meant = f"did you mean {' or '.join(near)}?" if near else "see `decisions explain`"
            raise CommandError(f"reason code {code!r} is unknown; {meant}")


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
