"""Sessions in spoke accounts: a role there for a quarter of an hour, renewed when it is needed.

A session is kept for each account, and what failed is not tried again for a minute: neither an
account whose role could not be assumed, nor a Region that did not answer. So many targets that
cannot be reached cost no more than one of them, and keep nobody waiting.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, override

import boto3
import botocore.credentials
import botocore.session
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    RefreshableCredentials,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
)

from bedrock_autoscaler.application.errors import PlaceUnreachableError
from bedrock_autoscaler.sdk_errors import code_of
from bedrock_autoscaler.sdk_silence import Silence

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mypy_boto3_sts import STSClient

    from bedrock_autoscaler.application.fleets.places import Place
    from bedrock_autoscaler.application.ports.clock import Clock

DURATION_SECONDS = 900
"""The shortest that STS grants; Source: `AssumeRole` in STS's service model."""

_RENEW_SECONDS = 180
"""So long before its end a session is renewed; a run lasts less than a minute."""
_LAST_SECONDS = 60
"""From here on a call fails where the session cannot be renewed."""
_STS = "sts"


class Sessions:
    """Sessions of one role's name in all spoke accounts.

    Args:
        sts: makes the client of STS when the first role is assumed.
        role: name of the role to assume in each account.
        external_id: that the roles' trust asks for.
        name: of the sessions, for the spokes' CloudTrail.
        clock: paces what failed.
    """

    def __init__(
        self, sts: Callable[[], STSClient], *, role: str, external_id: str, name: str, clock: Clock
    ) -> None:
        self._sts = sts
        self._role = role
        self._external_id = external_id
        self._name = name
        self._clock = clock
        self._base = botocore.session.get_session()
        # It warns with AWS's own words where a renewal fails, and no text of AWS is logged; what
        # becomes of it is told by the error of `at`.
        logging.getLogger(botocore.credentials.__name__).setLevel(logging.ERROR)
        self._sessions: dict[str, boto3.Session] = {}
        self._refused: dict[str, tuple[datetime, str]] = {}
        self._silence = Silence(clock.now)

    def at(self, place: Place) -> boto3.Session:
        """A session in the place's account, with credentials that are valid now.

        Raises:
            PlaceUnreachableError: the role cannot be assumed, or the Region did not answer within
                the last minute.
        """
        if self._silence.rests(place.region):
            raise PlaceUnreachableError(f"{place.region} did not answer within the last minute")
        since, reason = self._refused.get(place.account, (None, ""))
        if self._silence.is_recent(since):
            raise PlaceUnreachableError(reason)
        try:
            return self._valid(place)
        except (BotoCoreError, ClientError) as error:
            reason = f"role {self._arn(place)} could not be assumed: {code_of(error)}"
            self._refused[place.account] = (self._clock.now(), reason)
            raise PlaceUnreachableError(reason) from error

    def _valid(self, place: Place) -> boto3.Session:
        session = self._sessions.get(place.account)
        if session is None:
            session = self._opened(place)
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()
        self._sessions[place.account] = session
        return session

    def _opened(self, place: Place) -> boto3.Session:
        """A session whose clients get their credentials from STS, and skip silent Regions."""
        session = botocore.session.get_session()
        # Service models are large: all sessions read them once.
        session.register_component("data_loader", self._base.get_component("data_loader"))
        provider = _AssumedRole(lambda: self._assumed(place))
        session.register_component("credential_provider", CredentialResolver([provider]))
        self._silence.watch(session, lambda context: str(context["client_region"]))
        return boto3.Session(botocore_session=session, region_name=place.region)

    def _assumed(self, place: Place) -> dict[str, str]:
        """New credentials, as botocore keeps them."""
        if self._silence.rests(_STS):
            raise EndpointConnectionError(endpoint_url=_STS)
        try:
            answer = self._sts().assume_role(
                RoleArn=self._arn(place),
                RoleSessionName=self._name,
                ExternalId=self._external_id,
                DurationSeconds=DURATION_SECONDS,
            )
        except BotoCoreError as error:
            self._silence.note(_STS, error)
            raise
        found = answer["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    def _arn(self, place: Place) -> str:
        partition = self._base.get_partition_for_region(place.region)
        return f"arn:{partition}:iam::{place.account}:role/{self._role}"


class _AssumedRole(CredentialProvider):
    """Credentials that botocore renews by itself before they end."""

    METHOD = "assume-role"

    def __init__(self, assume: Callable[[], dict[str, str]]) -> None:
        super().__init__()
        self._assume = assume

    @override
    def load(self) -> RefreshableCredentials:
        """Assume the role for the first time.

        Raises:
            BotoCoreError, ClientError: it cannot be assumed.
        """
        return RefreshableCredentials.create_from_metadata(
            metadata=self._assume(),
            refresh_using=self._assume,
            method=self.METHOD,
            advisory_timeout=_RENEW_SECONDS,
            mandatory_timeout=_LAST_SECONDS,
        )
