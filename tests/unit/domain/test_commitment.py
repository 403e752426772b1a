"""Commitment advice: how many units are advised on which term, for what eight weeks say."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.commitments.advice import advise
from bedrock_autoscaler.domain.commitments.reasons import commitment_reasons
from bedrock_autoscaler.domain.consents.asking import requests_of
from bedrock_autoscaler.domain.consents.consenting import consented
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.fleet.holdings import Ownership
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    build_consent,
    build_decision,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_pt,
    build_situation,
)
from tests.unit.domain.terms import PRICE, STEADY, level, target, weeks


def test_the_longer_term_takes_the_lower_levels() -> None:
    # Six months cost 20 x 1.03 = 20.60, one month 30 x 1.03 = 30.90.
    found = advise(weeks(level(34.0), level(21.0), level(20.5)), PRICE, lasting_units=0, now=NOW)

    (half_year,) = found
    assert half_year.commitment is Commitment.SIX_MONTHS
    assert half_year.units == 2
    assert half_year.first_level == 1


def test_a_month_takes_what_six_months_of_history_do_not_show() -> None:
    grown = level(34.0, two_months_usd=20.0)

    six, one = advise(weeks(level(34.0), grown), PRICE, lasting_units=0, now=NOW)

    assert (six.commitment, six.units, six.first_level) == (Commitment.SIX_MONTHS, 1, 1)
    assert (one.commitment, one.units, one.first_level) == (Commitment.ONE_MONTH, 1, 2)


def test_the_dollars_of_an_advice_can_be_worked_out() -> None:
    (found,) = advise(weeks(level(34.0), days=30), PRICE, lasting_units=0, now=NOW)

    # 31 days of 24 hours at 30 USD; 34 USD without; half the demand would cost 17.
    assert found.commitment is Commitment.ONE_MONTH
    assert found.term_usd == pytest.approx(22_320)
    assert found.saving_usd == pytest.approx(744 * 4)
    assert found.regret_halved_usd == pytest.approx(744 * 13)
    assert found.regret_ended_usd == pytest.approx(22_320)
    assert found.spent_share == pytest.approx(34 * 672 / 22_320)
    assert found.quantile == pytest.approx(0.25)


@pytest.mark.parametrize(
    "changed",
    [
        {"week_usd": 19.0},
        {"month_usd": 19.0, "two_months_usd": 19.0},
    ],
    ids=["last week was low", "weeks before were low"],
)
def test_a_high_week_or_a_high_month_alone_does_not_pay(changed: dict[str, float]) -> None:
    assert advise(weeks(level(34.0, **changed)), PRICE, lasting_units=0, now=NOW) == ()


@pytest.mark.parametrize(
    "changed",
    [{"known_days": 28.0}, {"steady_days": 29}],
    ids=["too little was read", "the class is too young"],
)
def test_a_term_needs_as_much_history_as_it_says(changed: dict[str, Any]) -> None:
    assert advise(weeks(level(34.0), **changed), PRICE, lasting_units=0, now=NOW) == ()


def test_units_on_a_term_are_the_lowest_levels() -> None:
    levels = (level(34.0), level(33.0), level(5.0))

    (found,) = advise(weeks(*levels), PRICE, lasting_units=1, now=NOW)

    assert (found.first_level, found.units) == (2, 1)
    assert advise(weeks(*levels), PRICE, lasting_units=2, now=NOW) == ()


def test_a_term_past_the_end_of_the_model_is_not_advised() -> None:
    ends = weeks(level(34.0), model_ends_at=NOW + timedelta(days=100))

    (found,) = advise(ends, PRICE, lasting_units=0, now=NOW)

    assert found.commitment is Commitment.ONE_MONTH


@pytest.mark.parametrize(
    ("left", "longest"),
    [
        # July to December have 184 days, which six times 30 do not reach.
        (timedelta(days=184), Commitment.SIX_MONTHS),
        (timedelta(days=184) - MINUTE, Commitment.ONE_MONTH),
        (timedelta(days=31), Commitment.ONE_MONTH),
        (timedelta(days=31) - MINUTE, None),
    ],
)
def test_a_term_is_taken_to_be_as_long_as_it_may_be(
    left: timedelta, longest: Commitment | None
) -> None:
    found = advise(weeks(level(34.0), model_ends_at=NOW + left), PRICE, lasting_units=0, now=NOW)

    assert [one.commitment for one in found] == ([longest] if longest else [])


def test_what_others_hold_takes_up_room_and_what_serves_stands_below() -> None:
    bound = target(guard_rails=build_guard_rails(max_units=3))
    foreign = build_pt(model_units=2, ownership=Ownership.UNMANAGED)

    def first_and_units(*, uses_unmanaged: bool) -> tuple[float, float]:
        situation = build_situation(
            target=bound,
            fleet=build_fleet(foreign, uses_unmanaged=uses_unmanaged),
            observation=build_observation(commitment=weeks(*[level(34.0)] * 4)),
        )
        (reason,) = commitment_reasons(situation, STEADY)
        numbers = dict(reason.numbers)
        return numbers["first_unit"], numbers["units"]

    assert first_and_units(uses_unmanaged=False) == (1.0, 1.0)
    assert first_and_units(uses_unmanaged=True) == (3.0, 1.0)


def test_what_is_advised_within_the_caps_is_bought_within_them() -> None:
    # Two units at 20 USD fit into 50, although two without a term would cost 69.30.
    bound = target(guard_rails=build_guard_rails(max_usd_per_hour=Decimal(50)))
    situation = build_situation(
        target=bound, observation=build_observation(commitment=weeks(*[level(34.0)] * 4))
    )
    advice = commitment_reasons(situation, STEADY)

    (asked,) = requests_of(build_decision(reasons=advice), situation)
    agreed = build_consent(
        units=asked.units,
        term=asked.term,
        max_usd_per_hour=asked.usd_per_hour,
        valid_until=asked.expires_at,
        asked_at=asked.asked_at,
    )
    decision = consented(build_decision(), replace(situation, consents=(agreed,)))

    assert (asked.units, asked.term) == (2, Commitment.SIX_MONTHS)
    assert [one.usd_per_hour for one in decision.actions if isinstance(one, Purchase)] == [40]


def test_above_the_levels_that_are_studied_nothing_is_said_of_their_use() -> None:
    held = build_pt(model_units=64, commitment=Commitment.ONE_MONTH)
    situation = build_situation(
        target=target(guard_rails=build_guard_rails(max_units=1_000)),
        fleet=build_fleet(held),
        observation=build_observation(commitment=weeks(*[level(34.0)] * 64)),
    )

    (reason,) = commitment_reasons(situation, STEADY)

    assert "no more than 64 units are studied" in reason.message


@given(
    usd=st.lists(st.floats(0, 34.65), min_size=1, max_size=6),
    committed=st.integers(0, 6),
)
def test_an_advice_saves_and_its_regrets_are_bounded_by_its_price(
    usd: list[float], committed: int
) -> None:
    levels = tuple(level(one) for one in sorted(usd, reverse=True))
    found = advise(weeks(*levels), PRICE, lasting_units=committed, now=NOW)

    for one in found:
        assert one.saving_usd > 0
        assert 0 <= one.regret_halved_usd <= one.regret_ended_usd
    assert sum(one.units for one in found) <= max(len(levels) - committed, 0)
