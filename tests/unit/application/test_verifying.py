"""Each oracle that one look can check, on a stack in memory: whole, and broken in one place."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.fleets.working import FleetApplication
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.reviewing.findings import Finding, Severity
from bedrock_autoscaler.application.reviewing.inspecting import (
    Facts,
    Holding,
    InspectionPorts,
    Spot,
    Spots,
    holdings,
    inspect,
)
from bedrock_autoscaler.application.reviewing.verifying import verify
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import Decision, Release, Situation
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.fleet.lifecycle import Life
from bedrock_autoscaler.domain.fleet.scalings import ScalingIntent, ScalingState
from bedrock_autoscaler.domain.option import InstanceRails, OptionKind
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Commitment, Loop, StackRails
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    ACCOUNT,
    AS_OF,
    NOW,
    PT_MODEL,
    REGION,
    build_guard_rails,
    build_option,
    build_target,
    pt_arn,
)
from tests.fakes.memory_places import OWNER
from tests.fakes.memory_routes import MemoryRoutingTables
from tests.intents import ONE_UNIT, build_release
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.test_working import Shared

CONSENT = RecordedConsent(
    id="c-1",
    target="chat",
    model_id=PT_MODEL,
    units=1,
    term=Commitment.ONE_MONTH,
    max_usd_per_hour=Decimal(61),
    given_by="jane",
    valid_until=NOW,
)


class Copies:
    """The callers' copies of a stage."""

    def __init__(self, scene: Stage) -> None:
        self._scene = scene

    def projected(self, target: str) -> RoutingTable | None:
        return self._scene.tables.projected.get(target)


def look(scene: Stage, home: Place | None = None, elsewhere: Spots = lambda _: None) -> Facts:
    ports = InspectionPorts(
        capacity=scene.capacity,
        decisions=scene.decisions,
        endpoints=scene.endpoints,
        fleets=scene.fleets,
        history=scene.history,
        scalings=scene.scalings,
        tables=scene.tables,
        projection=Copies(scene),
        deployment="test",
    )
    return inspect(scene.settings(), scene.now, ports, home=home, elsewhere=elsewhere)


def findings(scene: Stage) -> list[tuple[str, str, str]]:
    """Oracle, severity and message; a scripted core never replays, which is left out."""
    return [
        (found.oracle, found.severity.value, found.message)
        for found in verify(look(scene))
        if found.oracle != "O14"
    ]


def oracles(scene: Stage) -> list[str]:
    return [f"{oracle} {severity}" for oracle, severity, _ in findings(scene)]


@pytest.fixture
def scene() -> Stage:
    """One unit bought at 12:00, in service and routed since 12:15; the clock says 12:20."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    made = Stage(core=script)
    made.run(20)
    return made


def tamper(scene: Stage, **changes: Any) -> None:
    """Change the one purchase behind everybody's back."""
    (intent,) = scene.fleets.purchases("chat")
    scene.fleets._purchases["chat", intent.decision_id] = replace(intent, **changes)


def retag(scene: Stage, **changes: Any) -> None:
    (arn,) = scene.capacity._throughputs
    scene.capacity._throughputs[arn] = replace(scene.capacity._throughputs[arn], **changes)


def test_a_sound_stack_has_no_finding(scene: Stage) -> None:
    assert findings(scene) == []


def test_a_list_that_breaks_off_proves_nothing(scene: Stage) -> None:
    """What was not listed would count as neither held nor a stranger's."""
    scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=9)
    scene.capacity.pages_missing = True

    with pytest.raises(ObservationError, match="could not be read to its end"):
        look(scene)


def test_every_throughput_is_listed_with_its_life(scene: Stage) -> None:
    theirs = scene.capacity.add(name="by-hand", model_id=PT_MODEL, model_units=3)

    assert holdings(look(scene)) == (
        Holding(arn=pt_arn(1), target="chat", life=Life.ROUTED, model_units=1),
        Holding(arn=theirs, target="", life=Life.FOREIGN, model_units=3),
    )


