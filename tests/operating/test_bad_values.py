"""Bad values written straight into Parameter Store: what stays in force, and who hears of it."""

import json
from typing import Any

import pytest

from bedrock_autoscaler.domain.units import MINUTE
from tests.functions.account import Account
from tests.functions.stacks import by_the_rules
from tests.operating.stage import DOCUMENT, Stage

NOISE = "\x7f{[" + "q7#" * 1_300
BAD: dict[str, tuple[str, str, str]] = {
    "wrong type": (
        json.dumps(DOCUMENT | {"guard_rails": {"max_units": "ten"}}),
        "guard_rails.max_units",
        '"ten" is not allowed; give a whole number from 0 to 1000',
    ),
    "out of range": (
        json.dumps(DOCUMENT | {"sizing": {"keep_margin": 7}}),
        "sizing.keep_margin",
        "7 is not allowed; give a number from 0 to 1",
    ),
    "unknown key": (
        json.dumps(DOCUMENT | {"sizing": {"keep_margn": 0.9}}),
        "sizing.keep_margn",
        "unknown key; give an object with keys among billing_minutes, bursty_may_hold_units",
    ),
    "empty": (" ", "", "not JSON: Expecting value at line 1, column 2"),
    "3.9 KB of noise": (NOISE, "", "not JSON: Expecting value at line 1, column 1"),
    "not JSON": ("mode: act", "", "not JSON: Expecting value at line 1, column 1"),
}


@pytest.mark.parametrize("kind", BAD)
def test_validate_names_field_and_range_and_what_is_in_force(stage: Stage, kind: str) -> None:
    text, field, message = BAD[kind]
    stage.accept()
    stage.put("targets/chat", text)

    (found,) = stage.json("settings", "validate", status=1)

    assert (found["document"], found["valid"], found["field"]) == ("chat", False, field)
    assert message in found["message"]
    assert found["in_force"] == "the last valid text"
    printed = stage.told("settings", "validate", "chat", status=1)
    assert f"INVALID  chat: {field}" in printed
    assert "bedrock-autoscaler settings rollback chat" in printed
    stage.told("settings", "rollback", "chat", "--yes")
    assert stage.stored() == DOCUMENT


def test_the_last_good_stays_in_force_an_alarm_is_raised_and_the_log_says_so(
    deployed_account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account = deployed_account
    by_the_rules(account)
    account.run("publish")
    account.run("observe_decide", loop="capacity")
    good = decisions(account)[-1]["settings_version"]["S"]

    for text, field, message in BAD.values():
        account.put_setting("settings/targets/chat", text)
        account.move(5 * MINUTE)
        account.log.truncate(0)

        account.run("observe_decide", loop="capacity")

        decided = decisions(account)[-1]
        assert decided["settings_version"]["S"] == good
        assert "settings_rejected" in [code["S"] for code in decided["reason_codes"]["L"]]
        said = " ".join(reason["S"] for reason in decided["reasons"]["L"])
        assert f"the last good ones, version {good}, are in force: chat: {field}" in said
        (rejected,) = [line for line in log_of(account) if line.get("alarm") == "settings_rejected"]
        assert rejected["target"] == "chat"
        assert rejected["detail"].startswith(f"{field}: {message}" if field else message)
    # The metric that the alarm in the template watches.
    assert capsys.readouterr().out.count('"Alarm":"settings_rejected"') == len(BAD)


def decisions(account: Account) -> list[dict[str, Any]]:
    items = account.stored()["ledger"]
    found = [item for item in items if item["sk"]["S"].startswith("DECISION#capacity")]
    return sorted(found, key=lambda item: str(item["sk"]["S"]))


def log_of(account: Account) -> list[dict[str, Any]]:
    lines = account.log.getvalue().replace("\x00", "").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]
