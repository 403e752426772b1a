"""Several accounts over one emulated AWS: sessions by STS, and a Bedrock world for each account."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.inprocess import answering
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import OWN, POOL
from tests.builders import ACCOUNT, NOW, REGION
from tests.deployment.template import spoke
from tests.functions.account import BY_WORLD

STACK = "hub"
EXTERNAL_ID = "a-long-random-text"
FUNCTIONS = ("Dispatch", "Visit", "Purchase", "Publish")
"""Those of the hub that assume roles."""
_KEY = re.compile(r"Credential=([A-Z0-9a-z]+)/")


class Killed(BaseException):
    """The process ends here and now; nothing catches it."""


class Accounts:
    """The hub's account and the spokes.

    Attributes:
        worlds: Bedrock by account.
        role: of the hub's function that runs now.
        kill_buyer: whether the next purchase is the last call of its process.
    """

    def __init__(self, numbers: Iterable[str]) -> None:
        self.worlds = {number: _world(number) for number in numbers}
        self.role = ""
        self.kill_buyer = False
        self._keys: dict[str, str] = {}
        self._sessions: dict[str, boto3.Session] = {}

    @property
    def now(self) -> datetime:
        """The worlds' moment."""
        return self.worlds[ACCOUNT].clock.now()

    def pass_minutes(self, minutes: int) -> None:
        """Time passes in all accounts."""
        for world in self.worlds.values():
            world.clock.advance(minutes * MINUTE)

    def runs(self, function: str) -> None:
        """A function of the hub makes the next calls."""
        self.role = role_of(function)

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

    def break_role(self, account: str, role: str) -> None:
        """Somebody deletes a role of a spoke's stack."""
        iam = self.session(account).client("iam")
        name = f"{STACK}-spoke-{role}"
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    def make_role(self, account: str, role: str) -> None:
        """A role with the trust that the template gives it."""
        parameters = {
            "HubStackName": STACK,
            "HubAccountId": ACCOUNT,
            "ExternalId": EXTERNAL_ID,
            **{f"{name}RoleArn": role_of(name) for name in FUNCTIONS},
        }
        logical = f"{role.capitalize()}Role"
        properties = spoke(**parameters).resources[logical]["Properties"]
        self.session(account).client("iam").create_role(
            RoleName=properties["RoleName"],
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
        )

    # -- hooks of the emulated AWS ---------------------------------------------------------------

    def judge(self, params: Mapping[str, Any], **_: object) -> tuple[AWSResponse, Any] | None:
        """What STS asks of a caller: a role that is there, that trusts it, and the external id."""
        body = params["body"]
        arn = body["RoleArn"]
        if arn.endswith("role/person"):
            return None
        account, name = arn.split(":")[4], arn.rpartition("/")[2]
        iam = self.session(account).client("iam")
        try:
            policy = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except iam.exceptions.NoSuchEntityException:
            return _denied(params["url"])
        (statement,) = policy["Statement"]
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


def role_of(function: str) -> str:
    """The role of a function of the hub."""
    return f"arn:aws:iam::{ACCOUNT}:role/{STACK}-{function}Role"


def _world(account: str) -> World:
    quotas = {POOL: 500.0, OWN: 500.0}
    return World(WorldSettings(start=NOW, account_id=account, region=REGION, applied_quotas=quotas))


def _denied(url: str) -> tuple[AWSResponse, dict[str, Any]]:
    error = {"Code": "AccessDenied", "Message": "is not authorized to perform: sts:AssumeRole"}
    return AWSResponse(url, 403, HTTPHeaders(), None), {"Error": error, "ResponseMetadata": {}}


def hooked(accounts: Accounts) -> Callable[..., botocore.session.Session]:
    """Sessions whose calls of STS and Bedrock are answered here."""
    real = botocore.session.get_session
    loader = real().get_component("data_loader")

    def made(*arguments: Any) -> botocore.session.Session:
        session = real(*arguments)
        session.register_component("data_loader", loader)
        hooks: Any = session.get_component("event_emitter")
        hooks.register("before-call.sts.AssumeRole", accounts.judge)
        hooks.register("after-call.sts.AssumeRole", accounts.note_key)
        for service in BY_WORLD:
            hooks.register_first(f"before-send.{service}", accounts.bedrock)
        return session

    return made
