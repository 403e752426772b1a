"""The books of terms: what was foretold beside what came, over hours that were read."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.commitments.studying import uncommitted_usd
from bedrock_autoscaler.domain.commitments.term_savings import TermSaving, term_savings
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW, UNIT_PRICE, build_decision, build_provisioned, build_target
from tests.intents import build_purchase
from tests.unit.domain.worlds import DAY, units_traffic

NAN = float("nan")
# A unit-hour without commitment 34.65 USD, whose traffic costs 69.30 USD on demand.
PRICE = replace(UNIT_PRICE, usd_per_hour=Decimal("34.65"), one_month_usd_per_hour=Decimal(30))
TARGET = build_target(provisioned=build_provisioned(price=PRICE))


def demand(*pieces: tuple[int, float]) -> Traffic:
    """Pieces of (minutes, units) up to NOW, which is a full hour."""
    return units_traffic(*pieces, end=NOW)


def term(start_hours_ago: float, units: int = 1, **overrides: Any) -> PurchaseIntent:
    begun = NOW - start_hours_ago * HOUR
    values: dict[str, Any] = {
        "commitment": Commitment.ONE_MONTH,
        "model_units": units,
        "usd_per_hour": Decimal(30 * units),
        "recorded_at": begun,
        "billed_from": begun,
        "ended_at": None,
    }
    return replace(build_purchase(), **(values | overrides))


def advised(hours_ago: float, *, units: int, saving_usd: float, hours: int = 744) -> Decision:
    reason = Reason(
        code=ReasonCode.COMMITMENT_PAYS,
        message="",
        numbers=(
            ("units", float(units)),
            ("usd_per_hour", 30.0),
            ("term_usd", units * 30.0 * hours),
            ("saving_usd", saving_usd),
        ),
    )
    return replace(build_decision(), scheduled_at=NOW - hours_ago * HOUR, reasons=(reason,))


def booked(
    traffic: Traffic, *intents: PurchaseIntent, decisions: tuple[Decision, ...] = ()
) -> tuple[TermSaving, ...]:
    return term_savings(TARGET, intents, traffic, decisions)


def test_a_full_unit_saves_the_difference_of_both_prices() -> None:
    (found,) = booked(demand((DAY, 1.0)), term(10))

    # Ten hours at 34.65 - 30 USD.
    assert (found.hours, found.known_hours) == (10.0, 10.0)
    assert found.realised_usd == pytest.approx(46.5)
    assert found.paid_usd == pytest.approx(300.0)


def test_an_idle_unit_loses_its_price() -> None:
    (found,) = booked(demand((DAY, 0.0)), term(10))

    assert found.realised_usd == pytest.approx(-300.0)


def test_hours_that_were_not_read_are_not_booked() -> None:
    (found,) = booked(demand((DAY - 120, 1.0), (120, NAN)), term(10))

    assert (found.hours, found.known_hours) == (10.0, 8.0)
    assert found.realised_usd == pytest.approx(8 * 4.65)


def test_later_terms_stand_above_earlier_ones() -> None:
    # One unit of demand: the first term is full, the second is idle.
    first, second = booked(demand((DAY, 1.0)), term(5), term(10))

    assert first.realised_usd == pytest.approx(10 * 4.65)
    assert second.realised_usd == pytest.approx(-5 * 30.0)


def test_a_term_that_is_over_makes_room_below() -> None:
    over = term(10, ended_at=NOW - 5 * HOUR)

    first, second = booked(demand((DAY, 1.0)), over, term(5))

    assert first.hours == 5.0
    assert second.realised_usd == pytest.approx(5 * 4.65)


def test_what_was_foretold_is_scaled_to_the_hours_booked() -> None:
    advice = (
        advised(10.5, units=2, saving_usd=1488.0),
        advised(20, units=2, saving_usd=9999.0),
        advised(5, units=2, saving_usd=8888.0),
    )

    (found,) = booked(demand((DAY, 1.0)), term(10), decisions=advice)

    # 1,488 USD for two units over 744 hours are 1 USD for each unit and hour.
    assert found.predicted_usd == pytest.approx(10.0)


def test_older_advice_that_counts_thirty_days_for_a_month_foretold_as_much() -> None:
    advice = (advised(10.5, units=2, saving_usd=1440.0, hours=720),)

    (found,) = booked(demand((DAY, 1.0)), term(10), decisions=advice)

    assert found.predicted_usd == pytest.approx(10.0)


def test_advice_on_another_term_foretold_nothing_of_this_one() -> None:
    advice = (advised(10.5, units=2, saving_usd=1440.0, hours=4416),)

    (found,) = booked(demand((DAY, 1.0)), term(10), decisions=advice)

    assert found.predicted_usd is None


@pytest.mark.parametrize(
    "decisions",
    [
        (),
        (advised(5, units=1, saving_usd=1.0),),
        (replace(advised(11, units=1, saving_usd=1.0), reasons=()),),
    ],
    ids=["none", "after the purchase", "without advice"],
)
def test_without_advice_on_record_nothing_was_foretold(decisions: tuple[Decision, ...]) -> None:
    (found,) = booked(demand((DAY, 1.0)), term(10), decisions=decisions)

    assert found.predicted_usd is None


def test_purchases_without_a_term_or_not_yet_billed_have_no_books() -> None:
    plain = term(10, commitment=Commitment.NONE)
    asked = term(10, billed_from=None)

    assert booked(demand((DAY, 1.0)), plain, asked) == ()


def test_a_term_from_before_the_history_is_booked_from_its_begin() -> None:
    (found,) = booked(demand((60, 1.0)), term(100))

    assert (found.since, found.hours) == (NOW - HOUR, 1.0)


@pytest.mark.parametrize(
    "unknown",
    [build_target(provisioned=None), build_target(provisioned=build_provisioned(price=None))],
)
def test_without_a_price_no_hour_is_known(unknown: Target) -> None:
    assert uncommitted_usd(unknown, demand((60, 1.0)), range(1)) == (0.0, 0.0)


def test_the_hour_in_which_a_term_ended_is_left_out_of_every_figure() -> None:
    advice = (advised(10.5, units=2, saving_usd=1488.0),)
    over = term(10, ended_at=NOW - 5.3 * HOUR)

    (found,) = booked(demand((DAY, 1.0)), over, decisions=advice)

    assert (found.until, found.hours, found.known_hours) == (NOW - 6 * HOUR, 4.0, 4.0)
    assert found.paid_usd == 120.0
    assert found.predicted_usd == pytest.approx(4.0)


def test_started_hours_are_left_out() -> None:
    (found,) = booked(demand((DAY, 1.0)), term(2.5))

    assert found.since == NOW - 2 * HOUR
    assert found.until - found.since == timedelta(hours=2)
