"""Guard rails outside the decision core: caps of the stack, breaker, pauses, consents, strays."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import StaleDecisionError, UnknownOutcomeError
from bedrock_autoscaler.application.releasing.draining import hour_problem
from bedrock_autoscaler.domain.acting.controls import ChangeWindow, Controls
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import Decision, Purchase, Release, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.target import Commitment, Mode, StackRails
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    UNIT_PRICE,
    build_guard_rails,
    build_provisioned,
    build_target,
    build_thresholds,
    pt_arn,
)
from tests.fakes.memory_capacity import Call
from tests.intents import ONE_UNIT, TWO_UNITS, build_held, build_release
from tests.staging import Script, Stage

OTHER = "email"
WIDE = StackRails(
    max_units=100,
    max_usd_per_hour=Decimal(10_000),
    max_usd_per_day=Decimal(100_000),
    max_usd_per_month=Decimal(1_000_000),
)
COMMITTED = Purchase(
    model_id=PT_MODEL,
    model_units=1,
    usd_per_hour=Decimal("55.0"),
    commitment=Commitment.ONE_MONTH,
    consent_id="c-1",
)
CONSENT = RecordedConsent(
    id="c-1",
    target="chat",
    model_id=PT_MODEL,
    units=1,
    term=Commitment.ONE_MONTH,
    max_usd_per_hour=Decimal(55),
    given_by="jane",
    valid_until=NOW + HOUR,
)


def buys(scene: Stage) -> int:
    return sum(call.method == "buy" for call in scene.capacity.calls)


def held(scene: Stage) -> list[str]:
    """Why purchases were held, in order."""
    return [
        str(happening.fields["reason"])
        for happening in scene.reporter.happenings
        if happening.event == "purchase_held"
    ]


def two_targets(**rails: Any) -> Stage:
    """Two targets that each ask for a unit at NOW, under caps of the stack."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(build_target(), build_target(name=OTHER, model_ids=("other",)), core=script)
    scene.stack = replace(WIDE, **rails)
    scene.decide()
    return scene


# -- the stack ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rails", "told"),
    [
        ({"max_units": 1}, "2 units, the stack's max_units is 1"),
        ({"max_usd_per_hour": Decimal("120.99")}, "121.000000 USD per hour"),
        ({"max_usd_per_day": Decimal("120.99")}, "60.500000 USD this day"),
        ({"max_usd_per_month": Decimal("120.99")}, "60.500000 USD this month"),
    ],
)
def test_all_targets_together_stay_within_each_cap_of_the_stack(
    rails: dict[str, Any], told: str
) -> None:
    scene = two_targets(**rails)

    scene.purchase()

    assert buys(scene) == 1
    assert len(held(scene)) == 1
    assert told in held(scene)[0]


def test_what_fits_under_the_caps_of_the_stack_is_bought() -> None:
    scene = two_targets(max_units=2, max_usd_per_hour=Decimal(121), max_usd_per_day=Decimal(121))

    scene.purchase()

    assert buys(scene) == 2


def test_what_is_held_counts_against_the_stack_at_its_present_price() -> None:
    """Units without a term have no fixed price; what the ledger reserved is that of then."""
    script = Script()
    email = build_target(name=OTHER, model_ids=("other",))
    scene = Stage(email, core=script)
    script.actions[NOW] = (ONE_UNIT,)
    scene.run(2)
    risen = build_provisioned(price=replace(UNIT_PRICE, usd_per_hour=Decimal(100)))
    scene.targets = (replace(email, provisioned=risen), build_target())
    scene.stack = replace(WIDE, max_usd_per_hour=Decimal(130))
    script.actions = {NOW + 15 * MINUTE: (ONE_UNIT,)}

    scene.run(15)

    assert buys(scene) == 1
    assert any("would cost 160.500000 USD per hour" in reason for reason in held(scene))


def test_without_a_document_the_caps_of_the_targets_add_up() -> None:
    scene = two_targets()
    scene.stack = None

    scene.purchase()

    assert buys(scene) == 2


def test_what_others_hold_anywhere_in_the_account_counts_against_the_stack() -> None:
    scene = two_targets(max_units=3)
    scene.capacity.add(name="by-hand", model_id="amazon.nova-pro-v1:0:24k", model_units=2)

    scene.purchase()

    assert buys(scene) == 1


