"""Why a role has each permission, and what a function says and leaves where it lacks one."""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "bedrock:CreateProvisionedModelThroughput": "was refused: AccessDeniedException",
    "bedrock:DeleteProvisionedModelThroughput": "no certain outcome: AccessDeniedException",
    "bedrock:GetFoundationModel": "life_cycle_unread.*AccessDeniedException",
    "bedrock:GetProvisionedModelThroughput": "could not be read: AccessDeniedException",
    "bedrock:ListProvisionedModelThroughputs": (
        "the list of provisioned throughputs could not be read: AccessDeniedException"
    ),
    "bedrock:ListTagsForResource": "provisioned.*: AccessDeniedException",
    "bedrock:TagResource": "was refused: AccessDeniedException",
    "cloudwatch:GetMetricData": "could not be read: AccessDenied",
    "cloudwatch:ListMetrics": "the list of metrics could not be read: AccessDenied",
    "cloudwatch:PutMetricData": "the heartbeat could not be written: AccessDenied",
    "dynamodb:GetItem ledger": "table ledger could not be read: AccessDeniedException",
    "dynamodb:GetItem routes": "table routes could not be read: AccessDeniedException",
    "dynamodb:PutItem ledger": "table ledger could not be written: AccessDeniedException",
    "dynamodb:Query ledger": "table ledger could not be read: AccessDeniedException",
    "dynamodb:UpdateItem ledger": "table ledger could not be written: AccessDeniedException",
    "dynamodb:UpdateItem routes": "table routes could not be written: AccessDeniedException",
    "servicequotas:GetServiceQuota": "quota_unread.*AccessDeniedException",
    "ssm:GetParameter /routes/chat": "/routes/chat could not be read: AccessDeniedException",
    "ssm:GetParameter /switch": "/switch could not be read",
    "ssm:GetParametersByPath /settings": "/settings could not be read: AccessDeniedException",
    "ssm:PutParameter /routes/chat": "/routes/chat could not be written: AccessDeniedException",
}
"""What the log or the error says on one line, by the permission that is missing."""

TRACES: Mapping[tuple[str, str], str] = {
    ("accept settings", "dynamodb:GetItem routes"): "unobserved",
    ("buy", "bedrock:CreateProvisionedModelThroughput"): "purchase refused",
    ("buy", "bedrock:TagResource"): "purchase refused",
    ("decide to buy", "bedrock:GetFoundationModel"): "purchase 1",
    ("decide to buy", "bedrock:ListProvisionedModelThroughputs"): "purchase 1",
    ("decide to buy", "cloudwatch:GetMetricData"): "purchase 1",
    ("decide to buy", "cloudwatch:PutMetricData"): "purchase 1",
    ("decide to buy", "servicequotas:GetServiceQuota"): "purchase 1",
    ("decide to release", "bedrock:GetFoundationModel"): "release 1",
    ("decide to release", "bedrock:ListProvisionedModelThroughputs"): "release 1",
    ("decide to release", "bedrock:ListTagsForResource"): "release 1",
    ("decide to release", "cloudwatch:GetMetricData"): "release 1",
    ("decide to release", "cloudwatch:PutMetricData"): "release 1",
    ("decide to release", "servicequotas:GetServiceQuota"): "release 1",
    ("delete", "bedrock:DeleteProvisionedModelThroughput"): "release unresolved",
    ("delete", "dynamodb:UpdateItem ledger"): "unobserved",
    ("first route", "bedrock:ListProvisionedModelThroughputs"): "hold",
    ("first route", "cloudwatch:GetMetricData"): "hold",
    ("first route", "cloudwatch:ListMetrics"): "hold",
    ("first route", "cloudwatch:PutMetricData"): "hold",
    ("first table", "ssm:GetParameter /routes/chat"): "unobserved",
    ("first table", "ssm:PutParameter /routes/chat"): "unobserved",
    ("publish it", "ssm:GetParameter /routes/chat"): "unobserved",
    ("publish it", "ssm:PutParameter /routes/chat"): "unobserved",
    ("publish without it", "dynamodb:PutItem ledger"): "unobserved",
    ("publish without it", "ssm:GetParameter /routes/chat"): "unobserved",
    ("publish without it", "ssm:PutParameter /routes/chat"): "unobserved",
    ("route to it", "bedrock:ListProvisionedModelThroughputs"): "hold",
    ("route to it", "bedrock:ListTagsForResource"): "hold",
    ("route to it", "cloudwatch:GetMetricData"): "hold",
    ("route to it", "cloudwatch:ListMetrics"): "hold",
    ("route to it", "cloudwatch:PutMetricData"): "hold",
}
"""What a step answers that writes something all the same: a decision with a gap, a refusal, or
the first of two writes that the next tick completes. Whatever is not here writes nothing at all.
The decision core is a script; what real decisions make of gaps is tested with the core."""

RESERVED = "section 4.2 of the failure model; the observation of profiles and quotas will need it"
TELLS = "told at the end of a run, to a bus and a topic that this account does not have"
CONSENT = "asked for a commitment alone; this life buys without one"
NEVER_ASKED: Mapping[tuple[str, str], str] = {
    ("ObserveDecide", "bedrock:GetInferenceProfile"): RESERVED,
    ("ObserveDecide", "bedrock:GetProvisionedModelThroughput"): RESERVED,
    ("ObserveDecide", "bedrock:ListFoundationModels"): RESERVED,
    ("ObserveDecide", "bedrock:ListInferenceProfiles"): RESERVED,
    ("ObserveDecide", "servicequotas:ListServiceQuotas"): RESERVED,
    ("ObserveDecide", "servicequotas:GetAWSDefaultServiceQuota"): "asked without an applied quota",
    ("ObserveDecide", "dynamodb:GetItem consents"): CONSENT,
    ("Purchase", "dynamodb:GetItem consents"): CONSENT,
    ("Purchase", "dynamodb:UpdateItem consents"): CONSENT,
    **{
        (function, action): TELLS
        for function in ("ObserveDecide", "Purchase", "Release", "Publish")
        for action in ("events:PutEvents", "sns:Publish")
    },
}
"""Permissions of a role that this life does not use, and why it has them."""
_TABLES = {
    "LedgerTable.Arn": "ledger",
    "RoutesTable.Arn": "routes",
    "ConsentsTable.Arn": "consents",
}
OF_LAMBDA = ("logs:", "sqs:", "kms:", "xray:")
"""Services that Lambda and DynamoDB call with the role, not the function's code."""


def permissions_in(action: str, resources: tuple[str, ...]) -> set[str]:
    """A grant in the words of `permissions_of`."""
    if action.startswith("dynamodb:"):
        return {f"{action} {_TABLES[resource]}" for resource in resources}
    if action.startswith("ssm:"):
        paths = {resource.partition("/bedrock-autoscaler")[2] for resource in resources}
        return {f"{action} {path.replace('*', 'chat')}" for path in paths - {"/settings/*"}}
    return {action}
