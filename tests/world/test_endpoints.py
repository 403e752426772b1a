"""Marketplace endpoints: what a change of their instances may touch."""

from collections.abc import Callable
from typing import Any

import pytest

from bedrock_world.world import World
from tests.world.support import Clients, refused

ARN = "arn:aws:sagemaker:us-east-1:111111111111:endpoint/own"


@pytest.mark.parametrize(
    "changed",
    [
        {"instanceType": "ml.g5.4xlarge"},
        {"executionRole": "arn:aws:iam::111111111111:role/other"},
        {"vpc": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}},
    ],
)
def test_nothing_but_the_instances_of_an_endpoint_is_changed(
    build: Callable[..., World], clients: Clients, changed: Any
) -> None:
    build(endpoints=[{"arn": ARN, "instances": 2}])
    shown: Any = clients.bedrock.get_marketplace_model_endpoint(endpointArn=ARN)
    config = shown["marketplaceModelEndpoint"]["endpointConfig"]["sageMaker"]
    update = clients.bedrock.update_marketplace_model_endpoint

    with refused("ValidationException", "nothing of an endpoint but its instances"):
        update(
            endpointArn=ARN,
            endpointConfig={"sageMaker": config | {"initialInstanceCount": 3} | changed},
        )
    kept: Any = clients.bedrock.get_marketplace_model_endpoint(endpointArn=ARN)
    assert kept["marketplaceModelEndpoint"]["endpointConfig"]["sageMaker"] == config
