"""Dispatcher and worker, with one permission that they need taken away: a reason, and no half."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial

import boto3
import pytest

from bedrock_autoscaler.adapters.queue import read_assignment
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.fleets.assigning import Assignment
from bedrock_autoscaler.application.fleets.working import FleetApplication
from bedrock_autoscaler.application.ticking import Summary
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import REGION
from tests.deployment.policies import grants
from tests.deployment.template import stack
from tests.functions.account import DEPLOYMENT, Account, _Adapters, opened
from tests.functions.denials import REASONS as OF_A_LIFE
from tests.functions.denials import permissions_in

pytestmark = pytest.mark.xdist_group("template")

QUEUE = "work.fifo"
URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/{QUEUE}"
GET_ITEM, PUT_ITEM, QUERY = (f"dynamodb:{name} ledger" for name in ("GetItem", "PutItem", "Query"))
BEAT, SEND = "cloudwatch:PutMetricData", "sqs:SendMessageBatch"
OBSERVED = (
    "bedrock:GetFoundationModel",
    "bedrock:ListProvisionedModelThroughputs",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "servicequotas:GetServiceQuota",
)
"""Without these a worker decides with a gap."""
REASONS: Mapping[str, str] = {**OF_A_LIFE, SEND: "1 of 1 not sent: AccessDeniedException"}
_ACTIONS = {SEND: "sqs:SendMessage"}


@dataclass(frozen=True)
class Fleet:
    """An account with a queue, and runs of both functions in processes of their own."""

    account: Account

    def cold(self) -> FleetApplication:
        """A process that has read nothing yet."""
        adapters = _Adapters(self.account)
        application = Application(
            adapters, deployment=DEPLOYMENT, code_version="1.2.3", decide=self.account.script
        )
        return FleetApplication(application, adapters, adapters, adapters.home)

    def dispatch(self) -> Summary:
        return self.cold().dispatch(self.account.now)

    def visit(self, *assignments: Assignment) -> Summary:
        return self.cold().visit(assignments)

    def received(self) -> list[Assignment]:
        sqs = boto3.client("sqs", region_name=REGION)
        found = sqs.receive_message(QueueUrl=URL, MaxNumberOfMessages=10).get("Messages", [])
        return [read_assignment(message["Body"]) for message in found]


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setenv("WORK_QUEUE_URL", URL)
    with opened(monkeypatch) as account:
        sqs = boto3.client("sqs", region_name=REGION)
        sqs.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})
        yield Fleet(account)


def without(fleet: Fleet, permission: str, run: Callable[[], Summary]) -> tuple[str, str]:
    """What the one outcome of a run without a permission is, and what the log and the error say."""

    def answer() -> str:
        ((_, outcome),) = run().outcomes
        return outcome

    return fleet.account.without(permission, answer)


def test_a_dispatcher_without_a_permission_names_it_and_sends_nothing_by_halves(
    fleet: Fleet,
) -> None:
    account = fleet.account
    for permission in ("ssm:GetParametersByPath /settings", GET_ITEM, PUT_ITEM, QUERY, SEND):
        before = account.stored()
        answer, text = without(fleet, permission, fleet.dispatch)
        assert re.search(REASONS[permission], text), (permission, text)
        # Settings that it has accepted stay; a queue out of reach holds up no other.
        if permission != SEND:
            assert (answer, account.stored()) == ("", before), permission
        assert fleet.received() == [], permission
    answer, text = without(fleet, BEAT, fleet.dispatch)
    assert re.search(REASONS[BEAT], text)
    assert answer == "1"
    assert [each.target for each in fleet.received()] == ["chat"]


def test_a_worker_without_a_permission_names_it_and_decides_all_the_same_or_not_at_all(
    fleet: Fleet,
) -> None:
    account = fleet.account
    fleet.dispatch()
    (assigned,) = fleet.received()
    for permission in (GET_ITEM, QUERY, "dynamodb:GetItem routes", PUT_ITEM):
        before = account.stored()
        answer, text = without(fleet, permission, partial(fleet.visit, assigned))
        assert answer in {"unobserved", "policy unread"}, permission
        assert re.search(REASONS[permission], text), (permission, text)
        assert account.stored() == before, permission
    for permission in OBSERVED:
        account.move(MINUTE)
        late = replace(assigned, scheduled_at=account.now)
        answer, text = without(fleet, permission, partial(fleet.visit, late))
        assert answer == "hold", permission
        assert re.search(REASONS[permission], text), (permission, text)


def test_what_both_ask_for_is_granted_down_to_the_partition(fleet: Fleet) -> None:
    account = fleet.account
    deployed = grants(stack(FanOut="on"))
    for role, run in (
        ("DispatchRole", fleet.dispatch),
        ("VisitRole", lambda: fleet.visit(*fleet.received())),
    ):
        account.asked.clear()
        account.written.clear()
        run()
        own = [grant for grant in deployed if grant.role == role]
        granted = {each for grant in own for each in permissions_in(grant.action, grant.resources)}
        assert {_ACTIONS.get(each, each) for each in account.asked} - granted == set()
        patterns = [
            pattern
            for grant in own
            for pattern in grant.conditions.get("ForAllValues:StringLike", {}).get(
                "dynamodb:LeadingKeys", ()
            )
        ]
        for _, key in account.written:
            assert any(fnmatchcase(key, pattern) for pattern in patterns), (role, key)
