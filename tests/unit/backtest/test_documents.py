import json
from datetime import timedelta
from pathlib import Path

import pytest

from bedrock_autoscaler.backtest.documents import (
    read_scenario,
    read_settings,
    timeline_text,
)
from bedrock_autoscaler.backtest.errors import ScenarioError, SettingsError
from bedrock_autoscaler.backtest.scenario import Scenario, Term
from bedrock_autoscaler.backtest.timeline import CommitPurchase, Route, TimelineLine
from tests.unit.backtest.worlds import START

LEAST = {"tokens_per_unit": 1000, "unit_hour": 40, "input_1k": 0.003, "output_1k": 0.015}


def written(folder: Path, text: str) -> Path:
    path = folder / "document.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_scenario_takes_the_defaults_of_the_contract(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, json.dumps(LEAST)))

    assert scenario == Scenario(
        tokens_per_unit=1000,
        unit_hour=40,
        input_1k=0.003,
        output_1k=0.015,
        output_weight=1.0,
        unit_hour_1m=None,
        unit_hour_6m=None,
        on_demand_tpm=None,
        on_demand_rpm=None,
        cross_region_factor=0.0,
        cross_region_price=1.0,
        creation_minutes=15,
        billing_minutes=60,
        throttle_factor=10.0,
        overflow=True,
    )


def test_scenario_document_reads_back_as_the_same_scenario(tmp_path: Path) -> None:
    scenario = Scenario(
        tokens_per_unit=1.5,
        unit_hour=2.5,
        input_1k=0.0,
        output_1k=3.5,
        output_weight=0.0,
        unit_hour_1m=2.0,
        on_demand_tpm=7.0,
        cross_region_factor=0.5,
        creation_minutes=0,
        overflow=False,
    )

    path = written(tmp_path, json.dumps(scenario.to_document()))

    assert read_scenario(path) == scenario


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        ({"tokens_per_units": 3}, 6, "unknown key 'tokens_per_units'"),
        ({"unit_hour": None}, 3, "unit_hour is null"),
        ({"unit_hour": "40"}, 3, 'unit_hour is "40": input should be a valid number'),
        ({"unit_hour": True}, 3, "unit_hour is true"),
        ({"unit_hour": 0}, 3, "unit_hour is 0: input should be greater than 0"),
        ({"tokens_per_unit": -1}, 2, "tokens_per_unit is -1"),
        ({"tokens_per_unit": 1e-300}, 2, "tokens_per_unit is 1e-300: must be from 1e-12 to 1e+15"),
        ({"input_1k": 1e16}, 4, "input_1k is 1e+16: must be from 1e-12 to 1e+15"),
        ({"cross_region_factor": 5e-324}, 6, "cross_region_factor is 5e-324: must be"),
        ({"overflow": 0}, 6, "overflow is 0"),
        ({"creation_minutes": 1.5}, 6, "creation_minutes is 1.5"),
        ({"billing_minutes": 0}, 6, "billing_minutes is 0"),
        ({"on_demand_tpm": -5}, 6, "on_demand_tpm is -5"),
    ],
)
def test_refuses_a_scenario_value_and_names_its_line(
    tmp_path: Path, change: dict[str, object], line: int, reason: str
) -> None:
    path = written(tmp_path, json.dumps({**LEAST, **change}, indent=1))

    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)

    assert str(caught.value).startswith(f"{path}: line {line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1: not JSON"),
        ('{\n"unit_hour": 4,\n}', "line 2: not JSON"),
        ("[]", "line 1: must be a JSON object"),
        ("{}", "key 'tokens_per_unit' is required"),
        ('{"tokens_per_units": 3}', "unknown key 'tokens_per_units'"),
        ('{"unit_hour": NaN}', "NaN is not a number that JSON allows"),
        ('{"unit_hour": -Infinity}', "-Infinity is not a number"),
        ('{"unit_hour": 1e999}', "1e999 is too large"),
        ('{"unit_hour": 1, "unit_hour": 2}', "key 'unit_hour' is given twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_refuses_a_scenario_that_is_no_json_object_of_numbers(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(written(tmp_path, text))

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_settings_that_are_no_object(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 1: the settings must be a JSON object"):
        read_settings(written(tmp_path, "3"))


def test_timeline_is_written_as_the_contract_has_it() -> None:
    lines = (
        TimelineLine(
            minute=START,
            provisioned_units=3,
            commit=(CommitPurchase(units=1, term=Term.ONE_MONTH),),
            shares={Route.PT: 0.8, Route.ON_DEMAND: 0.2},
            spill=(Route.ON_DEMAND,),
            extra={"reason": "more"},
        ),
        TimelineLine(minute=START + timedelta(minutes=9), provisioned_units=0, spill=()),
    )

    text = timeline_text(lines)

    assert text.splitlines()[0] == (
        '{"minute": "2025-04-01T00:00:00Z", "provisioned_units": 3, '
        '"commit": [{"units": 1, "term": "1m"}], "shares": {"pt": 0.8, "on_demand": 0.2}, '
        '"spill": ["on_demand"], "extra": {"reason": "more"}}'
    )
    assert text.splitlines()[1:] == [
        '{"minute": "2025-04-01T00:09:00Z", "provisioned_units": 0, "spill": []}'
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"mode":\n"\xff"}', "line 2: the text is not UTF-8"),
        (b'{\n"mode"}', "line 2: not JSON"),
    ],
)
def test_refuses_settings_that_are_no_json(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(data)

    with pytest.raises(SettingsError, match=reason):
        read_settings(path)
