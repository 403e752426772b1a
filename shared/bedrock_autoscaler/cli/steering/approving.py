"""`requests`, `approve`, `reject`: a person's word on purchases that need one."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from bedrock_autoscaler.cli.deployed import access_to
from bedrock_autoscaler.cli.output import CommandError, Output, OutputOption, print_json
from bedrock_autoscaler.domain.units import count_text, units_text

if TYPE_CHECKING:
    from bedrock_autoscaler.cli.stack import StackAccess
    from bedrock_autoscaler.domain.consents.consent import RecordedConsent, Request

REQUESTS_EXAMPLE = "Example: bedrock-autoscaler requests --target chat"
APPROVE_EXAMPLE = "Example: bedrock-autoscaler approve chat-one-month-2026w47"
REJECT_EXAMPLE = "Example: bedrock-autoscaler reject chat-one-month-2026w47"

DEFAULT_STACK = "bedrock-autoscaler"
_SHOWN = timedelta(days=14)
_EVER = datetime.min.replace(tzinfo=UTC)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Of the request.")]
StackOption = Annotated[str, typer.Option(help="Name of the deployed stack.")]
TargetOption = Annotated[
    str | None, typer.Option(help="The request's target; default: all are looked through.")
]


def requests(
    *,
    target: TargetOption = None,
    stack: StackOption = DEFAULT_STACK,
    output: OutputOption = Output.TABLE,
) -> None:
    """List what persons were asked in the last two weeks, and what came of it."""
    access = access_to(stack)
    now = access.clock.now()
    found = _asked(access, target, now - _SHOWN)
    rows = [(request, access.approvals.answer(request.id)) for request in found]
    if output is Output.JSON:
        print_json([_plain(request, answer, now) for request, answer in rows])
        return
    for request, answer in rows:
        typer.echo(f"{_state(request, answer, now):<10} {request.id}")
        typer.echo(f"  {_terms(request)}")
        typer.echo(f"  {request.evidence}")
    waiting = sum(_state(request, answer, now) == "open" for request, answer in rows)
    typer.echo(f"{count_text(len(rows), 'request')}, {waiting} waiting for a word")


def approve(
    request_id: IdArgument,
    *,
    target: TargetOption = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="The consent ends then (4h, 2d, a time); default and latest: the "
            "request's own end."
        ),
    ] = None,
    max_usd_per_hour: Annotated[
        str | None,
        typer.Option(help="Highest price of one unit and hour; default: what was asked."),
    ] = None,
    stack: StackOption = DEFAULT_STACK,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")] = False,
) -> None:
    """Agree to a purchase that was asked for; it is made by the next decision, once.

    The consent names who gave it, by the identity of the AWS credentials, and exactly what: model,
    units, term, highest price, end. It buys nothing above a cap and nothing after its end. Giving
    it again changes nothing.
    """
    from bedrock_autoscaler.domain.consents.consent import RecordedConsent

    access = access_to(stack)
    now = access.clock.now()
    request = _find(access, request_id, target)
    kept = access.approvals.answer(request.id)
    if kept is not None:
        _say_kept(kept)
        return
    if now >= request.expires_at:
        raise CommandError(
            f"{request.id} ended on {request.expires_at:%Y-%m-%d %H:%M} UTC; silence was a no"
        )
    consent = RecordedConsent(
        id=request.id,
        target=request.target,
        model_id=request.model_id,
        units=request.units,
        term=request.term,
        max_usd_per_hour=_price(max_usd_per_hour, request),
        given_by=access.identity,
        valid_until=_end(until, request, now),
    )
    typer.echo(_terms(request))
    typer.echo(request.evidence)
    typer.echo(
        f"by {consent.given_by}, at most {consent.max_usd_per_hour} USD per unit-hour, until "
        f"{consent.valid_until:%Y-%m-%d %H:%M} UTC"
    )
    if not yes:
        typer.confirm("Buy it?", abort=True)
    if not access.approvals.give(consent):
        _say_kept(access.approvals.answer(request.id))
        return
    typer.echo(f"approved; `bedrock-autoscaler reject {request.id}` takes it back until it is used")


def reject(
    request_id: IdArgument, *, target: TargetOption = None, stack: StackOption = DEFAULT_STACK
) -> None:
    """Refuse what was asked for, or take back a consent that nothing has used yet."""
    from bedrock_autoscaler.domain.consents.consent import REJECTED, RecordedConsent

    access = access_to(stack)
    now = access.clock.now()
    request = _find(access, request_id, target)
    kept = access.approvals.answer(request.id)
    if kept is None:
        refusal = RecordedConsent(
            id=request.id,
            target=request.target,
            model_id=request.model_id,
            units=request.units,
            term=request.term,
            max_usd_per_hour=Decimal(0),
            given_by=access.identity,
            valid_until=request.expires_at,
            used_by=REJECTED,
            used_at=now,
            rejected_by=access.identity,
            rejected_at=now,
        )
        if access.approvals.give(refusal):
            typer.echo(f"rejected; nothing is bought for {request.id}")
            return
        kept = access.approvals.answer(request.id)
    if kept is not None and kept.is_open:
        access.approvals.take_back(kept, access.identity, now)
        typer.echo(f"taken back; nothing is bought for {request.id}")
    elif kept is not None and kept.rejected_by is None:
        raise CommandError(
            f"{request.id} was used by {kept.used_by}; a purchase cannot be taken back. "
            f"`bedrock-autoscaler pause {request.target} --direction grow` stops further ones"
        )
    else:
        _say_kept(kept)


def _asked(access: "StackAccess", target: str | None, since: datetime) -> list["Request"]:
    names = [target] if target else [one.name for one in access.settings().targets]
    return [request for name in names for request in access.approvals.asked(name, since)]


def _find(access: "StackAccess", request_id: str, target: str | None) -> "Request":
    """The request of this id, whenever it was asked."""
    found = _asked(access, target, _EVER)
    for request in found:
        if request.id == request_id:
            return request
    recent = [one.id for one in found if one.expires_at > access.clock.now()]
    raise CommandError(
        f"nobody asked for {request_id!r}; what waits for a word: {', '.join(recent) or 'nothing'}"
    )


def _price(text: str | None, request: "Request") -> Decimal:
    """The highest price that is agreed to; below what was asked nothing would ever be bought."""
    if text is None:
        return request.usd_per_hour
    try:
        price = Decimal(text)
    except InvalidOperation as error:
        raise CommandError(f"{text!r} is no price; write dollars such as 55.50") from error
    if not price.is_finite() or price < request.usd_per_hour:
        raise CommandError(
            f"--max-usd-per-hour {text} is below the {request.usd_per_hour} that one unit costs "
            "now; reject the request instead"
        )
    return price


def _end(text: str | None, request: "Request", now: datetime) -> datetime:
    from bedrock_autoscaler.cli.moments import later

    if text is None:
        return request.expires_at
    moment = later(text, now)
    if moment > request.expires_at:
        raise CommandError(
            f"a consent to {request.id} cannot outlast the request, which ends on "
            f"{request.expires_at:%Y-%m-%d %H:%M} UTC"
        )
    return moment


def _say_kept(kept: "RecordedConsent | None") -> None:
    """What was answered before; that is no error, so that a command may be repeated."""
    if kept is None:
        return
    if kept.rejected_by is not None:
        typer.echo(f"{kept.id} was rejected by {kept.rejected_by}; nothing was written")
    elif kept.used_by is not None:
        typer.echo(
            f"{kept.id} was approved by {kept.given_by} and bought by {kept.used_by}; nothing was "
            "written"
        )
    else:
        typer.echo(
            f"{kept.id} was approved by {kept.given_by} until {kept.valid_until:%Y-%m-%d %H:%M} "
            "UTC and not used yet; nothing was written"
        )


def _terms(request: "Request") -> str:
    term = {"none": "without commitment", "one_month": "for one month"}.get(
        request.term.value, "for six months"
    )
    return (
        f"{units_text(request.units)} of {request.model_id} for {request.target} {term}: "
        f"{request.usd_per_hour_in_all:,.2f} USD per hour; asked on "
        f"{request.asked_at:%Y-%m-%d %H:%M}, ends on {request.expires_at:%Y-%m-%d %H:%M} UTC"
    )


def _state(request: "Request", answer: "RecordedConsent | None", now: datetime) -> str:
    if answer is None:
        return "open" if now < request.expires_at else "silent"
    if answer.rejected_by is not None:
        return "rejected"
    if answer.used_by is not None:
        return "bought"
    return "approved" if now <= answer.valid_until else "expired"


def _plain(
    request: "Request", answer: "RecordedConsent | None", now: datetime
) -> dict[str, object]:
    from bedrock_autoscaler.domain.units import iso

    return {
        "id": request.id,
        "state": _state(request, answer, now),
        "target": request.target,
        "model_id": request.model_id,
        "units": request.units,
        "term": request.term.value,
        "usd_per_hour": str(request.usd_per_hour_in_all),
        "asked_at": iso(request.asked_at),
        "expires_at": iso(request.expires_at),
        "evidence": request.evidence,
        "given_by": answer.given_by if answer and answer.rejected_by is None else None,
        "rejected_by": answer.rejected_by if answer else None,
        "used_by": answer.used_by if answer and answer.rejected_by is None else None,
    }
