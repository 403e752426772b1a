"""The linter of policies finds nothing new in the template, and each kind of planted defect."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deployment import access_rules
from tests.deployment.authorization import ACCEPTED, Problem, findings, new_findings
from tests.deployment.policies import statement_of
from tests.deployment.template import Stack, stack
from tests.deployment.variants import VARIANTS

pytestmark = pytest.mark.xdist_group("template")

CUSTOM = "arn:aws:bedrock:eu-central-1:111111111111:custom-model/amazon.nova-lite-v1:0/abc"
EVERY_VARIANT = VARIANTS | {"custom model": {"PurchasableModelArns": CUSTOM}}


@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_policies_are_as_aws_knows_their_actions(variant: str) -> None:
    found = new_findings(stack(**EVERY_VARIANT[variant]))

    assert [str(finding) for finding in found] == []


def test_every_accepted_finding_still_occurs_and_has_a_reason() -> None:
    occurring = {
        (finding.action, finding.problem, finding.detail)
        for parameters in EVERY_VARIANT.values()
        for finding in findings(stack(**parameters))
    }

    assert ACCEPTED.keys() - occurring == set()
    assert all(ACCEPTED.values())


def test_what_may_be_on_anything_has_no_resource_level_in_the_data() -> None:
    with_level = {
        finding.action
        for finding in findings(stack(**VARIANTS["buying"]))
        if finding.problem is Problem.HAS_RESOURCE_LEVEL
        and (finding.action, finding.problem, finding.detail) not in ACCEPTED
    }

    assert with_level.isdisjoint(access_rules.WITHOUT_RESOURCE_LEVEL)


DEFECTS: tuple[tuple[Problem, str, str, dict[str, Any]], ...] = (
    (Problem.UNKNOWN_ACTION, "ReleaseRole", "DeleteOwn", {"Action": "bedrock:DeleteThroughput"}),
    (Problem.UNKNOWN_ACTION, "PurchaseRole", "WriteLedger", {"Action": "dynamodb:*"}),
    (Problem.UNKNOWN_ACTION, "PurchaseRole", "WriteLedger", {"Action": "dynamo:GetItem"}),
    (Problem.HAS_RESOURCE_LEVEL, "ReleaseRole", "DeleteOwn", {"Resource": "*"}),
    (
        Problem.NO_RESOURCE_LEVEL,
        "PurchaseRole",
        "FindThroughputs",
        {"Resource": "arn:aws:bedrock:eu-central-1:111111111111:provisioned-model/*"},
    ),
    (
        Problem.FOREIGN_RESOURCE,
        "ReleaseRole",
        "DeleteOwn",
        {"Resource": "arn:aws:bedrock:eu-central-1:111111111111:custom-model/*"},
    ),
    (
        Problem.FOREIGN_RESOURCE,
        "PublishRole",
        "Projection",
        {"Resource": "arn:aws:ssm:eu-central-1:111111111111:document/routes"},
    ),
    (Problem.FOREIGN_RESOURCE, "PurchaseRole", "ReadConsents", {"Resource": "AlertTopic"}),
    (
        Problem.COVERS_ONLY,
        "ReleaseRole",
        "ProvisionedThroughputs",
        {"Resource": "arn:aws:bedrock:eu-central-1:111111111111:guardrail/*"},
    ),
    (
        # Tags of a request are not known when a throughput is deleted: nobody could delete.
        Problem.UNKNOWN_KEY,
        "ReleaseRole",
        "DeleteOwn",
        {"Condition": {"StringEquals": {f"aws:RequestTag/{access_rules.OWNER_TAG}": "prod"}}},
    ),
    (
        Problem.UNKNOWN_KEY,
        "PurchaseRole",
        "Buy",
        {"Condition": {"NumericLessThan": {"bedrock:ModelUnits": "5"}}},
    ),
    (
        Problem.SET_OPERATOR,
        "PurchaseRole",
        "UseConsents",
        {"Condition": {"StringEquals": {"dynamodb:Attributes": ["pk"]}}},
    ),
    (
        Problem.OPERATOR,
        "ReleaseRole",
        "DeleteOwn",
        {"Condition": {"NumericEquals": {f"aws:ResourceTag/{access_rules.OWNER_TAG}": "1"}}},
    ),
    (
        Problem.PASSES_WHEN_ABSENT,
        "PurchaseRole",
        "Buy",
        {"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": [access_rules.OWNER_TAG]}}},
    ),
    (
        Problem.CHANGES_PERMISSIONS,
        "PurchaseRole",
        "Buy",
        {"Action": "dynamodb:PutResourcePolicy"},
    ),
    (Problem.CHANGES_PERMISSIONS, "ReleaseRole", "DeleteOwn", {"Action": "bedrock:UntagResource"}),
)


def _spoil(role: str, sid: str, changes: dict[str, Any]) -> Callable[[Stack], None]:
    return lambda deployed: statement_of(deployed, role, sid).update(changes)


@pytest.mark.parametrize(
    ("problem", "spoil"),
    [
        pytest.param(problem, _spoil(role, sid, changes), id=f"{problem.name} {role} {sid}")
        for problem, role, sid, changes in DEFECTS
    ],
)
def test_linter_notices_the_defect(problem: Problem, spoil: Callable[[Stack], None]) -> None:
    spoiled = stack(**VARIANTS["buying"]).copy()

    spoil(spoiled)

    assert problem in {finding.problem for finding in new_findings(spoiled)}


def test_every_problem_has_a_planted_defect() -> None:
    assert {problem for problem, *_ in DEFECTS} == set(Problem)


def test_policies_of_resources_and_trust_are_read_too() -> None:
    spoiled = stack().copy()
    policies = [
        spoiled.of("AWS::SQS::QueuePolicy")["DeadLetterQueuePolicy"]["PolicyDocument"],
        spoiled.of("AWS::SNS::TopicPolicy")["AlertTopicPolicy"]["PolicyDocument"],
        spoiled.of("AWS::KMS::Key")["AlertKey"]["KeyPolicy"],
        spoiled.of("AWS::IAM::Role")["SchedulerRole"]["AssumeRolePolicyDocument"],
    ]
    for policy in policies:
        policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:NoSuchKey": "x"}}

    assert {finding.policy for finding in new_findings(spoiled)} == {
        "AlertKey",
        "AlertTopicPolicy",
        "DeadLetterQueuePolicy",
        "SchedulerRole",
    }