AWAY = Place(account="000011112222", region=REGION)


def spread() -> tuple[Stage, Facts, Facts]:
    """A unit bought and routed in a spoke; what is found with a way there, and without."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(build_target(thresholds=QUARTERLY, account=AWAY.account), core=script)
    there = scene.places.spoke(AWAY)
    there.capacity.quota[PT_MODEL] = 10
    there.metrics.beat_through(NOW - 4 * HOUR, NOW + HOUR)
    shared, home = Shared(), Place(account=ACCOUNT, region=REGION)
    fleet = FleetApplication(scene.application, scene, shared, home)
    for _ in range(20):
        fleet.dispatch(scene.now)
        fleet.visit(shared.assignments.receive())
        scene.purchase()
        scene.publish()
        scene.clock.advance(MINUTE)

    def way(place: Place) -> Spot | None:
        assert place == AWAY
        return Spot(capacity=there.capacity, projection=_Projected(there.copies), owner=OWNER)

    return scene, look(scene, home=home, elsewhere=way), look(scene, home=home)


class _Projected:
    """The callers' copies of a spoke."""

    def __init__(self, copies: MemoryRoutingTables) -> None:
        self._copies = copies

    def projected(self, target: str) -> RoutingTable | None:
        return self._copies.projected.get(target)


def without_replays(facts: Facts) -> list[str]:
    return [found.message for found in verify(facts) if found.oracle != "O14"]


def test_a_target_in_a_spoke_is_looked_at_there() -> None:
    _, seen, _ = spread()

    assert without_replays(seen) == []
    (held,) = holdings(seen)
    assert (held.target, held.life) == ("chat", Life.ROUTED)
    (chat,) = seen.targets
    assert chat.is_seen
    assert chat.projected == chat.table


def test_where_nobody_can_look_nothing_is_found() -> None:
    _, _, unseen = spread()

    assert without_replays(unseen) == []
    assert holdings(unseen) == ()
    assert not unseen.targets[0].is_seen


def test_a_throughput_with_our_tag_that_no_purchase_explains_is_found_in_a_spoke() -> None:
    scene, _, _ = spread()
    there = scene.places.spoke(AWAY).capacity
    there.add(name="stray", model_id=PT_MODEL, model_units=1, deployment=OWNER, target="chat")
    home = Place(account=ACCOUNT, region=REGION)

    def way(_: Place) -> Spot:
        copies = _Projected(scene.places.spoke(AWAY).copies)
        return Spot(capacity=there, projection=copies, owner=OWNER)

    messages = without_replays(look(scene, home=home, elsewhere=way))

    assert any("the ledger knows no purchase of it" in message for message in messages)


def test_an_empty_stack_has_no_finding() -> None:
    assert verify(look(Stage())) == ()


def test_a_released_unit_leaves_no_finding() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[NOW + 30 * MINUTE] = (Release(arn=pt_arn(1), model_units=1),)
    made = Stage(core=script)
    made.run(16)
    made.serve(pt_arn(1), 14)
    made.run(60)

    assert made.fleets.releases("chat")[0].state is ReleaseState.DELETED
    assert findings(made) == []


@pytest.mark.parametrize(
    ("rails", "told"),
    [
        ({"max_units": 0}, ("O1", "1 units are held or open, max_units is 0")),
        (
            {"max_usd_per_hour": Decimal(60)},
            ("O2", "60.500000 USD per hour are reserved, max_usd_per_hour is 60"),
        ),
    ],
)
def test_what_is_held_above_a_cap_is_a_breach_only_of_a_cap_that_admitted_it(
    scene: Stage, rails: dict[str, Any], told: tuple[str, str]
) -> None:
    oracle, message = told
    scene.targets = (build_target(guard_rails=build_guard_rails(**rails)),)
    same_version = findings(scene)
    scene.targets = (replace(scene.targets[0], settings_version="newer"),)

    assert same_version[-1] == (oracle, "violation", message)
    assert findings(scene)[-1] == (oracle, "notice", message)


