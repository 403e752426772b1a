"""A worker's batch: decided together, judged apart, and what the agenda says afterwards."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.assigning import Roster
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.target import Loop, StackRails
from bedrock_autoscaler.domain.traffic.observation import CORE, METRICS
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_traffic
from tests.endpoints import ENDPOINT, build_endpoint, build_endpoint_state
from tests.intents import build_held, reserve
from tests.staging import Script
from tests.unit.application.visits import BOTH, Fleet, assignment, named


def test_both_loops_of_a_due_target_are_decided_on_one_reading() -> None:
    fleet = Fleet(named("a"), named("b"))
    fleet.dispatch()
    fleet.visit()
    fleet.scene.metrics.asked.clear()
    fleet.scene.reporter.decisions.clear()
    fleet.scene.clock.advance(HOUR)
    fleet.dispatch()

    summary = fleet.visit()

    assert summary.outcomes == (("a", "hold"), ("b", "hold"))
    assert summary.failed == ()
    decided = {(d.target, d.loop) for d in fleet.scene.reporter.decisions}
    assert decided == {(name, loop) for name in "ab" for loop in BOTH}
    # Both loops of both targets, one call.
    assert len(fleet.scene.metrics.asked) == 1


def test_both_loops_of_a_visit_see_the_same_ledger() -> None:
    fleet = Fleet(named("a"))
    sources = fleet.scene.application.deciding.shared().sources
    before = sources.state_of("a")

    fleet.scene.fleets.trip(before.record, NOW, "a person")

    assert sources.state_of("a") == before
    later = fleet.scene.application.deciding.shared().sources
    assert later.state_of("a").record.tripped_at == NOW


def test_a_message_handed_out_twice_is_decided_once() -> None:
    fleet = Fleet(named("a"))
    fleet.dispatch()
    (sent,) = fleet.queue.receive()

    fleet.visit(sent)
    again = fleet.visit(sent)

    assert again.outcomes == (("a", "decided before"),)
    assert again.failed == ()
    assert len(fleet.scene.reporter.decisions) == 2


def test_a_target_whose_pass_raises_fails_alone() -> None:
    fleet = Fleet(named("a"), named("b"))
    script = Script()

    def fails_on_a(situation: Situation) -> Decision:
        if situation.target.name == "a":
            raise RuntimeError("poison")
        return script(situation)

    fleet.scene.core = fails_on_a
    fleet.dispatch()

    summary = fleet.visit()

    assert dict(summary.outcomes) == {"a": "failed", "b": "hold"}
    assert set(summary.failed) == {"a"}
    assert set(fleet.agenda.entries()) == {"b"}


def test_a_policy_that_is_missing_fails_alone() -> None:
    fleet = Fleet(named("a"))
    fleet.dispatch()

    summary = fleet.visit(assignment("stranger"), *fleet.queue.receive())

    assert dict(summary.outcomes) == {"stranger": "policy unread", "a": "hold"}
    assert summary.failed == ("stranger",)


def test_an_assignment_that_waited_for_more_than_two_minutes_is_dropped() -> None:
    fleet = Fleet(named("a"))
    fleet.dispatch()
    fleet.scene.clock.advance(3 * MINUTE)

    summary = fleet.visit()

    assert summary.outcomes == (("a", "overtaken"),)
    assert fleet.scene.reporter.decisions == []


def test_an_assignment_far_ahead_of_the_clock_leaves_no_record_to_silence_those_before_it() -> None:
    fleet = Fleet(named("a"))
    fleet.dispatch()
    (sent,) = fleet.queue.receive()

    ahead = fleet.visit(replace(sent, scheduled_at=NOW + 300 * 24 * HOUR))

    assert (ahead.outcomes, ahead.failed) == ((("a", "far ahead"),), ())
    assert fleet.scene.reporter.alarm_names == [("loop_late", "")]
    assert fleet.agenda.entries() == {}
    assert fleet.visit(sent).outcomes == (("a", "hold"),)


def test_a_worker_leaves_the_targets_of_others_their_throughputs() -> None:
    fleet = Fleet(named("a"), named("b"))
    fleet.policies.keep(fleet.scene.targets, Roster.of(fleet.scene.settings()), NOW)

    roster = Roster.of(fleet.scene.settings())
    fleet.visit(assignment("a", roster=roster.version))

    assert fleet.policies.roster(roster.version).names == ("a", "b")
    assert {d.target for d in fleet.scene.reporter.decisions} == {"a"}


def test_a_worker_tells_of_throughputs_whose_target_is_gone() -> None:
    fleet = Fleet(named("chat"), named("email"))
    for name in ("email", "gone"):
        fleet.scene.capacity.add(
            name=f"of-{name}", model_id="x.y-v1:0:8k", deployment="test", target=name
        )
    fleet.dispatch()

    fleet.visit()

    orphans = {alarm for alarm in fleet.scene.reporter.alarm_names if alarm[0] == "orphaned_pt"}
    assert orphans == {("orphaned_pt", "gone")}


def test_a_worker_tells_of_caps_with_the_endpoints_of_targets_that_others_decide() -> None:
    fleet = Fleet(named("a"), replace(named("b"), options=(build_endpoint(),)))
    fleet.scene.endpoints.states[ENDPOINT] = build_endpoint_state()
    wide = Decimal(1_000_000)
    fleet.scene.stack = StackRails(
        max_units=1, max_usd_per_hour=Decimal(5), max_usd_per_day=wide, max_usd_per_month=wide
    )
    fleet.dispatch()

    fleet.visit(*(one for one in fleet.queue.receive() if one.target == "a"))

    assert fleet.scene.reporter.alarm_names == [("stack_near_cap", "a")]
    # They are all at home, from wherever they are looked at.
    spoke = fleet.scene.application.deciding_at(Place(account="000011112222", region="us-west-2"))
    assert spoke.sources.endpoints is fleet.scene.endpoints


def test_a_worker_tells_of_units_that_a_target_that_is_gone_keeps_reserved() -> None:
    fleet = Fleet(named("chat"))
    reserve(fleet.scene.fleets, build_held(target="gone"))
    fleet.dispatch()

    fleet.visit()

    assert ("pt_lost", "gone") in fleet.scene.reporter.alarm_names


def test_that_all_fell_silent_together_travels_with_the_message() -> None:
    fleet = Fleet(named("a"))
    fleet.policies.keep(fleet.scene.targets, Roster.of(fleet.scene.settings()), NOW)
    roster = Roster.of(fleet.scene.settings()).version

    fleet.visit(assignment("a", roster=roster, silent_together=True))

    script = fleet.scene.core
    assert isinstance(script, Script)
    assert [s.observation.silent_together for s in script.situations] == [True, True]


def test_quiet_targets_are_visited_four_times_an_hour_each_place_in_its_own_minute() -> None:
    names = [f"t{index}" for index in range(12)]
    accounts = ("000011112222", "000033334444", "000055556666")
    fleet = Fleet(*(named(name, account=accounts[i % 3]) for i, name in enumerate(names)))
    fleet.minutes(1)
    for minute in range(60):
        for name in names:
            fleet.scene.metrics.put(
                f"profile-{name}",
                NOW + minute * MINUTE,
                invocations=60.0,
                input_tokens=60_000.0,
                output_tokens=12_000.0,
            )

    visited = fleet.minutes(60)

    # Once more at once, until the routes of the first visit are published; then four times.
    assert 12 * 4 <= sum(visited) <= 12 * 6
    assert set(visited[3:]) == {0, 4}


def test_only_the_core_is_asked_for_between_whole_looks() -> None:
    fleet = Fleet(named("a"))
    fleet.scene.clock.advance(5 * MINUTE)
    fleet.dispatch()
    fleet.visit()
    fleet.scene.clock.advance(5 * MINUTE)
    fleet.scene.decide(Loop.CAPACITY)
    fleet.scene.clock.advance(HOUR - 5 * MINUTE)
    fleet.scene.decide(Loop.CAPACITY)

    asked = [tuple(next(iter(series.values()))) for series in fleet.scene.metrics.asked]
    old_days = [METRICS] * 15
    assert asked == [METRICS, *old_days, CORE, METRICS]


@pytest.mark.parametrize("error", [ObservationError("throttled")])
def test_an_agenda_that_cannot_be_written_leaves_the_target_due(error: Exception) -> None:
    fleet = Fleet(named("a"))
    fleet.agenda.fail_next(error, method="note")
    fleet.dispatch()

    summary = fleet.visit()
    fleet.scene.clock.advance(MINUTE)
    fleet.dispatch()

    assert summary.failed == ()
    assert [sent.target for sent in fleet.queue.receive()] == ["a"]


@pytest.mark.parametrize("minutes", [60, 180])
def test_a_silence_of_all_holds_as_long_as_the_setting_says(minutes: int) -> None:
    targets = [named(name) for name in "ab"]
    for index, target in enumerate(targets):
        gating = replace(target.thresholds.gating, mass_silence_minutes=minutes)
        thresholds = replace(target.thresholds, gating=gating)
        targets[index] = replace(target, thresholds=thresholds)
    fleet = Fleet(*targets)

    fleet.minutes(minutes + 20)

    told = {
        (s.scheduled_at - NOW) // MINUTE: s.observation.silent_together
        for s in fleet.script.situations
        if s.target.name == "a" and s.loop is Loop.CAPACITY
    }
    # The last calls are of the minute before NOW; three minutes are not settled, each visit tells
    # what the ones before it noted, and a visit comes every 15 minutes at least.
    assert any(told.values())
    assert all(is_told for at, is_told in told.items() if 15 < at < minutes)
    assert not any(is_told for at, is_told in told.items() if at > minutes + 15)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, None),  # a message of before
        (NOW - 90 * MINUTE, NOW - 90 * MINUTE),
        (NOW + MINUTE, None),  # of the future
    ],
)
def test_the_last_call_of_a_visit_before_is_kept(
    before: datetime | None, expected: datetime | None
) -> None:
    fleet = Fleet(named("a"))
    fleet.scene.metrics.put_traffic("profile-a", build_traffic(240, end=NOW, invocations=0.0))
    roster = Roster.of(fleet.scene.settings())
    fleet.policies.keep(fleet.scene.targets, roster, NOW)

    fleet.visit(assignment("a", roster=roster.version, last_call_at=before))

    assert fleet.agenda.entries()["a"].last_call_at == expected


def test_a_target_whose_pass_raises_is_told_as_failed_until_it_is_a_dead_letter() -> None:
    """Were the last try dropped as overtaken, SQS would take it for done."""
    tries, visibility = 2, timedelta(seconds=60)  # of the template; rules hold it to them
    fleet = Fleet(named("a"))
    fleet.scene.core = fails
    fleet.dispatch()
    sent = fleet.queue.receive()
    fleet.scene.clock.advance(timedelta(seconds=4))

    for _ in range(tries):
        assert set(fleet.visit(*sent).failed) == {"a"}
        fleet.scene.clock.advance(visibility)


def fails(situation: Situation) -> Decision:
    """Poison."""
    raise RuntimeError(situation.target.name)
