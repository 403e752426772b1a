import math
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_autoscaler.adapters.bedrock import (
    BedrockCapacity,
)
from bedrock_autoscaler.adapters.bedrock.listing import listed
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.application.errors import (
    ObservationError,
)
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.bedrock_stage import LIST, OWN, POOL, TAGS, Stage, first_page_then_nothing
from tests.builders import MODEL, NOW, PT_MODEL, REGION
from tests.fakes.recording_reporter import Happening


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


def test_a_model_that_is_not_sold_as_units_is_not_active(stage: Stage) -> None:
    assert stage.capacity.is_active("anthropic.claude-sonnet-4-5-20250929-v1:0") is False


def test_the_life_cycle_of_a_custom_model_is_that_of_its_base(stage: Stage) -> None:
    arn = f"arn:aws:bedrock:{REGION}:111122223333:custom-model/{PT_MODEL}/abcdef123456"

    assert stage.capacity.is_active(arn) is True


@pytest.mark.parametrize(
    ("status", "types", "active"),
    [
        ("LEGACY", ["PROVISIONED"], False),
        ("ACTIVE", ["ON_DEMAND", "PROVISIONED"], True),
        ("ACTIVE", ["ON_DEMAND"], None),  # the variant itself may still be sold
    ],
)
def test_a_variant_that_is_not_described_has_the_life_cycle_of_its_model(
    stage: Stage, status: str, types: list[str], active: object
) -> None:
    model: Any = {
        "modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}",
        "modelId": MODEL,
        "modelLifecycle": {"status": status},
        "inferenceTypesSupported": types,
    }
    with Stubber(stage.client) as stub:
        stub.add_client_error("get_foundation_model", "ResourceNotFoundException")
        stub.add_response(
            "get_foundation_model", {"modelDetails": model}, {"modelIdentifier": MODEL}
        )

        assert stage.capacity.is_active(f"{MODEL}:1024k") is active


def test_a_model_without_a_life_cycle_is_unknown(stage: Stage) -> None:
    model: Any = {"modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/a.b", "modelId": "a.b"}
    with Stubber(stage.client) as stub:
        for _ in range(2):
            stub.add_response("get_foundation_model", {"modelDetails": model})

        assert stage.capacity.is_active("a.b") is None
        assert stage.capacity.end_of_life("a.b") is None


def test_an_announced_end_of_life_is_told(stage: Stage) -> None:
    end = NOW + timedelta(days=100)
    stage.world.reconfigure(life_cycles={MODEL: {"end_of_life": end}})

    assert stage.capacity.end_of_life(PT_MODEL) == ModelEnd(at=end)


def test_an_end_that_is_not_announced_is_none_and_not_unknown(stage: Stage) -> None:
    assert stage.capacity.end_of_life(PT_MODEL) == ModelEnd(at=None)
    assert stage.reporter.happenings == []


def test_an_end_that_cannot_be_read_is_unknown_and_reported(stage: Stage) -> None:
    stage.fail("GetFoundationModel", code="AccessDeniedException", times=3)

    assert stage.capacity.end_of_life(PT_MODEL) is None

    (happening,) = stage.reporter.happenings
    assert happening.event == "life_cycle_unread"


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_an_unread_life_cycle_is_unknown_and_reported(stage: Stage, code: str) -> None:
    stage.fail("GetFoundationModel", code=code, times=3)

    assert stage.capacity.is_active(PT_MODEL) is None

    (happening,) = stage.reporter.happenings
    assert happening.event == "life_cycle_unread"
    assert str(happening.fields["error"]).startswith(code)


def test_a_model_of_which_nothing_is_known_is_unknown(stage: Stage) -> None:
    assert stage.capacity.is_active("nobody.model-v1:0") is None


@pytest.mark.parametrize(
    ("applied", "quota"),
    [
        pytest.param({POOL: 5, OWN: 3}, 3, id="the model's own is less"),
        pytest.param({POOL: 2, OWN: 3}, 2, id="the pool is less"),
        pytest.param({POOL: 5}, 0, id="the own default is 0"),
        pytest.param({}, 0, id="a fresh account"),
        pytest.param({POOL: 2.7, OWN: 3}, 2, id="a fraction is no unit"),
    ],
)
def test_the_lesser_quota_binds(stage: Stage, applied: dict[str, float], quota: int) -> None:
    stage.world.reconfigure(applied_quotas=applied)

    assert stage.capacity.model_unit_quota(PT_MODEL) == quota


@pytest.mark.parametrize("applied", [{POOL: 0, OWN: 3}, {POOL: 5, OWN: 3}])
def test_a_term_is_bound_by_the_models_own_quota_alone(
    stage: Stage, applied: dict[str, float]
) -> None:
    stage.world.reconfigure(applied_quotas=applied)

    assert stage.capacity.model_unit_quota(PT_MODEL, Commitment.ONE_MONTH) == 3


def test_the_pool_stands_in_for_a_term_where_no_other_code_is_known(stage: Stage) -> None:
    model_id = "cohere.embed-english-v3:0:512"

    assert stage.capacity.model_unit_quota(model_id, Commitment.ONE_MONTH) == 100


def test_a_model_without_a_known_code_is_bound_by_the_pool(stage: Stage) -> None:
    assert stage.capacity.model_unit_quota("cohere.embed-english-v3:0:512") == 100


@pytest.mark.parametrize("calls_before", [0, 1], ids=["pool", "own"])
def test_an_unread_quota_is_unknown_and_reported(stage: Stage, calls_before: int) -> None:
    quotas = boto3.client("service-quotas", region_name=REGION)
    capacity = BedrockCapacity(stage.client, quotas, load_models().codes_of, stage.reporter)
    with Stubber(quotas) as stub:
        for _ in range(calls_before):
            stub.add_response("get_service_quota", {"Quota": {"Value": 5.0}})
        stub.add_client_error("get_service_quota", "AccessDeniedException", "MARKER")

        quota = capacity.model_unit_quota(PT_MODEL)

    assert quota is None
    assert stage.reporter.happenings == [
        Happening(
            "quota_unread",
            "",
            {"subject": (POOL, OWN)[calls_before], "error": "AccessDeniedException, request none"},
        )
    ]


@pytest.mark.parametrize(
    ("told", "named"), [({}, "None"), ({"Value": math.nan}, "nan"), ({"Value": math.inf}, "inf")]
)
@pytest.mark.parametrize("is_default", [False, True])
def test_a_senseless_quota_is_unknown_and_reported_with_its_value(
    stage: Stage,
    told: Any,
    named: str,
    is_default: bool,  # noqa: FBT001 - a table's column
) -> None:
    quotas = boto3.client("service-quotas", region_name=REGION)
    capacity = BedrockCapacity(stage.client, quotas, load_models().codes_of, stage.reporter)
    with Stubber(quotas) as stub:
        if is_default:
            stub.add_client_error("get_service_quota", "NoSuchResourceException", "")
        operation = "get_aws_default_service_quota" if is_default else "get_service_quota"
        stub.add_response(operation, {"Quota": told})

        quota = capacity.model_unit_quota(PT_MODEL)

    assert quota is None
    (happening,) = stage.reporter.happenings
    assert (happening.event, happening.fields["subject"]) == ("quota_unread", POOL)
    assert named in str(happening.fields["error"])
