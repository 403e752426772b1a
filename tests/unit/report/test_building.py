from datetime import datetime, timedelta
from typing import override

import pytest

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decision import Decision, decision_id
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from bedrock_autoscaler.report.building import Following, payloads_from
from bedrock_autoscaler.report.record import Sources
from tests.builders import NOW, build_decision, build_situation, build_target
from tests.fakes.memory_decisions import MemoryDecisions
from tests.fakes.memory_history import MemoryHistory
from tests.fakes.memory_ledger import MemoryFleets


class Counting(MemoryDecisions):
    """Notes from where on it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: list[datetime] = []

    @override
    def between(
        self, target: str, loop: Loop | None, start: datetime, end: datetime
    ) -> tuple[Decision, ...]:
        self.starts.append(start)
        return super().between(target, loop, start, end)

    def add(self, at: datetime) -> None:
        decision = build_decision(id=decision_id("chat", Loop.CAPACITY, at), scheduled_at=at)
        self.record(
            RecordedDecision(
                decision=decision,
                situation=build_situation(scheduled_at=at),
                history=None,
                code_version="1",
            )
        )


def sources(decisions: MemoryDecisions) -> Sources:
    return Sources(
        decisions=decisions,
        history=MemoryHistory(),
        fleets=MemoryFleets(),
        policy=lambda _name, _version: build_target(),
    )


def test_targets_without_a_decision_in_the_span_are_left_out() -> None:
    decisions = Counting()
    decisions.add(NOW)

    payloads = payloads_from(sources(decisions), ["chat", "other"], NOW - HOUR, NOW + HOUR)

    assert [payload.head["name"] for payload in payloads] == ["chat"]


@pytest.mark.parametrize(("is_open", "seen"), [(False, 1), (True, 2)])
def test_a_span_that_ends_now_has_the_decision_of_this_minute(*, is_open: bool, seen: int) -> None:
    decisions = Counting()
    decisions.add(NOW - HOUR)
    decisions.add(NOW)

    (payload,) = payloads_from(sources(decisions), ["chat"], NOW - 2 * HOUR, NOW, is_open=is_open)

    assert payload.head["decisions"] == seen


def test_following_reads_again_only_what_is_new() -> None:
    decisions = Counting()
    decisions.add(NOW - HOUR)
    decisions.add(NOW)
    following = Following(sources=sources(decisions), names=["chat"], length=timedelta(days=1))

    first, _ = following.refresh(NOW + MINUTE)
    decisions.add(NOW + 5 * MINUTE)
    second, (payload,) = following.refresh(NOW + 6 * MINUTE)

    assert decisions.starts == [NOW + MINUTE - timedelta(days=1), NOW - 10 * MINUTE]
    assert first != second
    assert payload.head["decisions"] == 3


def test_following_makes_nothing_anew_while_nothing_is_new() -> None:
    decisions = Counting()
    decisions.add(NOW)
    following = Following(sources=sources(decisions), names=["chat"], length=HOUR)

    version, payloads = following.refresh(NOW + MINUTE)
    again, same = following.refresh(NOW + 2 * MINUTE)

    assert version == again
    assert payloads is same


def test_following_forgets_what_leaves_the_span() -> None:
    decisions = Counting()
    decisions.add(NOW)
    decisions.add(NOW + 30 * MINUTE)
    following = Following(sources=sources(decisions), names=["chat"], length=HOUR)
    following.refresh(NOW + 31 * MINUTE)

    _, (payload,) = following.refresh(NOW + 80 * MINUTE)

    assert payload.head["decisions"] == 1
