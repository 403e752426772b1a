"""Idempotency, commitments and bills: what a mistake would cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from bedrock_world.provisioned import PurchasePlan
from bedrock_world.settings import UnitPrice
from bedrock_world.world import World
from tests.world.support import NOVA_2, Clients, buy, refused

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOKEN: Any = {"clientRequestToken": "decision-1"}


def test_the_same_token_buys_once_and_gets_the_first_answer(world: World, clients: Clients) -> None:
    first = buy(clients.bedrock, **TOKEN)
    world.advance(timedelta(hours=23, minutes=59))
    again = buy(clients.bedrock, **TOKEN)
    # A changed request under the same token is ignored too, not refused.
    changed = buy(clients.bedrock, "fleet-2", modelUnits=3, **TOKEN)

    assert first == again == changed
    assert [purchase.name for purchase in world.purchases.all] == ["fleet-1"]


def test_a_client_without_a_token_buys_twice(world: World, clients: Clients) -> None:
    buy(clients.bedrock)
    buy(clients.bedrock, "fleet-2")

    assert len(world.purchases.all) == 2


def test_a_token_is_forgotten_after_its_lifetime(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(token_lifetime=HOUR, duplicate_name="accepted")
    first = buy(clients.bedrock, **TOKEN)
    world.advance(HOUR)

    assert buy(clients.bedrock, **TOKEN) != first


def test_a_replayed_token_can_be_told_to_fail(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(equal_replay="ValidationException")
    buy(clients.bedrock, **TOKEN)

    with refused("ValidationException", "used before"):
        buy(clients.bedrock, **TOKEN)
    assert len(world.purchases.all) == 1


def test_a_changed_replay_can_be_told_to_fail(
    build: Callable[..., World], clients: Clients
) -> None:
    build(changed_replay="ValidationException")
    first = buy(clients.bedrock, **TOKEN)

    assert buy(clients.bedrock, **TOKEN) == first
    with refused("ValidationException", "other parameters"):
        buy(clients.bedrock, modelUnits=2, **TOKEN)


def test_a_refused_purchase_leaves_its_token_unused(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(applied_quotas={})
    with refused("ServiceQuotaExceededException"):
        buy(clients.bedrock, **TOKEN)
    world.reconfigure(applied_quotas={"L-FE44174A": 1, "L-07D3BCF0": 1})
    buy(clients.bedrock, **TOKEN)

    assert len(world.purchases.all) == 1


@pytest.mark.parametrize(("term", "days"), [("OneMonth", 30), ("SixMonths", 180)])
def test_a_commitment_refuses_deletion_and_renews(
    world: World, clients: Clients, term: Any, days: int
) -> None:
    arn = buy(clients.bedrock, commitmentDuration=term)
    first_end = START + timedelta(days=days)
    world.advance_to(first_end - timedelta(seconds=1))
    before = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    with refused("ConflictException", "commitment term"):
        clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    # A day after the renewal the next term locks.
    world.advance_to(first_end + timedelta(days=1))
    after = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    with refused("ConflictException", "commitment term"):
        clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)

    assert before["commitmentDuration"] == term
    assert before["commitmentExpirationTime"] == first_end
    assert after["commitmentExpirationTime"] == first_end + timedelta(days=days)


def test_a_commitment_can_be_deleted_in_the_window_after_its_renewal(
    world: World, clients: Clients
) -> None:
    arn = buy(clients.bedrock, commitmentDuration="OneMonth")
    world.advance(timedelta(days=30, hours=23))
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)

    assert not world.purchases.has(arn)


def test_a_renewed_term_can_be_told_not_to_lock(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(renewed_term="open")
    arn = buy(clients.bedrock, commitmentDuration="OneMonth")
    world.advance(timedelta(days=45))
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)

    assert not world.purchases.has(arn)


def test_the_refusal_of_a_committed_deletion_is_a_switch(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(committed_delete_error="ValidationException")
    arn = buy(clients.bedrock, commitmentDuration="OneMonth")
    world.advance(HOUR)

    with refused("ValidationException", "commitment term"):
        clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)


def _usd(world: World, start: datetime, end: datetime) -> Decimal | None:
    return world.bill(start, end).usd


@pytest.mark.parametrize(
    ("life", "hours"),
    [
        (timedelta(0), 1),
        (timedelta(minutes=1), 1),
        (HOUR, 1),
        (timedelta(minutes=61), 2),
        (timedelta(hours=25), 25),
    ],
)
def test_every_started_hour_from_the_purchase_on_is_paid(
    build: Callable[..., World], clients: Clients, life: timedelta, hours: int
) -> None:
    world = build(delete_while_creating="accepted")
    world.advance(timedelta(minutes=7))
    arn = buy(clients.bedrock, modelUnits=3)
    world.advance(life)
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    world.advance(timedelta(days=1))

    # 60.50 USD for a unit and hour, three units
    assert _usd(world, START, world.clock.now()) == hours * 3 * Decimal("60.50")


def test_windows_add_up_and_charge_a_period_where_it_starts(world: World, clients: Clients) -> None:
    world.advance(timedelta(minutes=30))
    buy(clients.bedrock)
    world.advance(timedelta(minutes=150))
    at = [START + timedelta(minutes=minutes) for minutes in (0, 60, 120, 180)]

    # Bought at 0:30, so periods start at 0:30, 1:30 and 2:30.
    parts = [_usd(world, start, end) for start, end in pairwise(at)]
    assert parts == [Decimal("60.50")] * 3
    assert _usd(world, at[0], at[3]) == Decimal("181.50")
    assert _usd(world, START, START + timedelta(minutes=30)) == Decimal(0)


def test_a_term_has_its_own_price(world: World, clients: Clients) -> None:
    buy(clients.bedrock, commitmentDuration="OneMonth")
    world.advance(HOUR)

    assert _usd(world, START, world.clock.now()) == Decimal("55.00")


def test_an_unknown_price_makes_the_total_unknown_not_zero(world: World, clients: Clients) -> None:
    buy(clients.bedrock)
    buy(clients.bedrock, "micro-1", modelId="amazon.nova-micro-v1:0:128k")
    world.advance(HOUR)
    bill = world.bill(START, world.clock.now())

    assert [charge.usd for charge in bill.charges] == [Decimal("60.50"), None]
    assert bill.usd is None


def test_billing_from_in_service_on_and_in_other_periods_are_switches(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(
        billing_starts="in_service",
        billing_period=timedelta(minutes=30),
        unit_prices={NOVA_2: UnitPrice(no_commitment=Decimal(60))},
        delete_while_creating="accepted",
    )
    buy(clients.bedrock)
    never = buy(clients.bedrock, "never-1")
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=never)
    world.advance(timedelta(minutes=46))

    # In service from 0:15, so half-hours start at 0:15 and 0:45, at 30 USD each.
    assert _usd(world, START, world.clock.now()) == Decimal(60)


@pytest.mark.parametrize(("billed", "hours"), [(False, 1), (True, 3)])
def test_a_failed_purchase_is_billed_as_the_switch_says(
    build: Callable[..., World], clients: Clients, *, billed: bool, hours: int
) -> None:
    world = build(failed_is_billed=billed)
    world.purchases.plans.append(PurchasePlan(ending="failed", lead_time=timedelta(minutes=20)))
    buy(clients.bedrock)
    world.advance(timedelta(hours=3))

    assert _usd(world, START, world.clock.now()) == hours * Decimal("60.50")


def test_the_future_cannot_be_billed(world: World) -> None:
    with pytest.raises(ValueError, match="nothing is known"):
        world.bill(START, START + HOUR)
