"""A fleet of 200 targets in three accounts on the deployed stack, with everything failing at once.

The emulator gives each account its own Parameter Store and CloudWatch, and STS sessions that are in
the account of the role; a relay refuses the role of one account, because the emulator checks no
trust unless it checks every policy, some of which it misreads. There is one Bedrock for all
accounts. The queue hands out a failed message after two seconds in place of sixty.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any

import boto3
import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decision import decision_id
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE, iso
from bedrock_world.local import FunctionFailedError, LocalAws, StackOutputs
from bedrock_world.local.environment import ACCOUNT, SECRET
from bedrock_world.server import RunningWorld, serve
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import OWN, POOL
from tests.builders import MODEL, NOW, REGION, build_decision, build_fleet, build_situation
from tests.deployment.hub import document
from tests.deployment.relay import THROTTLED, Relay, pass_on
from tests.deployment.template import ROOT
from tests.deployment.test_local_faults import WRITES, kill_function_of
from tests.intents import ONE_UNIT

pytestmark = [pytest.mark.soak, pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

STACK = "fleet"
AWAY, BROKEN = "222222222222", "333333333333"
ACCOUNTS = (ACCOUNT, AWAY, BROKEN)
TARGETS = 200
PATIENCE = 600
"""Seconds that the workers may take for all of them, on a machine of two busy cores."""
REFUSED = b"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The deployed hub; `dynamodb` and `sts` are the functions' ways there."""

    aws: LocalAws
    stack: StackOutputs
    world: RunningWorld
    dynamodb: Relay
    sts: Relay

    @property
    def targets(self) -> dict[str, str]:
        """Accounts by target."""
        return {f"t{i:03d}": ACCOUNTS[i % len(ACCOUNTS)] for i in range(TARGETS)}

    def furnish(self, buyers: set[str]) -> None:
        """Settings, the switch, and decisions to buy; a queue that does not let us wait."""
        ssm, prefix = self.aws.client("ssm"), self.stack.settings_prefix
        ssm.put_parameter(Name=f"{prefix}/switch", Value="allow", Type="String")
        for name, account in self.targets.items():
            path = f"{prefix}/settings/targets/{name}"
            ssm.put_parameter(Name=path, Value=json.dumps(document(name, account)), Type="String")
        log = DynamoDecisions(self.aws.client("dynamodb"), self.stack.ledger_table)
        for name in buyers:
            assert log.record(wanted(name, self.targets[name]))
        self.aws.client("sqs").set_queue_attributes(
            QueueUrl=self.queue("work"), Attributes={"VisibilityTimeout": "2"}
        )

    def queue(self, name: str) -> str:
        url: str = self.aws.client("sqs").get_queue_url(QueueName=f"{STACK}-{name}.fifo")[
            "QueueUrl"
        ]
        return url

    def invoke(self, function: str) -> Any:
        now = self.world.world.clock.now()
        return self.aws.invoke(f"{STACK}-{function}", {"scheduled_time": iso(now)})

    def copies(self, account: str) -> set[str]:
        """Targets whose callers find a routing table in this account."""
        ssm = boto3.client(
            "ssm",
            endpoint_url=self.aws.endpoint,
            region_name=REGION,
            aws_access_key_id=account,
            aws_secret_access_key=SECRET,
        )
        pages = ssm.get_paginator("get_parameters_by_path").paginate(
            Path=f"{self.stack.settings_prefix}/routes"
        )
        return {each["Name"].rpartition("/")[2] for page in pages for each in page["Parameters"]}

    def newest(self, name: str, loop: Loop) -> RecordedDecision | None:
        log = DynamoDecisions(self.aws.client("dynamodb"), self.stack.ledger_table)
        return log.latest(name, loop)

    def messages(self, queue: str) -> int:
        """Those that wait or are in somebody's hands."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.queue(queue), AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)


def parsed(name: str, account: str) -> Target:
    """The target as the functions read it."""
    parser = TargetDocuments(load_prices(), load_models().variants_of, decision_minutes=5)
    target = parser.parse(name, None, json.dumps(document(name, account)))
    assert isinstance(target, Target), target
    return target


def wanted(name: str, account: str) -> RecordedDecision:
    """The decision to buy one unit, as a worker would have recorded it."""
    target = parsed(name, account)
    return RecordedDecision(
        decision=build_decision(
            id=decision_id(name, Loop.CAPACITY, NOW),
            target=name,
            scheduled_at=NOW,
            settings_version=target.settings_version,
            actions=(ONE_UNIT,),
        ),
        situation=build_situation(target=target, scheduled_at=NOW, fleet=build_fleet(version=0)),
        history=None,
        code_version="test",
    )


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    settings = WorldSettings(start=NOW, region=REGION, applied_quotas={POOL: 100, OWN: 100})
    with (
        serve(World(settings)) as world,
        Relay() as dynamodb,
        Relay() as sts,
        LocalAws(
            tools=ROOT / ".tools",
            world_url=world.url,
            variables={
                "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url,
                "AWS_ENDPOINT_URL_STS": sts.url,
            },
        ) as aws,
    ):
        dynamodb.upstream = sts.upstream = aws.endpoint
        sts.interceptor = refuse_the_broken
        parameters = {
            "AlarmSet": "basic",
            "ClockEndpoint": f"{world.url}/_world/clock",
            "PurchasableModelArns": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}*",
            "SchedulesState": "DISABLED",
            "FanOut": "on",
            "MostWorkers": "2",
            "SpokeAccounts": f"{AWAY},{BROKEN}",
            "SpokeRegions": REGION,
            "SpokeExternalId": "a-long-random-text",
        }
        stack = aws.deploy(ROOT, stack=STACK, parameters=parameters)
        yield Fleet(aws=aws, stack=stack, world=world, dynamodb=dynamodb, sts=sts)


def refuse_the_broken(request: str) -> bytes | None:
    """As STS answers where a role is gone."""
    return REFUSED if f"%3A%3A{BROKEN}%3Arole" in request else None


class Killer:
    """Ends the process of a function at its first write for which `when` holds."""

    def __init__(self, fleet: Fleet, function: str, when: Callable[[], bool]) -> None:
        self.has_killed = False
        self._kill = partial(kill_function_of, fleet.aws.endpoint, function)
        self._when = when

    def __call__(self, operation: str) -> bytes | None:
        if operation in WRITES and not self.has_killed and self._when():
            self.has_killed = self._kill()
            return THROTTLED if self.has_killed else None
        return None


def wait_until(holds: Callable[[], bool]) -> None:
    """Look twice a second; the emulator's workers go by the real time."""
    pause = Event()
    for _ in range(2 * PATIENCE):
        if holds():
            return
        pause.wait(0.5)
    raise AssertionError(f"not within {PATIENCE} seconds")


