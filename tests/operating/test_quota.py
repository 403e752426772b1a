"""`quota` on an emulated account: lists, room that is left, and requests that wait for a word."""

from typing import Any

import boto3
import pytest

from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.domain.units import floor_hour
from tests.bedrock_stage import OWN, POOL
from tests.builders import MODEL, NOW, REGION, build_traffic
from tests.operating.stage import DOCUMENT, Stage

GLOBAL = f"global.{MODEL}"
NOVA_CODE = "L-71C69B70"
NOVA_NAME = "Global cross-region model inference tokens per minute for Amazon Nova 2 Lite"


def listed(stage: Stage, *rows: dict[str, Any]) -> None:
    """Let the account have these quotas beside those of units."""
    units = [
        quota(POOL, "Model units no-commitment Provisioned Throughputs across base models", 2.0),
        quota(OWN, "Model units per provisioned model for Amazon Nova 2 Lite V1.0 256K", 2.0),
    ]
    stage.answer("service-quotas.ListServiceQuotas", lambda _: {"Quotas": [*units, *rows]})
    stage.answer("service-quotas.ListAWSDefaultServiceQuotas", lambda _: {"Quotas": []})


def quota(code: str, name: str, value: float) -> dict[str, Any]:
    return {"QuotaCode": code, "QuotaName": name, "Value": value, "Adjustable": True}


def with_history(stage: Stage, address: str = MODEL, minutes: int = 120) -> None:
    """Two hours of kept minutes: in each, what the builders' traffic has."""
    history = DynamoHistory(boto3.client("dynamodb", region_name=REGION), "ledger")
    history.store("chat", {address: build_traffic(minutes, end=floor_hour(NOW))})


def global_target(stage: Stage) -> None:
    options = [{"kind": "global_profile", "address": GLOBAL, "quota": "unlimited"}]
    residency = {"global_profiles": True}
    stage.put("targets/chat", DOCUMENT | {"options": options, "residency": residency})


def test_quotas_are_listed_by_code_with_what_is_applied(stage: Stage) -> None:
    listed(stage, quota(NOVA_CODE, NOVA_NAME, 8e6), quota("L-00000001", "Agents per account", 9))

    found = {one["code"]: one for one in stage.json("quota", "list")}

    assert found.keys() == {POOL, OWN, NOVA_CODE}
    assert found[NOVA_CODE]["subject"] == MODEL
    assert found[NOVA_CODE]["known_by_code"] is True
    assert [one["code"] for one in stage.json("quota", "list", "--family", "unit_pool")] == [POOL]
    assert "8,000,000" in stage.told("quota", "list", "--family", "global")


def test_a_code_with_another_name_is_shown_and_not_relied_upon(stage: Stage) -> None:
    listed(stage, quota(NOVA_CODE, "Model units per provisioned model for Nova", 8e6))

    assert f"{NOVA_CODE} is not relied upon" in stage.told("quota", "list")


def test_room_is_what_units_and_the_peak_leave(stage: Stage) -> None:
    global_target(stage)
    with_history(stage, GLOBAL)
    listed(stage, quota(NOVA_CODE, NOVA_NAME, 8e6))

    found = {one["code"]: one for one in stage.json("quota", "headroom", "chat")}

    assert (found[POOL]["value"], found[POOL]["used"], found[POOL]["left"]) == (2.0, 0.0, 1.0)
    minute = build_traffic(1, end=NOW)
    peak = float(minute.input_tokens[0] + minute.cache_write_tokens[0] + minute.output_tokens[0])
    assert found[NOVA_CODE]["used"] == peak
    assert found[NOVA_CODE]["left"] == pytest.approx(1 - peak / 8e6)
    assert "applied" in stage.told("quota", "headroom", "chat")


def test_an_option_without_a_quota_is_unknown_and_not_unlimited(stage: Stage) -> None:
    listed(stage)

    unknown = [one for one in stage.json("quota", "headroom", "chat") if not one["code"]]

    assert [one["value"] for one in unknown] == [None]
    assert unknown[0]["source"] == "no quota is stated, and no code is known"


def test_a_request_is_prepared_with_evidence_and_not_sent(stage: Stage) -> None:
    with_history(stage)
    listed(stage)
    sent: list[Any] = []
    stage.answer("service-quotas.RequestServiceQuotaIncrease", sent.append)

    text = stage.told("quota", "request", "chat", "--quota", POOL, "--value", "5")

    assert f"Quota {POOL}, Model units no-commitment" in text
    assert "In force: 2; default: unknown; asked for: 5" in text
    assert "requests a minute: steady" in text
    assert f"--quota-code {POOL} --desired-value 5 --region us-east-1" in text
    assert sent == []


def test_a_request_is_sent_on_command_alone(stage: Stage) -> None:
    listed(stage)
    answer = {"RequestedQuota": {"Id": "r-1", "Status": "PENDING"}}
    stage.answer("service-quotas.RequestServiceQuotaIncrease", lambda _: answer)

    stage.told("quota", "request", "chat", "--quota", POOL, "--value", "5", "--send", "--yes")

    stage.answer("service-quotas.RequestServiceQuotaIncrease", lambda _: "DependencyAccessDenied")
    words = stage.refused(
        *("quota", "request", "chat", "--quota", POOL, "--value", "5", "--send", "--yes")
    )
    assert "AWS did not take the request" in words


def test_a_request_for_tokens_asks_for_half_as_much_again_as_the_peak(stage: Stage) -> None:
    global_target(stage)
    with_history(stage, GLOBAL)
    listed(stage, quota(NOVA_CODE, NOVA_NAME, 1_000.0))

    call = stage.json("quota", "request", "chat", "--quota", NOVA_CODE)["call"]

    minute = build_traffic(1, end=NOW)
    peak = float(minute.input_tokens[0] + minute.cache_write_tokens[0] + minute.output_tokens[0])
    assert call["QuotaCode"] == NOVA_CODE
    assert 1.5 * peak <= call["DesiredValue"] <= 1.65 * peak


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--value", "5"], "name one quota with --quota"),
        (["--quota", "L-FFFFFFFF"], "name one quota with --quota"),
        (["--quota", POOL, "--value", "2"], "is 2 already, which covers 2"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_a_line(
    stage: Stage, arguments: list[str], words: str
) -> None:
    listed(stage)

    assert words in stage.refused("quota", "request", "chat", *arguments)
