"""Defects that the rules on running, keeping and alarms must notice."""

from tests.deployment import access_rules, alarm_rules, keeping_rules, running_rules
from tests.deployment.spoiling import Defect, add, drop, put, remove, widen

NAMED_ALARMS = (
    "PlaceUnreachableAlarm",
    "SettingsRejectedAlarm",
    "PurchaseUnresolvedAlarm",
    "PurchaseAbandonedAlarm",
    "UnmanagedAlarm",
    "FailedAlarm",
    "StuckAlarm",
    "TermEndingAlarm",
    "SpendNearCapAlarm",
    "SpendAtCapAlarm",
    "StackNearCapAlarm",
    "StackAtCapAlarm",
    "BreakerAlarm",
    "ScalingFailedAlarm",
    "MetricsIncompleteAlarm",
    "TableKeptAlarm",
    "ProjectionNewerAlarm",
    "PriceStaleAlarm",
    "IdleUnitsAlarm",
    "LoopLateAlarm",
    "IdleWhileOverflowingAlarm",
    "TellingFailedAlarm",
)
RETRY = "Properties/Target/RetryPolicy"

DEFECTS: tuple[Defect, ...] = (
    (running_rules.schedules_do_not_insist, "default", drop("CapacitySchedule", RETRY)),
    (
        running_rules.schedules_do_not_insist,
        "attempts",
        put("RoutingSchedule", f"{RETRY}/MaximumRetryAttempts", 5),
    ),
    (
        running_rules.schedules_do_not_insist,
        "age",
        put("PurchaseSchedule", f"{RETRY}/MaximumEventAgeInSeconds", 600),
    ),
    (
        running_rules.schedules_do_not_insist,
        "no dead letters",
        drop("PublishSchedule", "Properties/Target/DeadLetterConfig"),
    ),
    (
        running_rules.functions_are_not_retried,
        "lambda retries",
        put("PurchaseFunctionEventInvokeConfig", "Properties/MaximumRetryAttempts", 2),
    ),
    (
        running_rules.functions_are_not_retried,
        "other qualifier",
        drop("PurchaseFunctionEventInvokeConfig", "Properties/Qualifier"),
    ),
    (
        running_rules.dead_letters_can_be_sent,
        "scheduler cannot",
        widen("SchedulerRole", "DeadLetters", Action="sqs:GetQueueUrl"),
    ),
    (
        running_rules.functions_end_before_the_next_tick,
        "a minute",
        put("ReleaseFunction", "Properties/Timeout", 60),
    ),
    (
        running_rules.schedules_tick_the_live_version,
        "latest code",
        put("ReleaseSchedule", "Properties/Target/Arn", "ReleaseFunction.Arn"),
    ),
    (
        running_rules.schedules_tick_the_live_version,
        "no time",
        put("ReleaseSchedule", "Properties/Target/Input", "{}"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not retained",
        drop("LedgerTable", "DeletionPolicy"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not protected",
        drop("ConsentsTable", "Properties/DeletionProtectionEnabled"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not recoverable",
        drop("RoutesTable", "Properties/PointInTimeRecoverySpecification"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "not encrypted",
        drop("LedgerTable", "Properties/SSESpecification"),
    ),
    (
        keeping_rules.records_outlive_mistakes,
        "expires",
        put("LedgerTable", "Properties/TimeToLiveSpecification", {}),
    ),
    (keeping_rules.settings_are_not_in_the_stack, "switch", add("Switch", "AWS::SSM::Parameter")),
    (
        keeping_rules.throughputs_are_not_in_the_stack,
        "capacity",
        add("Fleet", "AWS::Bedrock::ProvisionedModelThroughput"),
    ),
    (
        keeping_rules.messages_are_encrypted,
        "queue",
        drop("DeadLetterQueue", "Properties/SqsManagedSseEnabled"),
    ),
    (
        keeping_rules.messages_are_encrypted,
        "topic",
        drop("AlertTopic", "Properties/KmsMasterKeyId"),
    ),
    (
        keeping_rules.messages_are_encrypted,
        "plain HTTP",
        put("AlertTopicPolicy", "Properties/PolicyDocument", {"Statement": []}),
    ),
    (keeping_rules.logs_end, "for ever", drop("PublishLogGroup", "Properties/RetentionInDays")),
    (
        keeping_rules.logs_end,
        "group made by Lambda",
        drop("PublishFunction", "Properties/LoggingConfig"),
    ),
    (
        alarm_rules.silence_is_an_alarm,
        "silence is well",
        put("HeartbeatAlarm", "Properties/TreatMissingData", "notBreaching"),
    ),
    (
        alarm_rules.silence_is_an_alarm,
        "silence is no data point",
        drop("HeartbeatAlarm", "Properties/Metrics"),
    ),
    (
        alarm_rules.silence_is_an_alarm,
        "ten periods",
        put("HeartbeatAlarm", "Properties/EvaluationPeriods", 10),
    ),
    (
        alarm_rules.trouble_is_an_alarm,
        "unheard",
        drop("DeadLetterAlarm", "Properties/AlarmActions"),
    ),
    *(
        (
            access_rules.endpoints_are_scaled_through_bedrock,
            defect,
            widen("ScaleEndpointRole", sid, **changes),
        )
        for defect, sid, changes in (
            ("to any service", "KeepExecutionRole", {"Condition": {}}),
            ("any role", "KeepExecutionRole", {"Resource": "arn:aws:iam::111111111111:role/*"}),
            ("past Bedrock", "ScaleNamed", {"Condition": {}}),
        )
    ),
    *(
        (access_rules.roles_are_assumed_by_name, defect, widen("ReleaseRole", "Spokes", **changes))
        for defect, changes in (
            ("any role", {"Resource": "arn:aws:iam::*:role/*"}),
            ("the purchaser", {"Resource": "arn:aws:iam::*:role/prod-spoke-purchaser"}),
            ("in any account", {"Condition": {"StringEquals": {"sts:ExternalId": "a"}}}),
            ("by any hub", {"Condition": {"StringEquals": {"aws:ResourceAccount": "2"}}}),
        )
    ),
    *(
        (running_rules.poisoned_work_ends, defect, spoil)
        for defect, spoil in (
            ("for ever", drop("WorkQueue", "Properties/RedrivePolicy")),
            ("unheard", remove("WorkDeadLettersAlarm")),
        )
    ),
    *(
        (running_rules.work_is_done_once_at_a_time, defect, spoil)
        for defect, spoil in (
            ("no order", put("WorkQueue", "Properties/FifoQueue", value=False)),
            ("two hands", put("WorkQueue", "Properties/VisibilityTimeout", value=50)),
            ("all again", drop("VisitSource", "Properties/FunctionResponseTypes")),
            ("by a worker", widen("VisitRole", "TakeWork", Action="sqs:SendMessage")),
        )
    ),
    (
        alarm_rules.trouble_is_an_alarm,
        "one name only",
        put(
            "AttentionAlarm",
            "Properties/Dimensions",
            [{"Name": "Deployment", "Value": "prod"}, {"Name": "Alarm", "Value": "pt_failed"}],
        ),
    ),
    *(
        (alarm_rules.silent_failures_are_alarms, f"nobody hears of {logical}", remove(logical))
        for logical in NAMED_ALARMS
    ),
    (
        alarm_rules.silent_failures_are_alarms,
        "unheard",
        drop("BreakerAlarm", "Properties/AlarmActions"),
    ),
    (
        alarm_rules.silent_failures_are_alarms,
        "switched off",
        put("IdleUnitsAlarm", "Properties/ActionsEnabled", value=False),
    ),
    (
        alarm_rules.silent_failures_are_alarms,
        "at the second",
        put("StuckAlarm", "Properties/Threshold", 1),
    ),
)
