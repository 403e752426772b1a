"""Persons and decisions: what is asked of persons, and which of their answers a decision sees.

Trouble here holds no decision back: what cannot be asked is an alarm, and a consent that cannot
be read buys nothing.
"""

from dataclasses import replace
from datetime import datetime

from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.ports.persons import Approvals, Reporter
from bedrock_autoscaler.domain.consents.asking import REMEMBERED, is_repeated, requests_of
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import Decision, Situation


def open_consents(
    target: str, now: datetime, approvals: Approvals | None, reporter: Reporter
) -> tuple[RecordedConsent, ...]:
    """Consents that nothing has used, to requests of the last days; late ones among them.

    They say when they were asked for.
    """
    if approvals is None:
        return ()
    try:
        answers = [
            (request.asked_at, approvals.answer(request.id))
            for request in approvals.asked(target, now - REMEMBERED)
        ]
    except ObservationError as error:
        reporter.alarm("consents_unread", target, str(error))
        return ()
    return tuple(
        replace(answer, asked_at=asked_at)
        for asked_at, answer in answers
        if answer is not None and answer.is_open
    )


def ask_persons(
    situation: Situation, decision: Decision, approvals: Approvals | None, reporter: Reporter
) -> None:
    """Keep what the decision asks for anew, and say what still waits for an answer."""
    if approvals is None:
        return
    target, now = situation.target.name, situation.scheduled_at
    try:
        asked = approvals.asked(target, now)
        wanted = (one for one in requests_of(decision, situation) if not is_repeated(one, asked))
        new = [request for request in wanted if approvals.ask(request)]
        for request in (*asked, *new):
            if approvals.answer(request.id) is None:
                reporter.asks(request)
    except (ObservationError, UnknownOutcomeError) as error:
        reporter.alarm("request_unrecorded", target, str(error))
