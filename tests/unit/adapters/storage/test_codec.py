"""Stored values come back equal, to the last bit of every float."""

import json
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_decision,
    decode_inputs,
    decode_target,
    encode_decision,
    encode_inputs,
    encode_target,
    require_schema,
)
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.history import HistoryReference
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy, LevelStudy
from bedrock_autoscaler.domain.decision import NO_MEMORY, Decision, Purchase
from bedrock_autoscaler.domain.option import ImportedCopies, OptionKind, Residency
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import CopiesSeen, ModelEnd, Traffic
from bedrock_autoscaler.domain.unit_rates.rates import RateBasis, RateInUse
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import (
    AS_OF,
    NOW,
    UNIT_RATE,
    build_consent,
    build_fleet,
    build_observation,
    build_option,
    build_pt,
    build_pt_traffic,
    build_rate_measurement,
    build_situation,
    build_target,
    build_term_facts,
    pt_arn,
)
from tests.comparing import plain
from tests.endpoints import build_endpoint, build_endpoint_state, build_instance_rails
from tests.recorded import MEMORY, build_decision
from tests.unit.adapters.storage.traffics import bits, traffics

FINITE = st.floats(allow_nan=False, allow_infinity=False)
DECISION = build_decision(build_situation())
OBSERVATION = build_observation()
NAMED = st.tuples(st.text(max_size=5), st.floats(allow_nan=False))
STUDY = CommitmentStudy(
    at=NOW,
    known_days=55.5,
    steady_days=40,
    levels=(
        LevelStudy(
            week_usd=34.1,
            month_usd=33.2,
            two_months_usd=0.1,
            halved_usd=0.0,
            utilization=1.0,
            utilization_two_months=0.3,
            share_above=0.7,
        ),
    ),
    model_ends_at=NOW + 24 * HOUR,
)


@pytest.mark.parametrize("high", [1.05, None])
def test_what_own_units_and_eight_weeks_showed_comes_back(high: float | None) -> None:
    measurement = build_rate_measurement(high=high)
    observation = build_observation(unit_rate=measurement, commitment=STUDY)
    situation = build_situation(observation=observation)
    use = RateInUse(basis=RateBasis.MEASURED, rate=UNIT_RATE, measurement=measurement)
    decision = replace(build_decision(situation), unit_rate=use)

    stored, _ = decode_inputs(encode_inputs(situation, None), situation.target, "x")

    assert stored.observation.unit_rate == measurement
    assert stored.observation.commitment == STUDY
    assert decode_decision(encode_decision(decision), "x") == decision


@pytest.mark.parametrize("end", [ModelEnd(at=NOW), ModelEnd(at=None), None])
def test_what_a_term_needs_comes_back(end: ModelEnd | None) -> None:
    facts = build_term_facts(model_end=end)
    consents = (build_consent(asked_at=NOW),)
    situation = build_situation(observation=build_observation(term_facts=facts), consents=consents)

    stored, _ = decode_inputs(encode_inputs(situation, None), situation.target, "x")

    assert stored.observation.term_facts == facts
    assert stored.consents == consents


def test_every_way_to_run_inference_comes_back() -> None:
    options = (
        build_option(tier="priority", region="us-west-2", latency="optimized", geography="us"),
        build_option(
            kind=OptionKind.IMPORTED_MODEL,
            copies=ImportedCopies(
                units_per_copy=8, usd_per_unit_minute=Decimal("0.05718"), source="x", as_of=AS_OF
            ),
        ),
        build_endpoint(
            instances=build_instance_rails(
                calls_per_minute=40.5,
                usd_per_instance_hour=Decimal("1.515"),
                max_changes_per_day=5,
            ),
        ),
    )
    residency = Residency(geographies=("us",), source_regions=("us-west-2",), other_models=True)
    target = build_target(options=options, residency=residency)
    observation = build_observation(
        copies=(CopiesSeen(address="imported", by_window=(0, 2, 1)),),
        endpoints=(build_endpoint_state(is_settled=False, changes_last_day=3, version=6),),
        regions=("us-west-2",),
    )
    situation = build_situation(target=target, observation=observation)

    stored, _ = decode_inputs(encode_inputs(situation, None), target, "x")

    assert decode_target(encode_target(target), "x") == target
    assert stored.observation.copies == observation.copies
    assert stored.observation.endpoints == observation.endpoints
    assert stored.observation.regions == observation.regions


