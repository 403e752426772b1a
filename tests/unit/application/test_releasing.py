"""The release actor: only ours, only silent, only at the end of a paid period, only once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    ObservationError,
    StaleDecisionError,
    TargetsFailedError,
    ThroughputNotFoundError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.application.releasing.draining import (
    bound_problem,
    drain_problem,
    identity_problem,
    window_problem,
)
from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.decision import Release, Restore
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import (
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.target import Commitment, Mode, Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    build_guard_rails,
    build_target,
    build_thresholds,
    pt_arn,
)
from tests.fakes.memory_capacity import Call, MemoryCapacity
from tests.fakes.memory_metrics import MemoryMetrics
from tests.intents import ONE_UNIT, build_held, build_listed, build_release
from tests.staging import QUARTERLY, Script, Stage

ARN = pt_arn(1)
DECIDED_AT = NOW + 30 * MINUTE
"""When the release of a PT is decided that was bought at NOW and is paid until NOW + 60."""


def serving(
    *targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity
) -> tuple[Stage, Script]:
    """A stage at 12:30: bought at 12:00, in service since 12:15, busy until 12:30."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(*targets, core=script, capacity=capacity)
    scene.run(16)
    scene.serve(ARN, 14)
    scene.run(14)
    assert scene.now == DECIDED_AT
    return scene, script


def draining(
    *targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity
) -> tuple[Stage, Script]:
    """A stage at 12:31: the release was decided, begun and published at 12:30."""
    scene, script = serving(*targets, capacity=capacity)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.run(1)
    assert only_release(scene).withdrawn_at == DECIDED_AT
    return scene, script


def at_window(
    *targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity
) -> tuple[Stage, Script]:
    """A stage at 12:55: drained and silent, with five paid minutes left."""
    scene, script = draining(*targets, capacity=capacity)
    scene.run(24)
    assert scene.now == NOW + 55 * MINUTE
    assert deletes(scene) == []
    return scene, script


def only_release(scene: Stage) -> ReleaseIntent:
    (intent,) = scene.fleets.releases("chat")
    return intent


def only_purchase(scene: Stage) -> PurchaseIntent:
    (intent,) = scene.fleets.purchases("chat")
    return intent


def deletes(scene: Stage) -> list[str]:
    return [call.subject for call in scene.capacity.calls if call.method == "delete"]


def reasons(scene: Stage, event: str = "release_waits") -> list[str]:
    return [str(h.fields["reason"]) for h in scene.reporter.happenings if h.event == event]


# -- withdrawing -------------------------------------------------------------------------------


def test_withdraws_what_the_newest_decision_releases() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    summary = scene.release()

    assert summary.outcomes == (("chat", "withdrawn 1"),)
    intent = only_release(scene)
    assert (intent.arn, intent.state) == (ARN, ReleaseState.WITHDRAWN)
    assert intent.decision_id == "chat-capacity-20261120T123000Z"
    assert intent.withdrawn_version is None
    assert deletes(scene) == []


def test_the_same_tick_twice_withdraws_once() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.release()

    summary = scene.release()

    assert summary.outcomes == (("chat", "release waits"),)
    assert len(scene.fleets.releases("chat")) == 1


def test_another_run_that_withdraws_first_wins() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.fleets.fail_next(StaleDecisionError("exists"), method="begin_release")

    assert scene.release().outcomes == (("chat", "superseded"),)


def test_without_decisions_there_is_nothing_to_release() -> None:
    assert Stage(core=Script()).release().outcomes == (("chat", "nothing to release"),)


def test_a_hold_releases_nothing() -> None:
    scene, _ = serving()
    scene.decide()

    assert scene.release().outcomes == (("chat", "nothing to release"),)


