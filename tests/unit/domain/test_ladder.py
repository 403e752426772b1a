"""The ladder: a base on terms, a flexible layer above it, overflow on demand, and refusals."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.commitments.advice import Ceiling
from bedrock_autoscaler.domain.commitments.ladder import build_ladder, is_due
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.target import Commitment
from tests.builders import NOW, UNIT_PRICE
from tests.unit.domain.terms import level, weeks

DAY = timedelta(days=1)
PRICE = replace(
    UNIT_PRICE,
    usd_per_hour=Decimal(40),
    one_month_usd_per_hour=Decimal(36),
    six_months_usd_per_hour=Decimal(20),
)


def study(*usd: float, days: int = 56, **overrides: Any) -> CommitmentStudy:
    """Levels that cost so much an hour in every week; half of it at half the demand."""
    levels = (level(one, share_above=0.8, weekly_usd=(one - 4, one + 2)) for one in usd)
    return weeks(*levels, days=days, **overrides)


def test_a_base_a_flexible_layer_and_overflow() -> None:
    found = build_ladder(
        study(40.0, 30.0, 20.0, 19.0, 3.0, days=30), PRICE, lasting_units=0, now=NOW
    )

    # 36 x 1.03 = 37.08: level 1 alone. 20 is half of 40: levels 2 and 3 are held half the week.
    assert [(one.commitment, one.units) for one in found.base] == [(Commitment.ONE_MONTH, 1)]
    assert (found.flexible_units, found.flexible_usd_per_hour) == (2, 50.0)
    assert found.overflow_usd_per_hour == 22.0
    ((refused, why),) = found.refused
    assert refused is Commitment.SIX_MONTHS
    assert why.startswith("30 days are known and 30 of them were steady or seasonal in a row")
    assert why.endswith("it needs 56 of both")


def test_regret_is_that_of_the_whole_base() -> None:
    found = build_ladder(study(40.0, 25.0), PRICE, lasting_units=0, now=NOW)

    # 4,416 hours of 184 days at 20 USD for both; half the demand is worth 20 and 12.50.
    assert found.regret_ended_usd == pytest.approx(2 * 20 * 4_416)
    assert found.regret_halved_usd == pytest.approx((40 - 32.5) * 4_416)


def test_confidence_is_the_worst_and_the_best_of_the_weeks() -> None:
    (one,) = build_ladder(study(40.0, days=30), PRICE, lasting_units=0, now=NOW).base

    # 744 hours at 36 USD; weeks at 36 and at 42.
    assert one.saving_low_usd == pytest.approx(0.0)
    assert one.saving_high_usd == pytest.approx(6 * 744)
    assert one.saving_usd == pytest.approx(4 * 744)


def test_the_saving_is_never_below_that_of_the_worst_week() -> None:
    # The newest week was worse for level 1, the month for level 2: 39 + 38 is below either week.
    lower = study(40.0, 40.0, days=30).levels
    first = replace(lower[0], week_usd=39.0, month_usd=40.0, weekly_usd=(41.0, 39.0))
    second = replace(lower[1], week_usd=40.0, month_usd=38.0, weekly_usd=(37.5, 40.0))
    found = replace(study(days=30), levels=(first, second))

    (one,) = build_ladder(found, PRICE, lasting_units=0, now=NOW).base

    assert one.saving_usd == pytest.approx((77 - 72) * 744)
    assert one.saving_low_usd == pytest.approx(one.saving_usd)
    assert one.saving_high_usd == pytest.approx((79 - 72) * 744)


@pytest.mark.parametrize("days", [0, 14, 28])
def test_less_than_thirty_days_support_no_base(days: int) -> None:
    found = build_ladder(study(40.0, days=days), PRICE, lasting_units=0, now=NOW)

    assert found.base == ()
    assert {commitment for commitment, _ in found.refused} == {
        Commitment.ONE_MONTH,
        Commitment.SIX_MONTHS,
    }


def test_a_term_past_the_end_of_the_model_is_refused() -> None:
    ends = study(40.0, model_ends_at=NOW + 20 * DAY)

    found = build_ladder(ends, PRICE, lasting_units=0, now=NOW)

    assert found.base == ()
    assert {why for _, why in found.refused} == {"it would run past the end of the model"}


def test_what_forbids_every_term_refuses_them_all_and_leaves_the_layers_above() -> None:
    found = build_ladder(
        study(40.0, 30.0, 3.0), PRICE, lasting_units=0, now=NOW, obstacle="the price is old"
    )

    assert found.base == ()
    assert found.refused == (
        (Commitment.SIX_MONTHS, "the price is old"),
        (Commitment.ONE_MONTH, "the price is old"),
    )
    assert (found.flexible_units, found.flexible_usd_per_hour) == (2, 70.0)


@pytest.mark.parametrize(
    ("ceiling", "committed", "units"),
    [
        (Ceiling(units=2, usd_per_hour=1e9), 0, 2),
        (Ceiling(units=2, usd_per_hour=1e9), 1, 1),
        (Ceiling(units=9, usd_per_hour=59.99), 0, 2),
        (Ceiling(units=9, usd_per_hour=60.0), 0, 3),
        (Ceiling(units=9, usd_per_hour=60.0), 1, 1),
        (Ceiling(units=0, usd_per_hour=60.0), 0, 0),
        (Ceiling(units=9, usd_per_hour=0.0), 0, 0),
        (Ceiling(units=1, usd_per_hour=1e9), 2, 0),
    ],
)
def test_nothing_is_advised_above_the_ceiling(ceiling: Ceiling, committed: int, units: int) -> None:
    # Units below, on a term already or taken by the longer one, count as the caps do: 40 USD.
    found = build_ladder(
        study(40.0, 40.0, 40.0), PRICE, lasting_units=committed, now=NOW, ceiling=ceiling
    )

    assert sum(one.units for one in found.base) == units


def test_what_the_longer_term_takes_counts_for_the_shorter_as_the_caps_will_count_it() -> None:
    # Six months take level 1 for 20 USD. Once bought it counts 40, which leaves 36 of 76.
    levels = study(40.0, 40.0)
    month_alone = replace(levels.levels[1], two_months_usd=10.0)
    grown = replace(levels, levels=(levels.levels[0], month_alone))

    def units(dollars: float) -> list[int]:
        ceiling = Ceiling(units=9, usd_per_hour=dollars)
        found = build_ladder(grown, PRICE, lasting_units=0, now=NOW, ceiling=ceiling)
        return [one.units for one in found.base]

    assert units(75.99) == [1]
    assert units(76.0) == [1, 1]


def test_above_the_levels_that_are_studied_a_term_is_refused_for_that() -> None:
    found = build_ladder(study(*[40.0] * 64), PRICE, lasting_units=64, now=NOW)

    assert {why for _, why in found.refused} == {
        "no more than 64 units are studied, and 64 are there already"
    }


def test_a_ladder_is_due_once_a_week() -> None:
    assert is_due(None, NOW)
    assert not is_due(NOW - 6 * DAY, NOW)
    assert is_due(NOW - 7 * DAY, NOW)
