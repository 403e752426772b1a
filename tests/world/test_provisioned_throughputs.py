"""The PT operations, by an unmodified boto3 client over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bedrock_world.provisioned import PurchasePlan
from bedrock_world.settings import CustomModel
from bedrock_world.world import World
from tests.world.support import NOVA_2, Clients, buy, refused

START = datetime(2026, 1, 5, tzinfo=UTC)
NOVA_2_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_2}"
CUSTOM = "arn:aws:bedrock:us-east-1:111111111111:custom-model/amazon.nova-2-lite-v1:0:256k/{}"
CUSTOM_A, CUSTOM_B = CUSTOM.format("aaaaaaaaaaaa"), CUSTOM.format("bbbbbbbbbbbb")


def test_a_purchase_is_creating_until_its_lead_time_is_over(world: World, clients: Clients) -> None:
    arn = buy(clients.bedrock, modelUnits=2)
    bought = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    world.advance(timedelta(minutes=14, seconds=59))
    before = clients.bedrock.get_provisioned_model_throughput(provisionedModelId="fleet-1")
    world.advance(timedelta(seconds=1))
    after = clients.bedrock.get_provisioned_model_throughput(provisionedModelId="fleet-1")

    statuses: list[str] = [bought["status"], before["status"], after["status"]]
    assert statuses == ["Creating", "Creating", "InService"]
    assert bought["modelUnits"] == bought["desiredModelUnits"] == 2
    assert bought["modelArn"] == bought["foundationModelArn"] == NOVA_2_ARN
    assert bought["creationTime"] == START
    assert after["lastModifiedTime"] == START + timedelta(minutes=15)
    assert not {"commitmentDuration", "commitmentExpirationTime"} & bought.keys()


def test_lead_times_are_drawn_between_their_bounds_by_the_seed(
    build: Callable[..., World], clients: Clients
) -> None:
    drawn = []
    for seed in (1, 1, 2):
        world = build(
            seed=seed, lead_time=timedelta(minutes=5), lead_time_longest=timedelta(minutes=45)
        )
        buy(clients.bedrock)
        ready = world.purchases.all[0].ready_at
        assert ready is not None
        drawn.append(ready - START)

    assert drawn[0] == drawn[1] != drawn[2]
    assert all(timedelta(minutes=5) <= lead <= timedelta(minutes=45) for lead in drawn)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"provisionedModelName": "app--prod"}, "'provisionedModelName' failed to satisfy"),
        ({"provisionedModelName": "a" * 64}, "length less than or equal to 63"),
        ({"clientRequestToken": "decision:1"}, "'clientRequestToken' failed to satisfy"),
        ({"modelId": "no model"}, "'modelId' failed to satisfy"),
        ({"commitmentDuration": "OneYear"}, "enum value set: [OneMonth, SixMonths]"),
        ({"modelId": "amazon.nova-2-lite-v1:0"}, f"purchasable ids are: {NOVA_2}"),
        ({"modelId": "anthropic.claude-haiku-4-5-20251001-v1:0"}, "does not support provisioned"),
        ({"modelId": "meta.llama3-1-8b-instruct-v1:0:128k"}, "not offered in us-east-1"),
        ({"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, "more than once"),
        ({"tags": [{"key": "aws:a", "value": "1"}]}, "reserved"),
    ],
)
def test_a_purchase_that_aws_would_not_take_is_refused(
    world: World, clients: Clients, params: dict[str, Any], words: str
) -> None:
    with refused("ValidationException", words):
        buy(clients.bedrock, **params)

    assert world.purchases.all == []


def test_an_unknown_model_is_not_found(world: World, clients: Clients) -> None:
    with refused("ResourceNotFoundException", "acme.model-v1:0"):
        buy(clients.bedrock, modelId="acme.model-v1:0")

    assert world.purchases.all == []


def test_a_legacy_model_takes_no_purchase_while_its_older_pts_serve_on(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(life_cycles={"amazon.nova-2-lite-v1:0": {"legacy": START + timedelta(days=1)}})
    arn = buy(clients.bedrock)
    world.advance(timedelta(days=1))

    with refused("ValidationException", "Legacy"):
        buy(clients.bedrock, "fleet-2")
    found = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    assert found["status"] == "InService"


@pytest.mark.parametrize(
    ("quotas", "params", "words"),
    [
        ({}, {}, f"any no commitment model units reserved for {NOVA_2}."),
        ({"L-07D3BCF0": 10}, {}, f"any no commitment model units reserved for {NOVA_2}."),
        ({"L-FE44174A": 10}, {}, f"any no commitment model units reserved for {NOVA_2}."),
        ({"L-FE44174A": 10, "L-07D3BCF0": 3}, {"modelUnits": 4}, "4 no commitment model units"),
        ({"L-FE44174A": 3, "L-07D3BCF0": 10}, {"modelUnits": 4}, "quota L-FE44174A"),
        ({}, {"commitmentDuration": "OneMonth"}, "any commitment model units reserved"),
    ],
)
def test_quotas_are_zero_until_applied_and_both_must_have_room(
    build: Callable[..., World],
    clients: Clients,
    *,
    quotas: dict[str, float],
    params: dict[str, Any],
    words: str,
) -> None:
    build(applied_quotas=quotas)

    with refused("ServiceQuotaExceededException", words):
        buy(clients.bedrock, **params)


def test_the_account_pool_counts_every_uncommitted_pt_failed_ones_too(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(applied_quotas={"L-FE44174A": 2, "L-07D3BCF0": 2})
    world.purchases.plans.append(PurchasePlan(lead_time=timedelta(0), ending="failed"))
    buy(clients.bedrock, "failed-1")
    buy(clients.bedrock, "committed-1", commitmentDuration="OneMonth", modelUnits=2)
    buy(clients.bedrock, "fleet-1")

    with refused("ServiceQuotaExceededException"):
        buy(clients.bedrock, "fleet-2")
    world.reconfigure(failed_holds_quota=False)
    buy(clients.bedrock, "fleet-2")


def test_the_per_model_quota_can_be_told_to_count_all_pts_of_the_model(
    build: Callable[..., World], clients: Clients
) -> None:
    build(applied_quotas={"L-FE44174A": 9, "L-07D3BCF0": 3}, per_model_quota="total")
    buy(clients.bedrock, "fleet-1", modelUnits=2)

    with refused("ServiceQuotaExceededException", "L-07D3BCF0"):
        buy(clients.bedrock, "fleet-2", modelUnits=2)


def test_a_name_in_use_is_refused_until_its_pt_is_gone(world: World, clients: Clients) -> None:
    arn = buy(clients.bedrock)
    with refused("ValidationException", "already exists"):
        buy(clients.bedrock)

    world.advance(timedelta(minutes=15))
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    assert buy(clients.bedrock) != arn


@pytest.mark.parametrize("code", ["ValidationException", "ConflictException"])
def test_the_error_of_a_name_in_use_is_a_switch(
    build: Callable[..., World], clients: Clients, code: str
) -> None:
    build(duplicate_name=code)
    buy(clients.bedrock)

    with refused(code, "already exists"):
        buy(clients.bedrock)


def test_a_failed_purchase_says_why_and_can_be_deleted(world: World, clients: Clients) -> None:
    plan = PurchasePlan(
        ending="failed", failure_message="No capacity", lead_time=timedelta(hours=1)
    )
    world.purchases.plans.append(plan)
    arn = buy(clients.bedrock, commitmentDuration="OneMonth")
    world.advance(timedelta(hours=1))
    failed = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)

    assert (failed["status"], failed["failureMessage"]) == ("Failed", "No capacity")
    with refused("ResourceNotFoundException"):
        clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)


def test_a_stuck_purchase_creates_for_ever_and_a_vanishing_one_is_gone(
    world: World, clients: Clients
) -> None:
    world.purchases.plans.append(PurchasePlan(ending="stuck"))
    world.purchases.plans.append(PurchasePlan(vanish_after=timedelta(hours=2)))
    stuck, vanishing = buy(clients.bedrock, "stuck-1"), buy(clients.bedrock, "lost-1")
    world.advance(timedelta(hours=2))
    found = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=stuck)

    assert found["status"] == "Creating"
    with refused("ResourceNotFoundException"):
        clients.bedrock.get_provisioned_model_throughput(provisionedModelId=vanishing)


@pytest.mark.parametrize("mode", ["ConflictException", "accepted"])
def test_deleting_a_pt_that_is_creating_is_a_switch(
    build: Callable[..., World], clients: Clients, mode: str
) -> None:
    build(delete_while_creating=mode)
    arn = buy(clients.bedrock)

    if mode == "accepted":
        clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
        assert (
            clients.bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"] == []
        )
    else:
        with refused("ConflictException", "Creating"):
            clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)


def test_deleting_what_is_not_there_is_not_found(world: World, clients: Clients) -> None:
    world.advance(timedelta(0))
    with refused("ResourceNotFoundException"):
        clients.bedrock.delete_provisioned_model_throughput(provisionedModelId="fleet-1")


def test_update_renames_but_never_repoints_a_base_models_pt(world: World, clients: Clients) -> None:
    arn = buy(clients.bedrock)
    update = clients.bedrock.update_provisioned_model_throughput
    with refused("ValidationException", "once InService"):
        update(provisionedModelId=arn, desiredProvisionedModelName="fleet-2")
    world.advance(timedelta(minutes=15))
    update(provisionedModelId=arn, desiredProvisionedModelName="fleet-2")
    buy(clients.bedrock, "fleet-1")

    with refused("ValidationException", "cannot be changed"):
        update(provisionedModelId=arn, desiredModelId=NOVA_2)
    with refused("ValidationException", "already exists"):
        update(provisionedModelId=arn, desiredProvisionedModelName="fleet-1")
    with refused("ValidationException", "At least one"):
        update(provisionedModelId=arn)
    found = clients.bedrock.get_provisioned_model_throughput(provisionedModelId="fleet-2")
    assert (found["provisionedModelArn"], found["status"]) == (arn, "InService")


def test_a_custom_models_pt_moves_to_a_sibling_through_updating(
    build: Callable[..., World], clients: Clients
) -> None:
    customs = tuple(CustomModel(arn=arn, base=NOVA_2) for arn in (CUSTOM_A, CUSTOM_B))
    world = build(custom_models=customs)
    arn = buy(clients.bedrock, modelId=CUSTOM_A)
    world.advance(timedelta(minutes=15))
    clients.bedrock.update_provisioned_model_throughput(
        provisionedModelId=arn, desiredModelId=CUSTOM_B
    )
    during = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    with refused("ConflictException", "Updating"):
        clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    world.advance(timedelta(minutes=5))
    after = clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)

    assert (during["status"], during["modelArn"], during["desiredModelArn"]) == (
        "Updating",
        CUSTOM_A,
        CUSTOM_B,
    )
    assert (after["status"], after["modelArn"]) == ("InService", CUSTOM_B)
    assert after["foundationModelArn"] == NOVA_2_ARN


def test_a_custom_models_pt_moves_to_no_other_family(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(custom_models=(CustomModel(arn=CUSTOM_A, base=NOVA_2),))
    arn = buy(clients.bedrock, modelId=CUSTOM_A)
    world.advance(timedelta(minutes=15))

    with refused("ValidationException", "do not share a base model"):
        clients.bedrock.update_provisioned_model_throughput(
            provisionedModelId=arn, desiredModelId="amazon.nova-micro-v1:0:128k"
        )


def test_base_and_custom_models_have_pools_of_their_own(
    build: Callable[..., World], clients: Clients
) -> None:
    build(
        custom_models=(CustomModel(arn=CUSTOM_A, base=NOVA_2),),
        applied_quotas={"L-BE77399C": 1, "L-07D3BCF0": 1},
    )
    buy(clients.bedrock, modelId=CUSTOM_A)

    with refused("ServiceQuotaExceededException"):
        buy(clients.bedrock, "base-1")
