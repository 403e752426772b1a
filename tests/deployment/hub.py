"""A hub and its spokes over an emulated AWS: real adapters and queue, one Bedrock world an account.

Emulated by moto: DynamoDB, SQS FIFO with dead letters, Parameter Store, CloudWatch, and STS, whose
sessions are in the account of the role. By the Bedrock worlds: Bedrock and Service Quotas, of each
account its own. By this module: that STS holds a caller against the trust of the role that
`spoke/template.yaml` made, and Lambda's part in handing out messages. Nobody evaluates the roles'
permissions here; `tests/deployment/test_spoke.py` does on the template.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, override

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from bedrock_autoscaler.adapters.environment import RoutedEnvironment
from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from bedrock_autoscaler.adapters.queue import answered
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.ports import Clock, Reporter
from bedrock_autoscaler.application.working import FleetApplication
from bedrock_autoscaler.bootstrap import AwsAdapters
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, ReasonCode, Situation
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.inprocess import answering
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import OWN, POOL
from tests.builders import ACCOUNT, NOW, REGION
from tests.deployment.template import spoke
from tests.functions.account import BY_WORLD, PREFIX, SETTINGS, TABLES, VARIABLES
from tests.intents import ONE_UNIT
from tests.staging import FakeDeadline

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

STACK = "hub"
EXTERNAL_ID = "a-long-random-text"
ROLES = {
    "dispatch": ("Dispatch", "reader"),
    "visit": ("Visit", "reader"),
    "purchase": ("Purchase", "purchaser"),
    "publish": ("Publish", "publisher"),
}
"""By function: its role's parameter of the spokes, and the role that it assumes there."""
_KEY = re.compile(r"Credential=([A-Z0-9a-z]+)/")
_MESSAGES = 10
_numbers = count()


class Killed(BaseException):
    """The process ends here and now; nothing catches it."""


class _Adapters(AwsAdapters):
    """Those of a deployed function, but for the time, which is the worlds'."""

    def __init__(self, environment: RoutedEnvironment, hub: "Hub") -> None:
        super().__init__(environment, ACCOUNT)
        self._hub = hub

    @cached_property
    @override
    def clock(self) -> Clock:
        return self._hub.worlds[ACCOUNT].clock

    @cached_property
    @override
    def reporter(self) -> Reporter:
        return PowertoolsReporter(STACK, "INFO", self._hub.log)


