"""Each role's permissions as a whole, so that any change to them is reviewed here too."""

import pytest

from tests.deployment.policies import as_tuple, grants, statements
from tests.deployment.template import Stack, stack
from tests.deployment.variants import ENDPOINT, ENDPOINT_ROLE

pytestmark = pytest.mark.xdist_group("template")

MODELS = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0*"
THROUGHPUTS = "arn:aws:bedrock:eu-central-1:111111111111:provisioned-model/*"
PREFIX = "arn:aws:ssm:eu-central-1:111111111111:parameter/bedrock-autoscaler"
SWITCH = f"{PREFIX}/switch"
ROUTES = f"{PREFIX}/routes/*"

LISTS = {
    "bedrock:ListProvisionedModelThroughputs": ["*"],
    "bedrock:ListTagsForResource": [THROUGHPUTS],
}
LOOKS = {
    "bedrock:GetProvisionedModelThroughput": [THROUGHPUTS],
    "bedrock:ListTagsForResource": [THROUGHPUTS],
}
READ_SETTINGS = {"ssm:GetParametersByPath": [f"{PREFIX}/settings", f"{PREFIX}/settings/*"]}
KEEP_LEDGER = {
    "dynamodb:PutItem": ["LedgerTable.Arn"],
    "dynamodb:Query": ["LedgerTable.Arn"],
}


TELL = {
    "events:PutEvents": ["EventBus.Arn"],
    "kms:Decrypt": ["AlertKey.Arn"],
    "kms:GenerateDataKey": ["AlertKey.Arn"],
    "sns:Publish": ["AlertTopic"],
}


def _logs(role: str) -> dict[str, list[str]]:
    group = f"{role}LogGroup.Arn"
    return {"logs:CreateLogStream": [group], "logs:PutLogEvents": [group]}


