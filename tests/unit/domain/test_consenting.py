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
        for ends_at in (timedelta(days=30), timedelta(days=30) - MINUTE)
    ]

    in_time = consented(build_decision(), replace(ending[0], consents=(GIVEN,)))

    (action,) = in_time.actions
    assert isinstance(action, Purchase)
    assert (action.commitment, action.consent_id) == (Commitment.ONE_MONTH, GIVEN.id)
    assert action.usd_per_hour == Decimal(55)
    assert "before the term would" in why_not(ending[1])


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
