"""Oracles that one look can check, on a stack in memory: whole, and broken in one place."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.reviewing.inspecting import Holding, holdings
from bedrock_autoscaler.application.reviewing.verifying import verify
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.fleet.lifecycle import Life
from bedrock_autoscaler.domain.target import Commitment, StackRails
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL, build_consent, build_guard_rails, build_target, pt_arn
from tests.intents import ONE_UNIT, build_held
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.looks import findings, look, oracles, retag, tamper

CONSENT = build_consent(max_usd_per_hour=Decimal(61), valid_until=NOW)


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


def test_what_another_target_lost_is_listed_under_the_one_that_holds_it(scene: Stage) -> None:
    had = build_held(1, target="archive", state=PurchaseState.LOST, ended_at=NOW)
    scene.fleets.put(had)

    (held,) = holdings(look(scene))

    assert (held.target, held.life) == ("chat", Life.ROUTED)


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
        ({"max_units": 0}, ("O1", "held or open: 1 unit, max_units is 0")),
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
    scene.fleets.records["chat"] = FleetRecord(
        target="chat", reserved_units=2, reserved_usd_per_hour=Decimal(121), version=1
    )

    # Of the target, and of all targets together.
    assert oracles(scene) == ["O1 violation", "O1 violation"]


def test_more_than_the_stack_may_hold_is_told(scene: Stage) -> None:
    scene.stack = StackRails(
        max_units=0,
        max_usd_per_hour=Decimal(1),
        max_usd_per_day=Decimal(1),
        max_usd_per_month=Decimal(61),
    )

    assert oracles(scene) == ["O1 notice", "O2 notice", "O2 notice"]


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


def test_a_throughput_that_a_person_renamed_is_no_breach(scene: Stage) -> None:
    retag(scene, name="our best one")

    assert findings(scene) == []


def test_a_throughput_with_our_tag_and_no_purchase_is_a_breach(scene: Stage) -> None:
    scene.capacity.add(
        name="stray", model_id=PT_MODEL, deployment="test", target="chat", decision_id="lost"
    )

    assert oracles(scene) == ["O10 violation"]
    assert "adopt it or delete it by hand" in findings(scene)[0][2]


def test_throughputs_of_others_are_told(scene: Stage) -> None:
    scene.capacity.add(name="by-hand", model_id=PT_MODEL)

    assert oracles(scene) == ["O5 notice"]


def two_at_their_cap() -> tuple[Stage, str]:
    """Two targets of one model, one unit each, which is all they may hold; the second one's ARN."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    chat = build_target(thresholds=QUARTERLY, guard_rails=build_guard_rails(max_units=1))
    scene = Stage(chat, replace(chat, name="search"), core=script)
    scene.run(20)
    (bought,) = scene.fleets.purchases("search")
    assert bought.arn is not None
    return scene, bought.arn


def test_what_a_neighbour_bought_just_now_counts_for_it_alone_though_its_tags_lag() -> None:
    scene, arn = two_at_their_cap()
    scene.capacity.change(arn, deployment=None, target=None, decision_id=None)

    assert findings(scene) == []

    scene.capacity.change(arn, created_at=scene.now - GRACE)
    assert set(oracles(scene)) == {"O1 violation", "O5 notice"}


def test_what_a_neighbour_deleted_just_now_counts_for_nobody_though_lists_show_it() -> None:
    scene, arn = two_at_their_cap()
    (held,) = scene.fleets.purchases("search")
    scene.fleets.put(replace(held, state=PurchaseState.RELEASED, ended_at=scene.now))
    scene.capacity.change(arn, deployment=None, target=None, decision_id=None)

    assert "max_units" not in str(findings(scene))


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
    del scene.decisions.kept[intent.decision_id]

    assert oracles(scene) == ["O10 violation"]


def test_what_a_person_adopted_needs_no_decision(scene: Stage) -> None:
    (intent,) = scene.fleets.purchases("chat")
    del scene.decisions.kept[intent.decision_id]
    tamper(scene, adopted_by="jane")

    assert findings(scene) == []


def test_a_term_that_a_person_adopted_is_told_and_no_breach(scene: Stage) -> None:
    """The ledger lost its purchase: with it went which consent that had used."""
    tamper(scene, commitment=Commitment.ONE_MONTH, adopted_by="jane")
    retag(scene, commitment=Commitment.ONE_MONTH)

    assert oracles(scene) == ["O3 notice"]


def test_a_purchase_with_a_consent_that_a_person_adopted_still_needs_it(scene: Stage) -> None:
    tamper(scene, commitment=Commitment.ONE_MONTH, consent_id="c-1", adopted_by="jane")
    retag(scene, commitment=Commitment.ONE_MONTH)

    assert oracles(scene) == ["O3 violation"]
