"""Telling the outside: an event for each decision and change, a message for what needs a person.

Everything is put aside while a run works and sent at its end, so that no message comes before, or
in the way of, a step that spends. What cannot be sent is an alarm in the log and its metric, which
CloudWatch tells by itself; events that are lost then are in the ledger, and a message is tried
again as long as its cause lasts.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, override

from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.telling.messages import (
    Message,
    message_on_alarm,
    message_on_request,
)
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.units import compact, floor_minute

CHANGES = frozenset(
    {
        "published",
        "purchase_bought",
        "purchase_refused",
        "purchase_settled",
        "purchase_unresolved",
        "release_begun",
        "release_cancelled",
        "release_unresolved",
        "released",
        "scaled",
        "scaling_settled",
        "scaling_unresolved",
    }
)
"""Events of a run that change what is held, on order or routed to; others are for the log."""

_REMEMBERED = 1_000


class Kind(StrEnum):
    """What an announcement is about."""

    DECISION = "decision"
    CHANGE = "change"
    ALARM = "alarm"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One event for whoever listens.

    Attributes:
        id: the same when a run is repeated, so that listeners can tell a repetition.
        name: of the change or alarm, `decided`, or `asked`.
        text: one sentence for people; empty where `decision` says it all.
        fields: of a change, by name.
        decision, request: what it is about, where it is about one.
    """

    kind: Kind
    id: str
    name: str
    target: str
    at: datetime
    text: str = ""
    fields: Mapping[str, str | float] = field(default_factory=dict)
    decision: Decision | None = None
    request: Request | None = None


class Outlets(Protocol):
    """Where announcements and messages go; neither call lasts longer than some seconds in all."""

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Send them all, in order.

        Raises:
            UnknownOutcomeError: some were not sent, or may not have been.
        """

    def tell(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Send them, in order, to the persons who subscribed; each, once it was sent.

        Raises:
            UnknownOutcomeError: the next one was not sent, or may not have been; no later one was.
        """


class Told(Protocol):
    """What persons were told, so that a repeated run does not tell it again."""

    def was_told(self, target: str, key: str) -> bool:
        """Whether it was.

        Raises:
            ObservationError: that could not be read.
        """

    def mark(self, target: str, key: str, at: datetime) -> None:
        """Note that it was.

        Raises:
            ObservationError: it could not be kept.
            UnknownOutcomeError: it may have been kept.
        """


