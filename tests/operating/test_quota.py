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


STATED = {"tokens_per_minute": 8_000_000, "output_burndown": 5, "source": "applied"}


def global_target(stage: Stage, stated: Any = STATED, **more: Any) -> None:
    options = [{"kind": "global_profile", "address": GLOBAL, "quota": stated} | more]
    residency = {"global_profiles": True, "source_regions": ["us-west-2"]}
    stage.put("targets/chat", DOCUMENT | {"options": options, "residency": residency})


def peak_tokens() -> float:
    """Of the builders' minutes, with a burndown of 5."""
    minute = build_traffic(1, end=NOW)
    written = minute.input_tokens[0] + minute.cache_write_tokens[0]
    return float(written + 5 * minute.output_tokens[0])


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


def test_of_a_quota_of_nothing_none_is_left(stage: Stage) -> None:
    global_target(stage)
    with_history(stage, GLOBAL)
    listed(stage, quota(NOVA_CODE, NOVA_NAME, 0))

    shown = stage.told("quota", "headroom", "chat")

    assert next(line for line in shown.splitlines() if NOVA_CODE in line).count("none") == 1


def test_room_is_what_units_and_the_peak_leave(stage: Stage) -> None:
    global_target(stage)
    with_history(stage, GLOBAL)
    listed(stage, quota(NOVA_CODE, NOVA_NAME, 8e6))

    found = {one["code"]: one for one in stage.json("quota", "headroom", "chat")}

    assert (found[POOL]["value"], found[POOL]["used"], found[POOL]["left"]) == (2.0, 0.0, 1.0)
    peak = peak_tokens()
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

    peak = peak_tokens()
    assert call["QuotaCode"] == NOVA_CODE
    assert 1.5 * peak <= call["DesiredValue"] <= 1.65 * peak


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--value", "5"], "name one quota with --quota"),
        (["--quota", "L-FFFFFFFF"], "`quota list` shows, and binds nothing of chat; those that"),
        (["--quota", POOL, "--value", "2"], "is 2 already, which covers 2"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_a_line(
    stage: Stage, arguments: list[str], words: str
) -> None:
    listed(stage)

    assert words in stage.refused("quota", "request", "chat", *arguments)


def test_tokens_are_unknown_while_no_burndown_is_stated(stage: Stage) -> None:
    global_target(stage, "unlimited")
    with_history(stage, GLOBAL)
    listed(stage, quota(NOVA_CODE, NOVA_NAME, 1_000.0))

    room = {one["code"]: one for one in stage.json("quota", "headroom", "chat")}[NOVA_CODE]
    refusal = stage.refused("quota", "request", "chat", "--quota", NOVA_CODE)
    text = stage.told("quota", "request", "chat", "--quota", NOVA_CODE, "--value", "2000")
    call = stage.json("quota", "request", "chat", "--quota", NOVA_CODE, "--burndown", "5")["call"]

    assert (room["used"], room["left"]) == (None, None)
    assert room["source"] == "applied; no burndown is stated"
    assert "give one with --value, or the burndown of output tokens" in refusal
    assert "quota tokens a minute: unknown" in text
    assert 1.5 * peak_tokens() <= call["DesiredValue"] <= 1.65 * peak_tokens()


def test_a_target_in_a_spoke_is_refused(stage: Stage) -> None:
    away = "222222222222"
    stage.stacks.parameters |= {
        "FanOut": "on",
        "SpokeAccounts": away,
        "SpokeRegions": "us-west-2",
    }
    stage.put("targets/away", DOCUMENT | {"account": away, "region": "us-west-2"})
    listed(stage)
    sent: list[Any] = []
    stage.answer("service-quotas.RequestServiceQuotaIncrease", sent.append)

    for command in (
        ("headroom", "away"),
        ("request", "away", "--quota", POOL, "--value", "5", "--send", "--yes"),
    ):
        assert "away is in 222222222222/us-west-2, and `quota`" in stage.refused("quota", *command)
    assert sent == []


@pytest.mark.parametrize(
    "more", [{"region": "us-west-2"}, {"latency": "optimized"}, {"tier": "reserved"}]
)
def test_a_code_counts_usual_calls_from_home_alone(stage: Stage, more: dict[str, str]) -> None:
    global_target(stage, **more)
    with_history(stage, GLOBAL)
    listed(stage, quota(NOVA_CODE, NOVA_NAME, 8e6))

    found = stage.json("quota", "headroom", "chat")

    assert NOVA_CODE not in {one["code"] for one in found}
    assert "which chat does not use" in stage.refused(
        *("quota", "request", "chat", "--quota", NOVA_CODE, "--value", "9000000")
    )


def test_calls_from_another_region_are_told_by_their_own_series(stage: Stage) -> None:
    global_target(stage, region="us-west-2")
    with_history(stage, GLOBAL)
    listed(stage)
    (at_home,) = (one for one in stage.json("quota", "headroom", "chat") if not one["code"])

    with_history(stage, f"{GLOBAL}@us-west-2")

    (there,) = (one for one in stage.json("quota", "headroom", "chat") if not one["code"])
    assert at_home["used"] is None
    assert there["used"] == peak_tokens()
    assert there["subject"] == f"{GLOBAL} us-west-2"


def test_a_quota_of_another_model_is_refused(stage: Stage) -> None:
    code = "L-27C57EE8"
    name = "Global cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5"
    with_history(stage)
    listed(stage, quota(code, name, 1_000.0))

    refusal = stage.refused("quota", "request", "chat", "--quota", code, "--value", "5000")

    assert f"{code} counts anthropic.claude-sonnet-4-5" in refusal
    assert f"those that bind it: {', '.join(sorted((POOL, OWN)))}" in refusal


def test_what_a_name_alone_tells_speaks_for_no_value(stage: Stage) -> None:
    with_history(stage)
    listed(stage, quota("L-00000002", "On-demand model inference requests per minute for X", 1.0))

    assert "nothing speaks for a value of L-00000002" in stage.refused(
        *("quota", "request", "chat", "--quota", "L-00000002")
    )


def test_a_large_value_is_written_in_full(stage: Stage) -> None:
    listed(stage)

    text = stage.told("quota", "request", "chat", "--quota", POOL, "--value", "12345678")

    assert "--desired-value 12345678 --region" in text