def test_a_decision_older_than_two_periods_withdraws_nothing() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.clock.advance(31 * MINUTE)

    assert scene.release().outcomes == (("chat", "nothing to release"),)
    assert scene.fleets.releases("chat") == ()


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_tick_off_the_clock_changes_nothing(minutes: int) -> None:
    scene, _ = at_window()

    assert scene.release(scene.now + minutes * MINUTE).outcomes == ()
    assert deletes(scene) == []


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (Release(arn="arn:of-nobody", model_units=1), "the ledger holds no purchase"),
        (Release(arn=ARN, model_units=2), "has 1 units, not 2"),
    ],
)
def test_only_what_the_ledger_holds_is_withdrawn(wanted: Release, reason: str) -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (wanted,)
    scene.decide()

    assert scene.release().outcomes == (("chat", "release held"),)
    scene.release()

    (held,) = reasons(scene, "release_held")
    assert reason in held


def test_releases_of_a_day_are_bounded_whatever_decisions_ask_for() -> None:
    scene, script = serving(build_target(guard_rails=build_guard_rails(max_releases_per_day=0)))
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    scene.release()

    assert reasons(scene, "release_held") == ["0 releases in 24 hours, 0 are allowed"]


def test_the_least_size_is_kept_whatever_decisions_ask_for() -> None:
    scene, script = serving(build_target(guard_rails=build_guard_rails(min_units=1)))
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    scene.release()

    assert reasons(scene, "release_held") == ["0 units would remain, min_units is 1"]


def test_a_pt_is_not_released_twice_at_a_time() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Release(arn=ARN, model_units=1),)
    scene.run(15)

    assert reasons(scene, "release_held") == ["it is being released already"]
    assert len(scene.fleets.releases("chat")) == 1


def test_a_stale_fleet_version_withdraws_nothing() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    purchase = only_purchase(scene)
    lost = replace(purchase, state=PurchaseState.LOST, version=purchase.version + 1)
    scene.fleets.update_purchase(purchase, lost)

    scene.release()

    assert reasons(scene, "release_held") == ["the fleet is at version 2, the decision saw 1"]


def test_a_closed_switch_withdraws_nothing() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.switch.value = "stop"

    scene.release()

    assert scene.fleets.releases("chat") == ()
    assert reasons(scene, "release_held") == ["the switch does not permit action"]


def test_advise_withdraws_nothing_and_says_once_what_it_would_release() -> None:
    scene, script = serving()
    scene.targets = (build_target(mode=Mode.ADVISE),)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    first = scene.release()
    scene.release()

    assert first.outcomes == (("chat", "would release"),)
    assert scene.fleets.releases("chat") == ()
    assert scene.events.count(("would_release", "chat")) == 1


# -- waiting -----------------------------------------------------------------------------------


def test_waits_for_the_publication_the_callers_and_the_window() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.release()
    scene.release()

    scene.run(26)

    # 12:30 not published; until 12:42 callers (2 minutes of cache, 5 of calls, 5 for clocks that
    # differ); then paid time.
    assert reasons(scene) == [
        "it is not yet left out of the published table",
        "callers may still hold an older table, or have calls running",
        "its paid period runs",
    ]
    assert deletes(scene) == [ARN]
    assert only_release(scene).ended_at == NOW + 55 * MINUTE


@pytest.mark.parametrize(
    ("withdrawn", "waits"), [(None, True), (NOW - 11 * MINUTE, True), (NOW - 12 * MINUTE, False)]
)
def test_drains_for_the_client_cache_and_the_longest_call(
    withdrawn: datetime | None, *, waits: bool
) -> None:
    intent = build_release(withdrawn_at=withdrawn)

    assert (drain_problem(intent, build_target(), NOW) is not None) is waits


@pytest.mark.parametrize(
    ("minutes", "waits"),
    # Paid by the hour from the start; the last five minutes are the window.
    [(0, True), (54, True), (55, False), (59, False), (60, True), (115, False), (-3, True)],
)
def test_the_window_is_the_end_of_each_paid_period(minutes: int, *, waits: bool) -> None:
    purchase = build_held(billed_from=NOW)

    problem = window_problem(purchase, build_target(), NOW + minutes * MINUTE)

    assert (problem is not None) is waits


def test_before_bedrock_told_the_start_the_record_counts() -> None:
    purchase = build_held(billed_from=None, recorded_at=NOW)

    assert window_problem(purchase, build_target(), NOW + 57 * MINUTE) is None


