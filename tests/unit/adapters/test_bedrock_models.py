"""What Bedrock tells of a model: its life cycle, its end, and the quota of its units."""

import math
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_autoscaler.adapters.bedrock import BedrockCapacity
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd
from tests.bedrock_stage import OWN, POOL, Stage
from tests.builders import MODEL, NOW, PT_MODEL, REGION
from tests.fakes.recording_reporter import Happening


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
