"""Records from before a member was written are read, with what was known then."""

import json

from bedrock_autoscaler.adapters.storage.codec import (
    decode_decision,
    decode_inputs,
    decode_remembered,
    decode_target,
    encode_decision,
    encode_inputs,
    encode_target,
)
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import NO_MEMORY, Purchase
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd, TermFacts
from tests.builders import MODEL, NOW, PROFILE, build_consent, build_observation, build_situation
from tests.recorded import MEMORY, build_decision


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


def test_pressure_from_before_its_way_was_noted_is_left_for_the_next_decision() -> None:
    document = json.loads(encode_decision(build_decision(build_situation())))
    del document["memory"]["pressed"]

    known = decode_decision(json.dumps(document).encode(), "x").memory

    assert (known.pressed, known.pressure_until) == ("", MEMORY.pressure_until)


def test_the_addresses_that_were_looked_at_are_left_for_the_next_decision() -> None:
    situation = build_situation(observation=build_observation(addresses=(MODEL, PROFILE)))
    document = encode_decision(build_decision(situation))
    inputs = json.loads(encode_inputs(situation, None))

    known = decode_remembered(document, json.dumps(inputs).encode(), "x")
    del inputs["observation"]["addresses"]
    before = decode_remembered(document, json.dumps(inputs).encode(), "x")

    assert known.observation.addresses == (MODEL, PROFILE)
    assert before.observation.addresses == ()  # records of before they were noted


def test_records_from_before_there_were_such_ways_are_read() -> None:
    situation = build_situation()
    inputs = json.loads(encode_inputs(situation, None))
    target = json.loads(encode_target(situation.target))
    document = json.loads(encode_decision(build_decision(situation)))
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