def test_a_missed_window_waits_for_the_next_one() -> None:
    scene, _ = at_window()
    scene.switch.value = "stop"
    scene.run(10)
    scene.switch.value = "allow"
    assert deletes(scene) == []

    scene.run(50)
    assert deletes(scene) == []
    scene.run(1)

    assert deletes(scene) == [ARN]
    assert only_release(scene).ended_at == NOW + 115 * MINUTE


# -- deleting ----------------------------------------------------------------------------------


def test_deletes_in_the_window_confirms_and_frees_the_units() -> None:
    scene, _ = at_window()

    summary = scene.release()

    assert summary.outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]
    assert scene.capacity.get(ARN) is None
    assert only_release(scene).state is ReleaseState.DELETED
    assert only_purchase(scene).state is PurchaseState.RELEASED
    assert only_purchase(scene).ended_at == scene.now
    assert scene.fleets.record_of("chat").reserved_units == 0


def test_a_deleted_pt_is_not_deleted_again() -> None:
    scene, _ = at_window()
    scene.release()

    assert scene.release().outcomes == (("chat", "nothing to release"),)
    assert deletes(scene) == [ARN]


def test_the_intent_to_delete_is_written_before_the_call() -> None:
    class WatchingCapacity(MemoryCapacity):
        states: tuple[ReleaseState, ...] = ()
        scene: Stage | None = None

        @override
        def delete(self, arn: str) -> None:
            assert self.scene is not None
            self.states = tuple(i.state for i in self.scene.fleets.releases("chat"))
            super().delete(arn)

    scene, _ = at_window(capacity=WatchingCapacity)
    assert isinstance(scene.capacity, WatchingCapacity)
    scene.capacity.scene = scene

    scene.release()

    assert scene.capacity.states == (ReleaseState.DELETING,)


@pytest.mark.parametrize("value", [None, "deny"])
def test_a_drain_already_begun_stops_before_the_delete_when_the_switch_closes(
    value: str | None,
) -> None:
    scene, _ = at_window()
    scene.switch.value = value

    assert scene.release().outcomes == (("chat", "release waits"),)
    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.WITHDRAWN


def test_too_little_time_starts_no_delete() -> None:
    scene, _ = at_window()
    scene.deadline.left = timedelta(seconds=10)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "too little time is left for the call and its record"


def test_advise_deletes_nothing() -> None:
    scene, _ = at_window()
    scene.targets = (build_target(mode=Mode.ADVISE),)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "the target is in mode advise"


# -- evidence ----------------------------------------------------------------------------------


def test_a_pt_that_still_gets_calls_is_not_deleted() -> None:
    scene, _ = draining()
    scene.serve(ARN, 15)
    scene.run(25)

    # The last call was at 12:45, so that of the settled minutes up to 12:52 (at 12:55) only
    # seven were silent, and ten at the earliest at 12:58.
    assert deletes(scene) == []
    scene.run(2)
    assert deletes(scene) == []
    scene.run(2)
    assert deletes(scene) == [ARN]


def test_a_minute_without_heartbeat_is_no_silence() -> None:
    scene, _ = at_window()
    scene.metrics.beats -= {NOW + 48 * MINUTE}

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "it was not seen silent for 10 minutes"


def test_calls_filed_under_the_bare_id_of_the_pt_are_calls() -> None:
    scene, _ = at_window()
    scene.metrics.put(ARN.rsplit("/", maxsplit=1)[-1], NOW + 50 * MINUTE, invocations=1.0)

    scene.release()

    assert deletes(scene) == []


def test_calls_filed_under_a_spelling_that_cloudwatch_lists_are_calls() -> None:
    """It was seen under that alone: silence under any other proves nothing."""
    spelled = f"provisioned-model/{ARN.rsplit('/', maxsplit=1)[-1]}"
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(spelled, 14)
    scene.run(14)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.run(20)
    scene.serve(spelled, 10)

    scene.run(9)

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "it was not seen silent for 10 minutes"


def test_unreadable_metrics_delete_nothing() -> None:
    scene, _ = at_window()
    scene.metrics.fail_next(ObservationError("down"), method="read")

    assert scene.release().outcomes == (("chat", "unobserved"),)
    assert deletes(scene) == []


