"""The deployed application, put together from an environment, on an emulated account."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from bedrock_autoscaler import bootstrap
from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity
from bedrock_autoscaler.adapters.bedrock.purchasing import BedrockPurchasing
from bedrock_autoscaler.adapters.bedrock.releasing import BedrockReleasing
from bedrock_autoscaler.adapters.environment import RoutedEnvironment
from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    PlaceUnreachableError,
)
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.domain.target import Loop
from functions.observe_decide import app as observe_decide
from functions.purchase import app as purchase
from tests.documents import BASE
from tests.fakes.silent_server import SilentServer
from tests.functions.test_handlers import Context
from tests.tables import make_tables

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PREFIX = "/bedrock-autoscaler"
VARIABLES = {
    "LEDGER_TABLE": "ledger",
    "ROUTES_TABLE": "routes",
    "SETTINGS_PREFIX": PREFIX,
    "DEPLOYMENT": "test",
    "CLOCK_ENDPOINT": "",
    "ALERT_TOPIC_ARN": "",
    "LOG_LEVEL": "INFO",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    # Powertools keeps one logger, with its level, per service and process.
    "POWERTOOLS_SERVICE_NAME": "bootstrap",
}


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator["SSMClient"]:
    """An account with the stack's tables, and its Parameter Store."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    bootstrap._deployed.cache_clear()
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        make_tables(dynamodb, {"ledger": ("pk", "sk"), "routes": ("pk",)})
        yield boto3.client("ssm", region_name="us-east-1")
    bootstrap._deployed.cache_clear()


def test_a_deployed_function_runs_from_its_environment(
    ssm: "SSMClient", caplog: pytest.LogCaptureFixture
) -> None:
    assert purchase.handler({}, Context()) == {}

    last = caplog.records[-1]
    assert (last.message, vars(last)["outcome"]) == ("tick", "nothing to do")


def test_the_application_is_made_once_in_a_process(ssm: "SSMClient") -> None:
    first = bootstrap.application(Context.invoked_function_arn)

    assert bootstrap.application(Context.invoked_function_arn) is first


def test_an_invalid_document_is_reported_and_nothing_is_decided(
    ssm: "SSMClient", caplog: pytest.LogCaptureFixture
) -> None:
    ssm.put_parameter(Name=f"{PREFIX}/settings/targets/chat", Value="{", Type="String")

    assert observe_decide.handler({"loop": "routing"}, Context()) == {}

    alarms = [vars(record) for record in caplog.records if record.message == "alarm"]
    assert [(alarm["alarm"], alarm["target"]) for alarm in alarms] == [
        ("settings_rejected", "chat")
    ]


def test_without_any_document_nothing_is_decided_and_it_says_so(
    ssm: "SSMClient", caplog: pytest.LogCaptureFixture
) -> None:
    assert observe_decide.handler({"loop": "routing"}, Context()) == {}

    (alarm,) = [vars(record) for record in caplog.records if record.message == "alarm"]
    assert (alarm["alarm"], alarm["target"]) == ("settings_rejected", "")
    assert "nothing is decided" in alarm["detail"]


@pytest.mark.parametrize(("fan_out", "seen"), [("on", {}), ("off", {"chat": "nothing to buy"})])
def test_with_a_dispatcher_who_acts_reads_the_settings_every_few_minutes(
    ssm: "SSMClient", monkeypatch: pytest.MonkeyPatch, fan_out: str, seen: dict[str, str]
) -> None:
    monkeypatch.setenv("FAN_OUT", fan_out)
    assert purchase.handler({}, Context()) == {}
    text = json.dumps(BASE | {"account": Context.invoked_function_arn.split(":")[4]})
    ssm.put_parameter(Name=f"{PREFIX}/settings/targets/chat", Value=text, Type="String")

    assert purchase.handler({}, Context()) == seen