def test_others_units_of_an_unknown_price_count_as_the_dearest_known() -> None:
    scene = two_targets(max_usd_per_hour=Decimal("181.5"))
    scene.capacity.add(name="by-hand", model_id="amazon.nova-pro-v1:0:24k", model_units=2)

    scene.purchase()

    # 2 x 60.50 USD of others and 60.50 for one purchase are 181.50 USD; a second one is too much.
    assert buys(scene) == 1


def test_a_target_that_is_no_longer_in_force_still_counts_for_the_stack() -> None:
    scene = two_targets(max_units=1)
    scene.purchase()
    scene.targets = scene.targets[1:]
    scene.clock.advance(15 * MINUTE)
    assert isinstance(scene.core, Script)
    scene.core.actions[scene.now] = (ONE_UNIT,)
    scene.decide()

    scene.purchase()

    assert buys(scene) == 1


def test_a_purchase_of_another_target_in_between_ends_the_pass_quietly() -> None:
    scene = two_targets()
    scene.fleets.fail_next(StaleDecisionError("the sums moved"), method="begin_purchase")

    scene.purchase()

    assert buys(scene) == 1
    assert ("superseded", "chat") in scene.events


def test_a_decision_knows_the_caps_of_the_stack() -> None:
    scene = two_targets(max_units=1)
    scene.purchase()
    scene.clock.advance(15 * MINUTE)

    scene.decide()

    assert isinstance(scene.core, Script)
    for situation in scene.core.capacity_situations()[-2:]:
        stack = situation.fleet.stack
        assert stack is not None
        assert (stack.held_units, stack.usd_per_hour) == (1, Decimal("60.5"))
        assert stack.spend.day_usd == Decimal("60.5")
        assert stack.rails.max_units == 1


# -- two stacks in one account -----------------------------------------------------------------


def test_two_stacks_in_one_account_count_each_others_units_and_delete_none() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    mine = Stage(build_target(guard_rails=build_guard_rails(max_units=1)), core=script)
    theirs = Stage(build_target(guard_rails=build_guard_rails(max_units=1)), core=script)
    theirs.capacity = mine.capacity
    theirs.clock = mine.clock
    theirs.wire()
    mine.capacity._deployment = "another-stack"
    theirs.decide()
    theirs.purchase()
    mine.capacity._deployment = "test"
    (arn,) = [pt.arn for pt in mine.capacity.inventory().throughputs] or [""]

    mine.decide()
    mine.purchase()

    assert buys(mine) == buys(theirs) == 1
    assert "max_units is 1" in held(mine)[0]
    assert ("unmanaged_pt", "chat") in mine.reporter.alarm_names
    mine.clock.advance(15 * MINUTE)
    script.actions[mine.now] = (Release(arn=arn, model_units=1),)
    mine.decide()
    mine.release()
    assert mine.fleets.releases("chat") == ()


# -- the breaker -------------------------------------------------------------------------------


def runaway(situation: Situation) -> Decision:
    """A decision core that asks for one unit on every tick."""
    script = Script()
    script.actions[situation.scheduled_at] = (ONE_UNIT,)
    return script(situation)


def tripped() -> Stage:
    """Two purchases a day are allowed; the third is asked for at 12:30."""
    rails = build_guard_rails(max_purchases_per_day=2)
    scene = Stage(build_target(guard_rails=rails), core=runaway)
    scene.run(31)
    return scene


def test_a_core_that_asks_for_more_than_a_day_allows_trips_the_breaker() -> None:
    scene = tripped()

    assert buys(scene) == 2
    assert scene.fleets.record_of("chat").tripped_at == NOW + 30 * MINUTE
    assert ("breaker_tripped", "chat") in scene.reporter.alarm_names


def test_a_tripped_breaker_stays_so_when_a_day_has_passed() -> None:
    scene = tripped()
    scene.metrics.beat_through(scene.now, NOW + 26 * HOUR)
    scene.clock.set(NOW + 26 * HOUR)

    scene.run(16)

    assert buys(scene) == 2