# Beside what a role's task names: `observe_decide` puts the heartbeat; the actors read settings,
# because caps bind as they are now, not as they were at the decision; `publish` notes in a
# release's intent that its throughput has left the table.
EXPECTED: dict[str, dict[str, list[str]]] = {
    "ObserveDecideRole": LISTS
    | LOOKS
    | READ_SETTINGS
    | KEEP_LEDGER
    | TELL
    | _logs("ObserveDecide")
    | {
        "bedrock:GetFoundationModel": ["arn:aws:bedrock:eu-central-1::foundation-model/*"],
        "bedrock:GetInferenceProfile": [
            "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/*",
            "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/*",
        ],
        "bedrock:ListFoundationModels": ["*"],
        "bedrock:ListInferenceProfiles": ["*"],
        "cloudwatch:GetMetricData": ["*"],
        "cloudwatch:ListMetrics": ["*"],
        "cloudwatch:PutMetricData": ["*"],
        "dynamodb:GetItem": ["ConsentsTable.Arn", "LedgerTable.Arn", "RoutesTable.Arn"],
        "servicequotas:GetAWSDefaultServiceQuota": ["*"],
        "servicequotas:GetServiceQuota": [
            "arn:aws:servicequotas:eu-central-1:111111111111:bedrock/*"
        ],
        "servicequotas:ListServiceQuotas": ["*"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
    },
    "PurchaseRole": LISTS
    | LOOKS
    | READ_SETTINGS
    | KEEP_LEDGER
    | TELL
    | _logs("Purchase")
    | {
        "bedrock:CreateProvisionedModelThroughput": [MODELS],
        "bedrock:TagResource": [THROUGHPUTS],
        "dynamodb:GetItem": ["ConsentsTable.Arn", "LedgerTable.Arn"],
        "dynamodb:UpdateItem": ["ConsentsTable.Arn", "LedgerTable.Arn"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
        "ssm:GetParameter": [SWITCH],
    },
    "ReleaseRole": LOOKS
    | READ_SETTINGS
    | KEEP_LEDGER
    | TELL
    | _logs("Release")
    | {
        "bedrock:DeleteProvisionedModelThroughput": [THROUGHPUTS],
        "cloudwatch:GetMetricData": ["*"],
        "dynamodb:GetItem": ["LedgerTable.Arn", "RoutesTable.Arn"],
        "dynamodb:UpdateItem": ["LedgerTable.Arn"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
        "ssm:GetParameter": [SWITCH],
    },
    "PublishRole": LISTS
    | READ_SETTINGS
    | TELL
    | _logs("Publish")
    | {
        "dynamodb:GetItem": ["LedgerTable.Arn", "RoutesTable.Arn"],
        "dynamodb:PutItem": ["LedgerTable.Arn"],
        "dynamodb:Query": ["LedgerTable.Arn"],
        "dynamodb:UpdateItem": ["RoutesTable.Arn"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
        "ssm:GetParameter": [ROUTES, SWITCH],
        "ssm:PutParameter": [ROUTES],
    },
    "RefreshPricesRole": _logs("RefreshPrices")
    | {
        "dynamodb:GetItem": ["LedgerTable.Arn"],
        "dynamodb:PutItem": ["LedgerTable.Arn"],
        "pricing:GetProducts": ["*"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
    },
    "ScaleEndpointRole": READ_SETTINGS
    | TELL
    | _logs("ScaleEndpoint")
    | {
        "dynamodb:GetItem": ["LedgerTable.Arn"],
        "dynamodb:PutItem": ["LedgerTable.Arn"],
        "dynamodb:Query": ["LedgerTable.Arn"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
        "ssm:GetParameter": [SWITCH],
    },
    "SchedulerRole": {
        "lambda:InvokeFunction": [
            "ObserveDecideFunctionAliaslive",
            "PublishFunctionAliaslive",
            "PurchaseFunctionAliaslive",
            "RefreshPricesFunctionAliaslive",
            "ReleaseFunctionAliaslive",
            "ScaleEndpointFunctionAliaslive",
        ],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
    },
}


def _allowed(deployed: Stack) -> dict[str, dict[str, list[str]]]:
    allowed: dict[str, dict[str, set[str]]] = {}
    for grant in grants(deployed):
        actions = allowed.setdefault(grant.role, {})
        actions.setdefault(grant.action, set()).update(grant.resources)
    return {
        role: {action: sorted(resources) for action, resources in actions.items()}
        for role, actions in allowed.items()
    }


def test_roles_allow_exactly_what_is_listed() -> None:
    assert _allowed(stack(PurchasableModelArns=MODELS)) == EXPECTED


WORKERS: dict[str, dict[str, list[str]]] = {
    "DispatchRole": READ_SETTINGS
    | KEEP_LEDGER
    | TELL
    | _logs("Dispatch")
    | {
        "cloudwatch:PutMetricData": ["*"],
        "dynamodb:GetItem": ["LedgerTable.Arn"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn", "WorkQueue.Arn"],
    },
    # As observe_decide, without settings and heartbeat, and with the queue in their place.
    "VisitRole": {
        action: resources
        for action, resources in EXPECTED["ObserveDecideRole"].items()
        if not action.startswith(("ssm:", "cloudwatch:Put", "logs:"))
    }
    | _logs("Visit")
    | {
        action: ["WorkQueue.Arn"]
        for action in ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    },
}


def test_fanning_out_adds_two_roles_and_changes_no_other() -> None:
    plain = _allowed(stack(PurchasableModelArns=MODELS))
    fanned = _allowed(stack(PurchasableModelArns=MODELS, FanOut="on"))

    assert {role: fanned[role] for role in WORKERS} == WORKERS
    ticks = fanned["SchedulerRole"].pop("lambda:InvokeFunction")
    assert set(ticks) - set(plain["SchedulerRole"].pop("lambda:InvokeFunction")) == {
        "DispatchFunctionAliaslive"
    }
    assert {role: fanned[role] for role in plain} == plain


@pytest.mark.parametrize(
    ("role", "partitions"),
    [
        ("DispatchRole", ["SETTINGS", "TOLD#*"]),
        ("VisitRole", ["AGENDA#*", "HISTORY#*", "SETTINGS", "TARGET#*", "TOLD#*"]),
    ],
)
def test_who_hands_out_and_takes_work_reaches_no_reservation(
    role: str, partitions: list[str]
) -> None:
    fanned = stack(FanOut="on")
    (grant,) = [g for g in grants(fanned) if (g.role, g.action) == (role, "dynamodb:PutItem")]

    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions}}
    assert grant.conditions == keys


def test_nothing_may_be_bought_until_a_model_is_listed() -> None:
    actions = _allowed(stack())["PurchaseRole"]

    assert "bedrock:CreateProvisionedModelThroughput" not in actions
    assert "bedrock:TagResource" not in actions


def test_only_listed_endpoints_may_be_scaled() -> None:
    named = {"ScalableEndpointArns": f"{ENDPOINT},{ENDPOINT}-2", "EndpointRoleArns": ENDPOINT_ROLE}
    config = "arn:aws:sagemaker:eu-central-1:111111111111:endpoint-config/*"

    allowed = _allowed(stack(**named))["ScaleEndpointRole"]

    assert allowed["sagemaker:UpdateEndpoint"] == sorted([config, ENDPOINT, f"{ENDPOINT}-2"])
    assert allowed["sagemaker:CreateEndpointConfig"] == [config]
    assert allowed["iam:PassRole"] == [ENDPOINT_ROLE]
    assert allowed["bedrock:ListProvisionedModelThroughputs"] == ["*"]
    looking = _allowed(stack(**named))["PurchaseRole"]
    assert looking["sagemaker:DescribeEndpoint"] == sorted([ENDPOINT, f"{ENDPOINT}-2"])
    assert "sagemaker:UpdateEndpoint" not in looking
    without = [action for actions in _allowed(stack()).values() for action in actions]
    assert not [a for a in without if a.startswith("sagemaker:") or "Marketplace" in a]


def test_scaling_writes_its_own_intents_and_no_others() -> None:
    role = "ScaleEndpointRole"
    (grant,) = [g for g in grants(stack()) if (g.role, g.action) == (role, "dynamodb:PutItem")]

    written = ["SCALING#*", "SETTINGS", "TOLD#*"]
    assert grant.conditions == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": written}}


def test_only_listed_models_may_be_bought() -> None:
    custom = "arn:aws:bedrock:eu-central-1:111111111111:custom-model/amazon.nova-lite-v1:0/abc"

    allowed = _allowed(stack(PurchasableModelArns=f"{MODELS},{custom}"))["PurchaseRole"]

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