def test_each_source_region_is_read_by_its_own_client_and_has_a_heartbeat(
    ssm: "SSMClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_REGIONS", "us-west-2")
    west = boto3.client("cloudwatch", region_name="us-west-2")
    west.put_metric_data(
        Namespace="AWS/Bedrock",
        MetricData=[
            {
                "MetricName": "Invocations",
                "Dimensions": [{"Name": "ModelId", "Value": "us.a-model"}],
                "Value": 1.0,
            }
        ],
    )

    observe_decide.handler({"loop": "routing"}, Context())

    adapters = bootstrap.AwsAdapters(RoutedEnvironment.read(), "111122223333")
    assert adapters.metrics.model_ids() == {"us.a-model@us-west-2"}
    assert adapters.metrics.regions == {"us-west-2"}
    for region in ("us-east-1", "us-west-2"):
        client = boto3.client("cloudwatch", region_name=region)
        (beat,) = client.list_metrics(Namespace="BedrockAutoscaler")["Metrics"]
        assert beat["MetricName"] == "Heartbeat"


def test_an_incomplete_environment_is_refused_by_name(
    ssm: "SSMClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEDGER_TABLE")

    with pytest.raises(ConfigurationError, match="LEDGER_TABLE is not set"):
        purchase.handler({}, Context())


def test_each_port_has_its_adapter_and_clients_are_shared(ssm: "SSMClient") -> None:
    adapters = bootstrap.AwsAdapters(RoutedEnvironment.read(), "111122223333")

    assert isinstance(adapters.capacity, BedrockCapacity)
    assert isinstance(adapters.purchasing, BedrockPurchasing)
    assert isinstance(adapters.releasing, BedrockReleasing)
    assert adapters.metrics.model_ids() == frozenset()
    assert adapters.decisions.exists("x", "chat", Loop.ROUTING) is False
    assert adapters.fleets.purchases("chat") == ()
    assert adapters.tables.current("chat") is None
    assert adapters.switch.allows_action("chat") is False
    assert adapters._bedrock is adapters._bedrock


def test_a_service_that_does_not_answer_is_waited_for_once_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = SilentServer(closes=True)
    for name, value in (VARIABLES | {"AWS_ENDPOINT_URL": server.url}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    adapters = bootstrap.AwsAdapters(RoutedEnvironment.read(), "111122223333")

    for read in (adapters.capacity.inventory, adapters.capacity.inventory):
        with pytest.raises(ObservationError):
            read()
        assert server.calls == 3
    with pytest.raises(ObservationError):
        adapters.metrics.model_ids()
    assert server.calls == 6
    server.close()


SPOKES = {
    "SPOKE_ACCOUNTS": "000011112222",
    "SPOKE_REGIONS": "us-west-2",
    "SPOKE_ROLE": "test-spoke-reader",
    "SPOKE_EXTERNAL_ID": "a-long-random-text",
}
SPOKE = Place(account="000011112222", region="us-west-2")


def test_a_listed_place_has_adapters_of_its_own_and_records_stay_at_home(
    ssm: "SSMClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SPOKES.items():
        monkeypatch.setenv(name, value)
    adapters = bootstrap.AwsAdapters(RoutedEnvironment.read(), "111122223333")

    there = adapters.at(SPOKE)

    assert adapters.at(SPOKE) is there
    assert adapters.at(adapters.home) is adapters
    assert (adapters.owner, there.owner) == ("test", "test@111122223333/us-east-1")
    assert there.metrics.model_ids() == frozenset()
    assert there.tables.current("chat") is None
    assert isinstance(there.capacity, BedrockCapacity)


@pytest.mark.parametrize("left_out", [{}, {"SPOKE_ROLE": ""}, {"SPOKE_EXTERNAL_ID": ""}])
def test_no_other_place_is_reached(
    ssm: "SSMClient", monkeypatch: pytest.MonkeyPatch, left_out: dict[str, str]
) -> None:
    for name, value in (SPOKES | left_out).items():
        monkeypatch.setenv(name, value)
    adapters = bootstrap.AwsAdapters(RoutedEnvironment.read(), "111122223333")
    place = SPOKE if left_out else Place(account="000011112222", region="us-east-1")

    with pytest.raises(PlaceUnreachableError, match=f"{place.name} is none of the places"):
        adapters.at(place)