def test_a_failed_query_for_the_pt_proves_nothing() -> None:
    scene, _ = at_window()
    scene.metrics.failing = {ARN}

    scene.release()

    assert deletes(scene) == []


class ForgetfulMetrics(MemoryMetrics):
    """Answers for no `ModelId` at all."""

    @override
    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        return replace(super().read(model_ids, start, end, series), traffic={})


def test_a_reading_that_leaves_the_pt_out_proves_nothing() -> None:
    scene, _ = at_window()
    scene.metrics = ForgetfulMetrics()
    scene.wire()

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "it was not seen silent for 10 minutes"


def test_a_pt_never_seen_in_the_metrics_is_unknown_not_idle() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene = Stage(core=script)

    scene.run(56)

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "it never showed in the metrics: unknown, not idle"


def test_a_pt_that_the_table_in_force_still_names_is_not_deleted() -> None:
    scene, _ = at_window()
    table = scene.tables.current("chat")
    assert table is not None
    before = scene.tables.published[-2]
    scene.tables.publish(replace(before, version=table.version + 1))

    scene.release()

    assert deletes(scene) == []
    assert "the table in force names it" in reasons(scene)[-1]


# -- ownership and terms -----------------------------------------------------------------------


def test_a_pt_whose_tag_was_taken_away_is_never_deleted() -> None:
    scene, _ = at_window()
    scene.capacity.retag(ARN, deployment=None)

    assert scene.release().outcomes == (("chat", "release waits"),)

    assert deletes(scene) == []
    assert ("release_foreign", "chat") in scene.reporter.alarm_names


@pytest.mark.parametrize(
    ("listed", "purchase"),
    [
        (build_listed(), None),
        (build_listed(), build_held(state=PurchaseState.LOST)),
        (build_listed(deployment="other"), build_held()),
        (build_listed(target="search"), build_held()),
    ],
    ids=["no purchase", "given up", "another deployment", "another target"],
)
def test_tag_and_ledger_must_agree(
    listed: ListedThroughput, purchase: PurchaseIntent | None
) -> None:
    assert identity_problem(listed, purchase, build_target(), "test") is not None
    assert identity_problem(build_listed(), build_held(), build_target(), "test") is None


def test_a_release_without_a_purchase_in_the_ledger_is_never_carried_out() -> None:
    scene, _ = serving()
    stranger = scene.capacity.add(name="copy", model_id=PT_MODEL, deployment="test", target="chat")
    withdrawn = NOW + 15 * MINUTE
    scene.fleets.begin_release(
        build_release(arn=stranger, withdrawn_version=1, withdrawn_at=withdrawn)
    )

    assert scene.release().outcomes == (("chat", "release waits"),)

    assert deletes(scene) == []
    assert ("release_foreign", "chat") in scene.reporter.alarm_names


class CommittedCapacity(MemoryCapacity):
    """Everything is under a term once `commit` is set."""

    commit = False
    until: datetime | None = NOW + 30 * 24 * HOUR

    @override
    def get(self, arn: str) -> ListedThroughput | None:
        found = super().get(arn)
        if found is None or not self.commit:
            return found
        return replace(found, commitment=Commitment.ONE_MONTH, committed_until=self.until)


@pytest.mark.parametrize("until", [NOW + 30 * 24 * HOUR, None])
def test_a_pt_under_a_term_is_dropped_before_any_call(until: datetime | None) -> None:
    scene, _ = at_window(capacity=CommittedCapacity)
    assert isinstance(scene.capacity, CommittedCapacity)
    scene.capacity.commit, scene.capacity.until = True, until

    assert scene.release().outcomes == (("chat", "release cancelled"),)

    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.CANCELLED
    assert ("release_committed", "chat") in scene.reporter.alarm_names


def test_a_pt_under_a_term_stays_in_the_table_whatever_a_decision_asks_for() -> None:
    scene, script = serving()
    scene.capacity._throughputs[ARN] = replace(
        scene.capacity._throughputs[ARN],
        commitment=Commitment.ONE_MONTH,
        committed_until=NOW + 30 * 24 * HOUR,
    )
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()

    assert scene.release().outcomes == (("chat", "release held"),)

    (held,) = reasons(scene, "release_held")
    assert held == f"{ARN} is under a term until {(NOW + 30 * 24 * HOUR).isoformat()}"
    assert scene.fleets.releases("chat") == ()


