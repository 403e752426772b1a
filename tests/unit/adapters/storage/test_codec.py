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
    decode_remembered,
    decode_target,
    encode_decision,
    encode_inputs,
    encode_target,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.stored_traffic import traffic_from_plain, traffic_to_plain
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.history import HistoryReference
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy, LevelStudy
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import NO_MEMORY, Decision, Purchase
from bedrock_autoscaler.domain.option import ImportedCopies, OptionKind, Residency
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.traffic.observation import (
    METRICS,
    CopiesSeen,
    ModelEnd,
    TermFacts,
    Traffic,
)
from bedrock_autoscaler.domain.unit_rates.rates import RateBasis, RateInUse
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import (
    AS_OF,
    MODEL,
    NOW,
    PROFILE,
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
    build_traffic,
    pt_arn,
)
from tests.comparing import plain
from tests.endpoints import build_endpoint, build_endpoint_state, build_instance_rails
from tests.recorded import MEMORY, build_decision

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.floats(allow_infinity=False) | st.integers(0, 10**9).map(float)
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


def test_records_from_before_rates_were_measured_are_read() -> None:
    situation = build_situation()
    inputs = json.loads(encode_inputs(situation, None))
    for name in ("unit_rate", "commitment"):
        del inputs["observation"][name]
    target = json.loads(encode_target(situation.target))
    for name in ("unit_rate_from", "attempts_per_call"):
        del target["provisioned"][name]
    document = json.loads(encode_decision(build_decision(situation)))
    del document["unit_rate"]

    stored, _ = decode_inputs(json.dumps(inputs).encode(), situation.target, "x")

    assert stored.observation.unit_rate is None
    assert stored.observation.commitment is None
    assert decode_target(json.dumps(target), "x") == situation.target
    assert decode_decision(json.dumps(document).encode(), "x").unit_rate is None


def test_a_term_decided_before_its_facts_were_told_apart_replays_on_what_was_known() -> None:
    consents = (build_consent(),)
    observation = build_observation(model_unit_quota=4, model_units_used=1)
    situation = build_situation(observation=observation, consents=consents)
    inputs = json.loads(encode_inputs(situation, None))
    del inputs["observation"]["term_facts"], inputs["consents"][0]["asked_at"]

    stored, _ = decode_inputs(json.dumps(inputs).encode(), situation.target, "x")

    assert stored.observation.term_facts == TermFacts(
        model_end=ModelEnd(at=None), unit_quota=4, units_used=1
    )
    assert stored.consents == consents
    (bought,) = decide(stored).actions
    assert isinstance(bought, Purchase)
    assert bought.commitment is Commitment.ONE_MONTH


def test_without_a_term_that_waits_older_records_lack_its_facts() -> None:
    inputs = json.loads(encode_inputs(build_situation(), None))
    del inputs["observation"]["term_facts"]

    stored, _ = decode_inputs(json.dumps(inputs).encode(), build_situation().target, "x")

    assert stored.observation.term_facts is None


@pytest.mark.parametrize("end", [ModelEnd(at=NOW), ModelEnd(at=None), None])
def test_what_a_term_needs_comes_back(end: ModelEnd | None) -> None:
    facts = build_term_facts(model_end=end)
    consents = (build_consent(asked_at=NOW),)
    situation = build_situation(observation=build_observation(term_facts=facts), consents=consents)

    stored, _ = decode_inputs(encode_inputs(situation, None), situation.target, "x")

    assert stored.observation.term_facts == facts
    assert stored.consents == consents


def test_days_that_are_still_to_be_read_are_left_for_the_next_decision() -> None:
    days = (NOW.replace(hour=0), NOW.replace(day=3, hour=0))
    situation = build_situation(observation=build_observation(unread=days))
    document = encode_decision(build_decision(situation))
    inputs = json.loads(encode_inputs(situation, None))

    known = decode_remembered(document, json.dumps(inputs).encode(), "x")
    del inputs["observation"]["unread"]
    before = decode_remembered(document, json.dumps(inputs).encode(), "x")

    assert known.observation.unread == days
    # Records from before they were noted were made once all had been asked for.
    assert before.observation.unread == ()


def test_the_addresses_that_were_looked_at_are_left_for_the_next_decision() -> None:
    situation = build_situation(observation=build_observation(addresses=(MODEL, PROFILE)))
    document = encode_decision(build_decision(situation))
    inputs = json.loads(encode_inputs(situation, None))

    known = decode_remembered(document, json.dumps(inputs).encode(), "x")
    del inputs["observation"]["addresses"]
    before = decode_remembered(document, json.dumps(inputs).encode(), "x")

    assert known.observation.addresses == (MODEL, PROFILE)
    assert before.observation.addresses == ()  # records of before they were noted


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


