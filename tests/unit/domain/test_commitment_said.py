"""What a decision says of terms: the dollars of an advice, and what stands in its way."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bedrock_autoscaler.domain.commitments.reasons import commitment_reasons
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.decision import Classification, Label
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Target
from tests.builders import (
    MODEL,
    NOW,
    PT_MODEL,
    TOKEN_PRICE,
    build_fleet,
    build_observation,
    build_option,
    build_provisioned,
    build_pt,
    build_situation,
    build_target,
)
from tests.unit.domain.terms import PRICE, STEADY, level, target, weeks


def codes(
    given_study: CommitmentStudy | None, classification: Classification = STEADY
) -> list[ReasonCode]:
    situation = build_situation(
        target=target(),
        observation=build_observation(commitment=given_study),
        fleet=build_fleet(build_pt(commitment=Commitment.NONE)),
    )
    return [reason.code for reason in commitment_reasons(situation, classification)]


def test_an_advice_is_a_reason_with_its_dollars() -> None:
    situation = build_situation(
        target=target(), observation=build_observation(commitment=weeks(level(34.0), days=30))
    )

    (reason,) = commitment_reasons(situation, STEADY)

    assert reason.code is ReasonCode.COMMITMENT_PAYS
    assert "units 1 to 1 would be cheaper for one month: 22,320 USD at 30.00" in reason.message
    assert "halves tomorrow it loses 9,672 USD, if it ends 22,320" in reason.message
    assert "End of the model: none announced" in reason.message
    assert dict(reason.numbers)["regret_if_halved_usd"] == pytest.approx(9_672)


@pytest.mark.parametrize(
    ("found", "classification", "words"),
    [
        (weeks(level(34.0)), replace(STEADY, label=Label.BURSTY), "the class is bursty"),
        (weeks(level(34.0), days=20), STEADY, "20 days are known"),
        (weeks(level(5.0)), STEADY, "no further unit was used enough"),
        (
            weeks(level(34.0), model_ends_at=NOW + timedelta(days=7)),
            STEADY,
            "the model ends on 2026-11-27T12:00:00Z",
        ),
    ],
    ids=["bursty", "young", "little use", "model ends"],
)
def test_what_stands_in_the_way_is_said(
    found: CommitmentStudy, classification: Classification, words: str
) -> None:
    situation = build_situation(target=target(), observation=build_observation(commitment=found))

    (reason,) = commitment_reasons(situation, classification)

    assert reason.code is ReasonCode.COMMITMENT_NOT_ADVISED
    assert words in reason.message


@pytest.mark.parametrize(
    ("found", "of", "words"),
    [
        (
            weeks(level(34.0), at=NOW - timedelta(days=3, minutes=1)),
            target(),
            "the newest study is of 2026-11-17 11:59 UTC, more than 3 days ago",
        ),
        (
            weeks(level(34.0)),
            build_target(
                provisioned=build_provisioned(price=replace(PRICE, as_of=date(2026, 1, 1)))
            ),
            f"the price of {PT_MODEL} is 323 days old",
        ),
        (
            weeks(level(34.0)),
            target(options=(build_option(price=replace(TOKEN_PRICE, as_of=date(2026, 1, 1))),)),
            f"the price of {MODEL} is 323 days old",
        ),
    ],
    ids=["an old study", "an old price of the unit", "an old price on demand"],
)
def test_advice_rests_on_nothing_that_is_old(
    found: CommitmentStudy, of: Target, words: str
) -> None:
    situation = build_situation(target=of, observation=build_observation(commitment=found))

    (reason,) = commitment_reasons(situation, STEADY)

    assert reason.code is ReasonCode.COMMITMENT_NOT_ADVISED
    assert words in reason.message


def test_a_study_of_three_days_ago_is_still_good_for_advice() -> None:
    assert codes(weeks(level(34.0), at=NOW - timedelta(days=3))) == [ReasonCode.COMMITMENT_PAYS]


def test_without_a_study_or_a_term_on_sale_nothing_is_said() -> None:
    unsold = replace(PRICE, one_month_usd_per_hour=None, six_months_usd_per_hour=None)
    situation = build_situation(
        target=build_target(provisioned=build_provisioned(price=unsold)),
        observation=build_observation(commitment=weeks(level(34.0))),
    )

    assert codes(None) == []
    assert commitment_reasons(situation, STEADY) == ()
