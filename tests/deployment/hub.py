"""A hub and its spokes over an emulated AWS: real adapters and queue, one Bedrock world an account.

Emulated by moto: DynamoDB, SQS FIFO with dead letters, Parameter Store, CloudWatch, and STS, whose
sessions are in the account of the role. By the Bedrock worlds: Bedrock and Service Quotas, of each
account its own. By `accounts` beside it: that STS holds a caller against the trust of the role that
`spoke/template.yaml` made. By this module: Lambda's part in handing out messages. Nobody evaluates
the roles' permissions here; `test_spoke` does on the template.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, override

import boto3
import botocore.session
import pytest
from moto import mock_aws

from bedrock_autoscaler.adapters.environment import RoutedEnvironment
from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from bedrock_autoscaler.adapters.queue import answered
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.fleets.working import FleetApplication
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.bootstrap import AwsAdapters
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Loop
from tests.builders import ACCOUNT, NOW, REGION
from tests.deployment.accounts import EXTERNAL_ID, STACK, Accounts, Killed, hooked
from tests.functions.account import BY_WORLD, PREFIX, SETTINGS, TABLES, VARIABLES
from tests.intents import ONE_UNIT
from tests.staging import FakeDeadline
from tests.tables import make_tables

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

ROLES = {
    "dispatch": "reader",
    "visit": "reader",
    "purchase": "purchaser",
    "publish": "publisher",
}
"""By function: the role that it assumes in a spoke."""
_MESSAGES = 10
_numbers = count()


class _Adapters(AwsAdapters):
    """Those of a deployed function, but for the time, which is the worlds'."""

    def __init__(self, environment: RoutedEnvironment, hub: "Hub") -> None:
        super().__init__(environment, ACCOUNT)
        self._hub = hub

    @cached_property
    @override
    def clock(self) -> Clock:
        return self._hub.accounts.worlds[ACCOUNT].clock

    @cached_property
    @override
    def reporter(self) -> Reporter:
        return PowertoolsReporter(STACK, "INFO", self._hub.log)


