"""What the deployed template keeps, for how long and how well guarded."""

from collections.abc import Iterator

from tests.deployment.policies import as_tuple
from tests.deployment.template import Stack


def records_outlive_mistakes(stack: Stack) -> Iterator[str]:
    """Tables are retained, protected, recoverable and encrypted."""
    for name, table in stack.of("AWS::DynamoDB::Table").items():
        resource = stack.resources[name]
        if {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {"Retain"}:
            yield f"{name}: not retained"
        if table.get("DeletionProtectionEnabled") is not True:
            yield f"{name}: not protected"
        recovery = table.get("PointInTimeRecoverySpecification", {})
        if recovery.get("PointInTimeRecoveryEnabled") is not True:
            yield f"{name}: not recoverable"
        if table.get("SSESpecification", {}).get("SSEEnabled") is not True:
            yield f"{name}: not encrypted"
        if "TimeToLiveSpecification" in table:
            yield f"{name}: items expire, though decisions rest on them"


def settings_are_not_in_the_stack(stack: Stack) -> Iterator[str]:
    """No deploy can reset a setting or a switch, and no deletion can lose one."""
    yield from stack.of("AWS::SSM::Parameter")


def throughputs_are_not_in_the_stack(stack: Stack) -> Iterator[str]:
    """No rollback can buy or delete capacity."""
    for name, resource in stack.resources.items():
        if resource["Type"].startswith("AWS::Bedrock::"):
            yield name


def messages_are_encrypted(stack: Stack) -> Iterator[str]:
    """Queue and topic are encrypted at rest and refuse plain HTTP."""
    for name, queue in stack.of("AWS::SQS::Queue").items():
        if not (queue.get("SqsManagedSseEnabled") is True or queue.get("KmsMasterKeyId")):
            yield f"{name}: not encrypted"
    for name, topic in stack.of("AWS::SNS::Topic").items():
        if not topic.get("KmsMasterKeyId"):
            yield f"{name}: not encrypted"
    policies = stack.of("AWS::SQS::QueuePolicy") | stack.of("AWS::SNS::TopicPolicy")
    for name, policy in policies.items():
        insecure = {"Bool": {"aws:SecureTransport": "false"}}
        if not any(
            statement["Effect"] == "Deny" and statement.get("Condition") == insecure
            for statement in as_tuple(policy["PolicyDocument"]["Statement"])
        ):
            yield f"{name}: plain HTTP is accepted"


def logs_end(stack: Stack) -> Iterator[str]:
    """Each function logs into its own group, which the stack makes with a retention."""
    groups = stack.of("AWS::Logs::LogGroup")
    for name, function in stack.of("AWS::Lambda::Function").items():
        group = function.get("LoggingConfig", {}).get("LogGroup")
        if group != f"{name.removesuffix('Function')}LogGroup":
            yield f"{name}: logs into {group}"
        if not groups.get(group or "", {}).get("RetentionInDays"):
            yield f"{name}: logs are kept for ever"
