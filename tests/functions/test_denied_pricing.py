"""The refresh of prices, with one permission that it needs taken away: a reason, and no half."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel

from tests.builders import REGION
from tests.deployment.policies import grants
from tests.deployment.template import stack
from tests.functions.account import Account, opened
from tests.functions.denials import OF_LAMBDA, permissions_in
from tests.unit.adapters.pricelist.products import entry

pytestmark = pytest.mark.xdist_group("template")

REASONS: Mapping[str, str] = {
    "dynamodb:GetItem ledger": "table ledger could not be read: AccessDeniedException",
    "dynamodb:PutItem ledger": "table ledger could not be written: AccessDeniedException",
    "pricing:GetProducts": r"price list: \w+ could not be read: .*AccessDeniedException",
}
"""What the log or the error says, by the permission that is missing; nothing is written then."""


class Listed:
    """The published list, which has one price."""

    def __init__(self, usd: str) -> None:
        self.usd = usd

    def answer(
        self, model: OperationModel, params: dict[str, Any], **_: object
    ) -> tuple[AWSResponse, dict[str, Any]] | None:
        """The list where it is asked for; moto does not know it."""
        if model.name != "GetProducts":
            return None
        row = entry("USE1-Nova2.0Lite-input-tokens", self.usd, "1K tokens")
        parsed = {"PriceList": [row], "ResponseMetadata": {"HTTPStatusCode": 200}}
        return AWSResponse(params["url"], 200, HTTPHeaders(), None), parsed


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with opened(monkeypatch) as made:
        yield made


def listed(usd: str) -> Listed:
    """Let the published list say so from now on."""
    session = boto3.DEFAULT_SESSION
    assert session is not None
    hooks: Any = session.events  # the published stub forgets that a hook may answer
    found = Listed(usd)
    hooks.register_last("before-call", found.answer)  # what is denied is denied first
    return found


def refreshed(account: Account) -> str:
    return account.run("refresh_prices")[REGION]


def test_a_refresh_without_a_permission_names_it_and_keeps_the_prices_that_are_kept(
    account: Account,
) -> None:
    prices = listed("0.00031")
    assert refreshed(account).startswith("2 prices in use")
    prices.usd = "0.00032"
    before = account.stored()

    for permission, reason in REASONS.items():
        answer, text = account.without(permission, lambda: refreshed(account))
        assert (answer, account.stored()) == ("", before), permission
        assert re.search(reason, text), (permission, text)

    refreshed(account)
    assert account.stored()["ledger"] != before["ledger"]


def test_a_refresh_asks_for_what_its_role_has_down_to_the_partition(account: Account) -> None:
    listed("0.00031")
    account.asked.clear()
    refreshed(account)

    own = [
        grant
        for grant in grants(stack())
        if grant.role == "RefreshPricesRole" and not grant.action.startswith(OF_LAMBDA)
    ]
    granted = {each for grant in own for each in permissions_in(grant.action, grant.resources)}
    keys = [grant.conditions.get("ForAllValues:StringEquals", {}) for grant in own]
    assert account.asked == granted == REASONS.keys()
    assert account.written == {("dynamodb:PutItem ledger", "PRICES")}
    assert {"dynamodb:LeadingKeys": ["PRICES"]} in keys
