"""The Query API, asked as botocore knows it: every page of every service code, of one Region."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_autoscaler.adapters.pricelist import SERVICE_CODES, QueryApi, load_price_names
from bedrock_autoscaler.application.errors import ObservationError
from tests.unit.adapters.pricelist.products import entry, market

TODAY = date(2026, 11, 21)
NAMES = load_price_names()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return boto3.client("pricing", region_name="us-east-1")


@pytest.fixture
def answers(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def asked(code: str, token: str | None = None) -> dict[str, Any]:
    here = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"}]
    request = {"ServiceCode": code, "Filters": here, "FormatVersion": "aws_v1"}
    return request | ({"NextToken": token} if token else {})


def test_all_pages_of_all_service_codes_are_one_reading(client: Any, answers: Stubber) -> None:
    rows = {
        SERVICE_CODES[0]: [entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens")],
        SERVICE_CODES[1]: [market("InputTokenCount", "3.3")],
        SERVICE_CODES[2]: [],
    }
    second = entry("USE1-NovaPro-output-tokens", "0.0032", "1K tokens")
    first, *others = SERVICE_CODES
    page = {"FormatVersion": "aws_v1", "PriceList": rows[first], "NextToken": "more"}
    answers.add_response("get_products", page, asked(first))
    answers.add_response("get_products", {"PriceList": [second]}, asked(first, "more"))
    for code in others:
        answers.add_response("get_products", {"PriceList": rows[code]}, asked(code))

    found = QueryApi(client, NAMES).read("us-east-1", TODAY)

    assert {one.usd for one in found.quotes} == {
        Decimal("0.0008"),
        Decimal("0.0032"),
        Decimal("0.0033"),
    }


def test_a_part_is_no_reading(client: Any, answers: Stubber) -> None:
    row = entry("USE1-NovaPro-input-tokens", "0.0008", "1K tokens")
    answers.add_response("get_products", {"PriceList": [row]}, asked(SERVICE_CODES[0]))
    answers.add_client_error("get_products", "ThrottlingException", service_message="MARKER")

    with pytest.raises(ObservationError, match="AmazonBedrockFoundationModels") as found:
        QueryApi(client, NAMES).read("us-east-1", TODAY)
    assert "ThrottlingException" in str(found.value)
    assert "MARKER" not in str(found.value)
