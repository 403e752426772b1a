"""The deployed stack tells: each alarm reaches the topic, and a request leads to a purchase."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.adapters.telling.schema import Detail
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.units import MINUTE, floor_hour, iso
from bedrock_world.local.environment import ACCOUNT, REGION
from tests.builders import MODEL, build_traffic
from tests.commitment_story import POLICY
from tests.deployment.conftest import STACK, Deployed
from tests.deployment.template import stack
from tests.deployment.test_local_faults import _forget

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

TARGET = "term"
_BATCH = 10
_PATIENCE = 40


@dataclass(frozen=True, slots=True)
class Ear:
    """A queue that hears the topic and the bus."""

    sqs: Any
    url: str

    def heard(self, wanted: int) -> list[dict[str, Any]]:
        """At least so many messages, or all that come within some seconds."""
        found: list[dict[str, Any]] = []
        for _ in range(_PATIENCE):
            if len(found) >= wanted:
                break
            answer = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=_BATCH, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", ()):
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def ear(deployed: Deployed) -> Iterator[Ear]:
    sqs, sns = deployed.aws.client("sqs"), deployed.aws.client("sns")
    events = deployed.aws.client("events")
    url = sqs.create_queue(QueueName="ear")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:ear"
    heard = sns.subscribe(TopicArn=deployed.stack.alert_topic_arn, Protocol="sqs", Endpoint=arn)
    events.put_rule(
        Name="ear",
        EventBusName=STACK,
        EventPattern=json.dumps({"source": ["bedrock-autoscaler"]}),
    )
    events.put_targets(Rule="ear", EventBusName=STACK, Targets=[{"Id": "ear", "Arn": arn}])
    yield Ear(sqs, url)
    events.remove_targets(Rule="ear", EventBusName=STACK, Ids=["ear"])
    events.delete_rule(Name="ear", EventBusName=STACK)
    sns.unsubscribe(SubscriptionArn=heard["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=url)


def test_each_alarm_reaches_the_topic(deployed: Deployed, ear: Ear) -> None:
    """The emulator's own evaluation is not AWS's: here the states are set."""
    cloudwatch = deployed.aws.client("cloudwatch")
    found = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{STACK}-")
    names = {alarm["AlarmName"] for page in found for alarm in page["MetricAlarms"]}

    for name in names:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")

    told = {
        message["AlarmName"]
        for envelope in ear.heard(len(names) - 1)
        for message in [json.loads(envelope["Message"])]
        if message.get("NewStateValue") == "ALARM"
    }
    for name in names:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")
    deployed_alarms = stack(AlarmSet="basic").of("AWS::CloudWatch::Alarm").values()
    assert names == {alarm["AlarmName"].replace("prod-", f"{STACK}-") for alarm in deployed_alarms}
    # The schedules of this stack are disabled, and a stopped clock is no alarm.
    assert names - told == {f"{STACK}-heartbeat-missing"}


@pytest.fixture
def shell(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of a person who uses the local AWS."""
    values = {
        "AWS_ENDPOINT_URL": deployed.aws.endpoint,
        "AWS_ENDPOINT_URL_BEDROCK": deployed.world.url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()
    yield
    boto3.DEFAULT_SESSION = None


@pytest.fixture
def target(deployed: Deployed) -> Iterator[str]:
    """A target with five even weeks behind it."""
    ssm, prefix = deployed.aws.client("ssm"), deployed.stack.settings_prefix
    document = json.dumps(POLICY | {"account": ACCOUNT, "region": REGION})
    for name, text in (("switch", "allow"), (f"settings/targets/{TARGET}", document)):
        ssm.put_parameter(Name=f"{prefix}/{name}", Value=text, Type="String", Overwrite=True)
    end = floor_hour(deployed.world.world.clock.now())
    traffic = build_traffic(35 * 1440, end=end, input_tokens=60_000.0, output_tokens=12_000.0)
    history = DynamoHistory(deployed.aws.client("dynamodb"), deployed.stack.ledger_table)
    history.store(TARGET, {MODEL: traffic})
    yield TARGET
    for name in ("switch", f"settings/targets/{TARGET}"):
        ssm.delete_parameter(Name=f"{prefix}/{name}")
    _forget(deployed)


def test_a_request_is_told_approved_and_bought_once(
    deployed: Deployed, ear: Ear, target: str, shell: None
) -> None:
    def tick(function: str, **event: str) -> Any:
        world = deployed.world.world
        name: str = getattr(deployed.stack, function)
        return deployed.aws.invoke(name, {"scheduled_time": iso(world.clock.now()), **event})

    assert tick("observe_decide", loop="capacity") == {target: "hold"}
    heard = ear.heard(3)
    mails = [one["Message"] for one in heard if "Message" in one]
    details = [Detail.model_validate(one["detail"]) for one in heard if "detail" in one]
    assert {"decision", "request"} <= {detail.kind for detail in details}
    (mail,) = (text for text in mails if "wait for your word" in text)
    (approval,) = re.findall(r"^  bedrock-autoscaler (approve .*)$", mail, flags=re.MULTILINE)

    for _ in range(2):
        assert run([*shlex.split(approval), "--yes"]) == 0
    deployed.world.world.advance(5 * MINUTE)
    assert tick("observe_decide", loop="capacity") == {target: "purchase 1"}
    assert tick("purchase") == {target: "bought 1"}
    deployed.world.world.advance(timedelta(minutes=5))
    assert tick("observe_decide", loop="capacity") == {target: "hold"}
    assert run([*shlex.split(approval), "--yes"]) == 0

    ever = deployed.world.world.purchases.all
    (bought,) = (pt for pt in ever if pt.name.startswith(f"{target}-"))
    assert bought.commitment == "OneMonth"
    fleets = DynamoFleets(deployed.aws.client("dynamodb"), deployed.stack.ledger_table)
    (intent,) = fleets.purchases(target)
    assert (intent.arn, intent.consent_id) == (bought.arn, shlex.split(approval)[1])
    with pytest.raises(ClientError):
        deployed.aws.client("bedrock").delete_provisioned_model_throughput(
            provisionedModelId=bought.arn
        )
