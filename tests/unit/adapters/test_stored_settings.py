"""Writes to Parameter Store, between which others write."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from bedrock_autoscaler.adapters.stored_settings import StoredSettings
from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    SettingsMovedError,
    UnknownOutcomeError,
)

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

PREFIX = "/bedrock-autoscaler"
PATH = f"{PREFIX}/settings/targets/chat"


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SSMClient]":
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield boto3.client("ssm", region_name="us-east-1")


def value(ssm: "SSMClient") -> str:
    return ssm.get_parameter(Name=PATH)["Parameter"]["Value"]


def before_next_put(ssm: "SSMClient", act: Callable[[], Any]) -> None:
    """Do something after the adapter has looked, and before its write arrives."""
    acted: list[object] = []

    def hook(**_: object) -> None:
        if not acted:
            acted.append(None)
            act()

    ssm.meta.events.register("before-call.ssm.PutParameter", hook)


def put(ssm: "SSMClient", text: str) -> None:
    ssm.put_parameter(Name=PATH, Value=text, Type="String", Overwrite=True)


def test_versions_count_up_and_keep_who_and_why(ssm: "SSMClient") -> None:
    stored = StoredSettings(ssm, PREFIX)

    assert stored.write("chat", "{}", after=0, why="first") == 1
    assert stored.write("chat", '{"mode": "act"}', after=1) == 2

    first, second = stored.versions("chat")
    assert (first.text, first.why, first.version) == ("{}", "first", 1)
    assert (second.text, second.tier) == ('{"mode": "act"}', "Standard")
    assert second.why == "changed by bedrock-autoscaler; no reason given"
    assert stored.newest("chat") == second


def test_without_a_document_there_is_no_version(ssm: "SSMClient") -> None:
    assert StoredSettings(ssm, PREFIX).versions("chat") == ()
    assert StoredSettings(ssm, PREFIX).newest("chat") is None


@pytest.mark.parametrize(
    ("name", "path"),
    [("defaults", "settings/defaults"), ("stack", "settings/stack"), ("a", "settings/targets/a")],
)
def test_a_document_has_its_parameter(ssm: "SSMClient", name: str, path: str) -> None:
    assert StoredSettings(ssm, PREFIX).parameter(name) == f"{PREFIX}/{path}"


def test_a_version_that_is_no_longer_the_newest_is_refused_before_the_write(
    ssm: "SSMClient",
) -> None:
    put(ssm, "{}")
    put(ssm, '{"theirs": 2}')

    with pytest.raises(SettingsMovedError, match=f"{PATH} is at version 2, .* version 1 was read"):
        StoredSettings(ssm, PREFIX).write("chat", '{"ours": 2}', after=1)

    assert value(ssm) == '{"theirs": 2}'


def test_a_write_within_the_moment_is_put_back_and_ours_is_refused(ssm: "SSMClient") -> None:
    put(ssm, "{}")
    before_next_put(ssm, lambda: put(ssm, '{"theirs": 2}'))

    with pytest.raises(SettingsMovedError, match="was put back as version 4; version 3 with this"):
        StoredSettings(ssm, PREFIX).write("chat", '{"ours": 3}', after=1)

    assert value(ssm) == '{"theirs": 2}'


def test_two_who_create_the_document_at_once_do_not_overwrite_each_other(
    ssm: "SSMClient",
) -> None:
    before_next_put(ssm, lambda: put(ssm, '{"theirs": 1}'))

    with pytest.raises(SettingsMovedError, match="created by another write meanwhile"):
        StoredSettings(ssm, PREFIX).write("chat", "{}", after=0)

    assert value(ssm) == '{"theirs": 1}'


def test_a_document_that_was_deleted_meanwhile_is_not_made_again(ssm: "SSMClient") -> None:
    with pytest.raises(SettingsMovedError, match="was deleted since version 3 was read"):
        StoredSettings(ssm, PREFIX).write("chat", "{}", after=3)


def test_a_text_above_its_tier_is_refused_with_both_sizes(ssm: "SSMClient") -> None:
    with pytest.raises(ConfigurationError, match=r"4,097 bytes are more than the 4,096 of its"):
        StoredSettings(ssm, PREFIX).write("chat", "x" * 4_097, after=0)


def test_an_advanced_parameter_stays_one(ssm: "SSMClient") -> None:
    ssm.put_parameter(Name=PATH, Value="{}", Type="String", Tier="Advanced")
    stored = StoredSettings(ssm, PREFIX)

    assert stored.write("chat", "x" * 8_192, after=1) == 2

    assert stored.versions("chat")[-1].tier == "Advanced"


def test_a_refused_write_names_the_reason(ssm: "SSMClient") -> None:
    with Stubber(ssm) as stub:
        stub.add_response("get_parameter_history", {"Parameters": []})
        stub.add_client_error("put_parameter", "AccessDeniedException", "not allowed")

        with pytest.raises(ConfigurationError, match="AccessDeniedException: not allowed"):
            StoredSettings(ssm, PREFIX).write("chat", "{}", after=0)


def test_a_write_without_an_answer_is_told_as_unknown(ssm: "SSMClient") -> None:
    def fail() -> None:
        raise EndpointConnectionError(endpoint_url="https://ssm")

    before_next_put(ssm, fail)

    with pytest.raises(UnknownOutcomeError, match="settings history chat"):
        StoredSettings(ssm, PREFIX).write("chat", "{}", after=0)


def test_versions_that_cannot_be_read_are_an_error(ssm: "SSMClient") -> None:
    with Stubber(ssm) as stub:
        stub.add_client_error("get_parameter_history", "ThrottlingException")

        with pytest.raises(ObservationError, match="could not be read: ThrottlingException"):
            StoredSettings(ssm, PREFIX).newest("chat")