def test_spend_beyond_a_cap_is_told(scene: Stage) -> None:
    rails = build_guard_rails(max_usd_per_day=Decimal(60), max_usd_per_month=Decimal(60))
    scene.targets = (build_target(guard_rails=rails),)

    assert oracles(scene) == ["O2 notice", "O2 notice"]


def test_reservations_that_are_not_those_of_the_intents_are_a_breach(scene: Stage) -> None:
    scene.fleets._records["chat"] = FleetRecord(
        target="chat", reserved_units=2, reserved_usd_per_hour=Decimal(121), version=1
    )

    # Of the target, and of all targets together.
    assert oracles(scene) == ["O1 violation", "O1 violation"]


def test_more_than_the_stack_may_hold_is_told(scene: Stage) -> None:
    scene.stack = StackRails(
        max_units=0,
        max_usd_per_hour=Decimal(1),
        max_usd_per_day=Decimal(1),
        max_usd_per_month=Decimal(1),
    )

    assert oracles(scene) == ["O1 notice"]


@pytest.mark.parametrize(
    ("consent", "is_sound"),
    [
        ({}, True),
        ({"used_by": "another"}, False),
        ({"units": 2}, False),
        ({"max_usd_per_hour": Decimal(60)}, False),
        (None, False),
    ],
)
def test_a_commitment_needs_the_consent_that_it_used_up(
    scene: Stage,
    consent: dict[str, Any] | None,
    is_sound: bool,  # noqa: FBT001 - a table's column
) -> None:
    tamper(scene, commitment=Commitment.ONE_MONTH, consent_id="c-1")
    retag(scene, commitment=Commitment.ONE_MONTH)
    (intent,) = scene.fleets.purchases("chat")
    if consent is not None:
        used = replace(CONSENT, used_by=intent.decision_id)
        scene.fleets.consents["c-1"] = replace(used, **consent)

    assert oracles(scene) == ([] if is_sound else ["O3 violation"])


def test_a_term_that_nobody_bought_is_a_breach(scene: Stage) -> None:
    retag(scene, commitment=Commitment.SIX_MONTHS)

    assert oracles(scene) == ["O3 violation"]


def test_two_throughputs_of_one_decision_are_a_breach(scene: Stage) -> None:
    (intent,) = scene.fleets.purchases("chat")
    scene.capacity.add(
        name=f"{intent.name}-again",
        model_id=PT_MODEL,
        deployment="test",
        target="chat",
        decision_id=intent.decision_id,
    )

    assert "O4 violation" in oracles(scene)
    assert "O9 violation" in oracles(scene)


def test_a_throughput_with_our_tag_and_no_purchase_is_a_breach(scene: Stage) -> None:
    scene.capacity.add(
        name="stray", model_id=PT_MODEL, deployment="test", target="chat", decision_id="lost"
    )

    assert oracles(scene) == ["O10 violation"]
    assert "adopt it or delete it by hand" in findings(scene)[0][2]


def test_throughputs_of_others_are_told(scene: Stage) -> None:
    scene.capacity.add(name="by-hand", model_id=PT_MODEL)

    assert oracles(scene) == ["O5 notice"]


def test_a_target_that_is_no_longer_in_force_is_looked_at_too(scene: Stage) -> None:
    scene.targets = ()

    assert "O10 notice" in oracles(scene)
    assert "is billed and nobody watches it" in " ".join(message for *_, message in findings(scene))


@pytest.mark.parametrize(("age", "finding"), [(28, "O10 notice"), (29, "O10 violation")])
def test_an_open_purchase_has_the_grace_and_three_ticks(
    scene: Stage, age: int, finding: str
) -> None:
    tamper(scene, state=PurchaseState.RECORDED, arn=None, recorded_at=scene.now - age * MINUTE)

    assert oracles(scene) == [finding]


def test_a_purchase_without_its_decision_is_a_breach(scene: Stage) -> None:
    (intent,) = scene.fleets.purchases("chat")
    del scene.decisions._kept[intent.decision_id]

    assert oracles(scene) == ["O10 violation"]


