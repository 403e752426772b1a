"""What a decision asks persons for, and under which name it asks it again."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.consents.asking import CHANGE_ANSWER, TERM_ANSWER, requests_of
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Loop
from tests.builders import (
    NOW,
    PT_MODEL,
    build_decision,
    build_provisioned,
    build_situation,
    build_target,
)

# A month's term has 30 days: 2 units at 55 USD cost 2 * 55 * 720 = 79,200 USD.
PAYS = Reason(
    code=ReasonCode.COMMITMENT_PAYS,
    message="units 1 to 2 would be cheaper for one month",
    numbers=(("units", 2.0), ("usd_per_hour", 55.0), ("term_usd", 79_200.0)),
)
LARGE = Reason(
    code=ReasonCode.APPROVAL_NEEDED,
    message="3 units for 181.5 USD per hour are above the limit",
    numbers=(("units", 3.0), ("usd_per_hour", 181.5)),
)


def test_asks_for_a_term_that_pays_with_its_price_and_evidence() -> None:
    (request,) = requests_of(build_decision(reasons=(PAYS,)), build_situation())

    assert request.id == "chat-one-month-2026w47"  # 2026-11-20 is in ISO week 47
    assert (request.units, request.term, request.model_id) == (2, Commitment.ONE_MONTH, PT_MODEL)
    assert (request.usd_per_hour, request.usd_per_hour_in_all) == (Decimal(55), Decimal(110))
    assert request.evidence == PAYS.message
    assert request.expires_at - request.asked_at == TERM_ANSWER


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (NOW + timedelta(days=2, hours=11), "chat-one-month-2026w47"),
        (NOW + timedelta(days=2, hours=12), "chat-one-month-2026w48"),
        (datetime.fromisoformat("2027-01-03T00:00:00Z"), "chat-one-month-2026w53"),
    ],
)
def test_a_term_is_asked_for_once_a_week(now: datetime, name: str) -> None:
    decision = build_decision(reasons=(PAYS,), scheduled_at=now)

    assert [request.id for request in requests_of(decision, build_situation())] == [name]


def test_asks_for_a_purchase_above_the_limit_once_a_day_and_size() -> None:
    (request,) = requests_of(build_decision(reasons=(LARGE,)), build_situation())

    assert request.id == "chat-3-units-20261120"
    assert (request.units, request.term) == (3, Commitment.NONE)
    assert request.usd_per_hour == Decimal("60.5")
    assert request.expires_at - request.asked_at == CHANGE_ANSWER


@pytest.mark.parametrize(
    "numbers",
    [
        (("units", 2.0), ("usd_per_hour", 54.0), ("term_usd", 77_760.0)),
        (("units", 2.0), ("usd_per_hour", 55.0), ("term_usd", 475_200.0)),
    ],
    ids=["a price that is none of the terms'", "the hours of a term that is not sold"],
)
def test_advice_that_names_no_term_that_is_sold_is_not_asked_for(numbers: Any) -> None:
    reason = Reason(code=ReasonCode.COMMITMENT_PAYS, message="", numbers=numbers)

    assert requests_of(build_decision(reasons=(reason,)), build_situation()) == ()


def test_a_routing_tick_a_late_one_and_a_target_without_units_or_price_ask_nothing() -> None:
    decision, situation = build_decision(reasons=(PAYS, LARGE)), build_situation()
    unpriced = build_target(provisioned=build_provisioned(price=None))

    assert requests_of(build_decision(loop=Loop.ROUTING, reasons=(PAYS,)), situation) == ()
    assert requests_of(decision, build_situation(is_late=True)) == ()
    assert requests_of(decision, build_situation(target=build_target(provisioned=None))) == ()
    assert requests_of(decision, build_situation(target=unpriced)) == ()
