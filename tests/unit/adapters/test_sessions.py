"""Sessions in spoke accounts, over an emulated STS that knows whose account a session is in."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError
from moto import mock_aws

from bedrock_autoscaler.adapters.clients import Clients
from bedrock_autoscaler.adapters.sessions import DURATION_SECONDS, Sessions
from bedrock_autoscaler.application.errors import PlaceUnreachableError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.fakes.fake_clock import FakeClock

EAST = Place(account="000011112222", region="us-east-1")
WEST = Place(account="000011112222", region="us-west-2")
OTHER = Place(account="999988887777", region="us-west-2")


class Sts:
    """STS as moto has it; what was asked, and what it answers instead."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refuses: set[str] = set()
        self.silent = False
        self.client = Clients("us-east-1").sts()
        hooks: Any = self.client.meta.events  # the stub forgets that a hook may answer
        hooks.register("before-parameter-build.sts.AssumeRole", self._note)
        hooks.register("before-call.sts.AssumeRole", self._answer)

    def _note(self, params: dict[str, Any], **_: object) -> None:
        self.asked.append(dict(params))

    def _answer(self, **_: object) -> tuple[AWSResponse, dict[str, Any]] | None:
        if self.silent:
            raise ConnectTimeoutError(endpoint_url="https://sts")
        if not any(account in self.asked[-1]["RoleArn"] for account in self.refuses):
            return None
        error = {"Code": "AccessDenied", "Message": "User: arn:aws:iam::1:role/x"}
        return AWSResponse("", 403, HTTPHeaders(), None), {"Error": error, "ResponseMetadata": {}}


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        boto3.setup_default_session()
        yield Sts()


def sessions_of(sts: Sts, clock: FakeClock) -> Sessions:
    """Of a worker of the stack `prod`."""
    return Sessions(
        lambda: sts.client,
        role="prod-spoke-reader",
        external_id="words-of-ours",
        name="prod",
        clock=clock,
    )


def test_a_session_is_in_the_spoke_s_account_and_short(sts: Sts) -> None:
    session = sessions_of(sts, FakeClock(NOW)).at(EAST)

    assert session.client("sts").get_caller_identity()["Account"] == EAST.account
    assert sts.asked == [
        {
            "RoleArn": "arn:aws:iam::000011112222:role/prod-spoke-reader",
            "RoleSessionName": "prod",
            "ExternalId": "words-of-ours",
            "DurationSeconds": DURATION_SECONDS,
        }
    ]


def test_a_session_serves_all_regions_of_its_account_until_it_ends(sts: Sts) -> None:
    sessions = sessions_of(sts, FakeClock(NOW))

    one, two = sessions.at(EAST), sessions.at(WEST)
    sessions.at(OTHER)

    assert one is two
    assert [asked["RoleArn"][13:25] for asked in sts.asked] == [EAST.account, OTHER.account]


def test_a_session_is_renewed_shortly_before_its_end(sts: Sts) -> None:
    sessions = sessions_of(sts, FakeClock(NOW))
    credentials: Any = sessions.at(EAST).get_credentials()

    for seconds_left in (DURATION_SECONDS, 181, 179, 181):
        credentials._seconds_remaining = lambda left=seconds_left: left
        sessions.at(EAST)

    assert len(sts.asked) == 2


def test_a_renewal_that_fails_is_told_without_the_words_of_aws(
    sts: Sts, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = sessions_of(sts, FakeClock(NOW))
    credentials: Any = sessions.at(EAST).get_credentials()
    sts.refuses = {EAST.account}

    credentials._seconds_remaining = lambda: 179
    sessions.at(EAST)
    credentials._seconds_remaining = lambda: 59
    with pytest.raises(PlaceUnreachableError, match=r"AccessDenied$"):
        sessions.at(EAST)

    assert len(sts.asked) == 3
    assert "User: arn" not in caplog.text


def test_a_role_that_cannot_be_assumed_is_asked_for_once_a_minute(sts: Sts) -> None:
    clock = FakeClock(NOW)
    sessions = sessions_of(sts, clock)
    sts.refuses = {EAST.account}

    for _ in range(3):
        with pytest.raises(PlaceUnreachableError, match=r"prod-spoke-reader could not .*Denied$"):
            sessions.at(EAST)
    assert len(sts.asked) == 1
    sessions.at(OTHER)
    clock.advance(MINUTE)
    sts.refuses = set()

    assert sessions.at(EAST).region_name == EAST.region


def test_a_silent_sts_is_waited_for_once_for_all_accounts(sts: Sts) -> None:
    sessions = sessions_of(sts, FakeClock(NOW))
    sts.silent = True

    for place in (EAST, OTHER):
        with pytest.raises(PlaceUnreachableError, match="could not be assumed"):
            sessions.at(place)

    assert len(sts.asked) == 1


def test_a_silent_region_is_waited_for_once_and_other_regions_go_on(sts: Sts) -> None:
    clock = FakeClock(NOW)
    sessions = sessions_of(sts, clock)
    ssm = sessions.at(WEST).client("ssm", region_name="us-west-2")
    calls = []

    def refuse(**_: object) -> None:
        calls.append(1)
        raise ConnectTimeoutError(endpoint_url="https://ssm")

    hooks: Any = ssm.meta.events
    hooks.register_first("before-send.ssm", refuse)
    with pytest.raises(ConnectTimeoutError):
        ssm.get_parameter(Name="a")
    attempts = len(calls)

    with pytest.raises(EndpointConnectionError):
        ssm.get_parameter(Name="a")
    with pytest.raises(PlaceUnreachableError, match="us-west-2 did not answer"):
        sessions.at(OTHER)

    assert len(calls) == attempts > 0
    sessions.at(EAST)
    clock.advance(MINUTE)
    sessions.at(OTHER)