def test_what_a_person_adopted_needs_no_decision(scene: Stage) -> None:
    (intent,) = scene.fleets.purchases("chat")
    del scene.decisions._kept[intent.decision_id]
    tamper(scene, detail="adopted by jane")

    assert findings(scene) == []


def deleting(scene: Stage) -> None:
    """A release that says that its Delete was sent."""
    release = build_release(
        decision_id=scene.fleets.purchases("chat")[0].decision_id,
        state=ReleaseState.DELETING,
        withdrawn_at=scene.now,
        withdrawn_version=2,
    )
    scene.fleets._releases["chat", release.decision_id] = release


@pytest.mark.parametrize(
    ("spoil", "oracle"),
    [
        (lambda scene: None, None),
        (lambda scene: retag(scene, commitment=Commitment.ONE_MONTH), "O7 violation"),
        (lambda scene: tamper(scene, arn="another"), "O5 violation"),
    ],
)
def test_a_delete_names_what_is_ours_and_under_no_term(
    scene: Stage, spoil: Callable[[Stage], None], oracle: str | None
) -> None:
    deleting(scene)
    spoil(scene)

    found = [found for found in oracles(scene) if found[:2] in {"O5", "O7"}]

    assert (oracle in found) if oracle else (found == [])


def test_a_delete_before_the_withdrawal_is_a_breach(scene: Stage) -> None:
    deleting(scene)
    ((key, release),) = scene.fleets._releases.items()
    scene.fleets._releases[key] = replace(release, withdrawn_at=None)

    assert oracles(scene) == ["O6 violation"]


def test_more_calls_than_a_day_allows_are_a_breach(scene: Stage) -> None:
    deleting(scene)
    rails = build_guard_rails(max_purchases_per_day=0, max_releases_per_day=0)
    scene.targets = (build_target(guard_rails=rails),)

    assert oracles(scene) == ["O13 violation", "O13 violation"]


def test_a_tripped_breaker_is_told(scene: Stage) -> None:
    scene.fleets.trip(scene.fleets.record_of("chat"), scene.now, "a seventh purchase")

    assert oracles(scene) == ["O13 notice"]


def test_a_table_that_names_what_does_not_serve_is_a_breach_after_two_minutes(
    scene: Stage,
) -> None:
    scene.capacity.vanish(pt_arn(1))
    table = scene.tables._tables["chat"]
    scene.tables._tables["chat"] = replace(table, published_at=scene.now - MINUTE)
    early = oracles(scene)
    scene.clock.advance(timedelta(minutes=2))

    assert "O11 violation" not in early
    assert "O11 violation" in oracles(scene)


@pytest.mark.parametrize(("step", "finding"), [(1, "O11 violation"), (-1, "O11 notice")])
def test_the_callers_copy_is_compared_with_the_authority(
    scene: Stage, step: int, finding: str
) -> None:
    table = scene.tables.projected["chat"]
    scene.tables.projected["chat"] = replace(table, version=table.version + step)

    assert oracles(scene) == [finding]


def test_callers_without_any_copy_are_told(scene: Stage) -> None:
    scene.tables.projected.clear()

    assert oracles(scene) == ["O11 notice"]


def test_decisions_of_the_rules_replay() -> None:
    made = Stage(history_hours=30)
    made.run(1)

    assert verify(look(made)) == ()


def test_a_decision_that_replays_differently_is_a_breach() -> None:
    made = Stage(history_hours=30)
    made.decide()
    (recorded,) = made.decisions._kept.values()
    changed: Decision = replace(recorded.decision, desired_units=7)
    situation: Situation = recorded.situation
    made.decisions._kept[changed.id] = RecordedDecision(
        decision=changed,
        situation=situation,
        history=recorded.history,
        code_version=recorded.code_version,
    )

    (found,) = verify(look(made))

    assert found == Finding(
        oracle="O14", severity=Severity.VIOLATION, target="chat", message=found.message
    )
    assert "desired_units: was 7" in found.message