def test_records_from_before_there_were_such_ways_are_read() -> None:
    situation = build_situation()
    inputs = json.loads(encode_inputs(situation, None))
    target = json.loads(encode_target(situation.target))
    document = json.loads(encode_decision(DECISION))
    for name in ("copies", "endpoints", "regions"):
        del inputs["observation"][name]
    for memory in (inputs["memory"], document["memory"]):
        del memory["spread"], memory["succession"]
    del target["residency"]
    for option in target["options"]:
        for name in ("region", "tier", "latency", "geography", "copies", "instances"):
            del option[name]
    for name in ("latency", "deferrable_share"):
        del target["slo"][name]
    for name in ("deferrable", "scalings"):
        del document[name]

    stored, _ = decode_inputs(json.dumps(inputs).encode(), situation.target, "x")

    assert (stored.observation.copies, stored.observation.endpoints) == ((), ())
    assert decode_target(json.dumps(target), "x") == situation.target
    decision = decode_decision(json.dumps(document).encode(), "x")
    assert (decision.deferrable, decision.scalings, decision.memory.spread) == ((), (), ())
    assert decision.memory.succession is None


def test_every_member_of_the_memory_is_recorded_here() -> None:
    """Otherwise one that gets lost would not show; those that are None now are in other tests."""
    usual = {field.name: getattr(NO_MEMORY, field.name) for field in fields(NO_MEMORY)}

    same = {name for name, value in usual.items() if getattr(MEMORY, name) == value}

    assert same == {"blocked_until"}
    assert decode_decision(encode_decision(DECISION), "x").memory == MEMORY


def test_records_from_before_windows_were_weighed_are_read_and_learn_anew() -> None:
    situation = build_situation(memory=MEMORY)
    older = {"experts": [{"name": "last_hour", "loss_usd": 1.5, "proposals": [1, 2]}]}
    inputs = json.loads(encode_inputs(situation, None))
    document = json.loads(encode_decision(build_decision(situation)))
    for memory in (inputs["memory"], document["memory"]):
        for name in ("learned", "balance", "assurance", "calibration"):
            del memory[name]
        memory.update(older)
    target = json.loads(encode_target(situation.target))
    sizing, gating = target["thresholds"]["sizing"], target["thresholds"]["gating"]
    for name in ("loss_budget_share", "loss_budget_unit_hours", "loss_factor", "scarcity_factor"):
        del sizing[name]
    del sizing["loss_budget_day_share"], sizing["patience"], sizing["purchase_worth"]
    del gating["min_history_minutes"]

    stored, _ = decode_inputs(json.dumps(inputs).encode(), situation.target, "x")
    decision = decode_decision(json.dumps(document).encode(), "x")

    for found in (stored.memory, decision.memory):
        assert found.learned == NO_MEMORY.learned
        assert found.balance == NO_MEMORY.balance
        assert found.label == MEMORY.label
    assert decode_target(json.dumps(target), "x") == situation.target


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    minutes = draw(st.integers(0, 6))
    start = NOW + MINUTE * draw(st.integers(-(10**6), 10**6))
    series = st.lists(VALUES, min_size=minutes, max_size=minutes)
    return Traffic(
        start=start, **{name: np.array(draw(series), dtype=np.float64) for name in METRICS}
    )


def bits(traffic: Traffic) -> dict[str, list[str | None]]:
    """The exact floats; `plain` takes -0.0 and 0.0 for equal."""
    return {
        name: [None if np.isnan(value) else value.hex() for value in getattr(traffic, name)]
        for name in METRICS
    }


@given(traffics())
def test_traffic_comes_back_bit_by_bit(traffic: Traffic) -> None:
    text = json.dumps(traffic_to_plain(traffic), allow_nan=False)

    again = traffic_from_plain(json.loads(text))

    assert again.start == traffic.start
    assert bits(again) == bits(traffic)


def test_traffic_is_written_short() -> None:
    invocations = np.array([60.0, np.nan, 0.1, 1e300])
    traffic = build_traffic(
        4, end=NOW, invocations=invocations, input_tokens=np.array([0.0, np.nan, 0.0, 0.0])
    )

    stored = traffic_to_plain(traffic)

    assert stored["start"] == "2026-11-20T11:56:00Z"
    assert stored["minutes"] == 4
    assert json.dumps(stored["invocations"]) == "[60, null, 0.1, 1e+300]"
    # A gap is a gap in all nine series, so no series is all zeros here.
    assert stored["input_tokens"] == [0.0, None, 0.0, 0.0]


def test_a_series_of_zeros_is_left_out() -> None:
    stored = traffic_to_plain(build_traffic(1000, end=NOW))

    assert set(stored) == {"start", "minutes", "invocations", "input_tokens", "output_tokens"}


def test_infinite_traffic_is_refused() -> None:
    with pytest.raises(ValueError, match="infinite"):
        traffic_to_plain(build_traffic(2, invocations=np.array([1.0, np.inf])))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"minutes": 3},
        {"invocations": [1.0]},
        {"invocations": "many"},
        {"prompts": [1.0, 2.0]},
        {"start": "yesterday"},
        {"start": None},
        [1.0, 2.0],
    ],
)
def test_spoiled_traffic_is_refused(spoiled: dict[str, object] | list[float]) -> None:
    situation = build_situation(observation=build_observation(traffic=build_traffic(2)))
    document = json.loads(encode_inputs(situation, None))
    stored = document["observation"]["traffic"]
    document["observation"]["traffic"] = stored | spoiled if isinstance(spoiled, dict) else spoiled

    with pytest.raises(ObservationError, match=r"decision x cannot be read: observation\.traffic"):
        decode_inputs(json.dumps(document).encode(), situation.target, "decision x")


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
