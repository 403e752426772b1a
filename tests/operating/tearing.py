"""A stack to tear down: what it bought, what is beside it, and what is left of it."""

from decimal import Decimal
from typing import Any

import boto3

from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.fleet.lifecycle import stepped
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW, PT_MODEL, REGION
from tests.intents import reserve
from tests.operating.stage import STACK, Stage
from tests.recorded import build_purchase

OWN = {
    "bedrock-autoscaler:deployment": STACK,
    "bedrock-autoscaler:target": "chat",
    "bedrock-autoscaler:decision": "chat-capacity-20261119T120000Z",
}
KINDS = [
    "AWS::Lambda::Function",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::KMS::Key",
]


def furnish(stage: Stage) -> Stage:
    """Give the stack resources, logs and a switch."""
    resources = [
        {
            "LogicalResourceId": f"R{number}",
            "ResourceType": kind,
            "LastUpdatedTimestamp": NOW,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for number, kind in enumerate(KINDS)
    ]
    stage.answer(
        "cloudformation.ListStackResources", lambda _: {"StackResourceSummaries": resources}
    )
    groups = [{"logGroupName": "/aws/lambda/test-purchase", "storedBytes": 2**30}]
    stage.answer("logs.DescribeLogGroups", lambda _: {"logGroups": groups})

    def delete(_: Any) -> Any:
        stage.stacks.forget(STACK)
        return {}

    stage.answer("cloudformation.DeleteStack", delete)
    stage.ssm.put_parameter(Name="/bedrock-autoscaler/switch", Value="allow", Type="String")
    return stage


def buy(name: str, tags: dict[str, str], term: str | None = None) -> str:
    bedrock: Any = boto3.client("bedrock", region_name=REGION)
    extra = {"commitmentDuration": term} if term else {}
    answer = bedrock.create_provisioned_model_throughput(
        modelUnits=2,
        provisionedModelName=name,
        modelId=PT_MODEL,
        tags=[{"key": key, "value": value} for key, value in tags.items()],
        **extra,
    )
    return str(answer["provisionedModelArn"])


def bought(stage: Stage, name: str = "own", tags: dict[str, str] = OWN) -> str:
    """A throughput that the ledger holds as a purchase of the stack's target."""
    intent = build_purchase(NOW - HOUR, model_units=2, usd_per_hour=Decimal(121))
    fleets = stage.access.fleets
    reserve(fleets, intent)
    arn = buy(name, tags)
    fleets.update_purchase(intent, stepped(intent, PurchaseState.BOUGHT, arn=arn))
    return arn


def tables() -> list[str]:
    return boto3.client("dynamodb", region_name=REGION).list_tables()["TableNames"]


def existing(stage: Stage) -> set[str]:
    return {pt.arn for pt in stage.world.purchases.existing(stage.world.clock.now())}
