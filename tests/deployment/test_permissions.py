"""Each role's permissions as a whole, so that any change to them is reviewed here too."""

import pytest

from tests.deployment.granted import (
    EXPECTED,
    KEEP_LEDGER,
    MODELS,
    READ_SETTINGS,
    TELL,
    allowed_by,
    logs_of,
)
from tests.deployment.policies import grants
from tests.deployment.template import stack

pytestmark = pytest.mark.xdist_group("template")


def test_roles_allow_exactly_what_is_listed() -> None:
    assert allowed_by(stack(PurchasableModelArns=MODELS)) == EXPECTED


WORKERS: dict[str, dict[str, list[str]]] = {
    "DispatchRole": READ_SETTINGS
    | KEEP_LEDGER
    | TELL
    | logs_of("Dispatch")
    | {
        "cloudwatch:PutMetricData": ["*"],
        "dynamodb:GetItem": ["LedgerTable.Arn"],
        "sqs:SendMessage": ["DeadLetterQueue.Arn", "WorkQueue.Arn"],
    },
    # As observe_decide, without settings and heartbeat, and with the queue in their place.
    "VisitRole": {
        action: resources
        for action, resources in EXPECTED["ObserveDecideRole"].items()
        if not action.startswith(("ssm:", "cloudwatch:Put", "logs:"))
    }
    | logs_of("Visit")
    | {
        action: ["WorkQueue.Arn"]
        for action in ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    },
}


def test_fanning_out_adds_two_roles_and_changes_no_other() -> None:
    plain = allowed_by(stack(PurchasableModelArns=MODELS))
    fanned = allowed_by(stack(PurchasableModelArns=MODELS, FanOut="on"))

    assert {role: fanned[role] for role in WORKERS} == WORKERS
    ticks = fanned["SchedulerRole"].pop("lambda:InvokeFunction")
    assert set(ticks) - set(plain["SchedulerRole"].pop("lambda:InvokeFunction")) == {
        "DispatchFunctionAliaslive"
    }
    assert {role: fanned[role] for role in plain} == plain


@pytest.mark.parametrize(
    ("role", "partitions"),
    [
        ("DispatchRole", ["SETTINGS", "TOLD#*"]),
        ("VisitRole", ["AGENDA#*", "HISTORY#*", "SETTINGS", "TARGET#*", "TOLD#*"]),
    ],
)
def test_who_hands_out_and_takes_work_reaches_no_reservation(
    role: str, partitions: list[str]
) -> None:
    fanned = stack(FanOut="on")
    (grant,) = [g for g in grants(fanned) if (g.role, g.action) == (role, "dynamodb:PutItem")]

    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions}}
    assert grant.conditions == keys
