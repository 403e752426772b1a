"""Batch jobs: their names, lists and tags; and the tags of deployments."""

from collections.abc import Callable
from typing import Any

import pytest

from bedrock_world.world import World
from tests.world.support import NOVA_2, NOVA_LITE, Clients, refused

CUSTOM = (
    "arn:aws:bedrock:us-east-1:111111111111:custom-model/amazon.nova-2-lite-v1:0:256k/abcdefghijkl"
)
TAGS: Any = [{"key": "team", "value": "chat"}]


def _job(clients: Clients, name: str, **params: Any) -> str:
    answer = clients.bedrock.create_model_invocation_job(
        jobName=name,
        roleArn="arn:aws:iam::111111111111:role/batch",
        modelId=NOVA_LITE,
        inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://team/in.jsonl"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://team/out/"}},
        **params,
    )
    return answer["jobArn"]


def test_a_name_is_that_of_one_job_for_good(world: World, clients: Clients) -> None:
    token = {"clientRequestToken": "nightly"}
    first = _job(clients, "nightly", **token)
    assert _job(clients, "nightly", **token) == first
    world.advance(world.config.current.token_lifetime)

    with refused("ValidationException", "job name is currently in use"):
        _job(clients, "nightly", **token)


def test_jobs_are_listed_by_a_part_of_their_name(world: World, clients: Clients) -> None:
    for name in ("nightly-1", "weekly", "nightly-2"):
        _job(clients, name)
    paginator = clients.bedrock.get_paginator("list_model_invocation_jobs")
    pages = paginator.paginate(nameContains="nightly", PaginationConfig={"PageSize": 1})
    names = [[job["jobName"] for job in page["invocationJobSummaries"]] for page in pages]

    assert names == [["nightly-1"], ["nightly-2"]]
    with refused("ValidationException", "next token"):
        clients.bedrock.list_model_invocation_jobs(nextToken="nonsense")
    with refused("ValidationException", "filters no jobs by statusEquals"):
        clients.bedrock.list_model_invocation_jobs(statusEquals="Completed")
    assert world.clock.now() == world.config.current.start


def _deployment(clients: Clients, name: str, **params: Any) -> str:
    answer = clients.bedrock.create_custom_model_deployment(
        modelDeploymentName=name, modelArn=CUSTOM, **params
    )
    return answer["customModelDeploymentArn"]


@pytest.mark.parametrize("create", [_job, _deployment])
def test_jobs_and_deployments_keep_their_tags(
    build: Callable[..., World], clients: Clients, create: Callable[..., str]
) -> None:
    build(custom_models=[{"arn": CUSTOM, "base": NOVA_2}])
    arn = create(clients, "first", tags=TAGS)
    clients.bedrock.tag_resource(resourceARN=arn, tags=[{"key": "team", "value": "mail"}])

    shown = clients.bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
    assert shown == [{"key": "team", "value": "mail"}]
    with refused("ValidationException", "more than once"):
        create(clients, "second", tags=TAGS * 2)
    with refused("TooManyTagsException"):
        create(clients, "second", tags=[{"key": f"k{i}", "value": ""} for i in range(51)])
