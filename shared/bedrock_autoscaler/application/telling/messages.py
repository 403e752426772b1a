"""Messages to persons: what is wrong or asked, the evidence with its dollars, and the command."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bedrock_autoscaler.application.telling.remedies import commands_of, remedy_of
from bedrock_autoscaler.domain.commitments.terms import MONTH
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, moment_text, units_text

_LONGEST_SUBJECT = 100
_MOST_TEXTS = 20
_LONGEST_TEXT = 2_000
_TERMS = {
    Commitment.NONE: "without commitment",
    Commitment.ONE_MONTH: "for one month",
    Commitment.SIX_MONTHS: "for six months",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One e-mail's worth.

    Attributes:
        subject: at most 100 printable ASCII characters.
        body: lines for people; commands stand alone on theirs.
    """

    subject: str
    body: str


def message_on_alarm(alarm: str, target: str, texts: Sequence[str], stack: str) -> Message:
    """What an alarm says, and what to run."""
    remedy = remedy_of(alarm)
    said = [_line(text) for text in texts[:_MOST_TEXTS]]
    if len(texts) > _MOST_TEXTS:
        said.append(f"... and {len(texts) - _MOST_TEXTS} more of the kind; the log has them all")
    return Message(
        subject=_subject(stack, target, remedy.title),
        body=_body(
            f"{_capital(remedy.title)}.",
            "Evidence:",
            *(f"  {text}" for text in said),
            "",
            "To look and to act:",
            *(f"  {command}" for command in commands_of(remedy, target, stack)),
            "",
            f"Runbook: docs/runbook.md, alarm `{alarm}`. While it lasts this is said once a day.",
        ),
    )


def message_on_request(request: Request, stack: str) -> Message:
    """What waits for a word, what it costs, and how to say yes or no."""
    term = _TERMS[request.term]
    hourly = request.usd_per_hour_in_all
    until = moment_text(request.expires_at)
    yes = f"bedrock-autoscaler approve {request.id} --target {request.target} --stack {stack}"
    no = f"bedrock-autoscaler reject {request.id} --target {request.target} --stack {stack}"
    pause = f"bedrock-autoscaler pause {request.target} --direction grow --stack {stack}"
    return Message(
        subject=_subject(stack, request.target, f"approve {units_text(request.units)} {term}?"),
        body=_body(
            f"{units_text(request.units)} of {request.model_id} {term} wait for your word: "
            f"{hourly:,.2f} USD per hour, {hourly * int(MONTH / HOUR):,.0f} USD in a month of "
            f"{MONTH.days} days.",
            "",
            "Evidence:",
            f"  {_line(request.evidence)}",
            "",
            f"Yes, until {until}:",
            f"  {yes}",
            "No, and silence is a no too:",
            f"  {no}",
            "To stop purchases of this target altogether:",
            f"  {pause}",
            *_warning(request),
        ),
    )


def _warning(request: Request) -> Iterable[str]:
    if request.term is Commitment.NONE:
        return ()
    return (
        "",
        (
            "A term is paid whether it is used or not, cannot be deleted before its end, and AWS "
            "renews it unless a person deletes it then."
        ),
    )


def _subject(stack: str, target: str, title: str) -> str:
    """SNS takes a hundred ASCII characters without line breaks, the first no space."""
    whole = f"[{stack}] {target + ': ' if target else ''}{title}"
    ascii_only = "".join(one if one.isascii() and one.isprintable() else "?" for one in whole)
    cut = ascii_only[: _LONGEST_SUBJECT - 3] + "..."
    return ascii_only if len(ascii_only) <= _LONGEST_SUBJECT else cut


def _line(text: str) -> str:
    """Text on one line: parts of it come from outside."""
    printable = "".join(one if one.isprintable() else " " for one in text)
    return printable if len(printable) <= _LONGEST_TEXT else f"{printable[:_LONGEST_TEXT]}..."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _body(*lines: str) -> str:
    return "\n".join(lines) + "\n"
