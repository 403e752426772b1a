"""Quotas of an account in their recorded shape, right by code or not relied upon."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from bedrock_autoscaler.adapters.account_quotas import (
    account_quotas,
    on_demand_kinds,
    unit_kinds,
)
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.economics.quotas import AccountQuota, Family, QuotaMeasure

MODELS = load_models()
KINDS = {
    **on_demand_kinds(),
    **unit_kinds(MODELS.quota_codes, MODELS.base_pool, MODELS.custom_pool),
}
SONNET = "L-F4DDD3EB"
SONNET_NAME = "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1"
POOL_NAME = "Model units no-commitment Provisioned Throughputs across base models"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return boto3.client("service-quotas", region_name="us-east-1")


@pytest.fixture
def answers(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber


def row(code: str, name: str, value: float, *, adjustable: bool = True) -> dict[str, Any]:
    return {
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": f"arn:aws:servicequotas:us-east-1:111122223333:bedrock/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": adjustable,
        "GlobalQuota": False,
    }


def read(
    client: Any, answers: Stubber, applied: list[dict[str, Any]], defaults: list[dict[str, Any]]
) -> dict[str, AccountQuota]:
    asked = {"ServiceCode": "bedrock"}
    answers.add_response("list_service_quotas", {"Quotas": applied}, asked)
    answers.add_response("list_aws_default_service_quotas", {"Quotas": defaults}, asked)
    return {quota.code: quota for quota in account_quotas(client, KINDS)}


def test_applied_values_stand_beside_the_defaults(client: Any, answers: Stubber) -> None:
    found = read(
        client,
        answers,
        [row(SONNET, SONNET_NAME, 9_000_000.0)],
        [row(SONNET, SONNET_NAME, 5_000_000.0), row(MODELS.base_pool, POOL_NAME, 0.0)],
    )

    sonnet, pool = found[SONNET], found[MODELS.base_pool]
    assert (sonnet.applied, sonnet.default, sonnet.value) == (9_000_000.0, 5_000_000.0, 9_000_000.0)
    assert (pool.applied, pool.value, pool.kind.subject) == (None, 0.0, "base models")
    assert sonnet.is_known
    assert pool.kind.family is Family.UNIT_POOL


def test_every_known_code_of_units_is_one_kind() -> None:
    codes = [code for code in MODELS.quota_codes.values() if code is not None]

    assert {KINDS[code].measure for code in codes} == {QuotaMeasure.MODEL_UNITS}
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    "name",
    [
        "Cross-region model inference requests per minute for Anthropic Claude Sonnet 4.5 V1",
        "Global cross-region model inference tokens per minute for Claude Sonnet 4.5 V1",
        POOL_NAME,
        "",
    ],
    ids=["requests for tokens", "another family", "units for tokens", "no name"],
)
def test_a_known_code_with_another_name_is_not_relied_upon(
    client: Any, answers: Stubber, name: str
) -> None:
    quota = read(client, answers, [row(SONNET, name, 1.0)], [])[SONNET]

    assert not quota.is_known
    assert quota.doubt


def test_names_with_errors_and_blanks_do_not_matter_where_the_code_is_known(
    client: Any, answers: Stubber
) -> None:
    name = "Model units no-commitment Provisioned Throughout across base models  "

    quota = read(client, answers, [row(MODELS.base_pool, name, 4.0)], [])[MODELS.base_pool]

    assert (quota.is_known, quota.value) == (True, 4.0)


def test_an_unknown_code_is_shown_by_its_name_alone(client: Any, answers: Stubber) -> None:
    quota = read(client, answers, [row("L-00000001", SONNET_NAME, 7.0)], [])["L-00000001"]

    assert quota.kind.family is Family.CROSS_REGION
    assert (quota.kind.subject, quota.is_known) == ("", False)


def test_a_part_is_no_list(client: Any, answers: Stubber) -> None:
    page = {"Quotas": [row(SONNET, SONNET_NAME, 1.0)], "NextToken": "more"}
    answers.add_response("list_service_quotas", page, {"ServiceCode": "bedrock"})
    answers.add_client_error(
        "list_service_quotas", "TooManyRequestsException", service_message="MARKER"
    )

    with pytest.raises(ObservationError, match="could not be read: TooManyReq") as found:
        account_quotas(client, KINDS)
    assert "MARKER" not in str(found.value)
