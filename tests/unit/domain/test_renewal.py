"""Verdicts on terms that end: which units are worth the term again, and what it costs to wait."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.commitments.renewal import (
    Renewal,
    RenewalVerdict,
    milestone,
    renewal_of,
    sentence,
)
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput
from bedrock_autoscaler.domain.target import Commitment, UnitPrice
from tests.builders import NOW, UNIT_PRICE, build_pt
from tests.unit.domain.terms import level, weeks

DAY = timedelta(days=1)
END = NOW + 7 * DAY
PRICE = replace(UNIT_PRICE, usd_per_hour=Decimal(34), one_month_usd_per_hour=Decimal(30))
ARN = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/other0000001"


def term(units: int = 1, **overrides: Any) -> ProvisionedThroughput:
    values: dict[str, Any] = {
        "commitment": Commitment.ONE_MONTH,
        "committed_until": END,
    } | overrides
    return build_pt(model_units=units, **values)


def study(*usd: float, **overrides: Any) -> CommitmentStudy:
    levels = (level(one, month_usd=one + 1, two_months_usd=one + 2) for one in usd)
    return weeks(*levels, **{"at": NOW - DAY, **overrides})


def judged(
    pt: ProvisionedThroughput,
    found: CommitmentStudy | None,
    *others: ProvisionedThroughput,
    price: UnitPrice | None = PRICE,
) -> Renewal:
    return renewal_of(pt, (pt, *others), found, price=price, now=NOW)


@pytest.mark.parametrize(
    ("usd", "verdict", "kept"),
    [
        ((33.0, 31.0), RenewalVerdict.KEEP, 2),
        ((33.0, 30.0), RenewalVerdict.SHRINK, 1),
        ((33.0,), RenewalVerdict.SHRINK, 1),
        ((29.0, 5.0), RenewalVerdict.DROP, 0),
        ((), RenewalVerdict.DROP, 0),
    ],
)
def test_units_that_are_worth_the_term_are_kept(
    usd: tuple[float, ...], verdict: RenewalVerdict, kept: int
) -> None:
    found = judged(term(2), study(*usd))

    assert (found.verdict, found.kept_units) == (verdict, kept)


def test_the_dollars_of_a_verdict() -> None:
    found = judged(term(2), study(33.0, 20.0))

    # 744 hours: two units at 30 USD; unit 1 is worth 33, unit 2 only 20; half of 33 is 16.50.
    assert found.renewal_usd == pytest.approx(2 * 30 * 744)
    assert found.saving_usd == pytest.approx(3 * 744)
    assert found.wasted_usd == pytest.approx(10 * 744)
    assert found.halved_usd == pytest.approx(13.5 * 744)


def test_terms_that_end_later_stand_below() -> None:
    later = term(1, arn=ARN, committed_until=END + DAY)
    sooner = term(1, arn=ARN, committed_until=END - DAY)

    assert judged(term(1), study(33.0, 10.0), later).verdict is RenewalVerdict.DROP
    assert judged(term(1), study(33.0, 10.0), sooner).verdict is RenewalVerdict.KEEP


def test_two_terms_that_end_together_stand_on_levels_of_their_own() -> None:
    one, other = term(1), term(1, arn=ARN)

    verdicts = {judged(pt, study(33.0, 10.0), one, other).verdict for pt in (one, other)}

    assert verdicts == {RenewalVerdict.KEEP, RenewalVerdict.DROP}


def test_a_term_past_the_end_of_the_model_is_dropped() -> None:
    ends = study(33.0, model_ends_at=END + 30 * DAY)

    found = judged(term(1), ends)

    assert found.verdict is RenewalVerdict.DROP
    assert "the model ends on" in found.because
    assert judged(term(1), study(33.0, model_ends_at=END + 31 * DAY)).kept_units == 1


@pytest.mark.parametrize(
    ("left", "wasted"),
    [
        # The model serves for 30 of the 31 days, 15 of them, or none.
        (30 * DAY, 0.0),
        (15 * DAY, 30 * 744 - 33 * 360),
        (-DAY, 30 * 744),
    ],
)
def test_a_model_that_ends_wastes_what_it_does_not_serve(left: timedelta, wasted: float) -> None:
    found = judged(term(1), study(33.0, model_ends_at=END + left))

    assert found.wasted_usd == pytest.approx(wasted)
    assert "waste -" not in sentence(found, 7)


def test_units_of_others_that_serve_stand_below() -> None:
    lent = build_pt(2, ownership=Ownership.UNMANAGED)

    assert judged(term(1), study(33.0, 10.0), lent).verdict is RenewalVerdict.DROP


def test_units_above_the_levels_that_are_studied_are_not_called_idle() -> None:
    later = term(63, arn=ARN, committed_until=END + DAY)
    studied = study(*[33.0] * 64)

    assert judged(term(1), studied, later).verdict is RenewalVerdict.KEEP
    found = judged(term(2), studied, later)
    assert found.verdict is RenewalVerdict.UNKNOWN
    assert "no more than 64 units are studied" in found.because
    # Where a study ended before, because nothing was worth a term any more, that is known.
    assert judged(term(2), study(*[33.0] * 63), later).verdict is RenewalVerdict.DROP


@pytest.mark.parametrize(
    ("found", "price", "words"),
    [
        (None, PRICE, "could not be studied"),
        (study(33.0, at=NOW - 4 * DAY), PRICE, "could not be studied"),
        (study(33.0, known_days=28.4), PRICE, "28 days of its use are known; it needs 30"),
        (study(33.0), None, "not known"),
        (study(33.0), replace(PRICE, one_month_usd_per_hour=None), "not known"),
    ],
    ids=["no study", "old study", "short study", "no price", "term not sold any more"],
)
def test_without_facts_there_is_no_verdict(
    found: CommitmentStudy | None, price: UnitPrice | None, words: str
) -> None:
    renewal = judged(term(1), found, price=price)

    assert renewal.verdict is RenewalVerdict.UNKNOWN
    assert words in renewal.because
    assert "a person must decide" in sentence(renewal, 7)


def test_a_unit_without_a_term_has_no_renewal() -> None:
    with pytest.raises(ValueError, match="under no term"):
        judged(build_pt(), study(33.0))


def test_the_sentence_says_who_acts_and_what_it_costs_not_to() -> None:
    said = sentence(judged(term(2), study(33.0, 20.0)), 7)

    assert "shrink: delete it when its term ends and agree to 1 of its 2 units anew" in said
    assert "Renewed whole it costs 44,640 USD" in said
    assert "save 2,232, the others waste 7,440" in said
    assert said.endswith("AWS renews it unless a person acts")


def test_the_last_day_is_one() -> None:
    assert "in 1 day or less" in sentence(judged(term(1), study(33.0)), 1)


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (31.0, None),
        (30.0, 30),
        (29.9, 30),
        (29.0, None),
        (20.0, None),
        (13.5, 14),
        (6.5, 7),
        (2.5, 3),
        (1.0, 1),
        (0.5, 1),
        (-0.1, None),
    ],
)
def test_a_person_hears_on_five_days(left: float, days: int | None) -> None:
    assert milestone(NOW + left * DAY, NOW) == days
