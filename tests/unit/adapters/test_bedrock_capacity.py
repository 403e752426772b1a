"""The inventory of throughputs: read to its end, with the tags of their owners."""

from datetime import timedelta
from typing import Any

import pytest

from bedrock_autoscaler.adapters.bedrock.listing import listed
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.bedrock_stage import LIST, TAGS, Stage, first_page_then_nothing
from tests.builders import NOW


def test_the_inventory_is_read_to_its_last_page(stage: Stage) -> None:
    arns = stage.buy(7)
    stage.world.reconfigure(page_size=2)

    inventory = stage.capacity.inventory()

    # Seven throughputs by two are four pages.
    assert {listed.arn for listed in inventory.throughputs} == set(arns)
    assert inventory.complete
    assert stage.calls[LIST] == 4


def test_an_inventory_that_breaks_off_says_so(stage: Stage) -> None:
    stage.buy(4)
    stage.world.reconfigure(page_size=2)
    with_two_pages = stage.client.get_paginator("list_provisioned_model_throughputs")
    assert len(list(with_two_pages.paginate())) == 2
    first_page_then_nothing(stage)

    inventory = stage.capacity.inventory()

    assert len(inventory.throughputs) == 2
    assert not inventory.complete
    (told,) = stage.reporter.happenings
    assert told.event == "inventory_partial"
    assert str(told.fields["error"]).startswith("a later page: AccessDeniedException")


def test_a_throughput_of_an_unknown_kind_makes_the_inventory_incomplete(stage: Stage) -> None:
    """Throughput by tokens, say, has no model units: its size cannot be counted."""
    stage.buy(2)

    def leave_out(parsed: dict[str, Any], **_: object) -> None:
        del parsed["provisionedModelSummaries"][0]["modelUnits"]

    stage.client.meta.events.register(f"after-call.bedrock.{LIST}", leave_out)

    inventory = stage.capacity.inventory()

    assert (len(inventory.throughputs), inventory.complete) == (1, False)
    (told,) = stage.reporter.happenings
    assert str(told.fields["error"]).endswith("lacks 'modelUnits'")


def test_an_inventory_without_its_first_page_is_an_error(stage: Stage) -> None:
    stage.buy()
    stage.fail(LIST, code="AccessDeniedException")

    with pytest.raises(ObservationError, match="AccessDeniedException, request "):
        stage.capacity.inventory()


def test_a_throttled_read_is_tried_three_times(stage: Stage) -> None:
    stage.buy()
    stage.fail(LIST, code="ThrottlingException", times=2)

    assert stage.capacity.inventory().complete

    stage.fail(LIST, code="ThrottlingException", times=3)
    with pytest.raises(ObservationError, match="ThrottlingException"):
        stage.capacity.inventory()


def test_owner_tags_are_remembered_and_one_throughput_is_asked_for_them_again(
    stage: Stage,
) -> None:
    stage.buy(3)

    for _ in range(4):
        stage.capacity.inventory()

    assert stage.calls[TAGS] == 3 + 3


@pytest.mark.parametrize("owners", [("someone-else",), ("someone-else", "test")])
def test_owner_tags_that_somebody_changes_show_after_as_many_inventories_as_throughputs(
    stage: Stage, owners: tuple[str, ...]
) -> None:
    arns = stage.buy(3)
    for owner in owners:
        stage.capacity.inventory()
        stage.client.tag_resource(
            resourceARN=arns[1], tags=[{"key": "bedrock-autoscaler:deployment", "value": owner}]
        )
        for _ in arns:
            stage.capacity.inventory()

    shown = {listed.arn: listed.deployment for listed in stage.capacity.inventory().throughputs}
    assert shown == dict.fromkeys(arns, "test") | {arns[1]: owners[-1]}


