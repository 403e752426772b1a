"""Lists of PTs: filters, order, pages, and how far they lag; tags and how far they lag."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bedrock_world.world import World
from tests.world.support import NOVA_2, Clients, buy, refused

START = datetime(2026, 1, 5, tzinfo=UTC)


def _names(clients: Clients, **params: Any) -> list[str]:
    answer = clients.bedrock.list_provisioned_model_throughputs(**params)
    return [found["provisionedModelName"] for found in answer["provisionedModelSummaries"]]


def _three(world: World, clients: Clients) -> None:
    for name in ("chat-1", "chat-2", "mail-1"):
        model = NOVA_2 if name.startswith("chat") else "amazon.nova-micro-v1:0:128k"
        buy(clients.bedrock, name, modelId=model)
        world.advance(timedelta(minutes=10))


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["mail-1", "chat-2", "chat-1"]),
        ({"sortBy": "CreationTime", "sortOrder": "Ascending"}, ["chat-1", "chat-2", "mail-1"]),
        ({"statusEquals": "InService"}, ["chat-2", "chat-1"]),
        ({"statusEquals": "Failed"}, []),
        ({"nameContains": "chat"}, ["chat-2", "chat-1"]),
        (
            {"modelArnEquals": f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_2}"},
            ["chat-2", "chat-1"],
        ),
        ({"creationTimeAfter": START}, ["mail-1", "chat-2"]),
        ({"creationTimeBefore": START + timedelta(minutes=20)}, ["chat-2", "chat-1"]),
    ],
)
def test_lists_by_filter_and_order(
    world: World, clients: Clients, params: dict[str, Any], names: list[str]
) -> None:
    _three(world, clients)  # 30 minutes later the first two are in service

    assert _names(clients, **params) == names


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("order", ["Ascending", "Descending"])
def test_pages_add_up_to_the_list(world: World, clients: Clients, size: int, order: Any) -> None:
    _three(world, clients)
    paginator = clients.bedrock.get_paginator("list_provisioned_model_throughputs")
    pages = [
        [found["provisionedModelName"] for found in page["provisionedModelSummaries"]]
        for page in paginator.paginate(sortOrder=order, PaginationConfig={"PageSize": size})
    ]

    assert [name for page in pages for name in page] == _names(clients, sortOrder=order)
    assert len(pages) == -(-3 // size)


def test_a_page_goes_on_where_it_stopped_though_its_last_item_is_gone(
    world: World, clients: Clients
) -> None:
    _three(world, clients)
    first = clients.bedrock.list_provisioned_model_throughputs(sortOrder="Ascending", maxResults=1)
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId="chat-1")

    rest = _names(clients, sortOrder="Ascending", nextToken=first["nextToken"])
    assert rest == ["chat-2", "mail-1"]


def test_a_foreign_page_token_is_refused(world: World, clients: Clients) -> None:
    _three(world, clients)
    of_another = clients.bedrock.list_inference_profiles(maxResults=1)["nextToken"]
    for token in ("nonsense", "bm9uc2Vuc2U=", of_another):
        with refused("ValidationException", "next token"):
            _names(clients, nextToken=token)


def test_a_lagging_list_misses_the_new_and_shows_the_gone_while_get_does_not(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(list_lag=timedelta(minutes=15), delete_while_creating="accepted")
    arn = buy(clients.bedrock)
    world.advance(timedelta(minutes=14))
    missing = _names(clients)
    assert clients.bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
    world.advance(timedelta(minutes=1))
    shown = _names(clients)
    clients.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    world.advance(timedelta(minutes=14))
    still_shown = _names(clients)
    world.advance(timedelta(minutes=1))

    assert (missing, shown, still_shown, _names(clients)) == ([], ["fleet-1"], ["fleet-1"], [])


def test_a_rename_inside_the_list_lag_still_lists(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(list_lag=timedelta(minutes=15), lead_time=timedelta(minutes=1))
    arn = buy(clients.bedrock)
    world.advance(timedelta(minutes=15))
    clients.bedrock.update_provisioned_model_throughput(
        provisionedModelId=arn, desiredProvisionedModelName="fleet-2"
    )
    answer = clients.bedrock.list_provisioned_model_throughputs()

    assert answer["provisionedModelSummaries"][0]["lastModifiedTime"] == START


def test_tags_of_a_purchase_can_be_read_added_and_removed(world: World, clients: Clients) -> None:
    arn = buy(clients.bedrock, tags=[{"key": "owner", "value": "a"}, {"key": "x", "value": ""}])
    clients.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "owner", "value": "b"}])
    clients.bedrock.untag_resource(resourceARN=arn, tagKeys=["x", "never set"])

    tags = clients.bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
    assert tags == [{"key": "owner", "value": "b"}]
    assert world.purchases.has(arn)


def test_tags_appear_after_their_lag(build: Callable[..., World], clients: Clients) -> None:
    world = build(tag_lag=timedelta(minutes=10))
    arn = buy(clients.bedrock, tags=[{"key": "owner", "value": "a"}])
    before = clients.bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
    world.advance(timedelta(minutes=10))
    after = clients.bedrock.list_tags_for_resource(resourceARN=arn)["tags"]

    assert (before, after) == ([], [{"key": "owner", "value": "a"}])


def test_a_resource_takes_fifty_tags(world: World, clients: Clients) -> None:
    fifty = [{"key": f"k{index}", "value": ""} for index in range(50)]
    arn = buy(clients.bedrock, tags=fifty)
    clients.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "k0", "value": "again"}])

    with refused("TooManyTagsException"):
        clients.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "one more", "value": ""}])
    with refused("TooManyTagsException"):
        buy(clients.bedrock, "fleet-2", tags=[*fifty, {"key": "one more", "value": ""}])
    assert len(world.purchases.all) == 1


def test_tags_of_what_is_not_there_are_not_found(world: World, clients: Clients) -> None:
    arn = (
        f"arn:aws:bedrock:us-east-1:{world.config.current.account_id}:provisioned-model/{'0' * 12}"
    )
    with refused("ResourceNotFoundException"):
        clients.bedrock.list_tags_for_resource(resourceARN=arn)
    with refused("ResourceNotFoundException"):
        clients.bedrock.tag_resource(resourceARN=arn, tags=[])