def test_a_later_look_after_an_hour_finds_the_same(scene: Stage) -> None:
    scene.run(60)

    assert findings(scene) == []
    assert scene.now == NOW + HOUR + 20 * MINUTE


# -- changes of endpoints ----------------------------------------------------------------------


ADDRESS = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/own"


@pytest.fixture
def scaled() -> Stage:
    """A decision asked for a third instance of an endpoint at 12:00; the actor died at its call."""
    rails = InstanceRails(
        min_instances=1,
        max_instances=4,
        calls_per_minute=40.0,
        usd_per_instance_hour=Decimal(2),
        source="test",
        as_of=AS_OF,
    )
    endpoint = build_option(
        kind=OptionKind.MARKETPLACE_ENDPOINT,
        address=ADDRESS,
        price=None,
        quota=None,
        instances=rails,
    )
    target = build_target(options=(endpoint,), model_ids=(ADDRESS,), provisioned=None)
    made = Stage(target, history_hours=30)
    made.endpoints.states[ADDRESS] = EndpointState(
        address=ADDRESS, instances=2, is_settled=True, changed_at=NOW - HOUR
    )
    made.decide()
    ((decision_id, _),) = made.decisions._kept.items()
    nothing = made.scalings.record_of("chat", ADDRESS)
    intent = ScalingIntent(
        decision_id=decision_id,
        token="0" * 64,
        from_instances=2,
        to_instances=3,
        state=ScalingState.RECORDED,
        recorded_at=NOW,
    )
    made.scalings.write(nothing, nothing.begun(intent))
    return made


def bedrock_is_at_it(made: Stage) -> None:
    made.endpoints.states[ADDRESS] = replace(made.endpoints.states[ADDRESS], is_settled=False)


def bedrock_does_not_show_it(made: Stage) -> None:
    made.endpoints.states.clear()


def no_option_names_it(made: Stage) -> None:
    made.targets = (build_target(),)


def nothing(made: Stage) -> None:
    """Leave all as it is."""


@pytest.mark.parametrize(
    ("minutes", "spoil", "finding"),
    [
        (28, nothing, "notice: it is being looked up"),
        (29, nothing, "violation: it stands at 2 instances, and scale_endpoint has not said so"),
        (90, bedrock_is_at_it, "notice: Bedrock is still at it"),
        (90, bedrock_does_not_show_it, "notice: Bedrock does not show the endpoint"),
        (90, no_option_names_it, "notice: no option of the settings names its instances any more"),
    ],
)
def test_an_open_change_of_an_endpoint_has_the_grace_and_three_ticks(
    scaled: Stage, minutes: int, spoil: Callable[[Stage], None], finding: str
) -> None:
    severity, why = finding.split(": ", 1)
    spoil(scaled)
    scaled.clock.advance(minutes * MINUTE)

    ((oracle, found, message),) = findings(scaled)

    assert (oracle, found) == ("O10", severity)
    assert f"{ADDRESS} from 2 to 3 instances, has had no outcome for {minutes} minutes" in message
    assert why in message


def test_a_change_that_was_settled_leaves_no_finding(scaled: Stage) -> None:
    scaled.endpoints.states[ADDRESS] = replace(scaled.endpoints.states[ADDRESS], instances=3)
    scaled.clock.advance(2 * MINUTE)

    scaled.scale_endpoint()

    assert findings(scaled) == []


def test_a_change_without_its_decision_or_beyond_a_days_bound_is_a_breach(scaled: Stage) -> None:
    scaled.decide(Loop.ROUTING)
    scaled.decisions._kept = {
        name: kept
        for name, kept in scaled.decisions._kept.items()
        if kept.decision.loop is Loop.ROUTING
    }
    (option,) = scaled.targets[0].options
    assert option.instances is not None
    rails = replace(option.instances, max_changes_per_day=0)
    scaled.targets = (replace(scaled.targets[0], options=(replace(option, instances=rails),)),)

    assert oracles(scaled) == ["O10 violation", "O10 notice", "O13 violation"]
