"""One successful call of every operation of the world."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tests.world.support import HELLO, NOVA_2, NOVA_LITE, NOVA_LITE_PROFILE, world_with

PT = {"modelUnits": 1, "provisionedModelName": "fleet-1", "modelId": NOVA_2}
OURS = "arn:aws:bedrock:us-east-1:111111111111"
IMPORTED = f"{OURS}:imported-model/abcdefghijkl"
CUSTOM = f"{OURS}:custom-model/amazon.nova-2-lite-v1:0:256k/abcdefghijkl"
ENDPOINT = "arn:aws:sagemaker:us-east-1:111111111111:endpoint/own"
INSTANCES = {
    "initialInstanceCount": 2,
    "instanceType": "ml.g5.2xlarge",
    "executionRole": "arn:aws:iam::111111111111:role/endpoint",
}
LITE_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}"
Script = list[tuple[str, Callable[[dict[str, str]], Mapping[str, Any]]]]

# One successful call of every operation; later ones use the ARNs of earlier ones.
SCRIPT: Script = [
    (
        "CreateProvisionedModelThroughput",
        lambda _: {**PT, "commitmentDuration": "OneMonth", "tags": [{"key": "a", "value": "b"}]},
    ),
    ("GetProvisionedModelThroughput", lambda _: {"provisionedModelId": "fleet-1"}),
    ("CreateProvisionedModelThroughput", lambda _: {**PT, "provisionedModelName": "fleet-2"}),
    ("ListProvisionedModelThroughputs", lambda _: {"maxResults": 1}),
    ("ListTagsForResource", lambda arns: {"resourceARN": arns["provisionedModelArn"]}),
    (
        "TagResource",
        lambda arns: {"resourceARN": arns["provisionedModelArn"], "tags": []},
    ),
    (
        "UntagResource",
        lambda arns: {"resourceARN": arns["provisionedModelArn"], "tagKeys": ["a"]},
    ),
    (
        "UpdateProvisionedModelThroughput",
        lambda arns: {
            "provisionedModelId": arns["provisionedModelArn"],
            "desiredProvisionedModelName": "fleet-3",
        },
    ),
    (
        "DeleteProvisionedModelThroughput",
        lambda arns: {"provisionedModelId": arns["provisionedModelArn"]},
    ),
    ("GetFoundationModel", lambda _: {"modelIdentifier": NOVA_LITE}),
    ("ListFoundationModels", lambda _: {}),
    (
        "CreateInferenceProfile",
        lambda _: {"inferenceProfileName": "chat", "modelSource": {"copyFrom": LITE_ARN}},
    ),
    (
        "GetInferenceProfile",
        lambda arns: {"inferenceProfileIdentifier": arns["inferenceProfileArn"]},
    ),
    ("ListInferenceProfiles", lambda _: {"maxResults": 2}),
    (
        "DeleteInferenceProfile",
        lambda arns: {"inferenceProfileIdentifier": arns["inferenceProfileArn"]},
    ),
    ("Converse", lambda _: {"modelId": NOVA_LITE_PROFILE, "messages": HELLO}),
    ("ConverseStream", lambda _: {"modelId": NOVA_LITE, "messages": HELLO}),
    ("InvokeModel", lambda _: {"modelId": NOVA_LITE, "body": b'{"messages": ["Hello"]}'}),
    (
        "InvokeModelWithResponseStream",
        lambda _: {"modelId": NOVA_LITE, "body": b'{"messages": ["Hello"]}'},
    ),
    (
        "GetServiceQuota",
        lambda _: {"ServiceCode": "bedrock", "QuotaCode": "L-FE44174A"},
    ),
    (
        "GetAWSDefaultServiceQuota",
        lambda _: {"ServiceCode": "bedrock", "QuotaCode": "L-FE44174A"},
    ),
    ("ListAWSDefaultServiceQuotas", lambda _: {"ServiceCode": "bedrock", "MaxResults": 1}),
    ("ListServiceQuotas", lambda _: {"ServiceCode": "bedrock", "MaxResults": 1}),
    ("GetImportedModel", lambda _: {"modelIdentifier": IMPORTED}),
    (
        "CreateCustomModelDeployment",
        lambda _: {"modelDeploymentName": "tuned-1", "modelArn": CUSTOM},
    ),
    (
        "GetCustomModelDeployment",
        lambda arns: {"customModelDeploymentIdentifier": arns["customModelDeploymentArn"]},
    ),
    (
        "DeleteCustomModelDeployment",
        lambda arns: {"customModelDeploymentIdentifier": arns["customModelDeploymentArn"]},
    ),
    ("GetMarketplaceModelEndpoint", lambda _: {"endpointArn": ENDPOINT}),
    (
        "UpdateMarketplaceModelEndpoint",
        lambda _: {"endpointArn": ENDPOINT, "endpointConfig": {"sageMaker": INSTANCES}},
    ),
    (
        "CreateModelInvocationJob",
        lambda _: {
            "jobName": "nightly",
            "roleArn": "arn:aws:iam::111111111111:role/batch",
            "modelId": NOVA_LITE,
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://team/in.jsonl"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://team/out/"}},
        },
    ),
    ("ListModelInvocationJobs", lambda _: {"nameContains": "night", "maxResults": 1}),
    ("GetModelInvocationJob", lambda arns: {"jobIdentifier": arns["jobArn"]}),
]


def run_script() -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    world, arns = (
        world_with(
            lead_time=timedelta(0),
            imported_models=[IMPORTED],
            custom_models=[{"arn": CUSTOM, "base": NOVA_2}],
            endpoints=[{"arn": ENDPOINT}],
        ),
        dict[str, str](),
    )
    done: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
    for operation, params_of in SCRIPT:
        params = params_of(arns)
        answer = world.call(operation, params)
        arns |= {key: value for key, value in answer.items() if key.endswith("Arn")}
        done.append((operation, params, answer))
    return done
