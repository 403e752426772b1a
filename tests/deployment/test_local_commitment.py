"""A commitment's whole life on the deployed stack: its functions, topic, tables and commands.

The world's clock moves on by seven weeks, at which prices of other tests would be stale: so this
one has a local AWS of its own, and runs with the long tests.
"""

import json
import os
from collections.abc import Iterator
from typing import Any, override

import boto3
import pytest

from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import floor_hour, iso
from bedrock_world.local import LocalAws, StackOutputs
from bedrock_world.local.environment import ACCOUNT
from bedrock_world.server import RunningWorld, serve
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import OWN, POOL
from tests.builders import MODEL, NOW, REGION
from tests.commitment_story import POLICY, WEEKS, Story, is_told_to_the_end, keep
from tests.deployment.template import ROOT

pytestmark = [pytest.mark.soak, pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

STACK = "terms"
_BATCH = 10


class StoryOnTheEmulator(Story):
    """The deployed functions; a queue hears the topic."""

    def __init__(
        self,
        aws: LocalAws,
        outputs: StackOutputs,
        world: RunningWorld,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._dynamodb = aws.client("dynamodb")
        history = DynamoHistory(self._dynamodb, outputs.ledger_table)
        super().__init__(STACK, world.world, history, capsys)
        self._aws, self._outputs = aws, outputs
        self._sqs = aws.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="mail")["QueueUrl"]
        aws.client("sns").subscribe(
            TopicArn=outputs.alert_topic_arn,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:mail",
        )
        keep(history, self.now - WEEKS, floor_hour(self.now))

    @override
    def fire(self, function: str, **event: str) -> Any:
        name: str = getattr(self._outputs, function)
        return self._aws.invoke(name, {"scheduled_time": iso(self.now), **event})

    @override
    def mails(self) -> list[tuple[str, str]]:
        """All that the queue holds; the emulator's topic delivers before a call is answered."""
        found = []
        while batch := self._received():
            for message in batch:
                mail = json.loads(message["Body"])
                found.append((mail.get("Subject") or "", mail["Message"]))
                self._sqs.delete_message(
                    QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                )
        return found

    @override
    def newest(self) -> RecordedDecision:
        log = DynamoDecisions(self._dynamodb, self._outputs.ledger_table)
        found = log.latest("chat", Loop.CAPACITY)
        assert found is not None
        return found

    @override
    def ledger(self) -> LedgerState:
        outputs = self._outputs
        fleets = DynamoFleets(self._dynamodb, outputs.ledger_table, outputs.consents_table)
        return fleets.state_of("chat")

    def _received(self) -> list[Any]:
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=_BATCH)
        return list(answer.get("Messages", ()))


@pytest.fixture
def story(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[StoryOnTheEmulator]:
    """A target at the end of five even weeks, and a terminal that reaches it."""
    settings = WorldSettings(start=NOW, region=REGION, applied_quotas={POOL: 100, OWN: 100})
    with (
        serve(World(settings)) as world,
        LocalAws(tools=ROOT / ".tools", world_url=world.url) as aws,
    ):
        parameters = {
            "AlarmSet": "basic",
            "ClockEndpoint": f"{world.url}/_world/clock",
            "PurchasableModelArns": f"arn:aws:bedrock:{REGION}::foundation-model/{MODEL}*",
            "SchedulesState": "DISABLED",
        }
        outputs = aws.deploy(ROOT, stack=STACK, parameters=parameters)
        document = json.dumps(POLICY | {"account": ACCOUNT, "region": REGION})
        for name, text in (("switch", "allow"), ("settings/targets/chat", document)):
            aws.client("ssm").put_parameter(
                Name=f"{outputs.settings_prefix}/{name}", Value=text, Type="String"
            )
        files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        for name, value in (aws.variables | files).items():
            monkeypatch.setenv(name, value)
        boto3.setup_default_session()
        yield StoryOnTheEmulator(aws, outputs, world, capsys)
    boto3.DEFAULT_SESSION = None


def test_a_commitment_from_advice_to_its_end(story: StoryOnTheEmulator) -> None:
    is_told_to_the_end(story)
