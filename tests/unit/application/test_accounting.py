"""Booked money and counted calls."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.purchasing.accounting import (
    booked_spend,
    cost_so_far,
    purchases_since,
    releases_since,
    units_released_since,
)
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.intents import build_purchase, build_release

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def held(begun: datetime, *, ended: datetime | None = None, usd: str = "10") -> PurchaseIntent:
    return build_purchase(
        state=PurchaseState.RELEASED if ended else PurchaseState.IN_SERVICE,
        recorded_at=begun,
        billed_from=begun,
        ended_at=ended,
        usd_per_hour=Decimal(usd),
    )


@pytest.mark.parametrize(
    ("begun", "ended", "periods"),
    [
        # A period that starts now is paid whole.
        (NOON, None, 1),
        (NOON - 59 * MINUTE, None, 1),
        (NOON - 60 * MINUTE, None, 2),
        (NOON - 61 * MINUTE, None, 2),
        # Ended at the very end of its first period: a second one never started.
        (NOON - 3 * HOUR, NOON - 2 * HOUR, 1),
        (NOON - 3 * HOUR, NOON - 2 * HOUR + MINUTE, 2),
    ],
)
def test_books_started_periods_of_the_day(
    begun: datetime, ended: datetime | None, periods: int
) -> None:
    spend = booked_spend([held(begun, ended=ended)], NOON, HOUR)

    assert spend.day_usd == 10 * periods
    assert spend.month_usd == 10 * periods


def test_books_only_periods_that_started_in_the_day_and_month() -> None:
    # Billed since 23:30 of 31 October at 10 USD: on 1 November at 01:00 the periods from 23:30,
    # 00:30 have started, the last one in the new day and month.
    now = datetime(2026, 11, 1, 1, tzinfo=UTC)

    spend = booked_spend([held(now - timedelta(minutes=90))], now, HOUR)

    assert spend.day_usd == 10
    assert spend.month_usd == 10


def test_books_the_month_apart_from_the_day() -> None:
    # Held from the 19th, 12:00 to the 20th, 12:00: 24 + 1 periods, of which those that start
    # from 00:00 to 12:00 are today's 13.
    spend = booked_spend([held(NOON - 24 * HOUR)], NOON, HOUR)

    assert spend.day_usd == 130
    assert spend.month_usd == 250


@pytest.mark.parametrize(
    ("recorded", "billed", "booked"),
    [
        # Bought in the last minutes of October: it may have begun in November, so it counts there
        # until Bedrock tells its first moment.
        (timedelta(minutes=-5), None, 10),
        (timedelta(minutes=-11), None, 10),
        (timedelta(minutes=-12), None, 0),  # a request takes effect earlier than that
        (timedelta(minutes=-5), timedelta(minutes=-4), 0),
        (timedelta(minutes=-5), timedelta(minutes=1), 10),
    ],
)
def test_books_a_first_period_of_an_unknown_day_on_both(
    recorded: timedelta, billed: timedelta | None, booked: int
) -> None:
    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    bought = build_purchase(
        state=PurchaseState.BOUGHT,
        recorded_at=midnight + recorded,
        billed_from=None if billed is None else midnight + billed,
        usd_per_hour=Decimal(10),
    )

    spend = booked_spend([bought], midnight + 2 * MINUTE, HOUR)

    assert spend.day_usd == spend.month_usd == booked
    if recorded == timedelta(minutes=-5):
        assert booked_spend([bought], midnight - MINUTE, HOUR).day_usd == 10


def test_books_a_purchase_without_an_answer_as_if_it_had_one() -> None:
    open_purchase = build_purchase(recorded_at=NOON - 10 * MINUTE, usd_per_hour=Decimal("60.5"))

    assert booked_spend([open_purchase], NOON, HOUR).day_usd == Decimal("60.5")


@pytest.mark.parametrize("state", [PurchaseState.REFUSED, PurchaseState.ABANDONED])
def test_books_nothing_for_what_was_never_bought(state: PurchaseState) -> None:
    never = build_purchase(state=state, recorded_at=NOON - HOUR, ended_at=NOON)

    assert booked_spend([never], NOON, HOUR).day_usd == 0


def test_books_what_was_bought_before_the_clock_stepped_back() -> None:
    later = held(NOON + 5 * MINUTE)

    assert booked_spend([later], NOON, HOUR).day_usd == 10
    assert cost_so_far(later, NOON, HOUR) == 10


def test_books_billing_periods_of_any_length() -> None:
    # Half an hour at 10 USD costs 5; at 12:00 the periods from 11:15 and 11:45 have started.
    spend = booked_spend([held(NOON - 45 * MINUTE)], NOON, 30 * MINUTE)

    assert spend.day_usd == 10


def test_sums_the_cost_of_one_purchase() -> None:
    # 125 minutes after its start the third hour runs.
    assert cost_so_far(held(NOON - 125 * MINUTE), NOON, HOUR) == 30


def test_counts_purchases_of_the_last_24_hours_whatever_came_of_them() -> None:
    refused = build_purchase(state=PurchaseState.REFUSED, recorded_at=NOON - 23 * HOUR)
    old = build_purchase(state=PurchaseState.IN_SERVICE, recorded_at=NOON - 24 * HOUR)

    assert purchases_since([refused, old], NOON) == 1


def test_counts_releases_but_not_cancelled_ones() -> None:
    kept = build_release(recorded_at=NOON - HOUR, state=ReleaseState.DELETED)
    cancelled = replace(kept, state=ReleaseState.CANCELLED)

    assert releases_since([kept, cancelled], NOON) == 1


def test_a_release_counts_on_the_day_on_which_it_ends() -> None:
    begun = NOON - 30 * HOUR
    waiting = build_release(recorded_at=begun)
    deleted = build_release(recorded_at=begun, state=ReleaseState.DELETED, ended_at=NOON - 2 * HOUR)
    long_ago = build_release(
        recorded_at=begun, state=ReleaseState.DELETED, ended_at=NOON - 25 * HOUR
    )

    assert releases_since([waiting, deleted, long_ago], NOON) == 2


def test_units_whose_delete_may_yet_take_effect_left_when_it_was_sent() -> None:
    sent = build_release(
        state=ReleaseState.DELETING, recorded_at=NOON - 3 * HOUR, delete_sent_at=NOON - MINUTE
    )

    assert units_released_since((sent,), (), NOON, HOUR) == 1
    assert units_released_since((sent,), (), NOON + HOUR, HOUR) == 0


def test_an_hour_lies_between_two_withdrawals_and_between_two_deletes() -> None:
    gone = build_release(state=ReleaseState.DELETED, recorded_at=NOON, ended_at=NOON + 15 * MINUTE)

    def counted(minutes: int, lead: int = 13) -> int:
        now = NOON + minutes * MINUTE
        return units_released_since((gone,), (), now, HOUR, leaves_at=now + lead * MINUTE)

    # The next one is withdrawn at 13:02 and deleted at 13:15; by the withdrawals alone at 13:00.
    assert (counted(61), counted(62)) == (1, 0)
    assert (counted(59, lead=30), counted(60, lead=30)) == (1, 0)


def test_units_that_drain_count_for_three_of_their_periods() -> None:
    """They wait for the end of one; what waits for longer holds no other back for ever."""
    draining = build_release(state=ReleaseState.WITHDRAWN, recorded_at=NOON - 179 * MINUTE)

    assert units_released_since((draining,), (), NOON, HOUR) == 1
    assert units_released_since((draining,), (), NOON + MINUTE, HOUR) == 0
