"""What the outside is told of a run, once, and never in the way of the run."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, override

import pytest

from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import (
    AutoscalerError,
    ObservationError,
    TargetsFailedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.telling.events import Kind, Teller
from bedrock_autoscaler.application.telling.messages import Message
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_decision
from tests.fakes.fake_clock import FakeClock
from tests.fakes.memory_outlets import MemoryOutlets, MemoryTold
from tests.fakes.recording_reporter import RecordingReporter
from tests.staging import Stage
from tests.unit.application.test_asking import ASKED

DAY = timedelta(days=1)


class Desk:
    """A teller with everything around it; a second process shares what is kept, not memory."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.outlets = MemoryOutlets()
        self.told = MemoryTold()
        self.inner = RecordingReporter()
        self.teller = self.process()

    def process(self) -> Teller:
        """A new process."""
        return Teller(
            self.inner,
            outlets=self.outlets,
            told=self.told,
            clock=self.clock,
            deployment="prod",
        )

    @property
    def subjects(self) -> list[str]:
        """Of all messages so far."""
        return [message.subject for message in self.outlets.messages]

    @property
    def ids(self) -> list[str]:
        """Of all announcements so far."""
        return [one.id for one in self.outlets.announced]


def test_everything_is_handed_on_at_once_and_sent_at_the_end() -> None:
    desk = Desk()

    desk.teller.decided(build_decision())
    desk.teller.happened("purchase_bought", "chat", decision_id="d-1", units=2)
    desk.teller.alarm("idle_units", "chat", "arn:1 is idle; 121 USD have been paid")
    desk.teller.asks(ASKED)

    assert (len(desk.inner.decisions), len(desk.inner.happenings)) == (1, 1)
    assert (len(desk.inner.alarms), len(desk.inner.requests)) == (1, 1)
    assert (desk.outlets.announced, desk.outlets.messages) == ([], [])
    desk.teller.flush()
    assert [one.kind for one in desk.outlets.announced] == [
        Kind.DECISION,
        Kind.CHANGE,
        Kind.REQUEST,
        Kind.ALARM,
    ]
    assert desk.subjects == [
        "[prod] chat: approve 2 units for one month?",
        "[prod] chat: paid units serve nobody",
    ]
    assert desk.inner.flushes == 1


def test_a_repeated_run_has_the_same_ids_and_tells_nobody_again() -> None:
    desk = Desk()
    for teller in (desk.teller, desk.teller, desk.process()):
        teller.decided(build_decision())
        teller.happened("purchase_settled", "chat", decision_id="d-1", state="in_service")
        teller.happened("published", "chat", decision_id="d-2", version=7)
        teller.alarm("idle_units", "chat", "arn:1 is idle")
        teller.asks(ASKED)
        teller.flush()

    assert desk.ids[:3] == [
        "chat-capacity-20261120T120000Z",
        "d-1/purchase_settled/in_service",
        "d-2/published/7",
    ]
    assert desk.ids[5:] == desk.ids[:3] * 2
    assert len(desk.outlets.messages) == 2


def test_what_lasts_is_said_once_a_day_and_a_request_once() -> None:
    desk = Desk()
    for _ in range(3):
        for _ in range(2):
            desk.teller.alarm("idle_units", "chat", "arn:1 is idle")
            desk.teller.asks(ASKED)
            desk.teller.flush()
        desk.clock.advance(DAY)

    assert desk.subjects.count("[prod] chat: paid units serve nobody") == 3
    assert len(desk.subjects) == 4


def test_alarms_of_a_name_and_target_share_a_message() -> None:
    desk = Desk()
    for number in (1, 2):
        desk.teller.alarm("idle_units", "chat", f"arn:{number} is idle")
    desk.teller.alarm("idle_units", "email", "arn:3 is idle")
    desk.teller.flush()

    first, second = (message.body for message in desk.outlets.messages)
    assert "  arn:1 is idle\n  arn:2 is idle\n" in first
    assert "arn:3" in second


def test_only_changes_are_announced() -> None:
    desk = Desk()

    for event in ("tick", "superseded", "purchase_held", "would_buy"):
        desk.teller.happened(event, "chat", reason="x")
    desk.teller.flush()

    assert desk.outlets.announced == []


@pytest.mark.parametrize("error", [UnknownOutcomeError("it was throttled"), RuntimeError("secret")])
@pytest.mark.parametrize("method", ["announce", "tell"])
def test_trouble_with_sending_is_an_alarm_and_no_more(method: str, error: Exception) -> None:
    desk = Desk()
    desk.outlets.fail_next(error, method=method)
    desk.teller.decided(build_decision())
    desk.teller.alarm("idle_units", "chat", "arn:1 is idle")

    desk.teller.flush()

    (failed,) = (one for one in desk.inner.alarms if one.alarm == "telling_failed")
    assert failed.message == (
        "it was throttled" if isinstance(error, UnknownOutcomeError) else "RuntimeError"
    )


