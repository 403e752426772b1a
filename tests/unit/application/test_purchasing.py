"""The purchase actor: bought once, within every bound, and never without a record."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import override

import pytest

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
    TargetsFailedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.purchasing.admitting import (
    pace_problem,
    room_problem,
    terms_problem,
)
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.target import Mode, Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    UNIT_PRICE,
    build_guard_rails,
    build_provisioned,
    build_target,
)
from tests.fakes.memory_capacity import MemoryCapacity
from tests.intents import TWO_UNITS, build_held, build_purchase, build_release
from tests.staging import Script, Stage

DECISION = "chat-capacity-20261120T120000Z"
# sha256 of "test/" + DECISION begins with 0283.
NAME = f"{DECISION}-0283"


def decided(*targets: Target, capacity: type[MemoryCapacity] = MemoryCapacity) -> Stage:
    """A stage on which the decision to buy two units was just recorded."""
    script = Script()
    script.actions[NOW] = (TWO_UNITS,)
    scene = Stage(*targets, core=script, capacity=capacity)
    scene.decide()
    return scene


def only_intent(scene: Stage) -> PurchaseIntent:
    (intent,) = scene.fleets.purchases("chat")
    return intent


def reasons(scene: Stage, event: str = "purchase_held") -> list[str]:
    return [str(h.fields["reason"]) for h in scene.reporter.happenings if h.event == event]


# -- buying ------------------------------------------------------------------------------------


def test_buys_what_the_newest_decision_asks_for() -> None:
    scene = decided()

    summary = scene.purchase()

    assert summary.outcomes == (("chat", "bought 2"),)
    assert [(call.method, call.subject) for call in scene.capacity.calls] == [("buy", NAME)]
    intent = only_intent(scene)
    assert (intent.state, intent.model_units, intent.arn) == (
        PurchaseState.BOUGHT,
        2,
        scene.only_arn(),
    )
    assert scene.fleets.record_of("chat").reserved_units == 2
    assert scene.fleets.record_of("chat").reserved_usd_per_hour == Decimal("121.0")


def test_the_token_and_name_derive_from_deployment_and_decision_alone() -> None:
    scene, later = decided(), decided()
    later.clock.advance(3 * MINUTE)

    scene.purchase()
    later.purchase()

    assert only_intent(scene).token == only_intent(later).token
    assert only_intent(scene).name == only_intent(later).name == NAME
    assert len(only_intent(scene).token) == 64


def test_the_intent_is_written_before_the_call() -> None:
    class WatchingCapacity(MemoryCapacity):
        states: tuple[PurchaseState, ...] = ()
        scene: Stage | None = None

        @override
        def buy(self, intent: PurchaseIntent) -> str:
            assert self.scene is not None
            self.states = tuple(i.state for i in self.scene.fleets.purchases("chat"))
            return super().buy(intent)

    scene = decided(capacity=WatchingCapacity)
    assert isinstance(scene.capacity, WatchingCapacity)
    scene.capacity.scene = scene

    scene.purchase()

    assert scene.capacity.states == (PurchaseState.RECORDED,)


def test_the_same_tick_twice_buys_once() -> None:
    scene = decided()
    scene.purchase(NOW)

    summary = scene.purchase(NOW)

    assert summary.outcomes == (("chat", "bought before"),)
    assert len(scene.capacity.calls) == 1


def test_a_decision_without_a_purchase_buys_nothing() -> None:
    scene = Stage(core=Script())

    assert scene.purchase().outcomes == (("chat", "nothing to buy"),)
    scene.decide()
    assert scene.purchase().outcomes == (("chat", "nothing to buy"),)
    assert scene.switch.reads == 0


def test_a_decision_older_than_two_periods_is_not_carried_out() -> None:
    scene = decided()
    scene.clock.advance(31 * MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase held"),)
    assert reasons(scene) == ["the decision is older than two periods"]
    assert scene.capacity.calls == []


def test_a_decision_of_the_future_is_not_carried_out() -> None:
    scene = decided()
    scene.clock.advance(-6 * MINUTE)

    scene.purchase()

    assert reasons(scene) == ["the decision is of a time that the clock has not reached"]


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_tick_off_the_clock_changes_nothing(minutes: int) -> None:
    scene = decided()

    summary = scene.purchase(NOW + minutes * MINUTE)

    assert summary.outcomes == ()
    assert scene.events == [("tick_late", "")]
    assert scene.reporter.alarm_names == [("loop_late", "")]
    assert scene.capacity.calls == []


def test_a_stale_fleet_version_buys_nothing() -> None:
    scene = decided()
    scene.fleets.begin_purchase(
        build_held(state=PurchaseState.RELEASED),
        fleet=scene.fleets.record_of("chat"),
        unmanaged_units=0,
        max_units=10,
        max_usd_per_hour=Decimal(1000),
    )

    assert scene.purchase().outcomes == (("chat", "purchase held"),)
    assert reasons(scene) == ["the fleet is at version 1, the decision saw 0"]
    assert scene.capacity.calls == []


def test_a_fleet_that_moves_before_the_transaction_ends_the_pass_quietly() -> None:
    scene = decided()
    scene.fleets.fail_next(StaleDecisionError("moved"), method="begin_purchase")

    assert scene.purchase().outcomes == (("chat", "superseded"),)
    assert scene.capacity.calls == []
    assert scene.reporter.alarms == []


def test_an_incomplete_inventory_buys_nothing() -> None:
    scene = decided()
    scene.capacity.pages_missing = True

    assert scene.purchase().outcomes == (("chat", "unobserved"),)
    assert scene.fleets.purchases("chat") == ()


def test_what_others_hold_counts_against_the_cap_at_the_moment_of_buying() -> None:
    scene = decided(build_target(guard_rails=build_guard_rails(max_units=3)))
    scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=2)

    scene.purchase()

    assert reasons(scene) == ["it would make 4 units, max_units is 3"]


def test_a_reason_to_hold_is_reported_once_not_every_minute() -> None:
    scene = decided(build_target(guard_rails=build_guard_rails(max_units=1)))

    scene.purchase()
    scene.clock.advance(MINUTE)
    scene.purchase()

    assert len(reasons(scene)) == 1


# -- advise and the switch ---------------------------------------------------------------------


def test_advise_sends_and_reserves_nothing_and_says_once_what_it_would_buy() -> None:
    scene = decided(build_target(mode=Mode.ADVISE))
    scene.switch.value = None

    first = scene.purchase()
    scene.clock.advance(MINUTE)
    scene.purchase()

    assert first.outcomes == (("chat", "would buy"),)
    assert scene.capacity.calls == []
    assert scene.fleets.purchases("chat") == ()
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.events == [("would_buy", "chat")]


def test_advise_checks_what_act_checks() -> None:
    target = build_target(mode=Mode.ADVISE, guard_rails=build_guard_rails(max_units=1))
    scene = decided(target)

    scene.purchase()

    assert reasons(scene) == ["it would make 2 units, max_units is 1"]


@pytest.mark.parametrize("value", [None, "", "Allow", "deny", " allow"])
def test_a_switch_that_is_not_exactly_allow_stops_before_the_intent(value: str | None) -> None:
    scene = decided()
    scene.switch.value = value

    assert scene.purchase().outcomes == (("chat", "purchase held"),)
    assert scene.fleets.purchases("chat") == ()
    assert scene.capacity.calls == []


def test_a_switch_set_between_intent_and_call_stops_the_call_and_frees_the_units() -> None:
    scene = decided()
    scene.switch.then("stop")

    assert scene.purchase().outcomes == (("chat", "purchase refused"),)
    assert scene.capacity.calls == []
    intent = only_intent(scene)
    assert intent.state is PurchaseState.REFUSED
    assert intent.detail.startswith("not_sent: the switch")
    assert scene.fleets.record_of("chat").reserved_units == 0


def test_too_little_time_starts_no_call() -> None:
    scene = decided()
    scene.deadline.left = timedelta(seconds=29)

    scene.purchase()

    assert reasons(scene) == ["too little time is left for the call and its record"]
    assert scene.capacity.calls == []


def test_a_stop_of_our_own_is_no_refusal_of_bedrock() -> None:
    scene = decided()
    scene.switch.then("stop", "allow")
    scene.purchase()
    scene.core.actions[NOW + 15 * MINUTE] = (TWO_UNITS,)  # type: ignore[attr-defined]  # a Script
    scene.switch.value = "allow"
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "bought 2"),)


# -- refusals ----------------------------------------------------------------------------------


def test_a_proven_refusal_frees_the_reservation_and_is_an_alarm() -> None:
    scene = decided()
    refusal = CapacityUnavailableError("none left", code="ServiceQuotaExceededException")
    scene.capacity.fail_next(refusal, method="buy")

    assert scene.purchase().outcomes == (("chat", "purchase refused"),)
    intent = only_intent(scene)
    assert intent.state is PurchaseState.REFUSED
    assert intent.detail == "ServiceQuotaExceededException"
    assert intent.ended_at == NOW
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("purchase_refused", "chat")]


def test_after_a_refusal_the_target_rests_for_two_hours() -> None:
    refused = build_purchase(
        state=PurchaseState.REFUSED, detail="AccessDeniedException", ended_at=NOW
    )
    target = build_target()

    resting = pace_problem(target, TWO_UNITS, (refused,), NOW + 119 * MINUTE)

    assert resting is not None
    assert "AccessDeniedException" in resting
    assert pace_problem(target, TWO_UNITS, (refused,), NOW + 120 * MINUTE) is None


@pytest.mark.parametrize(("in_service_since", "rests"), [(None, True), (NOW - 3 * HOUR, False)])
def test_after_a_pt_that_never_served_the_target_rests_too(
    in_service_since: datetime | None, *, rests: bool
) -> None:
    ended = build_held(
        state=PurchaseState.RELEASED, in_service_since=in_service_since, ended_at=NOW
    )

    problem = pace_problem(build_target(), TWO_UNITS, (ended,), NOW + HOUR)

    assert (problem is not None) is rests


# -- unknown outcomes --------------------------------------------------------------------------


def test_a_lost_answer_leaves_the_purchase_open_and_the_next_tick_adopts_it() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy", after_effect=True)
    first = scene.purchase()
    scene.clock.advance(MINUTE)

    second = scene.purchase()

    assert first.outcomes == (("chat", "purchase unresolved"),)
    assert second.outcomes == (("chat", "purchase bought"),)
    assert len(scene.capacity.calls) == 1
    intent = only_intent(scene)
    assert (intent.state, intent.arn) == (PurchaseState.BOUGHT, scene.only_arn())
    assert intent.billed_from == NOW


def test_a_crash_after_the_purchase_before_its_record_is_repaired() -> None:
    scene = decided()
    scene.fleets.fail_next(KeyError("the process dies here"), method="update_purchase")
    with pytest.raises(TargetsFailedError):
        scene.purchase()
    assert only_intent(scene).state is PurchaseState.RECORDED
    scene.clock.advance(MINUTE)

    scene.purchase()

    assert only_intent(scene).state is PurchaseState.BOUGHT
    assert len(scene.capacity.calls) == 1
    assert len(scene.capacity.inventory().throughputs) == 1


def test_an_unknown_write_of_the_intent_sends_no_call() -> None:
    scene = decided()
    scene.fleets.fail_next(
        UnknownOutcomeError("no answer"), method="begin_purchase", after_effect=True
    )

    assert scene.purchase().outcomes == (("chat", "unobserved"),)
    assert scene.capacity.calls == []
    assert only_intent(scene).state is PurchaseState.RECORDED


def test_nothing_is_bought_while_a_purchase_has_no_answer() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.core.actions[NOW + 15 * MINUTE] = (TWO_UNITS,)  # type: ignore[attr-defined]  # a Script
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)
    assert scene.capacity.calls == []


def test_absence_is_evidence_only_after_the_grace() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE - MINUTE)
    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase abandoned"),)

    assert only_intent(scene).state is PurchaseState.ABANDONED
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("purchase_abandoned", "chat")]


def test_an_open_purchase_that_cannot_be_looked_up_waits_and_is_an_alarm_after_the_grace() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.capacity.pages_missing = True
    scene.clock.advance(MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    assert [h.event for h in scene.reporter.happenings if "reason" in h.fields] == [
        "purchase_unresolved",
        "purchase_unresolved",
    ]
    scene.clock.advance(GRACE)

    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)

    assert only_intent(scene).state is PurchaseState.RECORDED
    assert scene.reporter.alarm_names == [("purchase_unresolved", "chat")]


def test_a_pt_that_turns_up_after_its_purchase_was_abandoned_is_adopted_and_alarmed() -> None:
    scene = decided()
    scene.capacity.list_lag = 40 * MINUTE
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy", after_effect=True)
    scene.purchase()
    scene.clock.advance(GRACE)
    scene.purchase()
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()

    scene.purchase()

    intent = only_intent(scene)
    assert (intent.state, intent.arn) == (PurchaseState.BOUGHT, scene.only_arn())
    assert scene.fleets.record_of("chat").reserved_units == 2
    assert scene.reporter.alarm_names == [
        ("purchase_abandoned", "chat"),
        ("unmanaged_pt", "chat"),
        ("metrics_incomplete", "chat"),  # the clock jumped; nothing beat meanwhile
        ("purchase_late", "chat"),
    ]


def test_an_abandoned_purchase_stays_so_while_nothing_turns_up() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE)
    scene.purchase()
    # Somebody's PT has our name, but not our tags: a name alone proves nothing.
    scene.capacity.add(name=NAME, model_id=PT_MODEL)
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_intent(scene).state is PurchaseState.ABANDONED


# -- watching ----------------------------------------------------------------------------------


def bought(*, lead_time: timedelta = 15 * MINUTE) -> Stage:
    scene = decided()
    scene.capacity.lead_time = lead_time
    scene.purchase()
    return scene


def test_a_bought_pt_is_followed_until_it_is_in_service() -> None:
    scene = bought()
    scene.clock.advance(14 * MINUTE)
    assert scene.purchase().outcomes == (("chat", "bought before"),)
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase in_service"),)

    intent = only_intent(scene)
    assert (intent.state, intent.in_service_since) == (PurchaseState.IN_SERVICE, scene.now)
    assert intent.billed_from == NOW


def test_a_pt_that_failed_keeps_its_reservation_and_is_an_alarm_with_its_cost() -> None:
    scene = bought()
    scene.capacity.fail_creation(scene.only_arn())
    scene.clock.advance(20 * MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase failed"),)

    assert only_intent(scene).state is PurchaseState.FAILED
    assert scene.fleets.record_of("chat").reserved_units == 2
    (alarm,) = scene.reporter.alarms
    assert alarm.alarm == "pt_failed"
    assert "121.000000 USD" in alarm.message


def test_a_pt_stuck_in_creation_is_an_alarm_after_an_hour() -> None:
    scene = bought(lead_time=3 * HOUR)
    scene.clock.advance(59 * MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    scene.clock.advance(MINUTE)

    scene.purchase()

    (alarm,) = scene.reporter.alarms
    assert alarm.alarm == "pt_stuck"
    # The second hour has begun: 2 x 121 USD.
    assert "242.000000 USD" in alarm.message
    assert only_intent(scene).state is PurchaseState.BOUGHT


def test_a_bought_pt_that_lists_do_not_show_yet_is_waited_for() -> None:
    scene = bought()
    scene.capacity.list_lag = 15 * MINUTE
    scene.clock.advance(5 * MINUTE)

    scene.purchase()

    assert only_intent(scene).state is PurchaseState.BOUGHT


def test_a_bought_pt_that_is_absent_after_the_grace_is_lost() -> None:
    scene = bought()
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(GRACE)

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)

    assert only_intent(scene).state is PurchaseState.LOST
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("pt_lost", "chat")]


def test_a_bought_pt_that_cannot_be_looked_up_is_an_alarm_only_after_the_grace() -> None:
    scene = bought()
    scene.capacity.pages_missing = True
    scene.clock.advance(MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    assert ("purchase_unwatched", "chat") in scene.reporter.events
    scene.clock.advance(GRACE)

    scene.purchase()

    assert scene.reporter.alarm_names == [("purchase_unwatched", "chat")]
    assert only_intent(scene).state is PurchaseState.BOUGHT


def in_service() -> Stage:
    scene = bought()
    scene.clock.advance(15 * MINUTE)
    scene.purchase()
    assert only_intent(scene).state is PurchaseState.IN_SERVICE
    return scene


def test_a_pt_in_service_that_the_newest_decision_missed_is_lost() -> None:
    scene = in_service()
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "purchase lost"),)
    assert only_intent(scene).ended_at == scene.now


def test_a_pt_that_an_incomplete_inventory_missed_is_not_lost() -> None:
    scene = in_service()
    scene.capacity.pages_missing = True
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_intent(scene).state is PurchaseState.IN_SERVICE


def test_a_pt_that_the_decision_missed_but_that_is_found_is_not_lost() -> None:
    scene = in_service()
    scene.capacity.list_lag = 10 * HOUR
    scene.clock.advance(15 * MINUTE)
    scene.decide()
    scene.capacity.list_lag = timedelta(0)

    scene.purchase()

    assert only_intent(scene).state is PurchaseState.IN_SERVICE


def test_a_pt_that_our_release_deletes_is_not_lost() -> None:
    scene = in_service()
    scene.fleets.begin_release(build_release(arn=scene.only_arn()))
    scene.capacity.vanish(scene.only_arn())
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_intent(scene).state is PurchaseState.IN_SERVICE


def test_a_pt_that_is_updated_while_it_is_being_created_is_waited_for() -> None:
    class UpdatingCapacity(MemoryCapacity):
        @override
        def find(self, intent: PurchaseIntent) -> ListedThroughput | None:
            found = super().find(intent)
            return replace(found, status=Status.UPDATING) if found else None

    scene = decided(capacity=UpdatingCapacity)
    scene.purchase()

    scene.purchase()

    assert only_intent(scene).state is PurchaseState.BOUGHT


def test_without_any_decision_what_stands_is_left_alone() -> None:
    scene = Stage(core=Script())
    scene.fleets.begin_purchase(
        build_held(),
        fleet=scene.fleets.record_of("chat"),
        unmanaged_units=0,
        max_units=10,
        max_usd_per_hour=Decimal(1000),
    )

    assert scene.purchase().outcomes == (("chat", "nothing to buy"),)
    assert only_intent(scene) == build_held()


# -- one target's trouble ----------------------------------------------------------------------


def test_one_targets_trouble_leaves_the_others() -> None:
    scene = decided(build_target(name="aaa", model_ids=("other",)), build_target())
    scene.fleets.fail_next(KeyError("x"), method="purchases")

    with pytest.raises(TargetsFailedError, match="aaa"):
        scene.purchase()

    assert [call.subject for call in scene.capacity.calls] == [NAME]


def test_unreadable_settings_fail_the_run() -> None:
    scene = decided()
    scene.settings_error = ObservationError("SSM is down")

    with pytest.raises(ObservationError, match="SSM"):
        scene.purchase()


# -- terms, pace, room -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "wanted", "text"),
    [
        (build_target(provisioned=None), TWO_UNITS, "may hold no provisioned throughput"),
        (
            build_target(provisioned=build_provisioned(model_id="other:0:8k")),
            TWO_UNITS,
            "the settings other:0:8k",
        ),
        (build_target(provisioned=build_provisioned(price=None)), TWO_UNITS, "is not known"),
        (
            build_target(
                provisioned=build_provisioned(price=replace(UNIT_PRICE, as_of=date(2026, 8, 1)))
            ),
            TWO_UNITS,
            "too old",
        ),
        (build_target(), replace(TWO_UNITS, model_units=9), "max_units_per_purchase 8"),
        (build_target(), replace(TWO_UNITS, model_units=0), "0 units"),
        (build_target(), replace(TWO_UNITS, usd_per_hour=Decimal(120)), "the settings say 121"),
    ],
)
def test_terms_that_the_settings_do_not_allow(target: Target, wanted: Purchase, text: str) -> None:
    problem = terms_problem(target, wanted, NOW)

    assert problem is not None
    assert text in problem


def test_terms_as_set_are_no_problem() -> None:
    assert terms_problem(build_target(), TWO_UNITS, NOW) is None


def test_calls_of_a_day_are_bounded_whatever_decisions_ask_for() -> None:
    target = build_target(guard_rails=build_guard_rails(max_purchases_per_day=2))
    made = tuple(build_held(n, recorded_at=NOW - n * HOUR) for n in (1, 23))

    problem = pace_problem(target, TWO_UNITS, made, NOW)

    assert problem == "2 purchases in 24 hours, 2 are allowed"
    assert pace_problem(target, TWO_UNITS, made[:1], NOW) is None


@pytest.mark.parametrize(
    ("day", "month", "text"),
    [
        # Held for 100 minutes: two periods of 60.50 are booked, two more units cost 121.
        ("241.99", "1000", "booked today"),
        ("242", "241.99", "booked this month"),
        ("242", "242", None),
    ],
)
def test_booked_spend_and_the_first_period_stay_within_the_caps(
    day: str, month: str, text: str | None
) -> None:
    rails = build_guard_rails(max_usd_per_day=Decimal(day), max_usd_per_month=Decimal(month))

    problem = pace_problem(build_target(guard_rails=rails), TWO_UNITS, (build_held(),), NOW)

    assert problem is None if text is None else problem is not None and text in problem


@pytest.mark.parametrize(
    ("units", "dollars", "text"),
    [
        # One unit is reserved, one is somebody else's, two are wanted: 4 units, 242 USD.
        (3, "242", "4 units, max_units is 3"),
        (4, "241.99", "242.000000 USD per hour"),
        (4, "242", None),
    ],
)
def test_what_is_held_stays_within_the_caps(units: int, dollars: str, text: str | None) -> None:
    rails = build_guard_rails(max_units=units, max_usd_per_hour=Decimal(dollars))
    record = FleetRecord(
        target="chat", reserved_units=1, reserved_usd_per_hour=Decimal("60.5"), version=1
    )

    problem = room_problem(build_target(guard_rails=rails), TWO_UNITS, record, 1)

    assert problem is None if text is None else problem is not None and text in problem


@pytest.mark.parametrize(("held", "allowed"), [("30", "242"), ("80", "261.5")])
def test_what_is_held_counts_at_its_own_price_or_the_present_one_whichever_is_higher(
    held: str, allowed: str
) -> None:
    # One unit is reserved, one is somebody else's, two are wanted at 60.50 each: 181.50 USD for
    # three at the present price, and 60.50 or 80 for the one that is held.
    record = FleetRecord(
        target="chat", reserved_units=1, reserved_usd_per_hour=Decimal(held), version=1
    )
    enough = build_guard_rails(max_usd_per_hour=Decimal(allowed))
    short = build_guard_rails(max_usd_per_hour=Decimal(allowed) - Decimal("0.01"))

    assert room_problem(build_target(guard_rails=enough), TWO_UNITS, record, 1) is None
    problem = room_problem(build_target(guard_rails=short), TWO_UNITS, record, 1)
    assert problem is not None
    assert "max_usd_per_hour" in problem
