"""What every decision log guarantees."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pytest

from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.decisions import Decisions, RecordedDecision, Remembered
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.traffic.joining import join
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    MODEL,
    NOW,
    build_fleet,
    build_observation,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.comparing import plain
from tests.contract.conftest import BACKENDS, LEDGER
from tests.fakes.memory_decisions import MemoryDecisions
from tests.fakes.memory_history import MemoryHistory
from tests.recorded import build_decision


@dataclass(frozen=True)
class Ledger:
    decisions: Decisions
    history: History


@pytest.fixture(params=BACKENDS)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        return Ledger(MemoryDecisions(), MemoryHistory())
    client = request.getfixturevalue("dynamodb")
    return Ledger(DynamoDecisions(client, LEDGER), DynamoHistory(client, LEDGER))


def build_recorded(
    scheduled_at: datetime = NOW, loop: Loop = Loop.ROUTING, name: str = "chat"
) -> RecordedDecision:
    """A routing decision with half an hour of traffic, one PT, and no history."""
    traffic = build_traffic(30, end=scheduled_at - 3 * MINUTE)
    situation = build_situation(
        target=build_target(name=name),
        loop=loop,
        scheduled_at=scheduled_at,
        observation=build_observation(
            traffic=traffic,
            provisioned=(build_pt_traffic(pt_arn(1), also_under=("a/1",)),),
            model_unit_quota=None,
        ),
        fleet=build_fleet(build_pt(1)),
    )
    return RecordedDecision(
        decision=build_decision(situation), situation=situation, history=None, code_version="1.2.3"
    )


def build_recorded_with_history(history: History) -> RecordedDecision:
    """A capacity decision over two stored hours and twelve newer minutes."""
    invocations = np.arange(120.0)
    invocations[5] = np.nan
    stored_part = build_traffic(120, end=NOW - HOUR, invocations=invocations)
    history.store("chat", {MODEL: stored_part})
    stored = history.load("chat", NOW - 24 * HOUR, NOW)
    newer = build_traffic(57, end=NOW - 3 * MINUTE, invocations=0.1)
    situation = build_situation(observation=build_observation(traffic=join(stored.total, newer)))
    return RecordedDecision(
        decision=build_decision(situation),
        situation=situation,
        history=stored.reference,
        code_version="1.2.3",
    )


def test_a_decision_is_recorded_once(ledger: Ledger) -> None:
    recorded = build_recorded()
    other = replace(recorded, code_version="9.9.9")

    assert ledger.decisions.record(recorded)
    assert not ledger.decisions.record(recorded)
    assert not ledger.decisions.record(other)

    kept = ledger.decisions.latest("chat", Loop.ROUTING)
    assert plain(kept) == plain(recorded)


def test_existence_is_told_per_tick(ledger: Ledger) -> None:
    recorded = build_recorded()
    later = build_recorded(NOW + MINUTE)

    ledger.decisions.record(recorded)

    assert ledger.decisions.exists(recorded.decision.id, "chat", Loop.ROUTING)
    assert not ledger.decisions.exists(later.decision.id, "chat", Loop.ROUTING)
    assert not ledger.decisions.exists("chat-routing-never", "chat", Loop.ROUTING)


def test_the_latest_is_by_scheduled_time_and_loop(ledger: Ledger) -> None:
    newest = build_recorded(NOW + 2 * MINUTE)
    for recorded in (
        newest,
        build_recorded(NOW),
        build_recorded(NOW + 5 * MINUTE, name="chat-2"),
        build_recorded(NOW + 15 * MINUTE, Loop.CAPACITY),
    ):
        ledger.decisions.record(recorded)

    latest = ledger.decisions.latest("chat", Loop.ROUTING)

    assert plain(latest) == plain(newest)
    assert ledger.decisions.latest("email", Loop.ROUTING) is None


def test_decisions_between_two_moments_come_oldest_first(ledger: Ledger) -> None:
    routing = [build_recorded(NOW + index * MINUTE) for index in range(3)]
    capacity = build_recorded(NOW, Loop.CAPACITY)
    for recorded in (*reversed(routing), capacity, build_recorded(NOW, name="chat-2")):
        ledger.decisions.record(recorded)

    both = ledger.decisions.between("chat", None, NOW, NOW + 2 * MINUTE)
    one = ledger.decisions.between("chat", Loop.ROUTING, NOW + MINUTE, NOW + HOUR)

    assert both == (capacity.decision, routing[0].decision, routing[1].decision)
    assert one == (routing[1].decision, routing[2].decision)


def test_a_decision_is_loaded_with_the_minutes_of_its_history(ledger: Ledger) -> None:
    recorded = build_recorded_with_history(ledger.history)

    ledger.decisions.record(recorded)

    loaded = ledger.decisions.load(recorded.decision.id, ledger.history)
    assert plain(loaded) == plain(recorded)


def test_the_latest_has_only_the_minutes_after_its_history(ledger: Ledger) -> None:
    recorded = build_recorded_with_history(ledger.history)
    assert recorded.history is not None

    ledger.decisions.record(recorded)

    latest = ledger.decisions.latest("chat", Loop.CAPACITY)
    assert latest is not None
    traffic = latest.situation.observation.traffic
    assert traffic.start == recorded.history.end
    assert plain(traffic.invocations) == (0.1,) * 57
    assert latest.history == recorded.history


@pytest.mark.parametrize("has_history", [True, False])
def test_what_is_remembered_is_part_of_the_latest(ledger: Ledger, *, has_history: bool) -> None:
    recorded = build_recorded_with_history(ledger.history) if has_history else build_recorded()
    loop = recorded.decision.loop
    ledger.decisions.record(recorded)

    latest = ledger.decisions.latest("chat", loop)
    assert latest is not None
    assert plain(ledger.decisions.remembered("chat", loop)) == plain(Remembered.of(latest))
    assert ledger.decisions.remembered("email", loop) is None


def test_decisions_on_what_is_remembered_are_read_back_whole(ledger: Ledger) -> None:
    ledger.decisions.record(build_recorded())
    chain = []
    for minutes in (1, 2):
        left = ledger.decisions.remembered("chat", Loop.ROUTING)
        assert left is not None
        later = build_recorded(NOW + minutes * MINUTE)
        chain.append(replace(later, situation=replace(later.situation, memory=left.memory)))
        assert ledger.decisions.record(chain[-1])

    latest = ledger.decisions.latest("chat", Loop.ROUTING)
    assert latest is not None
    assert latest.decision == chain[-1].decision
    for recorded in chain:
        loaded = ledger.decisions.load(recorded.decision.id, ledger.history)
        assert plain(loaded) == plain(recorded)


def test_a_decision_without_history_is_loaded_as_it_was(ledger: Ledger) -> None:
    recorded = build_recorded()

    ledger.decisions.record(recorded)

    assert plain(ledger.decisions.load(recorded.decision.id, ledger.history)) == plain(recorded)


@pytest.mark.parametrize(
    "unknown", ["chat-routing-20300101T000000Z", "chat-nothing-20300101T000000Z", "chat", ""]
)
def test_an_unknown_id_loads_nothing(ledger: Ledger, unknown: str) -> None:
    ledger.decisions.record(build_recorded())

    assert ledger.decisions.load(unknown, ledger.history) is None


def test_a_decision_whose_history_is_lost_cannot_be_loaded(ledger: Ledger) -> None:
    recorded = build_recorded_with_history(ledger.history)
    ledger.decisions.record(recorded)

    with pytest.raises(ObservationError, match="missing"):
        ledger.decisions.load(recorded.decision.id, MemoryHistory())
