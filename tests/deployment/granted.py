"""What each role is meant to be allowed, as names of what is deployed."""

from tests.deployment.policies import grants
from tests.deployment.template import Stack

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


def logs_of(role: str) -> dict[str, list[str]]:
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
    | logs_of("ObserveDecide")
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
    | logs_of("Purchase")
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
    | logs_of("Release")
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
    | logs_of("Publish")
    | {
        "dynamodb:GetItem": ["LedgerTable.Arn", "RoutesTable.Arn"],
        "dynamodb:PutItem": ["LedgerTable.Arn"],
        "dynamodb:Query": ["LedgerTable.Arn"],
        "dynamodb:UpdateItem": ["RoutesTable.Arn"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
        "ssm:GetParameter": [ROUTES, SWITCH],
        "ssm:PutParameter": [ROUTES],
    },
    "RefreshPricesRole": logs_of("RefreshPrices")
    | {
        "dynamodb:GetItem": ["LedgerTable.Arn"],
        "dynamodb:PutItem": ["LedgerTable.Arn"],
        "pricing:GetProducts": ["*"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn"],
    },
    "ScaleEndpointRole": READ_SETTINGS
    | TELL
    | logs_of("ScaleEndpoint")
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


def allowed_by(deployed: Stack) -> dict[str, dict[str, list[str]]]:
    allowed: dict[str, dict[str, set[str]]] = {}
    for grant in grants(deployed):
        actions = allowed.setdefault(grant.role, {})
        actions.setdefault(grant.action, set()).update(grant.resources)
    return {
        role: {action: sorted(resources) for action, resources in actions.items()}
        for role, actions in allowed.items()
    }
