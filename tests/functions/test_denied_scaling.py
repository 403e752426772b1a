"""The actor of endpoints, with one permission that it needs taken away: a reason, and no half."""

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from bedrock_autoscaler.domain.decision import Scaling
from bedrock_world.settings import Endpoint
from tests.deployment.policies import grants
from tests.deployment.template import stack
from tests.endpoints import ENDPOINT
from tests.functions.account import SETTINGS, Account, opened
from tests.functions.denials import OF_LAMBDA, TELLS, permissions_in

pytestmark = pytest.mark.xdist_group("template")

INSTANCES = {
    "max_instances": 4,
    "calls_per_minute": 40.0,
    "usd_per_instance_hour": 2.0,
    "source": "test",
    "as_of": "2026-11-20",
}
ROLE = "arn:aws:iam::111122223333:role/endpoint"
OPTION = {"kind": "marketplace_endpoint", "address": ENDPOINT, "instances": INSTANCES}
UNREAD = "could not be read: AccessDeniedException"
REASONS: Mapping[str, str] = {
    "bedrock:GetMarketplaceModelEndpoint": f"endpoint .*own {UNREAD}",
    "bedrock:ListProvisionedModelThroughputs": f"list of provisioned throughputs {UNREAD}",
    "dynamodb:GetItem ledger": f"table ledger {UNREAD}",
    "dynamodb:PutItem ledger": "table ledger could not be written: AccessDeniedException",
    "dynamodb:Query ledger": f"table ledger {UNREAD}",
    "ssm:GetParameter /switch": "/switch could not be read",
    "ssm:GetParametersByPath /settings": f"/settings {UNREAD}",
}
"""What the log or the error says, by the permission that is missing; nothing is written then."""

UPDATE = "bedrock:UpdateMarketplaceModelEndpoint"
NEVER_ASKED: Mapping[str, str] = {
    "bedrock:ListTagsForResource": "asked of throughputs, of which there is none",
    "sagemaker:CreateEndpointConfig": "asked by Bedrock",
    "sagemaker:DescribeEndpoint": "asked by Bedrock",
    "sagemaker:DescribeEndpointConfig": "asked by Bedrock",
    "sagemaker:UpdateEndpoint": "asked by Bedrock",
    "iam:PassRole": "asked by SageMaker",
    "events:PutEvents": TELLS,
    "sns:Publish": TELLS,
}
"""Permissions of the role that no call here uses, and why it has them."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A third instance was just decided for."""
    with opened(monkeypatch, endpoints=(Endpoint(arn=ENDPOINT, instances=2),)) as made:
        document = SETTINGS | {
            "provisioned": None,
            "options": [OPTION],
            "residency": {"other_models": True},
        }
        made.put_setting("settings/targets/chat", json.dumps(document))
        wanted = Scaling(address=ENDPOINT, from_instances=2, to_instances=3)
        made.script.scalings[made.now] = (wanted,)
        assert made.run("observe_decide", loop="capacity") == {"chat": "hold"}
        yield made


def instances(account: Account) -> int:
    shown = account.world.call("GetMarketplaceModelEndpoint", {"endpointArn": ENDPOINT})
    config = shown["marketplaceModelEndpoint"]["endpointConfig"]["sageMaker"]
    return int(config["initialInstanceCount"])


def told(account: Account, permission: str) -> tuple[str, str]:
    """What the actor of endpoints answers and says without a permission."""
    return account.without(permission, lambda: account.run("scale_endpoint")["chat"])


def test_each_call_is_granted_and_a_denied_one_is_named_and_leaves_nothing_behind(
    account: Account,
) -> None:
    before = account.stored()

    for permission, reason in REASONS.items():
        _, text = told(account, permission)
        assert re.search(reason, text), (permission, text)
        assert (account.stored(), instances(account)) == (before, 2), permission

    account.asked.clear()
    account.written.clear()
    assert account.run("scale_endpoint") == {"chat": "scaled to 3"}
    assert instances(account) == 3
    granted = {
        permission
        for grant in grants(stack(ScalableEndpointArns=ENDPOINT, EndpointRoleArns=ROLE))
        if grant.role == "ScaleEndpointRole" and not grant.action.startswith(OF_LAMBDA)
        for permission in permissions_in(grant.action, grant.resources)
    }
    assert account.asked == {*REASONS, UPDATE}
    assert account.asked - granted == set()
    assert granted - account.asked == NEVER_ASKED.keys()
    assert {key.partition("#")[0] for _, key in account.written} <= {"SCALING", "SETTINGS", "TOLD"}


def test_a_denied_change_is_a_refusal_with_its_code_and_an_alarm(account: Account) -> None:
    answer, text = told(account, UPDATE)

    assert answer == "scaling failed"
    assert re.search('"alarm":"scaling_failed".*AccessDeniedException', text)
    assert instances(account) == 2
    # It is settled: the next decision may ask again.
    assert account.run("scale_endpoint") == {"chat": "asked before"}
