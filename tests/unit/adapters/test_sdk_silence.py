"""A service that does not answer is waited for once a minute, whoever asks it for what."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import Stubber

from bedrock_autoscaler.adapters.clients import Clients
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.sdk_silence import Silence
from tests.builders import NOW
from tests.fakes.fake_clock import FakeClock
from tests.fakes.silent_server import SilentServer

NAME = "bedrock in us-east-1"
TIMEOUT = ReadTimeoutError(endpoint_url="https://bedrock")


@pytest.fixture
def hanging() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def watched(url: str, silence: Silence) -> Any:
    config = Config(read_timeout=0.1, retries={"total_max_attempts": 1}, region_name="us-east-1")
    client = boto3.client("bedrock", endpoint_url=url, config=config)
    silence.watch(client.meta.events, lambda _: NAME)
    return client


def test_who_did_not_answer_is_not_called_again_for_a_minute(hanging: SilentServer) -> None:
    clock = FakeClock(NOW)
    client = watched(hanging.url, Silence(clock.now))

    with pytest.raises(ReadTimeoutError):
        client.list_provisioned_model_throughputs()
    with pytest.raises(EndpointConnectionError):
        client.get_foundation_model(modelIdentifier="amazon.nova-lite-v1:0")
    assert hanging.calls == 1

    clock.advance(MINUTE)
    with pytest.raises(ReadTimeoutError):
        client.list_provisioned_model_throughputs()
    assert hanging.calls == 2


def test_a_refusal_is_an_answer() -> None:
    silence = Silence(FakeClock(NOW).now)

    silence.note(NAME, ClientError({"Error": {"Code": "ThrottlingException"}}, "ListMetrics"))

    assert not silence.rests(NAME)


@pytest.mark.parametrize("service", ["bedrock", "cloudwatch", "service-quotas"])
def test_each_service_that_many_targets_need_rests_by_itself(service: str) -> None:
    silence = Silence(FakeClock(NOW).now)
    clients = Clients("us-east-1", silence=silence)
    called: dict[str, Callable[[], object]] = {
        "bedrock": lambda: clients.bedrock().list_provisioned_model_throughputs(),
        "cloudwatch": lambda: clients.cloudwatch().list_metrics(),
        "service-quotas": lambda: clients.service_quotas().get_service_quota(
            ServiceCode="bedrock", QuotaCode="L-1"
        ),
    }

    silence.note(f"{service} in us-east-1", TIMEOUT)

    with pytest.raises(EndpointConnectionError):
        called[service]()
    assert [silence.rests(f"{other} in us-east-1") for other in called].count(True) == 1


@pytest.mark.parametrize("service", ["dynamodb", "ssm"])
def test_the_ledger_and_the_settings_are_always_asked(service: str) -> None:
    silence = Silence(FakeClock(NOW).now)
    client: Any = getattr(Clients("us-east-1", silence=silence), service)()
    silence.note(f"{service} in us-east-1", TIMEOUT)

    with Stubber(client) as answers:
        if service == "dynamodb":
            answers.add_response("get_item", {"Item": {}})
            assert client.get_item(TableName="ledger", Key={"pk": {"S": "a"}})["Item"] == {}
        else:
            answers.add_response("get_parameter", {"Parameter": {"Value": "allow"}})
            assert client.get_parameter(Name="/switch")["Parameter"]["Value"] == "allow"