def test_a_term_that_only_the_delete_reveals_drops_the_release() -> None:
    scene, _ = at_window()
    scene.capacity._throughputs[ARN] = replace(
        scene.capacity._throughputs[ARN], committed_until=NOW + 30 * 24 * HOUR
    )

    assert scene.release().outcomes == (("chat", "release cancelled"),)

    assert only_release(scene).detail == "under a term"
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE


def test_the_least_size_is_looked_at_again_before_the_delete() -> None:
    scene, _ = at_window()
    scene.targets = (build_target(guard_rails=build_guard_rails(min_units=1)),)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "0 units would remain, min_units is 1"


def test_the_bound_of_the_day_is_looked_at_again_before_the_delete() -> None:
    """Somebody may have tightened it while the PT drained."""
    scene, _ = at_window()
    scene.targets = (build_target(guard_rails=build_guard_rails(max_releases_per_day=0)),)

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "0 releases in 24 hours, 0 are allowed"


def test_units_that_are_leaving_do_not_count_for_the_least_size() -> None:
    target = build_target(guard_rails=build_guard_rails(min_units=1))
    purchases = (build_held(1), build_held(2), build_held(3, state=PurchaseState.BOUGHT))

    assert bound_problem(pt_arn(1), target, purchases, frozenset()) is None
    assert bound_problem(pt_arn(1), target, purchases, frozenset({pt_arn(2)})) is not None


# -- what a Delete may answer ------------------------------------------------------------------


def test_a_pt_that_is_gone_before_the_delete_is_done() -> None:
    scene, _ = at_window()
    scene.capacity.vanish(ARN)

    assert scene.release().outcomes == (("chat", "released 1"),)

    assert deletes(scene) == []
    assert only_release(scene).detail == "gone before its Delete"
    assert only_purchase(scene).state is PurchaseState.RELEASED


def test_not_found_is_done() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(ThroughputNotFoundError("gone"), method="delete")
    scene.capacity.vanish(ARN)
    scene.capacity._throughputs[ARN] = build_listed(decision_id=None)

    assert scene.release().outcomes == (("chat", "released 1"),)

    assert only_release(scene).detail == "was gone already"


def test_a_lost_answer_is_confirmed_on_the_next_tick() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="delete", after_effect=True)
    first = scene.release()
    assert only_release(scene).state is ReleaseState.DELETING
    scene.clock.advance(MINUTE)

    second = scene.release()

    assert first.outcomes == (("chat", "release unresolved"),)
    assert second.outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]
    assert only_release(scene).state is ReleaseState.DELETED


def test_a_conflict_is_looked_at_again_and_the_same_pt_deleted_once_more() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("conflict"), method="delete")
    scene.release()
    scene.clock.advance(MINUTE)

    assert scene.release().outcomes == (("chat", "released 1"),)

    assert only_release(scene).detail == "deleted"


def test_a_delete_without_effect_outside_the_window_waits_for_the_next_one() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("conflict"), method="delete")
    scene.release()
    scene.clock.advance(8 * MINUTE)

    assert scene.release().outcomes == (("chat", "release waits"),)
    assert only_release(scene).state is ReleaseState.DELETING


class UndeletableCapacity(MemoryCapacity):
    """No Delete has an answer, or an effect."""

    @override
    def delete(self, arn: str) -> None:
        self.calls.append(Call("delete", arn))
        raise UnknownOutcomeError("throttled")


def needed_again(*, paused: bool = False) -> Stage:
    """A stage at 13:00: Deletes from 12:55 on had no effect, and the decisions want the PT back."""
    scene, script = at_window(capacity=UndeletableCapacity)
    scene.run(5)
    assert only_release(scene).state is ReleaseState.DELETING
    for minutes in range(60, 121, 15):
        script.actions[NOW + minutes * MINUTE] = (Restore(arn=ARN, model_units=1),)
    if paused:
        scene.targets = (build_target(thresholds=QUARTERLY, controls=Controls(pause_shrink=True)),)
    return scene