def test_owner_tags_that_cannot_be_read_again_are_those_known_before(stage: Stage) -> None:
    stage.buy()
    before = stage.capacity.inventory()
    stage.fail(TAGS, code="AccessDeniedException")

    inventory = stage.capacity.inventory()

    assert (inventory.throughputs, inventory.complete) == (before.throughputs, False)
    assert stage.capacity.inventory() == before


def test_owner_tags_of_what_is_gone_keep_no_others_from_being_read_again(stage: Stage) -> None:
    first, second = stage.buy(2)
    stage.capacity.inventory()
    stage.world.advance(HOUR)
    gone = min(first, second)
    stage.client.delete_provisioned_model_throughput(provisionedModelId=gone)
    stage.world.advance(HOUR)
    before = stage.calls[TAGS]

    stage.capacity.inventory()
    stage.capacity.inventory()

    assert stage.calls[TAGS] == before + 1


def test_a_throughput_without_owner_tags_is_asked_for_again(stage: Stage) -> None:
    stage.world.reconfigure(tag_lag=timedelta(minutes=5))
    stage.buy()
    before = stage.capacity.inventory().throughputs[0].deployment

    stage.world.advance(5 * MINUTE)

    after = stage.capacity.inventory().throughputs[0].deployment
    assert (before, after) == (None, "test")
    assert stage.calls[TAGS] == 2


def test_an_inventory_with_unread_tags_is_incomplete_and_counts_the_throughput(
    stage: Stage,
) -> None:
    stage.buy(2)
    stage.fail(TAGS, code="AccessDeniedException")

    inventory = stage.capacity.inventory()

    assert len(inventory.throughputs) == 2
    assert [listed.deployment for listed in inventory.throughputs].count(None) == 1
    assert not inventory.complete
    (told,) = stage.reporter.happenings
    assert "provisioned-model/" in str(told.fields["error"])
    assert "AccessDeniedException" in str(told.fields["error"])
    assert stage.capacity.inventory().complete


def test_a_throughput_that_vanishes_while_it_is_listed_has_no_tags(stage: Stage) -> None:
    stage.buy()
    stage.fail(TAGS, code="ResourceNotFoundException")

    inventory = stage.capacity.inventory()

    assert [listed.deployment for listed in inventory.throughputs] == [None]
    assert inventory.complete


def test_before_a_deletion_the_tags_are_read_afresh(stage: Stage) -> None:
    (arn,) = stage.buy()
    first = stage.releasing.get(arn)
    stage.client.untag_resource(resourceARN=arn, tagKeys=["bedrock-autoscaler:deployment"])

    second = stage.releasing.get(arn)

    assert first is not None
    assert second is not None
    assert (first.deployment, second.deployment) == ("test", None)


def test_a_throughput_whose_tags_are_not_found_is_there_all_the_same(stage: Stage) -> None:
    """Called gone, it would be billed while nobody counts it any more."""
    (arn,) = stage.buy()
    stage.fail(TAGS, code="ResourceNotFoundException")

    found = stage.releasing.get(arn)

    assert found is not None
    assert (found.arn, found.deployment) == (arn, None)


def test_a_throughput_whose_tags_cannot_be_read_is_not_described(stage: Stage) -> None:
    (arn,) = stage.buy()
    stage.fail(TAGS, code="AccessDeniedException")

    with pytest.raises(ObservationError):
        stage.releasing.get(arn)


def test_what_aws_adds_one_day_is_neither_routed_nor_deleted() -> None:
    moment = NOW
    summary: Any = {
        "provisionedModelArn": "arn",
        "provisionedModelName": "name",
        "modelArn": "model",
        "modelUnits": 1,
        "status": "Hibernating",
        "creationTime": moment,
        "commitmentDuration": "TwoYears",
    }

    held = listed(summary, {})

    assert held.status is Status.UPDATING
    assert held.commitment is not Commitment.NONE
    assert (
        listed(
            summary | {"commitmentDuration": None, "commitmentExpirationTime": moment}, {}
        ).commitment
        is not Commitment.NONE
    )