def test_a_tripped_breaker_releases_nothing_and_keeps_routing() -> None:
    scene = tripped()
    script = Script()
    script.actions[NOW + 45 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene.core = script
    scene.capacity.vanish(pt_arn(2))

    scene.run(16)

    assert scene.fleets.releases("chat") == ()
    table = scene.tables.current("chat")
    assert table is not None
    assert pt_arn(2) not in {route.address for route in table.routes}


def test_a_tripped_breaker_stops_a_drain_before_its_delete() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(pt_arn(1), 14)
    scene.run(24)
    scene.fleets.trip(scene.fleets.record_of("chat"), scene.now, "by hand")

    scene.run(30)

    (release,) = scene.fleets.releases("chat")
    assert release.state is ReleaseState.WITHDRAWN
    assert [call.method for call in scene.capacity.calls] == ["buy"]


def test_after_a_person_reset_it_purchases_go_on() -> None:
    scene = tripped()
    scene.metrics.beat_through(scene.now, NOW + 26 * HOUR)
    scene.clock.set(NOW + 26 * HOUR)
    scene.fleets.reset(scene.fleets.record_of("chat"))

    scene.run(2)  # the first minute settles what was bought before

    assert buys(scene) == 3


def test_a_bound_that_was_lowered_since_the_decision_trips_nothing() -> None:
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(15)
    scene.decide()
    scene.targets = (build_target(guard_rails=build_guard_rails(max_purchases_per_day=1)),)
    scene.purchase()  # settles the first one

    scene.purchase()

    assert buys(scene) == 1
    assert scene.fleets.record_of("chat").tripped_at is None
    assert held(scene) == ["1 purchases in 24 hours, 1 are allowed"]


def test_in_mode_advise_nothing_is_written_on_the_breaker() -> None:
    rails = build_guard_rails(max_purchases_per_day=0)
    scene = Stage(build_target(guard_rails=rails, mode=Mode.ADVISE), core=runaway)

    scene.run(1)

    assert scene.fleets.record_of("chat").tripped_at is None
    assert ("breaker_tripped", "chat") not in scene.reporter.alarm_names


def test_a_breaker_that_may_have_tripped_holds_the_target_until_it_is_known() -> None:
    rails = build_guard_rails(max_purchases_per_day=0)
    scene = Stage(build_target(guard_rails=rails), core=runaway)
    scene.fleets.fail_next(UnknownOutcomeError("no answer"), method="trip", after_effect=True)

    scene.run(1)

    assert buys(scene) == 0
    assert ("unobserved", "chat") in scene.reporter.alarm_names
    scene.run(1)
    assert buys(scene) == 0


# -- set by hand -------------------------------------------------------------------------------


def test_a_pause_set_after_the_decision_stops_the_purchase() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.decide()
    scene.targets = (build_target(controls=Controls(pause_growth=True)),)

    scene.purchase()

    assert buys(scene) == 0
    assert held(scene) == ["controls.pause_growth is set"]


@pytest.mark.parametrize(
    "controls",
    [
        Controls(pause_shrink=True),
        Controls(shrink_windows=(ChangeWindow(cron="0 12 * * *", minutes=120),)),
    ],
)
@pytest.mark.parametrize("minute", [20, 40])
def test_a_pause_or_window_stops_a_release_before_it_begins_and_before_its_delete(
    controls: Controls, minute: int
) -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(pt_arn(1), 10)
    scene.run(minute - 16)
    scene.targets = (build_target(controls=controls),)

    scene.run(80 - minute)

    # Before 12:30 nothing has begun; at 12:40 the drain had begun, and stops.
    assert [release.state for release in scene.fleets.releases("chat")] == (
        [] if minute == 20 else [ReleaseState.WITHDRAWN]
    )
    assert [call.method for call in scene.capacity.calls] == ["buy"]


def test_a_release_goes_on_when_the_pause_is_lifted() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(pt_arn(1), 10)
    scene.run(24)
    scene.targets = (build_target(controls=Controls(pause_shrink=True)),)
    scene.run(30)
    scene.targets = (build_target(),)

    scene.run(50)

    # The window of 12:55 was missed; the next one begins at 13:55.
    assert scene.fleets.purchases("chat")[0].ended_at == NOW + 115 * MINUTE


# -- facts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        ("quota", "the model-unit quota for"),
        ("life cycle", "the life cycle of"),
        ("active", "is not ACTIVE"),
        ("rate", "tokens per minute of one unit"),
    ],
)
def test_nothing_is_bought_without_a_fact_whatever_the_decision_asks_for(
    fact: str, told: str
) -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    rated = build_provisioned(unit_rate=None) if fact == "rate" else build_provisioned()
    scene = Stage(build_target(provisioned=rated), core=script)
    if fact == "quota":
        scene.capacity.quota.clear()
    elif fact == "life cycle":
        scene.capacity.unknown_status.add(PT_MODEL)
    elif fact == "active":
        scene.capacity.inactive.add(PT_MODEL)
    scene.decide()

    scene.purchase()

    assert (buys(scene), scene.fleets.purchases("chat")) == (0, ())
    assert told in held(scene)[0]


