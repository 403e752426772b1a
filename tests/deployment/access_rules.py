"""Who may do what in the deployed template; each rule gives a sentence per offence."""

import re
from collections.abc import Iterator

from tests.deployment.policies import grants, statements
from tests.deployment.template import OWN, Stack

FUNCTIONS = ("ObserveDecide", "Purchase", "Release", "Publish", "RefreshPrices", "ScaleEndpoint")
FANNED = ("Dispatch", "Visit")
"""Functions that there are with FanOut alone."""
OWNER_TAG = "bedrock-autoscaler:deployment"
TAG_KEYS = ["bedrock-autoscaler:decision", OWNER_TAG, "bedrock-autoscaler:target"]
# Actions for which AWS has no resource level, so that a policy can only say `*`.
WITHOUT_RESOURCE_LEVEL = {
    "bedrock:ListFoundationModels": "a list over the Region's models",
    "bedrock:ListInferenceProfiles": "a list over the account's profiles",
    "bedrock:ListProvisionedModelThroughputs": "a list over the account's throughputs",
    "cloudwatch:GetMetricData": "metrics have no ARN",
    "cloudwatch:ListMetrics": "metrics have no ARN",
    "cloudwatch:PutMetricData": "metrics have no ARN; a condition names the namespace",
    "pricing:GetProducts": "the price list is public",
    "servicequotas:GetAWSDefaultServiceQuota": "default quotas belong to no account",
    "servicequotas:ListServiceQuotas": "a list over a service's quotas",
    "xray:PutTelemetryRecords": "traces have no ARN when they are sent",
    "xray:PutTraceSegments": "traces have no ARN when they are sent",
}
NEVER = re.compile(
    r"bedrock:(InvokeModel|Converse|UpdateProvisionedModelThroughput|.*ModelInvocationLogging"
    r"|UntagResource)"
    r"|dynamodb:(Delete|Scan|BatchWrite|CreateTable|UpdateTable)"
    r"|iam:(?!PassRole$)|lambda:(Update|Create|Delete|Put|Add)|ssm:(Delete|LabelParameterVersion)"
    r"|servicequotas:(Request|Put)|sts:(?!AssumeRole$)|states:|events:(?!PutEvents$)|scheduler:"
    r"|sns:(?!Publish$)"
)


def wildcards(stack: Stack) -> Iterator[str]:
    """No wildcard in an action; `*` as resource only where AWS offers nothing else."""
    for role, statement in statements(stack):
        for key in ("NotAction", "NotResource", "NotPrincipal"):
            if key in statement:
                yield f"{role}: {key}"
    for grant in grants(stack):
        if "*" in grant.action:
            yield f"{grant.role}: wildcard in {grant.action}"
        if "*" in grant.resources and grant.action not in WITHOUT_RESOURCE_LEVEL:
            yield f"{grant.role}: {grant.action} on *"
        if "*" in grant.resources and "aws:RequestedRegion" not in grant.conditions.get(
            "StringEquals", {}
        ):
            yield f"{grant.role}: {grant.action} on * in any Region"


def roles_are_written_out(stack: Stack) -> Iterator[str]:
    """One role a function and one for the scheduler; no managed policy, none made by SAM."""
    functions = (*FUNCTIONS, *(FANNED if "WorkQueue" in stack.resources else ()))
    expected = {f"{function}Role" for function in functions} | {"SchedulerRole"}
    roles = stack.of("AWS::IAM::Role")
    if roles.keys() != expected:
        yield f"roles are {sorted(roles)}"
    for name, role in roles.items():
        if role.get("ManagedPolicyArns"):
            yield f"{name}: managed policies {role['ManagedPolicyArns']}"
    for function in functions:
        role = stack.of("AWS::Lambda::Function")[f"{function}Function"]["Role"]
        if role != f"{function}Role.Arn":
            yield f"{function}Function runs as {role}"


def forbidden_actions(stack: Stack) -> Iterator[str]:
    """Nothing that reads prompts, deletes records, or changes code, policies or quotas."""
    for grant in grants(stack):
        if NEVER.match(grant.action):
            yield f"{grant.role}: {grant.action}"


def buying_and_deleting_are_apart(stack: Stack) -> Iterator[str]:
    """One role creates, one deletes, and who deletes cannot tag a foreign throughput its own."""
    for action, only in (
        ("bedrock:CreateProvisionedModelThroughput", "PurchaseRole"),
        ("bedrock:TagResource", "PurchaseRole"),
        ("bedrock:DeleteProvisionedModelThroughput", "ReleaseRole"),
    ):
        holders = {grant.role for grant in grants(stack) if grant.action == action}
        if holders - {only}:
            yield f"{action}: {sorted(holders)}"
        if action.startswith("bedrock:Delete") and only not in holders:
            yield f"{action}: nobody"


