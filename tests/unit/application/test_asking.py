"""Asking persons beside a tick: told until it is answered, and never in a decision's way."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import (
    AutoscalerError,
    ObservationError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.telling.asking import ask_persons, open_consents
from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.consents.asking import REMEMBERED, requests_of
from bedrock_autoscaler.domain.consents.consent import REJECTED, RecordedConsent
from bedrock_autoscaler.domain.decision import Decision, Purchase, Situation
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_consent, build_decision, build_situation, build_target
from tests.fakes.memory_approvals import MemoryApprovals
from tests.fakes.memory_ledger import MemoryFleets
from tests.fakes.recording_reporter import RecordingReporter
from tests.intents import ONE_UNIT
from tests.staging import QUARTERLY, Stage
from tests.unit.application.scenes import reasons
from tests.unit.domain.test_asking import PAYS

SITUATION = build_situation()
DECISION = build_decision(reasons=(PAYS,))
(ASKED,) = requests_of(DECISION, SITUATION)
YES = build_consent(id=ASKED.id, units=2, valid_until=ASKED.expires_at)


class Desk:
    """One target's requests, with a tick at a time of one's own."""

    def __init__(self) -> None:
        self.approvals = MemoryApprovals(MemoryFleets())
        self.reporter = RecordingReporter()

    def tick(self, after: timedelta = timedelta(0), decision: Decision = DECISION) -> int:
        """How many requests a person is told of."""
        told = len(self.reporter.requests)
        situation = replace(SITUATION, scheduled_at=NOW + after)
        ask_persons(situation, decision, self.approvals, self.reporter)
        return len(self.reporter.requests) - told

    def consents(self, after: timedelta = timedelta(0)) -> tuple[RecordedConsent, ...]:
        """What a decision would see."""
        return open_consents("chat", NOW + after, self.approvals, self.reporter)


def test_a_request_is_told_until_it_is_answered() -> None:
    desk = Desk()

    assert [desk.tick(), desk.tick(MINUTE), desk.tick(2 * MINUTE, build_decision())] == [1, 1, 1]
    desk.approvals.give(YES)

    assert desk.tick(3 * MINUTE) == 0
    assert desk.consents() == (replace(YES, asked_at=NOW),)


def test_silence_is_a_no() -> None:
    desk = Desk()
    desk.tick()

    assert desk.tick(timedelta(days=7), build_decision()) == 0
    assert desk.consents(timedelta(days=7)) == ()


def test_a_no_is_not_asked_again_in_the_same_week() -> None:
    desk = Desk()
    desk.tick()
    desk.approvals.give(replace(YES, used_by=REJECTED, rejected_by="jane", rejected_at=NOW))

    assert desk.tick(timedelta(days=1)) == 0
    assert desk.consents() == ()


@pytest.mark.parametrize("word", [None, YES, replace(YES, used_by="d-1")])
def test_a_term_is_not_asked_for_again_at_the_turn_of_a_week(word: RecordedConsent | None) -> None:
    desk = Desk()
    sunday = timedelta(days=2, hours=11, minutes=55)  # NOW is Friday noon
    desk.tick(sunday, at(sunday))
    if word is not None:
        desk.approvals.give(word)

    for later in (5 * MINUTE, timedelta(days=7) - MINUTE):
        desk.tick(sunday + later, at(sunday + later))

    asked = desk.approvals.asked("chat", NOW)
    assert [request.id for request in asked] == ["chat-one-month-2026w47"]

    desk.tick(sunday + timedelta(days=7), at(sunday + timedelta(days=7)))
    assert len(desk.approvals.asked("chat", NOW)) == 2


def at(after: timedelta) -> Decision:
    """The decision with the advice, so much later."""
    return replace(DECISION, scheduled_at=NOW + after)


def test_a_late_consent_is_seen_for_a_while_so_that_its_lateness_is_told() -> None:
    desk = Desk()
    desk.tick()
    desk.approvals.give(YES)

    (late,) = desk.consents(timedelta(days=7) + REMEMBERED - MINUTE)
    assert late.id == YES.id
    assert desk.consents(timedelta(days=7) + REMEMBERED) == ()


@pytest.mark.parametrize("method", ["ask", "asked", "answer"])
@pytest.mark.parametrize("error", [ObservationError("unread"), UnknownOutcomeError("lost")])
def test_trouble_is_an_alarm_and_no_more(method: str, error: AutoscalerError) -> None:
    desk = Desk()
    desk.approvals.fail_next(error, method=method)

    assert desk.tick() == 0

    assert desk.reporter.alarm_names == [("request_unrecorded", "chat")]


def test_consents_that_cannot_be_read_are_none() -> None:
    desk = Desk()
    desk.tick()
    desk.approvals.fail_next(ObservationError("unread"), method="asked")

    assert desk.consents() == ()
    assert desk.reporter.alarm_names == [("consents_unread", "chat")]


def test_where_nobody_is_asked_nothing_happens() -> None:
    reporter = RecordingReporter()

    ask_persons(SITUATION, DECISION, None, reporter)

    assert open_consents("chat", NOW, None, reporter) == ()
    assert (reporter.requests, reporter.alarms) == ([], [])


def test_a_purchase_above_the_limit_is_not_made_whatever_a_decision_asks_for() -> None:
    controls = Controls(approval_above_usd_per_hour=Decimal(60))
    stage = Stage(build_target(thresholds=QUARTERLY, controls=controls), core=_buying)

    stage.decide()
    stage.purchase()

    assert stage.capacity.inventory().throughputs == ()
    (held,) = reasons(stage, "purchase_held")
    assert "needs a person's consent" in held


def _buying(situation: Situation) -> Decision:
    purchase: Purchase = ONE_UNIT
    return replace(build_decision(), scheduled_at=situation.scheduled_at, actions=(purchase,))