# -- commitments -------------------------------------------------------------------------------


def committing(**consent: Any) -> Stage:
    """A decision that names a consent, as no rule of the package does."""
    script = Script()
    script.actions[NOW] = (COMMITTED,)
    scene = Stage(core=script)
    scene.fleets.consents["c-1"] = replace(CONSENT, **consent)
    scene.decide()
    return scene


def test_a_commitment_is_bought_with_the_consent_to_that_very_purchase() -> None:
    scene = committing()

    scene.purchase()

    (intent,) = scene.fleets.purchases("chat")
    assert (intent.commitment, intent.consent_id) == (Commitment.ONE_MONTH, "c-1")
    assert scene.fleets.consents["c-1"].used_by == intent.decision_id
    assert buys(scene) == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"valid_until": NOW - MINUTE}, "was valid until"),
        ({"used_by": "another"}, "was used by another"),
        ({"units": 2}, "is for 2 units"),
        ({"model_id": "other"}, "of other"),
        ({"term": Commitment.SIX_MONTHS}, "under six_months"),
        ({"max_usd_per_hour": Decimal(54)}, "the price is 55"),
    ],
)
def test_a_commitment_without_its_consent_is_refused_before_the_intent(
    changed: dict[str, Any], told: str
) -> None:
    scene = committing(**changed)

    scene.purchase()

    assert scene.fleets.purchases("chat") == ()
    assert told in held(scene)[0]


def test_a_consent_comes_back_when_the_switch_stops_the_call() -> None:
    scene = committing()
    scene.switch.then("deny")

    scene.purchase()

    assert buys(scene) == 0
    assert scene.fleets.consents["c-1"].used_by is None


def test_a_consent_stays_used_while_the_outcome_is_unknown() -> None:
    scene = committing()
    scene.capacity.fail_next(UnknownOutcomeError("time-out"), method="buy", after_effect=True)

    scene.purchase()

    assert scene.fleets.consents["c-1"].used_by is not None


def test_a_consent_that_a_restored_table_shows_as_open_is_not_used_twice() -> None:
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (COMMITTED,)
    scene = Stage(core=script)
    consent = replace(CONSENT, valid_until=NOW + 24 * HOUR)
    scene.fleets.consents["c-1"] = consent
    scene.run(14)
    assert buys(scene) == 1
    scene.fleets.consents["c-1"] = consent

    scene.run(4)

    assert buys(scene) == 1
    (told,) = held(scene)
    assert told.startswith("consent c-1 was used by chat-capacity-")


def test_a_term_that_is_not_sold_is_not_bought() -> None:
    half_year = replace(COMMITTED, commitment=Commitment.SIX_MONTHS)
    script = Script()
    script.actions[NOW] = (half_year,)
    scene = Stage(core=script)
    scene.decide()

    scene.purchase()

    assert held(scene) == [f"{PT_MODEL} has no known price under six_months"]


def test_the_rules_name_no_commitment() -> None:
    assert (ONE_UNIT.commitment, ONE_UNIT.consent_id) == (Commitment.NONE, None)


# -- the ledger --------------------------------------------------------------------------------