class Teller(Reporter):
    """A reporter that tells the outside too, at the end of each run.

    Args:
        inner: hears everything at once, as before.
        deployment: the stack's name, for the commands in messages.
    """

    def __init__(
        self, inner: Reporter, *, outlets: Outlets, told: Told, clock: Clock, deployment: str
    ) -> None:
        self._inner = inner
        self._outlets = outlets
        self._told = told
        self._clock = clock
        self._deployment = deployment
        self._decisions: list[Decision] = []
        self._changes: list[tuple[str, str, Mapping[str, str | float]]] = []
        self._alarms: dict[tuple[str, str], list[str]] = {}
        self._requests: list[Request] = []
        self._known: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)

    @override
    def decided(self, decision: Decision) -> None:
        """Hand it on, and put it aside."""
        self._inner.decided(decision)
        self._decisions.append(decision)

    @override
    def happened(self, event: str, target: str, **fields: str | float) -> None:
        """Hand it on, and put it aside where it is a change."""
        self._inner.happened(event, target, **fields)
        if event in CHANGES:
            self._changes.append((event, target, fields))

    @override
    def alarm(self, alarm: str, target: str, message: str) -> None:
        """Hand it on, and put it aside."""
        self._inner.alarm(alarm, target, message)
        self._alarms.setdefault((alarm, target), []).append(message)

    @override
    def asks(self, request: Request) -> None:
        """Hand it on, and put it aside."""
        self._inner.asks(request)
        self._requests.append(request)

    @override
    def flush(self) -> None:
        """Send what was put aside; whatever goes wrong is told by the log alone."""
        try:
            self._send()
        except Exception as error:  # noqa: BLE001 - nothing that is said may undo what was done
            text = f"{type(error).__name__}" if _is_foreign(error) else str(error)
            self._inner.alarm("telling_failed", "", text)
        finally:
            for waiting in (self._decisions, self._changes, self._alarms, self._requests):
                waiting.clear()
            self._inner.flush()

    # -- sending -------------------------------------------------------------------------------

    def _send(self) -> None:
        """Events first: those that are lost are not tried again, and messages are."""
        now = self._clock.now()
        news, messages = [], []
        for request in self._requests:
            key = f"asked/{request.id}"
            if self._is_news(request.target, key):
                messages.append(
                    (request.target, key, message_on_request(request, self._deployment))
                )
                news.append(_of_request(request))
        for (alarm, target), texts in self._alarms.items():
            key = f"{alarm}/{now:%Y-%m-%d}"
            if self._is_news(target, key):
                message = message_on_alarm(alarm, target, texts, self._deployment)
                messages.append((target, key, message))
                news.append(_of_alarm(alarm, target, texts, now))
        problems = [
            *self._announce([*self._of_run(now), *news]),
            *self._tell_all(messages, now),
        ]
        if problems:
            raise UnknownOutcomeError("; ".join(dict.fromkeys(problems)))

    def _tell_all(self, messages: list[tuple[str, str, Message]], now: datetime) -> list[str]:
        """What went wrong; what was not sent is not marked, and is told by a later run."""
        sent = self._outlets.tell([message for _, _, message in messages])
        try:
            for (target, key, _), _ in zip(messages, sent, strict=True):
                self._known.append((target, key))
                self._told.mark(target, key, now)
        except (ObservationError, UnknownOutcomeError) as error:
            return [str(error)]
        return []

    def _announce(self, announcements: list[Announcement]) -> list[str]:
        try:
            if announcements:
                self._outlets.announce(announcements)
        except UnknownOutcomeError as error:
            return [str(error)]
        return []

    def _is_news(self, target: str, key: str) -> bool:
        """Whether nobody was told; where that cannot be read, this process's memory decides."""
        if (target, key) in self._known:
            return False
        try:
            was_told = self._told.was_told(target, key)
        except ObservationError:
            return True
        if was_told:
            self._known.append((target, key))
        return not was_told

    def _of_run(self, now: datetime) -> list[Announcement]:
        """The decisions and changes of the run."""
        decided = [
            Announcement(
                kind=Kind.DECISION,
                id=decision.id,
                name="decided",
                target=decision.target,
                at=decision.scheduled_at,
                decision=decision,
            )
            for decision in self._decisions
        ]
        changed = [
            Announcement(
                kind=Kind.CHANGE,
                id=_change_id(event, target, fields, now),
                name=event,
                target=target,
                at=now,
                fields=fields,
            )
            for event, target, fields in self._changes
        ]
        return [*decided, *changed]


def _change_id(event: str, target: str, fields: Mapping[str, str | float], now: datetime) -> str:
    """From what a repetition of the change would have in common with it."""
    subject = fields.get("decision_id") or fields.get("arn") or f"{target}/{compact(now)}"
    state = fields.get("state") or fields.get("version")
    return "/".join(str(part) for part in (subject, event, state) if part is not None)


def _of_alarm(alarm: str, target: str, texts: list[str], now: datetime) -> Announcement:
    return Announcement(
        kind=Kind.ALARM,
        id=f"{target or '-'}/{alarm}/{now:%Y-%m-%d}",
        name=alarm,
        target=target,
        at=floor_minute(now),
        text="; ".join(texts),
    )


def _of_request(request: Request) -> Announcement:
    return Announcement(
        kind=Kind.REQUEST,
        id=request.id,
        name="asked",
        target=request.target,
        at=request.asked_at,
        text=request.evidence,
        request=request,
    )


def _is_foreign(error: Exception) -> bool:
    """Whether the text is not ours, and may quote what nobody should read."""
    return not isinstance(error, ObservationError | UnknownOutcomeError)