def test_what_is_needed_again_comes_back_once_no_delete_can_take_effect_any_more() -> None:
    scene = needed_again()
    sent = len(deletes(scene))
    scene.run(23)
    assert only_release(scene).state is ReleaseState.DELETING

    scene.run(40)

    assert len(deletes(scene)) == sent
    assert only_release(scene).state is ReleaseState.CANCELLED
    assert only_release(scene).ended_at == NOW + 84 * MINUTE
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == ARN


def test_a_record_of_older_code_is_waited_for_from_now_on() -> None:
    scene = needed_again()
    intent = only_release(scene)
    older = replace(intent, delete_sent_at=None, version=intent.version + 1)
    scene.fleets.update_release(intent, older)

    scene.run(60)

    assert only_release(scene).state is ReleaseState.CANCELLED
    assert only_release(scene).ended_at == NOW + 85 * MINUTE


def test_a_pause_stops_the_delete_of_what_is_needed_again() -> None:
    scene = needed_again(paused=True)
    sent = len(deletes(scene))

    scene.run(60)

    assert len(deletes(scene)) == sent


def test_a_run_that_outlasts_the_paid_period_deletes_nothing() -> None:
    """The next period is paid for by then: the PT stays until that one ends."""

    class SlowMetrics(MemoryMetrics):
        scene: Stage | None = None

        @override
        def read(
            self,
            model_ids: Sequence[str],
            start: datetime,
            end: datetime,
            series: Mapping[str, Collection[str]] | None = None,
        ) -> MetricsReading:
            assert self.scene is not None
            self.scene.clock.advance(timedelta(seconds=10))
            return super().read(model_ids, start, end, series)

    scene, _ = at_window()
    scene.switch.value = "stop"
    scene.run(4)
    scene.switch.value = "allow"
    slow = SlowMetrics()
    slow.__dict__ |= scene.metrics.__dict__
    slow.scene = scene
    scene.metrics = slow
    scene.wire()
    scene.clock.advance(timedelta(seconds=55))

    assert scene.release(scene.now).outcomes == (("chat", "release waits"),)

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "its paid period runs"


def test_a_crash_after_the_delete_is_repaired() -> None:
    scene, _ = at_window()
    scene.fleets.fail_next(KeyError("the process dies here"), method="update_purchase")
    with pytest.raises(TargetsFailedError):
        scene.release()
    assert only_purchase(scene).state is PurchaseState.IN_SERVICE
    scene.clock.advance(MINUTE)

    assert scene.release().outcomes == (("chat", "released 1"),)

    assert deletes(scene) == [ARN]
    assert only_purchase(scene).state is PurchaseState.RELEASED


def test_a_crash_between_the_two_records_is_repaired() -> None:
    scene, _ = at_window()
    scene.fleets.fail_next(
        KeyError("the process dies here"), method="update_purchase", after_effect=True
    )
    with pytest.raises(TargetsFailedError):
        scene.release()

    assert scene.release().outcomes == (("chat", "released 1"),)
    assert scene.fleets.record_of("chat").reserved_units == 0


class SlowCapacity(MemoryCapacity):
    """A deleted throughput is still answered for once."""

    shadow: ListedThroughput | None = None

    @override
    def delete(self, arn: str) -> None:
        self.shadow = self.get(arn)
        super().delete(arn)

    @override
    def get(self, arn: str) -> ListedThroughput | None:
        shadow, self.shadow = self.shadow, None
        return shadow or super().get(arn)


def test_a_delete_counts_only_once_get_no_longer_finds_the_pt() -> None:
    scene, _ = at_window(capacity=SlowCapacity)

    assert scene.release().outcomes == (("chat", "deleting"),)
    assert only_release(scene).state is ReleaseState.DELETING
    assert scene.release().outcomes == (("chat", "released 1"),)
    assert deletes(scene) == [ARN]


def test_a_target_in_advise_still_learns_what_came_of_its_delete() -> None:
    scene, _ = at_window()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="delete", after_effect=True)
    scene.release()
    scene.targets = (build_target(mode=Mode.ADVISE),)

    assert scene.release().outcomes == (("chat", "released 1"),)


# -- failed, updating, several -----------------------------------------------------------------


