"""The limits of one purchase: its terms, the calls and dollars of a day, room under the caps."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.purchasing.admitting import (
    pace_problem,
    room_problem,
    terms_problem,
)
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.fleet.intent import FleetRecord
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW, UNIT_PRICE, build_guard_rails, build_provisioned, build_target
from tests.intents import TWO_UNITS, build_held


@pytest.mark.parametrize(
    ("target", "wanted", "text"),
    [
        (build_target(provisioned=None), TWO_UNITS, "may hold no provisioned throughput"),
        (
            build_target(provisioned=build_provisioned(model_id="other:0:8k")),
            TWO_UNITS,
            "the settings other:0:8k",
        ),
        (build_target(provisioned=build_provisioned(price=None)), TWO_UNITS, "is not known"),
        (
            build_target(
                provisioned=build_provisioned(price=replace(UNIT_PRICE, as_of=date(2026, 8, 1)))
            ),
            TWO_UNITS,
            "too old",
        ),
        (build_target(), replace(TWO_UNITS, model_units=17), "max_units_per_purchase 16"),
        (build_target(), replace(TWO_UNITS, model_units=0), "0 units"),
        (build_target(), replace(TWO_UNITS, usd_per_hour=Decimal(120)), "the settings say 121"),
    ],
)
def test_terms_that_the_settings_do_not_allow(target: Target, wanted: Purchase, text: str) -> None:
    problem = terms_problem(target, wanted, NOW)

    assert problem is not None
    assert text in problem


def test_terms_as_set_are_no_problem() -> None:
    assert terms_problem(build_target(), TWO_UNITS, NOW) is None


def test_calls_of_a_day_are_bounded_whatever_decisions_ask_for() -> None:
    target = build_target(guard_rails=build_guard_rails(max_purchases_per_day=2))
    made = tuple(build_held(n, recorded_at=NOW - n * HOUR) for n in (1, 23))

    problem = pace_problem(target, TWO_UNITS, made, NOW)

    assert problem == "2 purchases in 24 hours, allowed: 2"
    assert pace_problem(target, TWO_UNITS, made[:1], NOW) is None


@pytest.mark.parametrize(
    ("day", "month", "text"),
    [
        # Held for 100 minutes: two periods of 60.50 are booked, two more units cost 121.
        ("241.99", "1000", "booked this day"),
        ("242", "241.99", "booked this month"),
        ("242", "242", None),
    ],
)
def test_booked_spend_and_the_first_period_stay_within_the_caps(
    day: str, month: str, text: str | None
) -> None:
    rails = build_guard_rails(max_usd_per_day=Decimal(day), max_usd_per_month=Decimal(month))

    problem = pace_problem(build_target(guard_rails=rails), TWO_UNITS, (build_held(),), NOW)

    assert problem is None if text is None else problem is not None and text in problem


@pytest.mark.parametrize(
    ("units", "dollars", "text"),
    [
        # One unit is reserved, one is somebody else's, two are wanted: 4 units, 242 USD.
        (3, "242", "4 units, max_units is 3"),
        (4, "241.99", "242.000000 USD per hour"),
        (4, "242", None),
    ],
)
def test_what_is_held_stays_within_the_caps(units: int, dollars: str, text: str | None) -> None:
    rails = build_guard_rails(max_units=units, max_usd_per_hour=Decimal(dollars))
    record = FleetRecord(
        target="chat", reserved_units=1, reserved_usd_per_hour=Decimal("60.5"), version=1
    )

    problem = room_problem(build_target(guard_rails=rails), TWO_UNITS, record, 1)

    assert problem is None if text is None else problem is not None and text in problem


@pytest.mark.parametrize(("held", "allowed"), [("30", "242"), ("80", "261.5")])
def test_what_is_held_counts_at_its_own_price_or_the_present_one_whichever_is_higher(
    held: str, allowed: str
) -> None:
    # One unit is reserved, one is somebody else's, two are wanted at 60.50 each: 181.50 USD for
    # three at the present price, and 60.50 or 80 for the one that is held.
    record = FleetRecord(
        target="chat", reserved_units=1, reserved_usd_per_hour=Decimal(held), version=1
    )
    enough = build_guard_rails(max_usd_per_hour=Decimal(allowed))
    short = build_guard_rails(max_usd_per_hour=Decimal(allowed) - Decimal("0.01"))

    assert room_problem(build_target(guard_rails=enough), TWO_UNITS, record, 1) is None
    problem = room_problem(build_target(guard_rails=short), TWO_UNITS, record, 1)
    assert problem is not None
    assert "max_usd_per_hour" in problem


def test_a_term_makes_nothing_cheaper_that_is_held_without_one() -> None:
    # One unit is reserved, one is somebody else's: 121 USD at the present price without a term,
    # and two more under a term for 55 each are 231 in all.
    record = FleetRecord(
        target="chat", reserved_units=1, reserved_usd_per_hour=Decimal(30), version=1
    )
    term = replace(TWO_UNITS, commitment=Commitment.ONE_MONTH, usd_per_hour=Decimal(110))
    enough = build_guard_rails(max_usd_per_hour=Decimal(231))
    short = build_guard_rails(max_usd_per_hour=Decimal("230.99"))

    assert room_problem(build_target(guard_rails=enough), term, record, 1) is None
    problem = room_problem(build_target(guard_rails=short), term, record, 1)
    assert problem == "it would make 231.000000 USD per hour, max_usd_per_hour is 230.99"
