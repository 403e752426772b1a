import json

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.report.reasons import reason_help


def test_explains_a_code_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decisions", "explain", "shrink_cooldown"]) == 0

    assert capsys.readouterr().out == (
        "shrink_cooldown (Pace)\n"
        "  `gating.shrink_cooldown_minutes` have not passed since the last change.\n"
        "  What to do: Nothing.\n"
    )


def test_explains_all_codes_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decisions", "explain", "--output", "json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert {row["code"] for row in rows} == {code.value for code in ReasonCode}
    assert all(row["section"] and row["meaning"] and row["remedy"] for row in rows)


def test_an_unknown_code_is_refused_with_one_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["decisions", "explain", "shrink_coldown"]) == 2

    assert "did you mean shrink_cooldown" in capsys.readouterr().err


def test_the_package_s_page_and_the_enum_list_the_same_codes() -> None:
    assert sorted(reason_help()) == sorted(code.value for code in ReasonCode)