class Hub:
    """The stack `hub` in ACCOUNT, and spokes in the other accounts.

    Attributes:
        worlds: Bedrock by account.
        log: what the functions wrote.
        decisions: every decision that a worker put together, in order.
        buys_at: targets that want a unit at a scheduled time.
        kill_at: the target in whose decision the next worker is killed; empty: none is.
        kill_buyer: whether the next purchase is the last call of its process.
        role: of the hub's function that runs now.
    """

    def __init__(self, accounts: tuple[str, ...], targets: int) -> None:
        self.worlds = {account: _world(account) for account in accounts}
        self.targets = {f"t{i:03d}": accounts[i % len(accounts)] for i in range(targets)}
        self.log = io.StringIO()
        self.decisions: list[Decision] = []
        self.buys_at: dict[datetime, set[str]] = {}
        self.kill_at = ""
        self.kill_buyer = False
        self.role = ""
        self._keys: dict[str, str] = {}
        self._functions: dict[str, tuple[Application, FleetApplication]] = {}
        self._sessions: dict[str, boto3.Session] = {}
        self._queue = ""
        self._letters = ""

    # -- what there is ---------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The worlds' moment."""
        return self.worlds[ACCOUNT].clock.now()

    def session(self, account: str) -> boto3.Session:
        """A session of a person in an account."""
        if account not in self._sessions:
            self._sessions[account] = self._opened(account)
        return self._sessions[account]

    @staticmethod
    def _opened(account: str) -> boto3.Session:
        if account == ACCOUNT:
            return boto3.Session(region_name=REGION)
        sts = boto3.client("sts", region_name=REGION)
        arn = f"arn:aws:iam::{account}:role/person"
        found = sts.assume_role(RoleArn=arn, RoleSessionName="person")["Credentials"]
        return boto3.Session(
            found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], REGION
        )

    def bought(self) -> dict[str, list[str]]:
        """Targets of the throughputs in each account, one for each throughput."""
        found = {}
        for account, world in self.worlds.items():
            bedrock = self.session(account).client("bedrock")
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
        for account in self.worlds:
            pages = self.session(account).client("ssm").get_paginator("get_parameters_by_path")
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
        """Targets and loops of this scheduled time, recorded in the ledger."""
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        found = set()
        for decision in self.decisions:
            if decision.scheduled_at == at:
                stored = dynamodb.query(
                    TableName="ledger",
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": f"TARGET#{decision.target}"}},
                    Select="COUNT",
                )
                if stored["Count"]:
                    found.add((decision.target, decision.loop))
        return found

    # -- what happens ----------------------------------------------------------------------------

    def break_role(self, account: str, role: str) -> None:
        """Somebody deletes a role of a spoke's stack."""
        iam = self.session(account).client("iam")
        name = f"{STACK}-spoke-{role}"
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    def mend_role(self, account: str, role: str) -> None:
        """Somebody makes it again, as the template has it."""
        self._make_role(account, f"{role.capitalize()}Role")

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

    def pass_minutes(self, minutes: int) -> None:
        """Time passes in all accounts."""
        for world in self.worlds.values():
            world.clock.advance(minutes * MINUTE)

    # -- how -------------------------------------------------------------------------------------

    def _run(self, function: str, run: Any) -> Any:
        parameter, _ = ROLES[function]
        self.role = f"arn:aws:iam::{ACCOUNT}:role/{STACK}-{parameter}Role"
        if function not in self._functions:
            self._functions[function] = self._process(function)
        return run(self._functions[function])

    def _process(self, function: str) -> tuple[Application, FleetApplication]:
        """A function's process, with nothing remembered."""
        spokes = ",".join(account for account in self.worlds if account != ACCOUNT)
        variables = VARIABLES | {
            "DEPLOYMENT": STACK,
            "WORK_QUEUE_URL": self._queue,
            "SPOKE_ACCOUNTS": spokes,
            "SPOKE_REGIONS": REGION,
            "SPOKE_ROLE": f"{STACK}-spoke-{ROLES[function][1]}",
            "SPOKE_EXTERNAL_ID": EXTERNAL_ID,
        }
        adapters = _Adapters(RoutedEnvironment.read(variables), self)
        application = Application(
            adapters,
            deployment=STACK,
            code_version="1.2.3",
            decide=self._decide,
            places=adapters.at,
        )
        return application, FleetApplication(application, adapters, adapters)

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
            "maxReceiveCount": 3,
        }
        work = self._sqs().create_queue(
            QueueName="work.fifo",
            Attributes=fifo | {"VisibilityTimeout": "60", "RedrivePolicy": json.dumps(redrive)},
        )
        return work["QueueUrl"], letters

    def furnish(self) -> None:
        """Queues, tables, settings, an open switch; the template's roles in each spoke."""
        self._queue, self._letters = self._queues()
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        for table, names in TABLES.items():
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name in names
                ],
                KeySchema=[
                    {"AttributeName": name, "KeyType": "RANGE" if name == "sk" else "HASH"}
                    for name in names
                ],
            )
        self._put("switch", "allow")
        for name, account in self.targets.items():
            self._put(f"settings/targets/{name}", json.dumps(_document(name, account)))
        for account in self.worlds.keys() - {ACCOUNT}:
            for role in ("ReaderRole", "PurchaserRole", "PublisherRole"):
                self._make_role(account, role)

    def _put(self, name: str, text: str) -> None:
        ssm = boto3.client("ssm", region_name=REGION)
        ssm.put_parameter(Name=f"{PREFIX}/{name}", Value=text, Type="String", Overwrite=True)

    def _make_role(self, account: str, logical: str) -> None:
        """A role with the trust that the template gives it."""
        parameters = {
            "HubStackName": STACK,
            "HubAccountId": ACCOUNT,
            "ExternalId": EXTERNAL_ID,
            **{
                f"{name}RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-{name}Role"
                for name, _ in ROLES.values()
            },
        }
        properties = spoke(**parameters).resources[logical]["Properties"]
        iam = self.session(account).client("iam")
        iam.create_role(
            RoleName=properties["RoleName"],
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
        )

    # -- hooks of the emulated AWS ---------------------------------------------------------------

    def trusts(self, params: Mapping[str, Any], **_: object) -> tuple[AWSResponse, Any] | None:
        """What STS asks of a caller: a role that is there, that trusts it, and the external id."""
        body = params["body"]
        arn = body["RoleArn"]
        if arn.endswith("role/person"):
            return None
        account, name = arn.split(":")[4], arn.rpartition("/")[2]
        iam = self.session(account).client("iam")
        try:
            document = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except iam.exceptions.NoSuchEntityException:
            return _denied(params["url"])
        (statement,) = document["Statement"]
        bounds = statement["Condition"]["StringEquals"]
        trusted = statement["Principal"]["AWS"]
        fits = (
            self.role in (trusted if isinstance(trusted, list) else [trusted])
            and bounds["sts:ExternalId"] == body.get("ExternalId")
            and bounds["aws:PrincipalAccount"] == ACCOUNT
        )
        return None if fits else _denied(params["url"])

    def note_key(self, parsed: Mapping[str, Any], **_: object) -> None:
        """Remember whose account a session's key is in."""
        if "Credentials" in parsed:
            account = parsed["AssumedRoleUser"]["Arn"].split(":")[4]
            self._keys[parsed["Credentials"]["AccessKeyId"]] = account

    def bedrock(self, request: AWSPreparedRequest, **others: Any) -> AWSResponse:
        """The world of the account that the request is signed for."""
        header = request.headers["Authorization"]
        text = header.decode() if isinstance(header, bytes) else str(header)
        key = _KEY.search(text)
        assert key is not None
        account = self._keys.get(key[1], ACCOUNT)
        answer = answering(self.worlds[account])(request, **others)
        if self.kill_buyer and request.method == "POST" and "throughput" in request.url:
            self.kill_buyer = False
            raise Killed
        return answer


