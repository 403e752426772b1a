"""What persons and other systems are told and asked."""

from datetime import datetime
from typing import Protocol

from bedrock_autoscaler.domain.consents.consent import RecordedConsent, Request
from bedrock_autoscaler.domain.decision import Decision


class Approvals(Protocol):
    """What persons were asked, and what they answered; the functions ask, persons answer."""

    def ask(self, request: Request) -> bool:
        """Keep a request; False when one of this id was kept before (nothing changes).

        Raises:
            ObservationError: it could not be kept.
            UnknownOutcomeError: it may have been kept.
        """

    def asked(self, target: str, since: datetime) -> tuple[Request, ...]:
        """Requests of the target that end after `since`, oldest first, read consistently."""

    def answer(self, consent_id: str) -> RecordedConsent | None:
        """The answer to a request, read consistently; None while nobody gave one."""


class Answers(Protocol):
    """A person's side of approvals; no function may call it."""

    def give(self, consent: RecordedConsent) -> bool:
        """Keep a consent, or a refusal; False when one of this id is there (nothing changes).

        Raises:
            ObservationError: it could not be kept.
            UnknownOutcomeError: it may have been kept.
        """

    def take_back(self, consent: RecordedConsent, by: str, at: datetime) -> None:
        """Reject a consent that was given and not used.

        Raises:
            StaleDecisionError: it was used or rejected meanwhile.
        """


class Reporter(Protocol):
    """Where people and alarms hear of it."""

    def decided(self, decision: Decision) -> None:
        """One structured line and the counters of one decision."""

    def happened(self, event: str, target: str, **fields: str | float) -> None:
        """One structured line on an outcome, a repair or a refusal."""

    def alarm(self, alarm: str, target: str, message: str) -> None:
        """Something a person must look at: a metric and a line."""

    def asks(self, request: Request) -> None:
        """A purchase waits for a person's word; said again until it is answered or over."""

    def flush(self) -> None:
        """Send what waits to be sent, at the end of a run; never raises, and gives up soon."""
