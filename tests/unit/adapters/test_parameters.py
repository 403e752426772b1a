from datetime import UTC
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from bedrock_autoscaler.adapters.parameters import SsmParameters, SsmSwitch
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.settings import Documents
from tests.fakes.recording_reporter import RecordingReporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ssm import SSMClient

PREFIX = "/bedrock-autoscaler"


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SSMClient]":
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("ssm", region_name="us-east-1")


def put(ssm: "SSMClient", path: str, value: str) -> None:
    ssm.put_parameter(Name=f"{PREFIX}{path}", Value=value, Type="String", Overwrite=True)


def test_documents_have_the_names_of_their_parameters(ssm: "SSMClient") -> None:
    put(ssm, "/settings/defaults", "{}")
    put(ssm, "/settings/stack", '{"max_units": 4}')
    put(ssm, "/settings/targets/chat", '{"mode": "act"}')
    put(ssm, "/settings/targets/stack", "misplaced")

    documents = SsmParameters(ssm, PREFIX).documents().texts

    assert documents == {
        "defaults": "{}",
        "stack": '{"max_units": 4}',
        "chat": '{"mode": "act"}',
        "settings/targets/stack": "misplaced",
    }


def test_without_parameters_there_are_no_documents(ssm: "SSMClient") -> None:
    assert SsmParameters(ssm, PREFIX).documents() == Documents(texts={})


def test_documents_are_read_to_the_last_page(ssm: "SSMClient") -> None:
    # A page holds at most 10 parameters, so 23 are three pages.
    for number in range(23):
        put(ssm, f"/settings/targets/target-{number}", str(number))

    documents = SsmParameters(ssm, PREFIX).documents().texts

    assert documents == {f"target-{number}": str(number) for number in range(23)}


def test_other_parameters_of_the_prefix_are_no_documents(ssm: "SSMClient") -> None:
    put(ssm, "/switch", "allow")
    put(ssm, "/routes/chat", "{}")
    put(ssm, "-two/settings/targets/chat", "{}")

    assert SsmParameters(ssm, PREFIX).documents() == Documents(texts={})


@pytest.mark.parametrize("path", ["chat", "targets/a/b", "targets/defaults", "target/chat"])
def test_a_misplaced_document_has_a_name_that_no_parser_accepts(
    ssm: "SSMClient", path: str
) -> None:
    put(ssm, f"/settings/{path}", "{}")

    assert list(SsmParameters(ssm, PREFIX).documents().texts) == [f"settings/{path}"]


def test_a_document_says_when_it_was_written_also_one_that_was_deleted_meanwhile(
    ssm: "SSMClient",
) -> None:
    parameters = SsmParameters(ssm, PREFIX)
    put(ssm, "/settings/targets/chat", "1")
    put(ssm, "/settings/targets/chat", "2")
    before = parameters.documents().changed_at["chat"]
    ssm.delete_parameter(Name=f"{PREFIX}/settings/targets/chat")
    put(ssm, "/settings/targets/chat", "3")

    # Its version number begins with 1 again.
    assert parameters.documents().changed_at["chat"] > before
    assert before.tzinfo == UTC


def test_documents_that_cannot_be_read_to_the_end_are_an_error(ssm: "SSMClient") -> None:
    page = {
        "Parameters": [{"Name": f"{PREFIX}/settings/defaults", "Value": "{}"}],
        "NextToken": "t",
    }
    with Stubber(ssm) as stub:
        stub.add_response("get_parameters_by_path", page)
        stub.add_client_error("get_parameters_by_path", "ThrottlingException", "MARKER")

        with pytest.raises(ObservationError, match="ThrottlingException") as caught:
            SsmParameters(ssm, PREFIX).documents()

    assert "MARKER" not in str(caught.value)


def test_a_service_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # Port 1 of this machine refuses connections.
    dead = boto3.client("ssm", region_name="us-east-1", endpoint_url="http://127.0.0.1:1")

    with pytest.raises(ObservationError, match="EndpointConnectionError"):
        SsmParameters(dead, PREFIX).documents()


def test_only_the_exact_word_permits_action(ssm: "SSMClient") -> None:
    switch = SsmSwitch(ssm, PREFIX, RecordingReporter())
    put(ssm, "/switch", "allow")

    assert switch.allows_action("chat")


@pytest.mark.parametrize("value", ["Allow", "ALLOW", " allow", "allow ", "allowed", "true", "-"])
def test_any_other_word_permits_nothing(ssm: "SSMClient", value: str) -> None:
    put(ssm, "/switch", value)

    assert not SsmSwitch(ssm, PREFIX, RecordingReporter()).allows_action("chat")


def test_a_missing_switch_permits_nothing(ssm: "SSMClient") -> None:
    assert not SsmSwitch(ssm, PREFIX, RecordingReporter()).allows_action("chat")


def test_the_switch_is_read_afresh_each_time(ssm: "SSMClient") -> None:
    switch = SsmSwitch(ssm, PREFIX, RecordingReporter())
    put(ssm, "/switch", "allow")
    before = switch.allows_action("chat")
    put(ssm, "/switch", "stop")

    assert (before, switch.allows_action("chat")) == (True, False)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalError"])
def test_an_unreadable_switch_permits_nothing_and_says_so(ssm: "SSMClient", code: str) -> None:
    reporter = RecordingReporter()
    with Stubber(ssm) as stub:
        stub.add_client_error("get_parameter", code)

        assert not SsmSwitch(ssm, PREFIX, reporter).allows_action("chat")

    (alarm,) = reporter.alarms
    assert (alarm.alarm, alarm.target) == ("switch_unread", "chat")
    assert code in alarm.message


def test_a_missing_switch_is_no_alarm(ssm: "SSMClient") -> None:
    reporter = RecordingReporter()

    SsmSwitch(ssm, PREFIX, reporter).allows_action("chat")

    assert reporter.alarms == []
