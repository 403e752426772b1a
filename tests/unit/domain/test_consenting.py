"""What a consent does to a decision beyond the golden table: the reasons for waiting."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.domain.acting.controls import Controls
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.consents.agreeing import consent_problem, needs_consent
from bedrock_autoscaler.domain.consents.consent import REJECTED
from bedrock_autoscaler.domain.consents.consenting import consented
from bedrock_autoscaler.domain.decision import Purchase, Situation
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Loop
from bedrock_autoscaler.domain.traffic.observation import ModelEnd, TermFacts
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    PT_MODEL,
    build_consent,
    build_decision,
    build_fleet,
    build_observation,
    build_provisioned,
    build_pt,
    build_situation,
    build_target,
    build_term_facts,
    build_thresholds,
)

GIVEN = build_consent(id="chat-one-month-2026w47", valid_until=NOW + MINUTE)


def why_not(situation: Situation) -> str:
    """The one reason for which the consent of the situation is not used."""
    decision = consented(build_decision(), replace(situation, consents=(GIVEN,)))
    (reason,) = (one for one in decision.reasons if one.code is ReasonCode.CONSENT_WAITS)
    assert decision.actions == ()
    return reason.message


def study(ends_at: timedelta) -> CommitmentStudy:
    return CommitmentStudy(
        at=NOW, known_days=56, steady_days=56, levels=(), model_ends_at=NOW + ends_at
    )


def test_a_term_that_ends_with_its_model_is_bought_and_a_later_one_is_not() -> None:
    ending = [
        build_situation(observation=replace(build_observation(), commitment=study(ends_at)))
        for ends_at in (timedelta(days=31), timedelta(days=31) - MINUTE)
    ]

    in_time = consented(build_decision(), replace(ending[0], consents=(GIVEN,)))

    (action,) = in_time.actions
    assert isinstance(action, Purchase)
    assert (action.commitment, action.consent_id) == (Commitment.ONE_MONTH, GIVEN.id)
    assert action.usd_per_hour == Decimal(55)
    assert "before the term would" in why_not(ending[1])


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (None, "could not be read"),
        (build_term_facts(model_end=None), "could not be read"),
        (build_term_facts(model_end=ModelEnd(at=NOW + timedelta(days=30))), "the model ends on"),
    ],
    ids=["not looked up", "unread", "too soon"],
)
@pytest.mark.parametrize("known", [None, study(timedelta(days=365))], ids=["no study", "study"])
def test_the_end_of_the_model_must_be_known_whatever_a_study_says(
    facts: TermFacts | None, words: str, known: CommitmentStudy | None
) -> None:
    observation = build_observation(term_facts=facts, commitment=known)

    assert words in why_not(build_situation(observation=observation))


def test_a_term_counts_against_the_models_own_quota_alone() -> None:
    full_pool = build_observation(model_unit_quota=2, model_units_used=2)
    full_own = build_observation(term_facts=build_term_facts(unit_quota=3, units_used=3))
    unread = build_observation(term_facts=build_term_facts(unit_quota=None))

    decision = consented(
        build_decision(), build_situation(observation=full_pool, consents=(GIVEN,))
    )

    assert [action.consent_id for action in decision.actions if isinstance(action, Purchase)] == [
        GIVEN.id
    ]
    assert "3 of 3 model units" in why_not(build_situation(observation=full_own))
    assert "quota" in why_not(build_situation(observation=unread))


def test_a_term_above_what_one_purchase_may_have_waits_and_displaces_nothing() -> None:
    plain = Purchase(
        model_id=PT_MODEL,
        model_units=1,
        usd_per_hour=Decimal("60.5"),
        commitment=Commitment.NONE,
    )
    situation = build_situation(
        target=build_target(thresholds=build_thresholds(sizing={"max_units_per_purchase": 1})),
        consents=(replace(GIVEN, units=2),),
    )

    decision = consented(build_decision(actions=(plain,)), situation)

    assert decision.actions == (plain,)
    assert decision.reasons[-1].code is ReasonCode.CONSENT_WAITS
    assert "2 units are above sizing.max_units_per_purchase 1" in decision.reasons[-1].message


@pytest.mark.parametrize(
    ("term", "bought_after", "is_used"),
    [
        (Commitment.ONE_MONTH, timedelta(0), False),
        (Commitment.ONE_MONTH, timedelta(hours=1), False),
        (Commitment.ONE_MONTH, -MINUTE, True),
        (Commitment.SIX_MONTHS, timedelta(hours=1), True),
        (Commitment.NONE, timedelta(hours=1), True),
    ],
)
def test_a_term_waits_when_another_was_bought_since_it_was_asked_for(
    term: Commitment, bought_after: timedelta, *, is_used: bool
) -> None:
    asked_at = NOW - timedelta(days=1)
    held = build_pt(commitment=term, created_at=asked_at + bought_after)
    situation = build_situation(
        fleet=build_fleet(held), consents=(replace(GIVEN, asked_at=asked_at),)
    )

    decision = consented(build_decision(), situation)

    assert bool(decision.actions) is is_used
    assert (ReasonCode.CONSENT_WAITS in {one.code for one in decision.reasons}) is not is_used


def test_what_is_not_known_of_price_or_model_forbids_a_term() -> None:
    no_price = build_target(provisioned=build_provisioned(price=None))
    legacy = replace(build_observation(), model_is_active=False)

    assert "no price" in why_not(build_situation(target=no_price))
    assert "no price" in why_not(build_situation(target=build_target(provisioned=None)))
    assert "not ACTIVE" in why_not(build_situation(observation=legacy))


def test_a_pause_and_an_open_purchase_hold_a_term_back() -> None:
    paused = build_target(controls=Controls(pause_growth_until=NOW + MINUTE))

    assert "pause_growth_until" in why_not(build_situation(target=paused))
    assert "has no answer" in why_not(build_situation(fleet=build_fleet(open_purchase_units=1)))


def test_the_decision_counts_the_units_of_a_term_and_expects_no_saving() -> None:
    situation = build_situation(fleet=build_fleet(build_pt()), consents=(GIVEN,))

    decision = consented(build_decision(expected_saving_usd_per_hour=3.0), situation)

    assert (decision.allowed_units, decision.expected_saving_usd_per_hour) == (2, 0.0)


def test_of_two_consents_one_is_used_in_a_decision() -> None:
    later = replace(GIVEN, id="c-2")

    decision = consented(build_decision(), build_situation(consents=(GIVEN, later)))

    assert [action.consent_id for action in decision.actions if isinstance(action, Purchase)] == [
        GIVEN.id
    ]


def test_a_purchase_that_a_term_replaces_is_neither_agreed_to_nor_asked_for() -> None:
    plain = Purchase(
        model_id=PT_MODEL,
        model_units=1,
        usd_per_hour=Decimal("60.5"),
        commitment=Commitment.NONE,
    )
    asking = build_target(controls=Controls(approval_above_usd_per_hour=Decimal(0)))
    large = replace(GIVEN, id="c-2", term=Commitment.NONE, max_usd_per_hour=Decimal(61))

    for given in ((GIVEN,), (large, GIVEN)):
        decision = consented(
            build_decision(actions=(plain,)), build_situation(target=asking, consents=given)
        )

        (action,) = decision.actions
        assert isinstance(action, Purchase)
        assert action.consent_id == GIVEN.id
        assert [one.code for one in decision.reasons[1:]] == [ReasonCode.CONSENTED]


def test_a_routing_decision_stays_as_it_is() -> None:
    decision = build_decision(loop=Loop.ROUTING)
    situation = build_situation(loop=Loop.ROUTING, consents=(GIVEN,))

    assert consented(decision, situation) is decision


def test_a_rejected_consent_covers_nothing() -> None:
    wanted = Purchase(
        model_id=PT_MODEL,
        model_units=1,
        usd_per_hour=Decimal(55),
        commitment=Commitment.ONE_MONTH,
        consent_id=GIVEN.id,
    )
    rejected = replace(GIVEN, used_by=REJECTED, rejected_by="joe", rejected_at=NOW)

    problem = consent_problem(rejected, wanted, "chat", NOW)

    assert problem == f"consent {GIVEN.id} of jane was rejected by joe"
    assert not rejected.is_open


@pytest.mark.parametrize(
    ("limit", "term", "needed"),
    [
        (None, Commitment.NONE, False),
        ("60.5", Commitment.NONE, False),
        ("60.49", Commitment.NONE, True),
        (None, Commitment.ONE_MONTH, True),
    ],
)
def test_a_term_and_a_purchase_above_the_limit_need_a_consent(
    limit: str | None, term: Commitment, *, needed: bool
) -> None:
    bound = None if limit is None else Decimal(limit)
    target = build_target(controls=Controls(approval_above_usd_per_hour=bound))
    wanted = Purchase(
        model_id=PT_MODEL, model_units=1, usd_per_hour=Decimal("60.5"), commitment=term
    )

    assert needs_consent(wanted, target) is needed