class ForcedCapacity(MemoryCapacity):
    """Every throughput has the status `forced`, once that is set."""

    forced: Status | None = None

    @override
    def get(self, arn: str) -> ListedThroughput | None:
        found = super().get(arn)
        return replace(found, status=self.forced) if found and self.forced else found


def test_a_pt_that_failed_leaves_although_no_table_was_ever_published() -> None:
    """A target without a way on demand has no table before its first throughput serves."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(build_target(options=(), thresholds=QUARTERLY), core=script)
    scene.run(1)
    scene.capacity.fail_creation(ARN)

    scene.run(60)

    assert scene.tables.published == []
    assert only_purchase(scene).state is PurchaseState.RELEASED
    assert only_purchase(scene).ended_at == NOW + 55 * MINUTE


def test_a_pt_that_failed_needs_no_silence() -> None:
    scene, _ = at_window(capacity=ForcedCapacity)
    assert isinstance(scene.capacity, ForcedCapacity)
    scene.capacity.forced = Status.FAILED
    scene.metrics.failing = {ARN}

    assert scene.release().outcomes == (("chat", "released 1"),)


def test_a_pt_that_is_being_updated_is_not_deleted() -> None:
    scene, _ = at_window(capacity=ForcedCapacity)
    assert isinstance(scene.capacity, ForcedCapacity)
    scene.capacity.forced = Status.UPDATING

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "it is Updating"


def test_one_delete_in_a_tick() -> None:
    # Two PTs, both drained and silent by 13:30, where for a while far more silence is asked for.
    rails = build_guard_rails(max_release_share_per_hour=1.0)
    always = build_target(
        thresholds=build_thresholds(draining={"release_window_minutes": 60}), guard_rails=rails
    )
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(always, core=script)
    scene.run(31)
    scene.serve(pt_arn(1), 9)
    scene.serve(pt_arn(2), 9)
    script.actions[NOW + 45 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    script.actions[NOW + 60 * MINUTE] = (Release(arn=pt_arn(2), model_units=1),)
    scene.run(15)
    patient = build_thresholds(draining={"quiet_minutes": 99})
    scene.targets = (build_target(thresholds=patient, guard_rails=rails),)
    scene.run(44)
    assert deletes(scene) == []
    scene.targets = (always,)

    scene.release()

    assert deletes(scene) == [pt_arn(1)]
    scene.release()
    assert deletes(scene) == [pt_arn(1), pt_arn(2)]


# -- restoring ---------------------------------------------------------------------------------


def test_a_restored_pt_is_routed_again_and_not_deleted() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Restore(arn=ARN, model_units=1),)

    scene.run(30)

    assert deletes(scene) == []
    assert only_release(scene).state is ReleaseState.CANCELLED
    table = scene.tables.current("chat")
    assert table is not None
    assert table.routes[0].address == ARN


def test_a_restore_of_another_pt_changes_nothing() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Restore(arn=pt_arn(9), model_units=1),)

    scene.run(26)

    assert deletes(scene) == [ARN]


def test_an_old_decision_restores_nothing() -> None:
    scene, script = draining()
    script.actions[NOW + 45 * MINUTE] = (Restore(arn=ARN, model_units=1),)
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()
    scene.clock.set(NOW + 76 * MINUTE)

    scene.release()

    assert only_release(scene).state is ReleaseState.WITHDRAWN


def test_thresholds_of_the_target_rule_the_drain() -> None:
    slow = build_target(thresholds=build_thresholds(draining={"quiet_minutes": 30}))
    scene, _ = draining(slow)

    scene.run(26)

    assert deletes(scene) == []
    assert reasons(scene)[-1] == "it was not seen silent for 30 minutes"


def test_a_table_that_the_withdrawal_was_not_noted_with_is_waited_for() -> None:
    scene, _ = at_window()
    table = scene.tables.current("chat")
    assert table is not None
    # As after the ledger was restored: what stood in this table's forerunners is not known.
    scene.tables.publish(replace(table, version=table.version + 1))

    scene.release()

    assert deletes(scene) == []
    version = table.version + 1
    assert reasons(scene)[-1] == (
        f"its withdrawal is not noted for version {version}, which is in force"
    )