def test_what_fails_fails_alone_and_nothing_is_lost_or_bought_twice(fleet: Fleet) -> None:
    by_account = {
        account: {name for name, where in fleet.targets.items() if where == account}
        for account in ACCOUNTS
    }
    buyers = {name for names in by_account.values() for name in sorted(names)[:3]}
    fleet.furnish(buyers)
    fleet.aws.client("sqs").send_message(
        QueueUrl=fleet.queue("work"),
        MessageBody="?",
        MessageGroupId=max(fleet.targets),
        MessageDeduplicationId="?",
    )
    fleet.dynamodb.interceptor = killer = Killer(fleet, "visit", lambda: True)

    sent = fleet.invoke("dispatch")
    wait_until(lambda: fleet.messages("work") == 0)
    fleet.dynamodb.interceptor = pass_on
    assert killer.has_killed

    # Each target was decided at its time, in both loops, also those of the killed worker.
    assert sent == {"assignments": str(TARGETS)}
    found = {(name, loop): fleet.newest(name, loop) for name in fleet.targets for loop in Loop}
    assert {key for key, one in found.items() if one is None} == set()
    assert {one.decision.scheduled_at for one in found.values() if one} == {NOW}
    held = {
        one.decision.target
        for one in found.values()
        if one and any(r.code is ReasonCode.PLACE_UNREACHABLE for r in one.decision.reasons)
    }
    assert held == by_account[BROKEN]
    assert fleet.messages("work-dead-letters") == 1

    bought = fleet.world.world.purchases
    fleet.dynamodb.interceptor = killer = Killer(fleet, "purchase", lambda: bool(bought.all))
    with pytest.raises(FunctionFailedError):
        fleet.invoke("purchase")
    fleet.dynamodb.interceptor = pass_on
    assert killer.has_killed
    fleet.world.world.advance(MINUTE)
    for _ in range(3):
        fleet.invoke("purchase")
    fleet.invoke("publish")

    names = sorted(pt.name.partition("-")[0] for pt in bought.all)
    assert names == sorted(buyers - by_account[BROKEN])
    # One tick publishes what it has time for here; callers find it in their own account.
    copies = {account: fleet.copies(account) for account in ACCOUNTS}
    assert all(found <= by_account[account] for account, found in copies.items())
    assert {account for account, found in copies.items() if found} == {ACCOUNT, AWAY}
