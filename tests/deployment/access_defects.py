"""Defects that the rules on access must notice."""

from tests.deployment import access_rules
from tests.deployment.spoiling import Defect, add, put, widen

OWNER_ONLY_IN_FOR_ALL_VALUES = {
    "ForAllValues:StringEquals": {
        "aws:RequestTag/bedrock-autoscaler:deployment": "prod",
        "aws:TagKeys": access_rules.TAG_KEYS,
    }
}
BUY = "bedrock:CreateProvisionedModelThroughput"
DELETE = "bedrock:DeleteProvisionedModelThroughput"

DEFECTS: tuple[Defect, ...] = (
    (access_rules.wildcards, "action", widen("PurchaseRole", "WriteLedger", Action="dynamodb:*")),
    (access_rules.wildcards, "resource", widen("ReleaseRole", "DeleteOwn", Resource="*")),
    (access_rules.wildcards, "region", widen("ReleaseRole", "EvidenceOfNoTraffic", Condition={})),
    (access_rules.wildcards, "not action", widen("PublishRole", "Log", NotAction="iam:PassRole")),
    (
        access_rules.roles_are_written_out,
        "managed policy",
        put("PublishRole", "Properties/ManagedPolicyArns", ["arn:aws:iam::aws:policy/x"]),
    ),
    (
        access_rules.roles_are_written_out,
        "a role of SAM",
        add("ReleaseFunctionRole", "AWS::IAM::Role"),
    ),
    (
        access_rules.roles_are_written_out,
        "shared role",
        put("PublishFunction", "Properties/Role", "ReleaseRole.Arn"),
    ),
    (
        access_rules.forbidden_actions,
        "reads prompts",
        widen("ObserveDecideRole", "Models", Action="bedrock:InvokeModelWithResponseStream"),
    ),
    (
        access_rules.forbidden_actions,
        "deletes records",
        widen("PurchaseRole", "WriteLedger", Action=["dynamodb:DeleteItem"]),
    ),
    (
        access_rules.buying_and_deleting_are_apart,
        "tags and deletes",
        widen("ReleaseRole", "DeleteOwn", Action=[DELETE, "bedrock:TagResource"]),
    ),
    (
        access_rules.buying_and_deleting_are_apart,
        "buys and deletes",
        widen("PurchaseRole", "Buy", Action=[BUY, DELETE]),
    ),
    (
        access_rules.purchases_carry_the_owner,
        "no tags",
        widen("PurchaseRole", "Buy", Condition={}),
    ),
    (
        access_rules.purchases_carry_the_owner,
        "passes on an absent tag",
        widen("PurchaseRole", "TagWhatIsBought", Condition=OWNER_ONLY_IN_FOR_ALL_VALUES),
    ),
    (
        access_rules.releases_need_the_owner,
        "any owner",
        widen("ReleaseRole", "DeleteOwn", Condition={}),
    ),
    (
        access_rules.no_function_writes_its_bounds,
        "writes the switch",
        widen("PublishRole", "Projection", Resource="arn:aws:ssm:::parameter/x/*"),
    ),
    (
        access_rules.no_function_writes_its_bounds,
        "issues consents",
        widen("PurchaseRole", "UseConsents", Condition={}),
    ),
    (
        access_rules.functions_tell_their_own_only,
        "another bus",
        widen("PublishRole", "Announce", Resource="arn:aws:events:::event-bus/default"),
    ),
    (
        access_rules.functions_tell_their_own_only,
        "another topic",
        widen("PurchaseRole", "Tell", Resource="arn:aws:sns:eu-central-1:111111111111:x"),
    ),
    (
        access_rules.forbidden_actions,
        "an event rule",
        widen("PublishRole", "Announce", Action="events:PutRule"),
    ),
    (
        access_rules.forbidden_actions,
        "a subscription",
        widen("PublishRole", "Tell", Action="sns:Subscribe"),
    ),
    (
        access_rules.endpoints_are_scaled_through_bedrock,
        "by another role",
        widen("PublishRole", "Owners", Action="bedrock:UpdateMarketplaceModelEndpoint"),
    ),
)
