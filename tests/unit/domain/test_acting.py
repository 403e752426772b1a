"""What `act` does about what is missing, and about caps on spend."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.domain.acting.grounds import Grounds, Outcome
from bedrock_autoscaler.domain.acting.steps import act, change
from bedrock_autoscaler.domain.decision import Purchase, Release, Restore
from bedrock_autoscaler.domain.fleet.holdings import Spend, Status
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.sizing.planning import Wish
from tests.builders import (
    PT_MODEL,
    build_guard_rails,
    build_pt,
    build_situation,
    build_thresholds,
    pt_arn,
)
from tests.unit.domain.outcomes import BLOCKER, CALM, IDLE, codes, due, outcome
from tests.unit.domain.worlds import DAY, build_demand, half_price_target

NAN = float("nan")


def test_buys_what_is_missing_in_one_purchase() -> None:
    found = outcome(3, 3, due(left=50))

    # 2 x 34.65 USD.
    assert found.action == Purchase(
        model_id=PT_MODEL, model_units=2, usd_per_hour=Decimal("69.300000")
    )
    assert codes(found) == [ReasonCode.PURCHASE]


def test_a_purchase_has_a_largest_size() -> None:
    found = outcome(9, 9, thresholds=build_thresholds(sizing={"max_units_per_purchase": 8}))

    assert isinstance(found.action, Purchase)
    assert found.action.model_units == 8
    assert "buy 8 of 9 wanted units" in found.reasons[0].message


@pytest.mark.parametrize(
    "coming",
    [
        {"status": Status.CREATING, "in_service_since": None},
        {"status": Status.UPDATING},
    ],
)
def test_units_on_their_way_or_being_updated_are_not_bought_again(coming: dict[str, Any]) -> None:
    found = outcome(1, 1, build_pt(1, **coming))

    assert found == Outcome(action=None, reasons=())


def test_a_draining_unit_is_restored_before_one_is_bought() -> None:
    found = outcome(2, 2, build_pt(1), build_pt(2, draining=True))

    assert found.action == Restore(arn=pt_arn(2), model_units=1)
    assert codes(found) == [ReasonCode.RESTORE]


def test_the_largest_that_fits_is_restored() -> None:
    found = outcome(
        2,
        2,
        build_pt(1, draining=True, model_units=1),
        build_pt(2, draining=True, model_units=2),
        build_pt(3, draining=True, model_units=3),
    )

    assert found.action == Restore(arn=pt_arn(2), model_units=2)


def test_what_is_being_updated_cannot_be_restored() -> None:
    found = outcome(1, 1, build_pt(1, draining=True, status=Status.UPDATING))

    assert isinstance(found.action, Purchase)


def test_restoring_needs_no_price() -> None:
    assert isinstance(outcome(1, 1, build_pt(draining=True), blockers=(BLOCKER,)).action, Restore)


def test_any_unknown_fact_forbids_a_purchase() -> None:
    assert outcome(1, 1, blockers=(BLOCKER,)) == Outcome(action=None, reasons=())


def test_a_target_without_provisioned_throughput_buys_none() -> None:
    situation = build_situation(target=replace(half_price_target(), provisioned=None))
    grounds = Grounds(demand=IDLE, economics=None, diagnosis=CALM, blockers=(), blocked_until=None)

    assert act(situation, Wish(grow_to=1, keep=1, plan=None, reasons=()), grounds).action is None


def test_facts_of_the_account_are_asked_for_last() -> None:
    found = outcome(1, 1, observation={"model_is_active": None})

    assert found.action is None
    assert codes(found) == [ReasonCode.MODEL_STATUS_UNKNOWN]


def test_what_a_bound_leaves_is_bought() -> None:
    found = outcome(3, 3, guard_rails=build_guard_rails(max_units=2))

    assert isinstance(found.action, Purchase)
    assert found.action.model_units == 2
    assert codes(found) == [ReasonCode.MAX_UNITS, ReasonCode.PURCHASE]


def test_where_a_bound_leaves_nothing_nothing_is_bought() -> None:
    found = outcome(1, 1, guard_rails=build_guard_rails(max_units=0))

    assert found.action is None
    assert codes(found) == [ReasonCode.MAX_UNITS]


def test_the_least_size_is_bought_whatever_it_is_worth() -> None:
    found = outcome(0, 0, guard_rails=build_guard_rails(min_units=1))

    assert isinstance(found.action, Purchase)
    assert codes(found) == [ReasonCode.MIN_UNITS, ReasonCode.PURCHASE]


def test_nothing_is_done_at_the_right_size() -> None:
    assert outcome(0, 1, due()) == Outcome(action=None, reasons=())


SPENT = {"spend": Spend(day_usd=Decimal(990), month_usd=Decimal(990))}
CAPPED = build_guard_rails(max_usd_per_day=Decimal(1000))


def test_a_unit_that_the_day_cannot_pay_for_goes_although_it_is_busy() -> None:
    busy = build_demand((2 * DAY, 1.0))

    found = outcome(1, 1, due(), demand=busy, fleet=SPENT, guard_rails=CAPPED)

    # 990 + 34.65 would cross the 1,000 of the day.
    assert isinstance(found.action, Release)
    assert codes(found) == [ReasonCode.MAX_USD_PER_DAY, ReasonCode.RELEASE]


def test_it_goes_when_growth_was_wanted_and_the_cap_forbids_it() -> None:
    busy = build_demand((2 * DAY, 2.0))

    found = outcome(2, 2, due(), demand=busy, fleet=SPENT, guard_rails=CAPPED)

    assert isinstance(found.action, Release)
    assert codes(found).count(ReasonCode.MAX_USD_PER_DAY) == 2


def test_what_the_day_cannot_pay_for_does_not_come_back() -> None:
    leaving = replace(due(), draining=True)

    found = outcome(1, 1, leaving, fleet=SPENT, guard_rails=CAPPED)

    assert found.action is None
    assert codes(found) == [ReasonCode.MAX_USD_PER_DAY]


def test_a_cap_releases_nothing_blindly() -> None:
    blind = build_demand((2 * DAY, 1.0), (60, NAN))

    assert outcome(1, 1, due(), demand=blind, fleet=SPENT, guard_rails=CAPPED).action is None


def test_a_cap_does_not_go_below_the_least_size() -> None:
    rails = replace(CAPPED, min_units=1)

    assert outcome(1, 1, due(), fleet=SPENT, guard_rails=rails).action is None


def test_counts_what_actions_change() -> None:
    purchase = Purchase(model_id=PT_MODEL, model_units=3, usd_per_hour=Decimal(1))

    assert change([]) == 0
    assert change([purchase]) == 3
    assert change([Restore(arn="a", model_units=2)]) == 2
    assert change([Release(arn="a", model_units=2)]) == -2