def test_a_message_that_was_not_sent_is_tried_again_while_its_cause_lasts() -> None:
    desk = Desk()
    desk.outlets.fail_next(UnknownOutcomeError("throttled"), method="tell")
    for _ in range(3):
        desk.teller.alarm("idle_units", "chat", "arn:1 is idle")
        desk.teller.flush()

    assert len(desk.outlets.messages) == 1
    assert list(desk.told.keys) == [("chat", "idle_units/2026-11-20")]


class SlowOutlets(MemoryOutlets):
    """Time is up after each first message."""

    @override
    def tell(self, messages: Iterable[Message]) -> Iterator[Message]:
        """One, and no more."""
        yield from islice(super().tell(messages), 1)
        raise UnknownOutcomeError("messages were given up")


def test_messages_that_were_given_up_are_told_by_later_runs() -> None:
    desk = Desk()
    desk.outlets = SlowOutlets()
    told = []
    for _ in range(3):
        # Each run is a process of its own: only what is marked is known to the next.
        teller = desk.process()
        for target in ("chat", "email", "search"):
            teller.alarm("idle_units", target, "arn:1 is idle")
        teller.flush()
        told.append([target for target, _ in desk.told.keys])

    assert told == [["chat"], ["chat", "email"], ["chat", "email", "search"]]
    assert len(desk.outlets.messages) == 3


@pytest.mark.parametrize(
    "problem",
    # A run that is cut off loses what it has not sent, and messages alone are tried again.
    [UnknownOutcomeError("throttled"), RuntimeError("cut off")],
    ids=["not sent", "cut off"],
)
def test_events_are_sent_before_messages_whatever_comes_of_these(problem: Exception) -> None:
    desk = Desk()
    desk.outlets.fail_next(problem, method="tell")
    desk.teller.decided(build_decision())
    desk.teller.alarm("idle_units", "chat", "arn:1 is idle")

    desk.teller.flush()

    assert desk.ids[0] == build_decision().id


@pytest.mark.parametrize(
    ("error", "method"),
    [
        (ObservationError("unread"), "was_told"),
        (ObservationError("unwritten"), "mark"),
        (UnknownOutcomeError("lost"), "mark"),
    ],
)
def test_without_the_ledger_a_process_remembers_by_itself(
    error: AutoscalerError, method: str
) -> None:
    desk = Desk()
    for _ in range(3):
        desk.told.fail_next(error, method=method)
        desk.teller.alarm("idle_units", "chat", "arn:1 is idle")
        desk.teller.flush()

    assert len(desk.outlets.messages) == 1


class TellingStage(Stage):
    """The stage, whose reporter tells a desk."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desk.clock = self.clock
        self.desk.inner = self.reporter
        self.teller = self.desk.process()
        adapters: Any = _Telling(self)
        self.application = Application(
            adapters, deployment="test", code_version="1.2.3", decide=self._decide
        )


class _Telling:
    """The parts of a stage, with the teller for the reporter."""

    def __init__(self, stage: TellingStage) -> None:
        self._stage = stage

    def __getattr__(self, name: str) -> object:
        return self._stage.teller if name == "reporter" else getattr(self._stage, name)


def test_each_run_ends_with_its_events_also_when_it_fails() -> None:
    stage = TellingStage()
    stage.decide(Loop.ROUTING)
    assert stage.desk.ids == ["chat-routing-20261120T120000Z"]

    stage.clock.advance(MINUTE)
    stage.decisions.fail_next(RuntimeError("a defect"), method="latest")
    with pytest.raises(TargetsFailedError):
        stage.publish()

    assert stage.desk.subjects == ["[prod] chat: the pass of a target failed"]


def test_a_run_does_the_same_whether_it_can_be_told_or_not() -> None:
    """Sending fails at each run: the same summaries, the same intents, the same tables."""
    outcomes = []
    for is_mute in (False, True):
        stage = TellingStage()
        done = []
        for _ in range(3):
            for run in (stage.decide, stage.purchase, stage.release, stage.publish):
                if is_mute:
                    for method in ("announce", "tell"):
                        stage.desk.outlets.fail_next(RuntimeError("dead"), method=method)
                done.append(run())
            stage.clock.advance(15 * MINUTE)
        table = stage.tables.current("chat")
        outcomes.append((done, stage.fleets.state_of("chat"), replace(table) if table else None))

    assert outcomes[0] == outcomes[1]