def _world(account: str) -> World:
    quotas = {POOL: 500.0, OWN: 500.0}
    return World(WorldSettings(start=NOW, account_id=account, region=REGION, applied_quotas=quotas))


def _document(name: str, account: str) -> dict[str, Any]:
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


def _denied(url: str) -> tuple[AWSResponse, dict[str, Any]]:
    error = {"Code": "AccessDenied", "Message": "is not authorized to perform: sts:AssumeRole"}
    return AWSResponse(url, 403, HTTPHeaders(), None), {"Error": error, "ResponseMetadata": {}}


def _hooked(hub: Hub) -> Callable[..., botocore.session.Session]:
    """Sessions whose calls of STS and Bedrock the hub answers."""
    real = botocore.session.get_session
    loader = real().get_component("data_loader")

    def made(*arguments: Any) -> botocore.session.Session:
        session = real(*arguments)
        session.register_component("data_loader", loader)
        hooks: Any = session.get_component("event_emitter")
        hooks.register("before-call.sts.AssumeRole", hub.trusts)
        hooks.register("after-call.sts.AssumeRole", hub.note_key)
        for service in BY_WORLD:
            hooks.register_first(f"before-send.{service}", hub.bedrock)
        return session

    return made


@contextmanager
def hub_of(
    monkeypatch: pytest.MonkeyPatch, accounts: tuple[str, ...], targets: int
) -> Iterator[Hub]:
    """A hub at NOW with its targets spread evenly over the accounts."""
    own = {"POWERTOOLS_SERVICE_NAME": f"hub {next(_numbers)}"}
    for name, value in (VARIABLES | own).items():
        monkeypatch.setenv(name, value)
    hub = Hub(accounts, targets)
    with mock_aws(config={"core": {"passthrough": {"services": list(BY_WORLD)}}}):
        monkeypatch.setattr(botocore.session, "get_session", _hooked(hub))
        boto3.setup_default_session()
        hub.furnish()
        yield hub
