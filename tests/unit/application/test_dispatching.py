"""What the dispatcher sends, and when; its agenda saves visits and is never needed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import override

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.assigning import (
    AgendaEntry,
    Assignment,
    Roster,
    offsets_of,
)
from bedrock_autoscaler.application.observing.together import seem_silent_together
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.cadence import QUIET, WATCHFUL
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.fakes.memory_dispatch import MemoryAssignments, MemoryPolicies
from tests.unit.application.visits import BOTH, Fleet, named

NAMES = tuple(f"t{index}" for index in range(30))


def entry(name: str, **overrides: object) -> AgendaEntry:
    """A quiet target that was visited five minutes ago and is due in ten."""
    known = AgendaEntry(
        target=name,
        routing_at=NOW + 10 * MINUTE,
        capacity_at=NOW + 10 * MINUTE,
        visited_at=NOW - 5 * MINUTE,
        seen_until=NOW - 8 * MINUTE,
        last_call_at=NOW - 9 * MINUTE,
    )
    return replace(known, **overrides)  # type: ignore[arg-type] # a test names fields


def sent(fleet: Fleet) -> dict[str, tuple[Loop, ...]]:
    """Loops by target of what one minute sends."""
    fleet.dispatch()
    return {each.target: each.loops for each in fleet.queue.receive()}


def test_targets_that_were_never_heard_of_are_due_in_the_order_of_their_places() -> None:
    fleet = Fleet(named("b"), named("c", account="000011112222"), named("a"))

    assert sent(fleet) == {"c": BOTH, "a": BOTH, "b": BOTH}
    assert fleet.scene.metrics.beats >= {NOW}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (entry("a"), None),
        (entry("a", routing_at=NOW), (Loop.ROUTING,)),
        (entry("a", capacity_at=NOW - MINUTE, routing_at=NOW), BOTH),
        # However it came about, a quarter of an hour is the longest rest.
        (entry("a", visited_at=NOW - QUIET * MINUTE), BOTH),
        # Decided under settings that are no longer in force, or under these.
        (entry("a", settings="fedcba98"), BOTH),
        (entry("a", settings="01234567"), None),
        # An entry of the future is of a clock that is not ours.
        (entry("a", visited_at=NOW + MINUTE), BOTH),
    ],
)
def test_the_agenda_says_what_is_due(known: AgendaEntry, expected: tuple[Loop, ...] | None) -> None:
    fleet = Fleet(named("a"))
    fleet.agenda.note(known)

    assert sent(fleet) == ({} if expected is None else {"a": expected})


def test_twenty_targets_of_a_place_share_a_minute_and_more_take_the_next() -> None:
    here = [named(f"t{index:02d}") for index in range(45)]
    there = [named(f"s{index:02d}", account="000011112222") for index in range(3)]

    offsets = offsets_of([*reversed(here), *there])

    first = offsets["t00"]
    assert [offsets[target.name] for target in here] == [
        (first + index // 20) % QUIET for index in range(45)
    ]
    assert len({offsets[target.name] for target in there}) == 1
    assert first != offsets["s00"]


def test_a_visit_without_the_capacity_loop_hands_on_when_that_is_due() -> None:
    fleet = Fleet(named("a"))
    fleet.agenda.note(entry("a", routing_at=NOW))
    fleet.dispatch()

    (assignment,) = fleet.queue.receive()

    assert assignment.capacity_at == NOW + 10 * MINUTE
    assert assignment.offset == offsets_of([named("a")])["a"]


def test_without_the_agenda_each_target_goes_at_an_even_pace() -> None:
    fleet = Fleet(*(named(name) for name in NAMES))
    minutes = []
    for _ in range(2 * WATCHFUL):
        fleet.agenda.fail_next(ObservationError("throttled"), method="entries")
        minutes.append(set(sent(fleet)))
        fleet.scene.clock.advance(MINUTE)

    # Each target once in five minutes, and never all at once.
    assert minutes[:WATCHFUL] == minutes[WATCHFUL:]
    assert sorted(name for minute in minutes[:WATCHFUL] for name in minute) == sorted(NAMES)
    assert max(len(minute) for minute in minutes) < len(NAMES)


def test_what_could_not_be_sent_is_an_alarm_and_due_again() -> None:
    fleet = Fleet(named("a"), named("b"))
    fleet.queue.refused = {"b"}

    assert set(sent(fleet)) == {"a"}
    fleet.queue.refused = set()
    fleet.scene.clock.advance(MINUTE)

    assert set(sent(fleet)) == {"a", "b"}
    (alarm,) = fleet.scene.reporter.alarms
    assert alarm.alarm == "assignments_unsent"
    assert alarm.message == "1 of 2 not sent: RequestThrottled"


def test_a_target_whose_policy_cannot_be_kept_is_left_out_alone() -> None:
    fleet = Fleet(named("a"), named("b"))
    elsewhere = (replace(named("a"), uses_mantle=True),)
    fleet.policies.keep(elsewhere, Roster.of(Settings(targets=elsewhere, problems=())), NOW)

    assert set(sent(fleet)) == {"b"}
    assert fleet.scene.reporter.alarm_names == [("policy_unread", "a")]


def test_a_target_that_nobody_visited_for_an_hour_is_kept_again() -> None:
    """A worker that remembered it may have decided by what a restored table lacks."""
    fleet = Fleet(named("a"))
    fleet.dispatch()
    fleet.visit()
    fleet.policies = MemoryPolicies()

    fleet.scene.clock.advance(59 * MINUTE)
    fleet.dispatch()
    assert fleet.visit().failed == ("a",)
    fleet.scene.clock.advance(MINUTE)
    fleet.dispatch()
    assert fleet.visit().failed == ()


class CutOff(MemoryAssignments):
    """The function is killed while it sends for the second time."""

    @override
    def send(self, assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
        if self.sent:
            raise KilledError
        return super().send(assignments)


class KilledError(BaseException):
    """Not even an alarm is raised of it."""


def test_a_run_that_is_cut_off_has_handed_out_a_part_and_the_next_one_goes_on() -> None:
    fleet = Fleet(*(named(f"t{index:03d}") for index in range(250)))
    fleet.queue = CutOff()
    with pytest.raises(KilledError):
        fleet.dispatch()
    first = fleet.queue.receive()
    for each in first:
        fleet.agenda.note(entry(each.target))
        assert fleet.policies.target(each.target, each.settings_version).name == each.target
    fleet.queue = MemoryAssignments()
    rest = sent(fleet)

    assert 0 < len(first) < 250
    assert len(rest) == 250 - len(first)
    assert not rest.keys() & {each.target for each in first}


def test_only_settings_that_no_worker_has_decided_by_are_kept_when_they_are_due() -> None:
    fleet = Fleet(*(named(name) for name in ("decided", "early", "edited", "new", "unknown")))
    fleet.agenda.note(entry("decided", settings="01234567", routing_at=NOW))
    fleet.agenda.note(entry("early"))
    fleet.agenda.note(entry("edited", settings="fedcba98"))
    fleet.agenda.note(entry("unknown", routing_at=NOW))

    assert set(sent(fleet)) == {"decided", "edited", "new", "unknown"}
    assert {
        name for name in ("decided", "early", "edited", "new", "unknown") if kept(fleet, name)
    } == {
        "edited",
        "new",
        "unknown",
    }


def kept(fleet: Fleet, name: str) -> bool:
    """Whether a worker can read the target's settings."""
    try:
        fleet.policies.target(name, named(name).settings_version)
    except ObservationError:
        return False
    return True