class Hub:
    """The stack `hub` in ACCOUNT, and spokes in the other accounts.

    Attributes:
        accounts: all of them.
        targets: accounts by target.
        log: what the functions wrote.
        decisions: every decision that a worker put together, in order.
        buys_at: targets that want a unit at a scheduled time.
        kill_at: the target in whose decision the next worker is killed; empty: none is.
    """

    def __init__(self, numbers: tuple[str, ...], targets: int) -> None:
        self.accounts = Accounts(numbers)
        self.targets = {f"t{i:03d}": numbers[i % len(numbers)] for i in range(targets)}
        self.log = io.StringIO()
        self.decisions: list[Decision] = []
        self.buys_at: dict[datetime, set[str]] = {}
        self.kill_at = ""
        self._functions: dict[str, tuple[Application, FleetApplication]] = {}
        self._queue = ""
        self._letters = ""

    # -- what there is ---------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The moment in all accounts."""
        return self.accounts.now

    def bought(self) -> dict[str, list[str]]:
        """Targets of the throughputs in each account, one for each throughput."""
        found = {}
        for account, world in self.accounts.worlds.items():
            bedrock = self.accounts.session(account).client("bedrock")
            owners = []
            for pt in world.purchases.existing(self.now):
                tags = bedrock.list_tags_for_resource(resourceARN=pt.arn)["tags"]
                owners.append({tag["key"].rpartition(":")[2]: tag["value"] for tag in tags})
            assert {owner["deployment"] for owner in owners} <= {self.owner(account)}
            found[account] = sorted(owner["target"] for owner in owners)
        return found

    @staticmethod
    def owner(account: str) -> str:
        """The owner tag of an account."""
        return STACK if account == ACCOUNT else f"{STACK}@{ACCOUNT}/{REGION}"

    def copies(self) -> dict[str, set[str]]:
        """Targets whose callers find a routing table, by account."""
        found = {}
        for account in self.accounts.worlds:
            pages = (
                self.accounts.session(account).client("ssm").get_paginator("get_parameters_by_path")
            )
            names = [
                parameter["Name"].rpartition("/")[2]
                for page in pages.paginate(Path=f"{PREFIX}/routes")
                for parameter in page["Parameters"]
            ]
            found[account] = set(names)
        return found

    def dead_letters(self) -> list[str]:
        """Bodies of the messages that nobody could work."""
        answer = self._sqs().receive_message(QueueUrl=self._letters, MaxNumberOfMessages=_MESSAGES)
        return [message["Body"] for message in answer.get("Messages", ())]

    def alarms(self) -> set[tuple[str, str]]:
        """Names of the alarms that were told, with their targets or places."""
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        told = [line for line in lines if line.get("message") == "alarm"]
        return {(line["alarm"], line.get("target", "")) for line in told}

    def held_unreachable(self) -> set[str]:
        """Targets with a decision that says that their place cannot be reached."""
        return {
            decision.target
            for decision in self.decisions
            if any(reason.code is ReasonCode.PLACE_UNREACHABLE for reason in decision.reasons)
        }

    def decided(self, at: datetime) -> set[tuple[str, Loop]]:
        """Targets and loops whose newest decision in the ledger is of this time."""
        log = DynamoDecisions(boto3.client("dynamodb", region_name=REGION), "ledger")
        newest = {(name, loop): log.latest(name, loop) for name in self.targets for loop in Loop}
        return {key for key, one in newest.items() if one and one.decision.scheduled_at == at}

    # -- what happens ----------------------------------------------------------------------------

    def poison(self, group: str) -> None:
        """A message that is none, in the group of a target."""
        self._sqs().send_message(
            QueueUrl=self._queue, MessageBody="?", MessageGroupId=group, MessageDeduplicationId="?"
        )

    def dispatch(self) -> None:
        """The dispatcher's tick of this minute."""
        self._run("dispatch", lambda functions: functions[1].dispatch(self.now))

    def work(self) -> None:
        """Workers until the queue gives nothing more; messages that failed are given again."""
        while records := self._received():
            try:
                answer = self._run(
                    "visit", lambda f, r=records: answered({"Records": r}, f[1].visit)
                )
                failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            except Killed:
                self._functions.pop("visit")
                failed = {record["messageId"] for record in records}
            for record in records:
                if record["messageId"] in failed:
                    # As after the time in which nobody else sees it.
                    self._sqs().change_message_visibility(
                        QueueUrl=self._queue, ReceiptHandle=record["handle"], VisibilityTimeout=0
                    )
                else:
                    self._sqs().delete_message(QueueUrl=self._queue, ReceiptHandle=record["handle"])

    def purchase(self) -> dict[str, str]:
        """The purchase actor's tick of this minute; empty when it was killed."""
        try:
            summary = self._run("purchase", lambda f: f[0].purchase(self.now, FakeDeadline()))
        except Killed:
            self._functions.pop("purchase")
            return {}
        return dict(summary.outcomes)

    def publish(self) -> dict[str, str]:
        """The publish actor's tick of this minute."""
        summary = self._run("publish", lambda f: f[0].publish(self.now, FakeDeadline()))
        return dict(summary.outcomes)

    # -- how -------------------------------------------------------------------------------------

    def _run(self, function: str, run: Any) -> Any:
        self.accounts.runs(function.capitalize())
        if function not in self._functions:
            self._functions[function] = self._process(function)
        return run(self._functions[function])

    def _process(self, function: str) -> tuple[Application, FleetApplication]:
        """A function's process, with nothing remembered."""
        spokes = ",".join(account for account in self.accounts.worlds if account != ACCOUNT)
        variables = VARIABLES | {
            "DEPLOYMENT": STACK,
            "WORK_QUEUE_URL": self._queue,
            "FAN_OUT": "on",
            "SPOKE_ACCOUNTS": spokes,
            "SPOKE_REGIONS": REGION,
            "SPOKE_ROLE": f"{STACK}-spoke-{ROLES[function]}",
            "SPOKE_EXTERNAL_ID": EXTERNAL_ID,
        }
        adapters = _Adapters(RoutedEnvironment.read(variables), self)
        application = Application(
            adapters,
            deployment=STACK,
            code_version="1.2.3",
            agenda=lambda: adapters.agenda,
            decide=self._decide,
            places=adapters.at,
        )
        return application, FleetApplication(application, adapters, adapters, adapters.home)

    def _decide(self, situation: Situation) -> Decision:
        """The real core where nothing is seen; elsewhere what the test wants."""
        if situation.target.name == self.kill_at:
            self.kill_at = ""
            raise Killed
        wanted = self.buys_at.get(situation.scheduled_at, set())
        buys = situation.target.name in wanted and situation.loop is Loop.CAPACITY
        decision = decide(situation)
        if buys and not situation.unreachable:
            decision = replace(decision, actions=(ONE_UNIT,))
        self.decisions.append(decision)
        return decision

    @staticmethod
    def _sqs() -> "SQSClient":
        return boto3.client("sqs", region_name=REGION)

    def _received(self) -> list[dict[str, Any]]:
        answer = self._sqs().receive_message(QueueUrl=self._queue, MaxNumberOfMessages=_MESSAGES)
        return [
            {"messageId": each["MessageId"], "body": each["Body"], "handle": each["ReceiptHandle"]}
            for each in answer.get("Messages", ())
        ]

    def _queues(self) -> tuple[str, str]:
        """The queue of work and that of its dead letters, as in the template."""
        fifo: dict[QueueAttributeNameType, str] = {"FifoQueue": "true"}
        letters = self._sqs().create_queue(QueueName="letters.fifo", Attributes=fifo)["QueueUrl"]
        arn = self._sqs().get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": 2,
        }
        work = self._sqs().create_queue(
            QueueName="work.fifo",
            Attributes=fifo | {"VisibilityTimeout": "60", "RedrivePolicy": json.dumps(redrive)},
        )
        return work["QueueUrl"], letters

    def furnish(self) -> None:
        """Queues, tables, settings, an open switch; the template's roles in each spoke."""
        self._queue, self._letters = self._queues()
        make_tables(boto3.client("dynamodb", region_name=REGION), TABLES)
        self._put("switch", "allow")
        for name, account in self.targets.items():
            self._put(f"settings/targets/{name}", json.dumps(document(name, account)))
        for account in self.accounts.worlds.keys() - {ACCOUNT}:
            for role in ("reader", "purchaser", "publisher"):
                self.accounts.make_role(account, role)

    def _put(self, name: str, text: str) -> None:
        ssm = boto3.client("ssm", region_name=REGION)
        ssm.put_parameter(Name=f"{PREFIX}/{name}", Value=text, Type="String", Overwrite=True)


