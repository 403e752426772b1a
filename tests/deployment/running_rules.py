"""How the functions of the deployed template are called, and what becomes of failures."""

import json
from collections.abc import Iterator
from datetime import timedelta

from tests.deployment.arithmetic import watched
from tests.deployment.policies import actions_of, grants
from tests.deployment.template import Stack

_OVERTAKEN_SECONDS = 120

DAILY = ("RefreshPricesFunction",)
"""Functions that no tick waits for."""


def schedules_do_not_insist(stack: Stack) -> Iterator[str]:
    """Every schedule has an explicit short retry policy and a dead-letter queue."""
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        target = schedule["Target"]
        retry = target.get("RetryPolicy", {})
        if not 0 <= retry.get("MaximumRetryAttempts", 185) <= 1:
            yield f"{name}: {retry} attempts"
        if retry.get("MaximumEventAgeInSeconds", 86_400) > 300:
            yield f"{name}: {retry} age"
        if target.get("DeadLetterConfig") != {"Arn": "DeadLetterQueue.Arn"}:
            yield f"{name}: no dead-letter queue"


def functions_are_not_retried(stack: Stack) -> Iterator[str]:
    """A failed run goes to the dead-letter queue at once; the next tick is the retry."""
    configured = {
        config["FunctionName"]: config
        for config in stack.of("AWS::Lambda::EventInvokeConfig").values()
    }
    for function in stack.of("AWS::Lambda::Function"):
        config = configured.get(function, {})
        if config.get("Qualifier") != "live":
            yield f"{function}: no invoke configuration for the alias that is invoked"
        if config.get("MaximumRetryAttempts") != 0:
            yield f"{function}: Lambda retries"
        if config.get("MaximumEventAgeInSeconds", 21_600) > 300:
            yield f"{function}: old events are kept"
        failed = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if failed != "DeadLetterQueue.Arn":
            yield f"{function}: failures go to {failed}"


def work_is_done_once_at_a_time(stack: Stack) -> Iterator[str]:
    """Queues of work keep order and outlast a worker; failures are told message by message."""
    queues = stack.of("AWS::SQS::Queue")
    functions = stack.of("AWS::Lambda::Function")
    for name, source in stack.of("AWS::Lambda::EventSourceMapping").items():
        queue = queues[source["EventSourceArn"].removesuffix(".Arn")]
        if queue.get("FifoQueue") is not True:
            yield f"{name}: no order"
        worker = functions[source["FunctionName"].removesuffix("Aliaslive")]
        if queue["VisibilityTimeout"] <= worker["Timeout"]:
            yield f"{name}: a message may be in two hands"
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: one failure repeats the batch"
    for grant in grants(stack):
        sends = grant.action == "sqs:SendMessage" and "WorkQueue.Arn" in grant.resources
        if sends and grant.role != "DispatchRole":
            yield f"{grant.role} hands out work"


def poisoned_work_ends(stack: Stack) -> Iterator[str]:
    """A message that fails twice goes to dead letters, in order too, which are watched.

    Its last try comes before it is overtaken, two minutes after its tick, and dropped as done.
    """
    queues = stack.of("AWS::SQS::Queue")
    alarms = stack.of("AWS::CloudWatch::Alarm").values()
    subjects = {watched(alarm)["Dimensions"][0]["Value"] for alarm in alarms}
    for name, source in stack.of("AWS::Lambda::EventSourceMapping").items():
        queue = queues[source["EventSourceArn"].removesuffix(".Arn")]
        redrive = queue.get("RedrivePolicy", {})
        letters = redrive.get("deadLetterTargetArn", "").removesuffix(".Arn")
        again = (redrive.get("maxReceiveCount", 0) - 1) * queue["VisibilityTimeout"]
        if not queues.get(letters, {}).get("FifoQueue") or again >= _OVERTAKEN_SECONDS:
            yield f"{name}: a poisoned message stays"
        if f"{letters}.QueueName" not in subjects:
            yield f"{name}: nobody hears of {letters}"


def dead_letters_can_be_sent(stack: Stack) -> Iterator[str]:
    """Whoever fails to deliver or to run may write to the dead-letter queue."""
    for role in stack.of("AWS::IAM::Role"):
        if "sqs:SendMessage" not in actions_of(stack, role):
            yield role


def functions_end_before_the_next_tick(stack: Stack) -> Iterator[str]:
    """A function's time-out is shorter than the shortest period that its schedule can have."""
    for name, function in stack.of("AWS::Lambda::Function").items():
        shortest = timedelta(minutes=15) if name in DAILY else timedelta(minutes=1)
        if not timedelta(seconds=function.get("Timeout", 3)) < shortest:
            yield f"{name}: {function.get('Timeout')} s"


def schedules_tick_the_live_version(stack: Stack) -> Iterator[str]:
    """Each schedule targets a published alias, in the group its role trusts, in UTC, on time."""
    aliases = stack.of("AWS::Lambda::Alias")
    group = stack.of("AWS::Scheduler::ScheduleGroup")["ScheduleGroup"]["Name"]
    trust = stack.of("AWS::IAM::Role")["SchedulerRole"]["AssumeRolePolicyDocument"]["Statement"][0]
    trusted = trust["Condition"]["StringEquals"]["aws:SourceArn"]
    if not trusted.endswith(f":schedule-group/{group}"):
        yield f"the role trusts {trusted}"
    for name, schedule in stack.of("AWS::Scheduler::Schedule").items():
        if schedule["Target"]["Arn"] not in aliases:
            yield f"{name}: target {schedule['Target']['Arn']}"
        if schedule.get("GroupName") != "ScheduleGroup":
            yield f"{name}: group {schedule.get('GroupName')}"
        if schedule.get("ScheduleExpressionTimezone") != "UTC":
            yield f"{name}: not in UTC"
        if schedule["FlexibleTimeWindow"]["Mode"] != "OFF":
            yield f"{name}: flexible time"
        event = json.loads(schedule["Target"]["Input"])
        if event.get("scheduled_time") != "<aws.scheduler.scheduled-time>":
            yield f"{name}: input {event}"