def test_a_restored_ledger_is_noticed_and_nothing_is_bought_again() -> None:
    script = Script()
    script.actions[NOW] = script.actions[NOW + 30 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(20)
    arn = scene.only_arn()
    yesterday = Stage(core=script)
    yesterday.capacity, yesterday.clock, yesterday.metrics = (
        scene.capacity,
        scene.clock,
        scene.metrics,
    )
    yesterday.wire()

    yesterday.run(30)

    assert buys(yesterday) == 1
    assert ("ledger_incomplete", "chat") in yesterday.reporter.alarm_names
    situation = script.capacity_situations()[-1]
    assert situation.fleet.strays == (arn,)
    assert situation.fleet.held_units == 1
    assert f"{arn} carry our tag" in held(yesterday)[0]


def test_a_late_pt_of_an_abandoned_purchase_is_no_stray() -> None:
    scene = Stage(core=Script())
    abandoned = build_held(state=PurchaseState.ABANDONED, arn=None, ended_at=NOW)
    scene.fleets._purchases["chat", abandoned.decision_id] = abandoned
    scene.capacity.add(
        name=abandoned.name,
        model_id=PT_MODEL,
        deployment="test",
        target="chat",
        decision_id=abandoned.decision_id,
    )

    scene.decide()

    assert isinstance(scene.core, Script)
    assert scene.core.capacity_situations()[-1].fleet.strays == ()


# -- losses ------------------------------------------------------------------------------------


def test_what_others_deleted_is_not_bought_back_within_the_cooldown() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    for quarter in range(2, 9):
        script.actions[NOW + quarter * 15 * MINUTE] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(20)
    scene.capacity.vanish(scene.only_arn())

    scene.run(105)

    lost, *_ = scene.fleets.purchases("chat")
    assert lost.state is PurchaseState.LOST
    assert lost.ended_at is not None
    bought_again = [i.recorded_at for i in scene.fleets.purchases("chat")[1:]]
    assert bought_again[0] - lost.ended_at >= timedelta(minutes=60)
    assert any("was deleted, and not by us" in reason for reason in held(scene))


# -- mass idleness -----------------------------------------------------------------------------


def test_a_core_that_always_releases_takes_a_quarter_of_the_fleet_in_an_hour() -> None:
    """Eight idle PTs, one decision a quarter of an hour: two may go in each hour."""
    target = build_target(
        thresholds=build_thresholds(draining={"release_window_minutes": 59}),
        guard_rails=build_guard_rails(max_releases_per_day=100),
    )
    scene = Stage(target, core=Script())
    for number in range(1, 9):
        arn = scene.capacity.add(
            name=f"pt-{number}",
            model_id=PT_MODEL,
            deployment="test",
            target="chat",
            decision_id=f"d-{number}",
        )
        intent = build_held(
            number, arn=arn, decision_id=f"d-{number}", billed_from=NOW, in_service_since=NOW
        )
        scene.fleets._purchases["chat", intent.decision_id] = intent
        scene.fleets._reserve(intent, 1)
        scene.serve(arn, 20)
    scene.run(30)

    def release_one(situation: Situation) -> Decision:
        script = Script()
        idle = [pt for pt in situation.fleet.owned if not pt.draining]
        script.actions[situation.scheduled_at] = tuple(
            Release(arn=pt.arn, model_units=1) for pt in idle[:1]
        )
        return script(situation)

    scene.core = release_one
    begun = scene.now
    scene.run(240)

    ends = [
        release.ended_at
        for release in scene.fleets.releases("chat")
        if release.ended_at is not None and release.state is ReleaseState.DELETED
    ]
    assert len(ends) >= 4
    for end in ends:
        within = sum(end - HOUR < other <= end for other in ends)
        assert within <= 2, (begun, ends)
    assert all(call.method == "delete" for call in scene.capacity.calls)


def test_two_units_are_one_purchase() -> None:
    script = Script()
    script.actions[NOW] = (TWO_UNITS,)
    scene = Stage(core=script)

    scene.run(1)

    assert [type(call) for call in scene.capacity.calls] == [Call]
    assert scene.fleets.account().reserved_units == 2


def test_a_purchase_without_an_answer_counts_once_for_the_stack() -> None:
    """Its throughput is listed already, and its reservation stands in the sums."""
    scene = two_targets(max_units=2)
    scene.capacity.fail_next(UnknownOutcomeError("time-out"), method="buy", after_effect=True)

    scene.purchase()

    assert buys(scene) == 2
    assert scene.fleets.account().reserved_units == 2


@pytest.mark.parametrize(
    ("gone", "held", "is_held"),
    [
        (0, 8, False),
        (1, 7, False),  # 25 % of 8 are two
        (2, 6, True),
        (1, 2, True),  # 25 % of 3 are less than one: one has gone
        (4, 1, True),
    ],
)
def test_within_an_hour_a_quarter_of_what_serves_may_go(
    gone: int,
    held: int,
    is_held: bool,  # noqa: FBT001 - a table's column
) -> None:
    purchases = tuple(build_held(number, decision_id=f"d-{number}") for number in range(held))
    releases = tuple(
        build_release(
            decision_id=f"r-{number}",
            arn=pt_arn(100 + number),
            state=ReleaseState.DELETED,
            ended_at=NOW - 59 * MINUTE,
        )
        for number in range(gone)
    )

    problem = hour_problem(build_target(), purchases, releases, NOW)

    assert (problem is not None) is is_held
    assert hour_problem(build_target(), purchases, releases, NOW + MINUTE) is None