def purchases_carry_the_owner(stack: Stack) -> Iterator[str]:
    """Creating and tagging need exactly our tags, the owner's with a plain StringEquals."""
    for grant in grants(stack):
        if grant.action not in {"bedrock:CreateProvisionedModelThroughput", "bedrock:TagResource"}:
            continue
        owner = grant.conditions.get("StringEquals", {}).get(f"aws:RequestTag/{OWNER_TAG}")
        keys = grant.conditions.get("ForAllValues:StringEquals", {}).get("aws:TagKeys")
        if owner != OWN:
            yield f"{grant.action}: owner tag {owner}"
        if keys != TAG_KEYS:
            yield f"{grant.action}: tag keys {keys}"


def releases_need_the_owner(stack: Stack) -> Iterator[str]:
    """Deletion needs this deployment's tag on the throughput."""
    for grant in grants(stack):
        if grant.action == "bedrock:DeleteProvisionedModelThroughput":
            wanted = {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": OWN}}
            if grant.conditions != wanted:
                yield f"{grant.role}: {grant.conditions}"


SPOKE_ROLES = {
    "DispatchRole": "reader",
    "VisitRole": "reader",
    "PurchaseRole": "purchaser",
    "ReleaseRole": "releaser",
    "PublishRole": "publisher",
}
"""Which role each function assumes in a spoke."""


def roles_are_assumed_by_name(stack: Stack) -> Iterator[str]:
    """Each function assumes its own role, in the listed accounts, with the external id."""
    for grant in grants(stack):
        if grant.action != "sts:AssumeRole":
            continue
        role = f"arn:aws:iam::*:role/{OWN}-spoke-{SPOKE_ROLES.get(grant.role)}"
        if grant.resources != (role,):
            yield f"{grant.role}: assumes {grant.resources}"
        bounds = grant.conditions.get("StringEquals", {})
        if not {"aws:ResourceAccount", "sts:ExternalId"} <= bounds.keys():
            yield f"{grant.role}: assumes under {sorted(bounds)}"


def endpoints_are_scaled_through_bedrock(stack: Stack) -> Iterator[str]:
    """One role changes endpoints, only through Bedrock, and passes roles to SageMaker alone."""
    for grant in grants(stack):
        scales = grant.action == "bedrock:UpdateMarketplaceModelEndpoint"
        if (scales or grant.action == "iam:PassRole") and grant.role != "ScaleEndpointRole":
            yield f"{grant.role}: {grant.action}"
        service = grant.conditions.get("StringEquals", {})
        if grant.action == "iam:PassRole":
            if service.get("iam:PassedToService") != "sagemaker.amazonaws.com":
                yield f"{grant.role}: passes {grant.resources} to {service}"
            if any("*" in resource for resource in grant.resources):
                yield f"{grant.role}: passes {grant.resources}"
        is_direct = service.get("aws:CalledViaLast") != "bedrock.amazonaws.com"
        if grant.action.startswith("sagemaker:") and is_direct:
            yield f"{grant.role}: {grant.action} not through Bedrock"


def no_function_writes_its_bounds(stack: Stack) -> Iterator[str]:
    """Parameters are written under `routes/` only, and consents can be used up, never issued."""
    for grant in grants(stack):
        if grant.action == "ssm:PutParameter" and not all(
            resource.endswith("/routes/*") for resource in grant.resources
        ):
            yield f"{grant.role}: ssm:PutParameter on {grant.resources}"
        if "ConsentsTable.Arn" in grant.resources:
            attributes = grant.conditions.get("ForAllValues:StringEquals", {})
            uses_up = grant.action == "dynamodb:UpdateItem" and attributes == {
                "dynamodb:Attributes": ["pk", "used_at", "used_by"]
            }
            if grant.action != "dynamodb:GetItem" and not uses_up:
                yield f"{grant.role}: {grant.action} on consents"


def functions_tell_their_own_only(stack: Stack) -> Iterator[str]:
    """Events go to the stack's own bus and messages to its own topic; nobody else is imitated."""
    places = {"events:PutEvents": "EventBus.Arn", "sns:Publish": "AlertTopic"}
    for grant in grants(stack):
        if grant.action in places and grant.resources != (places[grant.action],):
            yield f"{grant.role}: {grant.action} on {grant.resources}"
