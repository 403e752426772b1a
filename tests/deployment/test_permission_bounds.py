"""What the permissions of roles are bounded by: models, endpoints, partitions, keys, services."""

import pytest

from tests.deployment.granted import EXPECTED, MODELS, allowed_by
from tests.deployment.policies import as_tuple, grants, statements
from tests.deployment.template import stack
from tests.deployment.variants import ENDPOINT, ENDPOINT_ROLE

pytestmark = pytest.mark.xdist_group("template")


def test_nothing_may_be_bought_until_a_model_is_listed() -> None:
    actions = allowed_by(stack())["PurchaseRole"]

    assert "bedrock:CreateProvisionedModelThroughput" not in actions
    assert "bedrock:TagResource" not in actions


def test_only_listed_endpoints_may_be_scaled() -> None:
    named = {"ScalableEndpointArns": f"{ENDPOINT},{ENDPOINT}-2", "EndpointRoleArns": ENDPOINT_ROLE}
    config = "arn:aws:sagemaker:eu-central-1:111111111111:endpoint-config/*"

    allowed = allowed_by(stack(**named))["ScaleEndpointRole"]

    assert allowed["sagemaker:UpdateEndpoint"] == sorted([config, ENDPOINT, f"{ENDPOINT}-2"])
    assert allowed["sagemaker:CreateEndpointConfig"] == [config]
    assert allowed["iam:PassRole"] == [ENDPOINT_ROLE]
    assert allowed["bedrock:ListProvisionedModelThroughputs"] == ["*"]
    looking = allowed_by(stack(**named))["PurchaseRole"]
    assert looking["sagemaker:DescribeEndpoint"] == sorted([ENDPOINT, f"{ENDPOINT}-2"])
    assert "sagemaker:UpdateEndpoint" not in looking
    without = [action for actions in allowed_by(stack()).values() for action in actions]
    assert not [a for a in without if a.startswith("sagemaker:") or "Marketplace" in a]


def test_scaling_writes_its_own_intents_and_no_others() -> None:
    role = "ScaleEndpointRole"
    (grant,) = [g for g in grants(stack()) if (g.role, g.action) == (role, "dynamodb:PutItem")]

    written = ["SCALING#*", "SETTINGS", "TOLD#*"]
    assert grant.conditions == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": written}}


def test_only_listed_models_may_be_bought() -> None:
    custom = "arn:aws:bedrock:eu-central-1:111111111111:custom-model/amazon.nova-lite-v1:0/abc"

    allowed = allowed_by(stack(PurchasableModelArns=f"{MODELS},{custom}"))["PurchaseRole"]

    assert allowed["bedrock:CreateProvisionedModelThroughput"] == sorted([MODELS, custom])


@pytest.mark.parametrize("regions", ["", "us-west-2"])
def test_metrics_are_put_into_our_namespace_only(regions: str) -> None:
    put = [
        grant
        for grant in grants(stack(SourceRegions=regions))
        if grant.action == "cloudwatch:PutMetricData"
    ]

    assert len(put) == 1 + bool(regions)
    for grant in put:
        assert grant.conditions["StringEquals"]["cloudwatch:namespace"] == "BedrockAutoscaler"


def test_metrics_are_read_in_the_own_region_and_in_those_that_are_named() -> None:
    named = stack(SourceRegions="us-west-2,us-east-2")

    regions = {
        (grant.role, *as_tuple(grant.conditions["StringEquals"]["aws:RequestedRegion"]))
        for grant in grants(named)
        if grant.action == "cloudwatch:GetMetricData" and grant.role == "ObserveDecideRole"
    }

    assert regions == {
        ("ObserveDecideRole", "eu-central-1"),
        ("ObserveDecideRole", "us-west-2", "us-east-2"),
    }


@pytest.mark.parametrize(
    ("role", "keys"),
    [
        ("ObserveDecideRole", ["HISTORY#*", "SETTINGS", "TARGET#*", "TOLD#*"]),
        ("PublishRole", ["SETTINGS", "TARGET#*", "TOLD#*"]),
    ],
)
def test_who_does_not_buy_reaches_no_reservation(role: str, keys: list[str]) -> None:
    (grant,) = [g for g in grants(stack()) if (g.role, g.action) == (role, "dynamodb:PutItem")]

    assert grant.conditions == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}


def test_prices_are_all_that_their_refresh_reaches() -> None:
    own = [g for g in grants(stack()) if g.role == "RefreshPricesRole"]

    tables = [g for g in own if g.action.startswith("dynamodb:")]
    keys = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["PRICES"]}}
    assert [g.conditions for g in tables] == [keys, keys]
    (listed,) = [g for g in own if g.action == "pricing:GetProducts"]
    regions = ["ap-south-1", "eu-central-1", "us-east-1"]
    assert listed.conditions == {"StringEquals": {"aws:RequestedRegion": regions}}


def test_customer_key_is_used_through_its_services_only() -> None:
    key = "arn:aws:kms:eu-central-1:111111111111:key/0a1b2c3d"

    of_kms = [g for g in grants(stack(KmsKeyArn=key)) if g.action.startswith("kms:")]

    with_key = [g for g in of_kms if g.resources != ("AlertKey.Arn",)]
    assert {g.role for g in with_key} == set(EXPECTED)
    assert {g.resources for g in with_key} == {(key,)}
    services = [
        "dynamodb.eu-central-1.amazonaws.com",
        "sqs.eu-central-1.amazonaws.com",
    ]
    assert all(g.conditions == {"StringEquals": {"kms:ViaService": services}} for g in with_key)
    without = [g for g in grants(stack()) if g.action.startswith("kms:")]
    assert {g.resources for g in without} == {("AlertKey.Arn",)}


def test_the_topic_s_key_is_used_through_the_topic_only() -> None:
    used = [g for g in grants(stack()) if g.resources == ("AlertKey.Arn",)]

    through = {"StringEquals": {"kms:ViaService": "sns.eu-central-1.amazonaws.com"}}
    assert used
    assert all(g.conditions == through for g in used)


def test_traces_are_sent_only_where_they_are_wanted() -> None:
    traced = stack(Tracing="Active")

    senders = {g.role for g in grants(traced) if g.action == "xray:PutTraceSegments"}
    modes = {f["TracingConfig"]["Mode"] for f in traced.of("AWS::Lambda::Function").values()}
    assert senders == set(EXPECTED) - {"SchedulerRole"}
    assert modes == {"Active"}
    assert not [g for g in grants(stack()) if g.action.startswith("xray:")]


def test_roles_are_assumed_by_their_service_only() -> None:
    roles = stack().of("AWS::IAM::Role")

    trusted = {
        name: [s["Principal"] for s in role["AssumeRolePolicyDocument"]["Statement"]]
        for name, role in roles.items()
    }

    lambdas = {name: [{"Service": "lambda.amazonaws.com"}] for name in EXPECTED}
    assert trusted == lambdas | {"SchedulerRole": [{"Service": "scheduler.amazonaws.com"}]}


def test_no_statement_denies_so_that_reading_the_grants_is_enough() -> None:
    assert {statement["Effect"] for _, statement in statements(stack())} == {"Allow"}
