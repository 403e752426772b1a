"""Which targets the acting functions look at, and that nothing hangs on the note that says so."""

from collections import Counter
from datetime import datetime

import pytest

from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.fleets.assigning import AgendaEntry
from bedrock_autoscaler.application.fleets.attending import attended
from bedrock_autoscaler.domain.cadence import QUIET, WATCHFUL
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_provisioned, build_target
from tests.fakes.memory_dispatch import MemoryAgenda
from tests.fakes.recording_reporter import RecordingReporter
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage
from tests.unit.application.test_dispatching import entry
from tests.unit.application.visits import Fleet, named

TARGETS = tuple(named(f"t{index}") for index in range(40))


def agenda_of(*entries: AgendaEntry) -> MemoryAgenda:
    agenda = MemoryAgenda()
    for each in entries:
        agenda.note(each)
    return agenda


def looks(agenda: MemoryAgenda, minutes: int, *, fails: bool = False) -> list[Counter[str]]:
    """Who is looked at in each of the next minutes."""
    found = []
    for minute in range(minutes):
        if fails:
            agenda.fail_next(ObservationError("throttled"), method="entries")
        at = NOW + minute * MINUTE
        seen = attended(TARGETS, at, agenda, RecordingReporter())
        found.append(Counter(target.name for target in seen))
    return found


def test_a_target_with_nothing_to_do_is_looked_at_four_times_an_hour_in_its_own_minute() -> None:
    quiet = agenda_of(*(entry(t.name, visited_at=NOW + QUIET * MINUTE) for t in TARGETS))

    minutes = looks(quiet, 2 * QUIET)

    assert sum(minutes, Counter()) == Counter({target.name: 2 for target in TARGETS})
    assert max(minute.total() for minute in minutes) < len(TARGETS) / 3
    assert minutes[:QUIET] == minutes[QUIET:]


def test_those_with_something_to_do_come_each_minute_and_first() -> None:
    until = NOW + QUIET * MINUTE
    entries = [entry(target.name) for target in TARGETS]
    entries[7] = entry("t7", acting_until=until)

    for minute in range(QUIET):
        seen = attended(TARGETS, NOW + minute * MINUTE, agenda_of(*entries), RecordingReporter())
        assert seen[0].name == "t7"
    late = looks(agenda_of(*entries, entry("t7", acting_until=NOW - MINUTE)), QUIET)
    assert sum(late, Counter())["t7"] == 1


def test_what_was_under_way_at_the_last_visit_is_so_until_the_next() -> None:
    """Where nobody decides any more, what is open is still seen to each minute."""
    visited = NOW - 40 * MINUTE
    agenda = agenda_of(
        *(entry(target.name, visited_at=visited) for target in TARGETS),
        entry("t1", visited_at=visited, acting_until=visited + QUIET * MINUTE),
        entry("t2", visited_at=visited, acting_until=visited + (QUIET - 1) * MINUTE),
    )

    counted = sum(looks(agenda, QUIET), Counter())

    assert (counted["t1"], counted["t2"], counted["t3"]) == (QUIET, 1, 1)


@pytest.mark.parametrize("fails", [True, False], ids=["unreadable", "empty"])
def test_without_the_agenda_every_target_comes_every_five_minutes(*, fails: bool) -> None:
    minutes = looks(MemoryAgenda(), 2 * WATCHFUL, fails=fails)

    assert sum(minutes, Counter()) == Counter({target.name: 2 for target in TARGETS})


def test_an_agenda_that_cannot_be_read_is_an_alarm() -> None:
    agenda, reporter = MemoryAgenda(), RecordingReporter()
    agenda.fail_next(ObservationError("throttled"), method="entries")

    attended(TARGETS, NOW, agenda, reporter)

    assert reporter.alarm_names == [("agenda_unread", "")]


# -- the note ----------------------------------------------------------------------------------


def noted(fleet: Fleet) -> datetime | None:
    """Until when the acting functions look at `a`, by its newest visit."""
    fleet.dispatch()
    fleet.visit()
    return fleet.agenda.entries()["a"].acting_until


def settled() -> Fleet:
    """A fleet whose only target has the routes that it wants, and nothing else to do."""
    fleet = Fleet(named("a", provisioned=build_provisioned()))
    fleet.dispatch()
    fleet.visit()
    fleet.scene.publish()
    fleet.scene.clock.advance(30 * MINUTE)
    return fleet


def test_routes_that_wait_for_publishing_are_noted() -> None:
    fleet = Fleet(named("a"))

    assert noted(fleet) == NOW + QUIET * MINUTE


def test_a_target_without_anything_to_do_is_noted_as_such() -> None:
    assert noted(settled()) is None


def test_a_decision_to_act_is_noted_and_outlives_what_it_asked_for() -> None:
    fleet = settled()
    at = fleet.scene.now
    fleet.script.actions[at] = (ONE_UNIT,)
    until = at + QUIET * MINUTE

    assert noted(fleet) == until
    for _ in range(QUIET - 1):
        fleet.scene.clock.advance(MINUTE)
        assert noted(fleet) == until
    fleet.scene.clock.advance(QUIET * MINUTE)
    assert noted(fleet) is None


# -- what follows ------------------------------------------------------------------------------


def fleet_that_buys() -> Fleet:
    """Acting functions by the agenda, and a decision to buy at once."""
    fleet = settled()
    fleet.scene.agenda = fleet.agenda
    fleet.scene.wire()
    fleet.script.actions[fleet.scene.now] = (ONE_UNIT,)
    return fleet


def test_what_is_decided_is_bought_and_watched_each_minute() -> None:
    fleet = fleet_that_buys()
    outcomes = []
    for _ in range(3):
        fleet.dispatch()
        fleet.visit()
        outcomes.append(fleet.scene.purchase().outcomes)
        fleet.scene.clock.advance(MINUTE)

    assert outcomes[0] == (("a", "bought 1"),)
    assert all(len(each) == 1 for each in outcomes)


def test_a_purchase_without_an_answer_whose_note_is_lost_is_found_within_a_quarter() -> None:
    fleet = fleet_that_buys()
    scene = fleet.scene
    fleet.dispatch()
    fleet.visit()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy", after_effect=True)
    scene.purchase()
    # No visit comes any more, and the last one knew of nothing to do.
    fleet.agenda.note(entry("a", visited_at=scene.now))

    states = []
    for _ in range(QUIET):
        scene.clock.advance(MINUTE)
        scene.purchase()
        states.append(scene.fleets.purchases("a")[0].state)

    assert PurchaseState.BOUGHT in states
    assert len(scene.capacity.calls) == 1


def test_settings_of_a_fleet_are_read_every_five_minutes_by_who_acts() -> None:
    scene = Stage(named("a"), core=Script())
    scene.agenda = agenda_of(entry("a", acting_until=NOW + 60 * MINUTE))
    scene.wire()
    scene.purchase()
    scene.targets = (build_target(),)

    seen = []
    for _ in range(WATCHFUL):
        scene.clock.advance(MINUTE)
        seen.append({name for name, _ in scene.purchase().outcomes})

    assert seen[:-1] == [{"a"}] * (WATCHFUL - 1)
    assert "a" not in seen[-1]