def test_every_member_of_the_memory_is_recorded_here() -> None:
    """Otherwise one that gets lost would not show; those that are None now are in other tests."""
    usual = {field.name: getattr(NO_MEMORY, field.name) for field in fields(NO_MEMORY)}

    same = {name for name, value in usual.items() if getattr(MEMORY, name) == value}

    assert same == {"blocked_until"}
    assert decode_decision(encode_decision(DECISION), "x").memory == MEMORY


@given(
    confidence=st.floats(),
    features=st.lists(NAMED, max_size=3).map(tuple),
    saving=FINITE,
    price=st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9),
    message=st.text(),
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_a_decision_comes_back_equal(
    *,
    confidence: float,
    features: tuple[tuple[str, float], ...],
    saving: float,
    price: Decimal,
    message: str,
    moment: datetime,
) -> None:
    assert DECISION.classification is not None
    purchase = Purchase(model_id="m", model_units=1, usd_per_hour=price)
    decision = replace(
        DECISION,
        scheduled_at=moment.replace(tzinfo=NOW.tzinfo),
        classification=replace(DECISION.classification, confidence=confidence, features=features),
        expected_saving_usd_per_hour=saving,
        actions=(purchase,),
        reasons=(Reason(code=DECISION.reasons[0].code, message=message),),
    )

    again = decode_decision(encode_decision(decision), "decision")

    assert encode_decision(again) == encode_decision(decision)
    # NaN is not equal to itself.
    assert again == decision or np.isnan(confidence)


def test_decimals_and_actions_keep_their_kind() -> None:
    decision = build_decision(build_situation())

    again = decode_decision(encode_decision(decision), "decision")

    assert again == decision
    assert type(again) is Decision
    assert [type(action).__name__ for action in again.actions] == ["Purchase", "Release", "Restore"]


@pytest.mark.parametrize(
    "action", [{"action": "resize"}, {}, {"action": "release", "arn": pt_arn(1)}, "release"]
)
def test_an_action_that_is_none_is_refused(action: object) -> None:
    document = json.loads(encode_decision(build_decision(build_situation())))
    document["actions"] = [action]

    with pytest.raises(ObservationError, match=r"decision x cannot be read: actions\.0"):
        decode_decision(json.dumps(document).encode(), "decision x")


@given(whole=traffics(), part=traffics(), has_history=st.booleans())
def test_a_situation_comes_back_equal(*, whole: Traffic, part: Traffic, has_history: bool) -> None:
    situation = build_situation(
        observation=replace(
            OBSERVATION,
            traffic=whole,
            by_option=(("a", part), ("b", whole)),
            provisioned=(build_pt_traffic(pt_arn(1), quiet_minutes=3),),
            model_unit_quota=None,
        ),
        fleet=build_fleet(build_pt(1), build_pt(2, in_service_since=None)),
        memory=DECISION.memory,
        routes=DECISION.routes,
    )
    history = HistoryReference(
        start=NOW - 2 * HOUR,
        end=NOW,
        revisions=((NOW - 2 * HOUR, 0), (NOW - HOUR, 12)),
        sha256="ab" * 32,
    )

    again, reference = decode_inputs(
        encode_inputs(situation, history if has_history else None), situation.target, "inputs"
    )

    assert plain(again) == plain(situation)
    assert bits(again.observation.traffic) == bits(whole)
    assert reference == (history if has_history else None)


def test_inputs_do_not_hold_the_target() -> None:
    stored = encode_inputs(build_situation(target=build_target(name="zebra")), None)

    assert b"zebra" not in stored
    assert b"usd_per_1k" not in stored


def test_a_target_comes_back_equal() -> None:
    target = build_target(provisioned=None, settings_version="0" * 16)

    assert decode_target(encode_target(target), "target") == target
    assert decode_target(encode_target(build_target()), "target") == build_target()


def test_every_member_of_a_target_is_stored() -> None:
    stored = json.loads(encode_target(build_target()))

    assert set(stored) == {field.name for field in fields(Target)}


@pytest.mark.parametrize("schema", [0, SCHEMA + 1, None, "1", Decimal("1.5") + 1])
def test_a_record_of_another_schema_is_left_alone(schema: object) -> None:
    with pytest.raises(ObservationError, match="fleet record of chat has schema"):
        require_schema(schema, "fleet record of chat")


def test_a_record_of_this_schema_is_read() -> None:
    require_schema(SCHEMA, "fleet record of chat")
    require_schema(Decimal(SCHEMA), "fleet record of chat")


def test_what_is_no_json_is_refused_without_quoting_it() -> None:
    with pytest.raises(ObservationError) as caught:
        decode_target('{"name": secret', "target chat")

    assert "target chat cannot be read" in str(caught.value)
    assert "secret" not in str(caught.value)