def test_many_messages_that_do_not_go_out_are_one_alarm() -> None:
    names = {f"t{index:03d}" for index in range(250)}
    fleet = Fleet(*(named(name) for name in names))
    fleet.queue.refused = names - {"t000"}

    assert set(sent(fleet)) == {"t000"}
    (alarm,) = fleet.scene.reporter.alarms
    assert alarm.message == "249 of 250 not sent: RequestThrottled"


def test_a_late_tick_sends_nothing() -> None:
    fleet = Fleet(named("a"))
    late = fleet.scene.clock
    scheduled_at = fleet.scene.now
    late.advance(3 * MINUTE)

    fleet.dispatch_at(scheduled_at)

    assert fleet.queue.sent == []
    assert fleet.scene.reporter.alarm_names == [("loop_late", "")]


def test_each_policy_is_kept_before_a_message_names_it() -> None:
    fleet = Fleet(named("a"))
    fleet.dispatch()

    (assignment,) = fleet.queue.receive()

    assert fleet.policies.target("a", assignment.settings_version) == fleet.scene.targets[0]
    assert fleet.policies.roster(assignment.roster).names == ("a",)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        # (minutes since it was heard of, minutes since its last call)
        (((8, 20), (8, 22)), True),
        (((8, 20), (8, 9)), False),  # one goes on
        (((8, 20), (20, 21), (8, 22)), True),  # and one that was not heard of lately hides nothing
        (((8, 20),), False),
        (((8, 20), (8, 50)), False),
        ((), False),
    ],
)
def test_that_all_fell_silent_shows_in_the_agenda(
    entries: tuple[tuple[int, int], ...], *, expected: bool
) -> None:
    known = [
        entry(str(i), seen_until=NOW - heard * MINUTE, last_call_at=NOW - call * MINUTE)
        for i, (heard, call) in enumerate(entries)
    ]

    assert seem_silent_together(known, 60) is expected


def test_a_silence_is_told_to_all_targets_of_its_place_alone() -> None:
    fleet = Fleet(named("a"), named("b"), named("away", account="000011112222"))
    for name in ("a", "b"):
        fleet.agenda.note(
            entry(name, routing_at=NOW, seen_until=NOW - 3 * MINUTE, last_call_at=NOW - 20 * MINUTE)
        )
    fleet.dispatch()

    told = {each.target: each.silent_together for each in fleet.queue.receive()}

    assert told == {"a": True, "b": True, "away": False}