def document(name: str, account: str) -> dict[str, Any]:
    """A target with a `ModelId` of its own, which may hold one unit."""
    option = {
        "kind": "on_demand",
        "address": f"profile-{name}",
        "price": {
            "input_usd_per_1k": 0.00033,
            "output_usd_per_1k": 0.00275,
            "source": "test",
            "as_of": NOW.date().isoformat(),
        },
        "quota": "unlimited",
    }
    return SETTINGS | {
        "account": account,
        "model_ids": [f"profile-{name}"],
        "options": [option],
        "residency": {"geographies": ["us"], "global_profiles": False, "other_models": True},
    }


@contextmanager
def hub_of(
    monkeypatch: pytest.MonkeyPatch, numbers: tuple[str, ...], targets: int
) -> Iterator[Hub]:
    """A hub at NOW with its targets spread evenly over the accounts."""
    own = {"POWERTOOLS_SERVICE_NAME": f"hub {next(_numbers)}"}
    for name, value in (VARIABLES | own).items():
        monkeypatch.setenv(name, value)
    hub = Hub(numbers, targets)
    with mock_aws(config={"core": {"passthrough": {"services": list(BY_WORLD)}}}):
        monkeypatch.setattr(botocore.session, "get_session", hooked(hub.accounts))
        boto3.setup_default_session()
        hub.furnish()
        yield hub
