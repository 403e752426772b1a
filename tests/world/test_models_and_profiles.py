"""Foundation models, inference profiles and Service Quotas over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bedrock_world.world import World
from tests.world.support import (
    HELLO,
    NOVA_2,
    NOVA_2_PROFILE,
    NOVA_LITE,
    NOVA_LITE_PROFILE,
    Clients,
    buy,
    refused,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"


@pytest.mark.parametrize(
    ("model_id", "types"),
    [
        (NOVA_LITE, ["ON_DEMAND"]),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}", ["ON_DEMAND"]),
        (f"{NOVA_LITE}:24k", ["PROVISIONED"]),
        (NOVA_2, ["PROVISIONED"]),
        ("amazon.nova-2-lite-v1:0", []),
        ("amazon.nova-canvas-v1:0", ["ON_DEMAND", "PROVISIONED"]),
    ],
)
def test_a_purchase_id_is_provisioned_and_its_bare_id_is_not(
    world: World, clients: Clients, model_id: str, types: list[str]
) -> None:
    world.advance(timedelta(0))
    details = clients.bedrock.get_foundation_model(modelIdentifier=model_id)["modelDetails"]

    assert details["inferenceTypesSupported"] == types
    assert details["modelLifecycle"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("region", "variants"),
    [("us-west-2", ["meta.llama3-1-8b-instruct-v1:0:128k"]), ("us-east-1", [])],
)
def test_a_region_shows_the_purchase_ids_that_it_sells(
    build: Callable[..., World],
    clients: Clients,
    *,
    region: str,
    variants: list[str],
) -> None:
    build(region=region)
    bare = "meta.llama3-1-8b-instruct-v1:0"
    listed = clients.bedrock.list_foundation_models(byInferenceType="PROVISIONED")["modelSummaries"]
    details = clients.bedrock.get_foundation_model(modelIdentifier=bare)["modelDetails"]

    assert details["inferenceTypesSupported"] == ["ON_DEMAND"]
    assert [each["modelId"] for each in listed if each["modelId"].startswith(bare)] == variants


@pytest.mark.parametrize("place", ["arn:aws:bedrock:eu-west-1:", "arn:aws-cn:bedrock:us-east-1:"])
def test_a_model_arn_of_another_region_or_partition_leads_nowhere(
    world: World, clients: Clients, place: str
) -> None:
    with refused("ResourceNotFoundException"):
        clients.bedrock.get_foundation_model(modelIdentifier=f"{place}:foundation-model/{NOVA_2}")
    with refused("ResourceNotFoundException"):
        buy(clients.bedrock, modelId=f"{place}:foundation-model/{NOVA_2}")
    with refused("ValidationException", "identifier is invalid"):
        _copy(clients, f"{place}:foundation-model/{NOVA_LITE}")

    assert world.purchases.all == []


def test_an_inference_type_that_botocore_does_not_list_can_be_switched_on(
    build: Callable[..., World], clients: Clients
) -> None:
    build(emit_unmodelled_inference_type=True)
    details = clients.bedrock.get_foundation_model(modelIdentifier="amazon.nova-2-lite-v1:0")

    assert details["modelDetails"]["inferenceTypesSupported"] == ["INFERENCE_PROFILE"]


def test_a_model_turns_legacy_and_then_ends(world: World, clients: Clients) -> None:
    get = clients.bedrock.get_foundation_model
    world.advance_to(datetime(2026, 3, 10, tzinfo=UTC))
    legacy = get(modelIdentifier=HAIKU_3)["modelDetails"]["modelLifecycle"]
    world.advance_to(datetime(2026, 9, 10, tzinfo=UTC))

    assert legacy["status"] == "LEGACY"
    assert legacy["endOfLifeTime"] == datetime(2026, 9, 10, tzinfo=UTC)
    with refused("ResourceNotFoundException"):
        get(modelIdentifier=HAIKU_3)
    with refused("ResourceNotFoundException", "end of its life"):
        clients.runtime.converse(modelId=HAIKU_3, messages=HELLO)
    with refused("ResourceNotFoundException", "end of its life"):
        _copy(clients, f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU_3}")
    with refused("ResourceNotFoundException", "end of its life"):
        clients.bedrock.create_provisioned_model_throughput(
            modelUnits=1, provisionedModelName="a", modelId=f"{HAIKU_3}:48k"
        )


@pytest.mark.parametrize(
    ("params", "has", "lacks"),
    [
        ({}, {NOVA_2, NOVA_LITE, "amazon.titan-embed-text-v1"}, set()),
        ({"byInferenceType": "PROVISIONED"}, {NOVA_2}, {NOVA_LITE}),
        ({"byInferenceType": "ON_DEMAND"}, {NOVA_LITE}, {NOVA_2}),
        ({"byOutputModality": "EMBEDDING"}, {"amazon.titan-embed-text-v1"}, {NOVA_LITE}),
        ({"byProvider": "amazon"}, {NOVA_LITE}, {HAIKU_3}),
        ({"byCustomizationType": "FINE_TUNING"}, {NOVA_LITE}, {HAIKU_3}),
    ],
)
def test_models_are_listed_by_filter(
    world: World, clients: Clients, *, params: dict[str, Any], has: set[str], lacks: set[str]
) -> None:
    world.advance(timedelta(0))
    listed = clients.bedrock.list_foundation_models(**params)["modelSummaries"]
    ids = {model["modelId"] for model in listed}

    assert has <= ids
    assert not lacks & ids


def test_system_profiles_name_the_regions_they_route_to(world: World, clients: Clients) -> None:
    profile = clients.bedrock.get_inference_profile(inferenceProfileIdentifier=NOVA_LITE_PROFILE)
    again = clients.bedrock.get_inference_profile(
        inferenceProfileIdentifier=profile["inferenceProfileArn"]
    )

    assert profile["type"] == "SYSTEM_DEFINED"
    assert [model["modelArn"] for model in profile["models"]] == [
        f"arn:aws:bedrock:{region}::foundation-model/{NOVA_LITE}"
        for region in ("us-east-1", "us-east-2", "us-west-2")
    ]
    assert again["inferenceProfileId"] == NOVA_LITE_PROFILE
    with refused("ResourceNotFoundException"):
        # A European profile is unknown in us-east-1.
        clients.bedrock.get_inference_profile(inferenceProfileIdentifier=f"eu.{NOVA_LITE}")
    with refused("ValidationException", "cannot be deleted"):
        clients.bedrock.delete_inference_profile(inferenceProfileIdentifier=NOVA_LITE_PROFILE)
    assert world.clock.now() == START


def _copy(clients: Clients, source: str, name: str = "chat", **params: Any) -> str:
    answer = clients.bedrock.create_inference_profile(
        inferenceProfileName=name, modelSource={"copyFrom": source}, **params
    )
    return answer["inferenceProfileArn"]


def test_application_profiles_copy_a_model_or_a_profile_and_can_be_deleted(
    world: World, clients: Clients
) -> None:
    system = clients.bedrock.get_inference_profile(inferenceProfileIdentifier=NOVA_LITE_PROFILE)
    geographic = _copy(
        clients, system["inferenceProfileArn"], tags=[{"key": "team", "value": "chat"}]
    )
    single = _copy(clients, f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}", "mail")
    own = clients.bedrock.list_inference_profiles(typeEquals="APPLICATION")
    tags = clients.bedrock.list_tags_for_resource(resourceARN=geographic)["tags"]
    clients.bedrock.delete_inference_profile(inferenceProfileIdentifier=geographic)
    left = clients.bedrock.list_inference_profiles(typeEquals="APPLICATION")

    shown = {row["inferenceProfileArn"]: row for row in own["inferenceProfileSummaries"]}
    assert {arn: len(row["models"]) for arn, row in shown.items()} == {geographic: 3, single: 1}
    assert tags == [{"key": "team", "value": "chat"}]
    assert [row["inferenceProfileArn"] for row in left["inferenceProfileSummaries"]] == [single]
    with refused("ResourceNotFoundException"):
        clients.runtime.converse(modelId=geographic, messages=HELLO)
    assert clients.runtime.converse(modelId=single, messages=HELLO)["stopReason"]
    assert world.purchases.all == []


def test_application_profiles_refuse_what_aws_refuses(
    build: Callable[..., World], clients: Clients
) -> None:
    world = build(max_application_profiles=1)
    model = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}"
    token = {"clientRequestToken": "once"}
    assert _copy(clients, model, **token) == _copy(clients, model, **token)

    with refused("ConflictException", "already exists"):
        _copy(clients, model)
    with refused("ServiceQuotaExceededException"):
        _copy(clients, model, "mail")
    with refused("ValidationException", "identifier is invalid"):
        _copy(clients, "arn:aws:bedrock:us-east-1::foundation-model/acme.model-v1:0", "mail")
    with refused("ResourceNotFoundException"):
        _copy(clients, "arn:aws:bedrock:us-east-1:111111111111:inference-profile/us.acme", "mail")
    world.reconfigure(max_application_profiles=2)
    # A profile-only model has no in-Region capacity to copy.
    profile_only = _copy(
        clients, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-lite-v1:0", "mail"
    )
    with refused("ValidationException", "inference profile"):
        clients.runtime.converse(modelId=profile_only, messages=HELLO)


def test_profiles_are_listed_in_pages(world: World, clients: Clients) -> None:
    model = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}"
    for name in ("chat", "mail"):
        _copy(clients, model, name)
        world.advance(timedelta(seconds=1))
    paginator = clients.bedrock.get_paginator("list_inference_profiles")
    names = [
        row["inferenceProfileName"]
        for page in paginator.paginate(PaginationConfig={"PageSize": 4})
        for row in page["inferenceProfileSummaries"]
    ]

    whole = clients.bedrock.list_inference_profiles()["inferenceProfileSummaries"]
    assert names == [row["inferenceProfileName"] for row in whole]
    assert names[-2:] == ["chat", "mail"]
    assert len(set(names)) == len(names)
    with refused("ValidationException", "next token"):
        clients.bedrock.list_inference_profiles(nextToken="nonsense")


def test_a_quota_without_an_applied_value_shows_its_default_only(
    build: Callable[..., World], clients: Clients
) -> None:
    build(applied_quotas={"L-FE44174A": 7, "L-07D3BCF0": 3})
    applied = clients.quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-FE44174A")
    default = clients.quotas.get_aws_default_service_quota(
        ServiceCode="bedrock", QuotaCode="L-FE44174A"
    )
    other = clients.quotas.get_aws_default_service_quota(
        ServiceCode="bedrock", QuotaCode="L-C6F5908D"
    )

    assert applied["Quota"]["Value"] == 7.0
    assert default["Quota"]["Value"] == 0.0
    assert other["Quota"]["Value"] == 8_000_000.0
    assert "Cross-region model inference tokens per minute" in other["Quota"]["QuotaName"]
    for service, code in (("bedrock", "L-C6F5908D"), ("bedrock", "L-00000000"), ("ec2", "L-1")):
        with refused("NoSuchResourceException"):
            clients.quotas.get_service_quota(ServiceCode=service, QuotaCode=code)


def test_applied_quotas_are_listed_in_pages(build: Callable[..., World], clients: Clients) -> None:
    build(applied_quotas={"L-FE44174A": 7, "L-07D3BCF0": 3, "L-BE77399C": 1})
    paginator = clients.quotas.get_paginator("list_service_quotas")
    codes = [
        quota["QuotaCode"]
        for page in paginator.paginate(ServiceCode="bedrock", PaginationConfig={"PageSize": 2})
        for quota in page["Quotas"]
    ]

    assert codes == ["L-07D3BCF0", "L-BE77399C", "L-FE44174A"]
    one = clients.quotas.list_service_quotas(ServiceCode="bedrock", QuotaCode="L-BE77399C")
    assert [quota["Value"] for quota in one["Quotas"]] == [1.0]
    with refused("InvalidPaginationTokenException"):
        clients.quotas.list_service_quotas(ServiceCode="bedrock", NextToken="nonsense")


def test_defaults_are_listed_whatever_is_applied(
    build: Callable[..., World], clients: Clients
) -> None:
    build(applied_quotas={"L-FE44174A": 7})
    pages = clients.quotas.get_paginator("list_aws_default_service_quotas").paginate(
        ServiceCode="bedrock"
    )
    values = {quota["QuotaCode"]: quota["Value"] for page in pages for quota in page["Quotas"]}

    assert (values["L-FE44174A"], values["L-1D3E59A3"]) == (0.0, 100.0)


def test_the_profile_of_the_demo_model_exists(world: World, clients: Clients) -> None:
    found = clients.bedrock.get_inference_profile(inferenceProfileIdentifier=NOVA_2_PROFILE)

    assert found["status"] == "ACTIVE"
    assert world.purchases.all == []
