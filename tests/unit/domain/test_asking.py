"""What a decision asks persons for, and under which name it asks it again."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.consents.agreeing import consent_problem
from bedrock_autoscaler.domain.consents.asking import (
    CHANGE_ANSWER,
    TERM_ANSWER,
    is_repeated,
    requests_of,
)
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Loop
from bedrock_autoscaler.domain.units import MINUTE, usd
from tests.builders import (
    NOW,
    PT_MODEL,
    UNIT_PRICE,
    build_consent,
    build_decision,
    build_fleet,
    build_provisioned,
    build_situation,
    build_target,
    build_thresholds,
)

# A month's term has up to 31 days: 2 units at 55 USD cost 2 * 55 * 744 = 81,840 USD.
PAYS = Reason(
    code=ReasonCode.COMMITMENT_PAYS,
    message="units 1 to 2 would be cheaper for one month",
    numbers=(("units", 2.0), ("usd_per_hour", 55.0), ("term_usd", 81_840.0)),
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
def test_a_request_for_a_term_bears_the_week_of_its_day(now: datetime, name: str) -> None:
    decision = build_decision(reasons=(PAYS,), scheduled_at=now)

    assert [request.id for request in requests_of(decision, build_situation())] == [name]


def test_no_more_is_asked_for_than_one_purchase_may_have() -> None:
    bounded = build_thresholds(sizing={"max_units_per_purchase": 1})
    situation = build_situation(target=build_target(thresholds=bounded))

    (request,) = requests_of(build_decision(reasons=(PAYS,)), situation)

    assert (request.units, request.usd_per_hour_in_all) == (1, Decimal(55))
    assert request.evidence.endswith(
        "; asked for: 1 unit of them, sizing.max_units_per_purchase is 1"
    )


@pytest.mark.parametrize(
    ("before", "term", "is_asked"),
    [
        (timedelta(minutes=5), Commitment.ONE_MONTH, False),
        (timedelta(days=7) - MINUTE, Commitment.ONE_MONTH, False),
        (timedelta(days=7), Commitment.ONE_MONTH, True),
        # Six months for the same units, once there is history for them.
        (timedelta(days=3), Commitment.SIX_MONTHS, False),
        # The same advice, for the units above.
        (timedelta(0), Commitment.SIX_MONTHS, True),
        (timedelta(minutes=5), Commitment.NONE, True),
    ],
)
def test_a_term_is_asked_for_a_week_after_the_last_one_and_not_before(
    before: timedelta, term: Commitment, *, is_asked: bool
) -> None:
    (wanted,) = requests_of(build_decision(reasons=(PAYS,)), build_situation())
    earlier = replace(wanted, id="earlier", term=term, asked_at=wanted.asked_at - before)

    assert is_repeated(wanted, (earlier,)) is not is_asked
    assert not is_repeated(wanted, ())


def test_a_large_purchase_is_asked_for_whatever_terms_are() -> None:
    decision = build_decision(reasons=(PAYS, LARGE))

    term, large = requests_of(decision, build_situation())

    earlier = replace(term, asked_at=term.asked_at - MINUTE)
    assert is_repeated(term, (earlier,))
    assert not is_repeated(large, (earlier,))


def test_asks_for_a_purchase_above_the_limit_once_a_day_and_size() -> None:
    (request,) = requests_of(build_decision(reasons=(LARGE,)), build_situation())

    assert request.id == "chat-3-units-20261120"
    assert (request.units, request.term) == (3, Commitment.NONE)
    assert request.usd_per_hour == Decimal("60.5")
    assert request.expires_at - request.asked_at == CHANGE_ANSWER


def test_nothing_is_asked_for_while_units_are_bought_that_the_advice_does_not_know_of() -> None:
    bought = build_decision(
        reasons=(PAYS,), actions=(purchase(2, "110", commitment=Commitment.ONE_MONTH),)
    )
    unanswered = build_situation(fleet=build_fleet(open_purchase_units=2))
    flexible = build_decision(reasons=(PAYS,), actions=(purchase(1, "60.5"),))

    assert requests_of(bought, build_situation()) == ()
    assert requests_of(build_decision(reasons=(PAYS,)), unanswered) == ()
    assert len(requests_of(flexible, build_situation())) == 1


@pytest.mark.parametrize(
    ("price", "units"), [("55", 2), ("55.00000149", 2), ("33.33333333", 3), ("20.0000001", 16)]
)
def test_whoever_agrees_to_what_is_asked_agrees_to_the_purchase(price: str, units: int) -> None:
    hourly = Decimal(price)
    sold = replace(UNIT_PRICE, usd_per_hour=hourly, one_month_usd_per_hour=hourly)
    situation = build_situation(target=build_target(provisioned=build_provisioned(price=sold)))
    numbers = (
        ("units", float(units)),
        ("usd_per_hour", float(hourly)),
        ("term_usd", units * float(hourly) * 744),
    )
    whole = usd(hourly * units)
    pays = replace(PAYS, numbers=numbers)
    large = replace(LARGE, numbers=(("units", float(units)), ("usd_per_hour", float(whole))))

    asked = requests_of(build_decision(reasons=(pays, large)), situation)

    assert len(asked) == 2
    for request in asked:
        agreed = build_consent(
            units=units, term=request.term, max_usd_per_hour=request.usd_per_hour
        )
        wanted = purchase(units, str(whole), commitment=request.term, consent_id=agreed.id)
        assert consent_problem(agreed, wanted, "chat", NOW) is None
        assert abs(request.usd_per_hour - hourly) <= Decimal("0.000001")


def purchase(units: int, usd_per_hour: str, **overrides: Any) -> Purchase:
    plain = Purchase(
        model_id=PT_MODEL,
        model_units=units,
        usd_per_hour=Decimal(usd_per_hour),
        commitment=Commitment.NONE,
    )
    return replace(plain, **overrides)


@pytest.mark.parametrize(
    "numbers",
    [
        (("units", 2.0), ("usd_per_hour", 54.0), ("term_usd", 80_352.0)),
        (("units", 2.0), ("usd_per_hour", 55.0), ("term_usd", 485_760.0)),
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
