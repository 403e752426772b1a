import json
from dataclasses import replace
from pathlib import Path

import pytest

from bedrock_autoscaler.backtest.errors import BacktestError, SettingsError
from bedrock_autoscaler.backtest.policy import Policy, PolicyContext, Step
from bedrock_autoscaler.backtest.replay import Replay
from bedrock_autoscaler.backtest.run import BacktestResult, run_backtest
from bedrock_autoscaler.backtest.scenario import Term
from bedrock_autoscaler.backtest.timeline import CommitPurchase, plan_of
from bedrock_autoscaler.backtest.trace import read_trace, write_trace
from tests.unit.backtest.policies import BreakEven, Fixed
from tests.unit.backtest.worlds import PLAIN, lines_in, trace_of

pytest.importorskip("ortools", reason="the solver comes with the extra `bench`")

LOAD = [200.0] * 120 + [0.0] * 120 + [100.0] * 120


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    trace_path, scenario_path = tmp_path / "hours.csv.gz", tmp_path / "plain.json"
    write_trace(trace_of(LOAD), trace_path)
    scenario_path.write_text(json.dumps(PLAIN.to_document()))
    return trace_path, scenario_path


def break_even(context: PolicyContext) -> Policy:
    if context.settings is not None and "window" in context.settings:
        raise SettingsError(context.settings_path or "", 1, "unknown key 'window'")
    return BreakEven(context.scenario)


def test_report_has_the_keys_of_the_contract_and_fits_its_timeline(
    files: tuple[Path, Path],
) -> None:
    result = run_backtest(*files, break_even, scale=0.5, score_from="2025-04-01T01:00:00Z")

    document = json.loads(result.report_text())
    assert list(document) == [
        "trace",
        "scenario",
        "settings",
        "policy",
        "baselines",
        "clairvoyant",
        "classes",
        "extra",
    ]
    assert {"all_on_demand", "static_peak", "target_tracking"} <= set(document["baselines"])
    assert [entry["class"] for entry in document["classes"]] == [
        "unknown",
        "steady",
        "idle",
        "steady",
    ]
    # The timeline, read back and replayed independently, costs what the report says.
    trace = read_trace(files[0]).scaled(0.5)
    lines = lines_in(result.timeline_text())
    again = Replay(trace, PLAIN, 60).score(plan_of(lines, trace, PLAIN))
    assert document["policy"] == again.to_document()
    assert document["policy"]["changes"] > 0


def test_clairvoyant_is_the_cheapest_of_all(files: tuple[Path, Path]) -> None:
    result = run_backtest(*files, break_even)

    document = json.loads(result.report_text())
    ratios = document["extra"]["objective_over_clairvoyant"]
    assert ratios["clairvoyant"] == 1
    assert min(ratios.values()) == 1
    # 120 minutes of 2 units and 120 of one: 360 unit-minutes at 2 USD on demand.
    assert document["baselines"]["all_on_demand"]["total_usd"] == pytest.approx(720)


def test_no_units_held_since_the_warm_up_cost_less_than_the_clairvoyant(
    files: tuple[Path, Path],
) -> None:
    # The static peak's two units serve from the first scored minute on: no unit is idle ever.
    write_trace(trace_of([200.0] * 240), files[0])
    result = run_backtest(*files, break_even, score_from="2025-04-01T01:00:00Z")

    ratios = json.loads(result.report_text())["extra"]["objective_over_clairvoyant"]
    assert ratios["clairvoyant"] == 1
    assert min(ratios.values()) == 1


def test_what_commits_costs_no_less_than_the_clairvoyant(files: tuple[Path, Path]) -> None:
    scenario = replace(PLAIN, unit_hour_1m=20.0)
    files[1].write_text(json.dumps(scenario.to_document()))
    bought = Step(commit=(CommitPurchase(units=1, term=Term.ONE_MONTH),))

    result = run_backtest(*files, lambda _: Fixed(bought, interval_minutes=len(LOAD)))

    document = json.loads(result.report_text())
    assert document["policy"]["commitment_usd"] == pytest.approx(6 * 20)
    assert min(document["extra"]["objective_over_clairvoyant"].values()) == 1
    assert "at the lowest price sold" in document["extra"]["clairvoyant_method"]


def test_without_commitments_terms_that_are_sold_change_no_clairvoyant(
    files: tuple[Path, Path],
) -> None:
    before = json.loads(run_backtest(*files, break_even).report_text())
    files[1].write_text(json.dumps(replace(PLAIN, unit_hour_1m=20.0).to_document()))

    after = json.loads(run_backtest(*files, break_even).report_text())

    assert after["clairvoyant"] == before["clairvoyant"]
    assert "no commitments" in after["extra"]["clairvoyant_method"]


def test_same_inputs_give_the_same_bytes(files: tuple[Path, Path]) -> None:
    results = [run_backtest(*files, break_even) for _ in range(2)]

    assert len({(result.report_text(), result.timeline_text()) for result in results}) == 1


def test_trace_without_traffic_is_reported(files: tuple[Path, Path]) -> None:
    result = run_backtest(*files, break_even, scale=0)

    document = json.loads(result.report_text())
    assert document["clairvoyant"]["total_usd"] == 0
    assert document["extra"]["objective_over_clairvoyant"]["all_on_demand"] is None


def run_with(files: tuple[Path, Path], **options: object) -> BacktestResult:
    trace_path, scenario_path = files
    arguments = {"trace": trace_path, "scenario": scenario_path, **options}
    settings = arguments.get("settings")
    score_from = arguments.get("score_from")
    return run_backtest(
        Path(str(arguments["trace"])),
        Path(str(arguments["scenario"])),
        break_even,
        settings_path=None if settings is None else Path(str(settings)),
        scale=float(str(arguments.get("scale", 1.0))),
        score_from=None if score_from is None else str(score_from),
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"trace": "none.csv"}, "none.csv: cannot be read"),
        ({"scenario": "none.json"}, "none.json: cannot be read"),
        ({"settings": "none.json"}, "none.json: cannot be read"),
        ({"scale": float("nan")}, "--scale nan"),
        ({"scale": -1}, "--scale -1.0"),
        (
            {"scale": 1e4},
            "hours.csv.gz: with --scale 10000 the traffic peaks at 20,000 model units",
        ),
        ({"scale": 1e308}, "makes a minute of hours larger than 1e+15"),
        ({"scale": 1e13}, "makes a minute of hours larger than 1e+15"),
        (
            {"score_from": "2025-04-01T06:00:00Z"},
            "--score-from '2025-04-01T06:00:00Z' lies outside the trace",
        ),
        ({"score_from": "2025-03-31T23:59:00Z"}, "lies outside the trace"),
        ({"score_from": "2030-01-01"}, "lies outside the trace"),
        ({"score_from": "2025-04-01T01:00:00+02:00"}, "whole minute in UTC"),
        ({"score_from": "2025-04-01T01:00:30Z"}, "whole minute in UTC"),
        ({"score_from": "soon"}, "--score-from 'soon' is not ISO 8601"),
    ],
)
def test_unusable_input_is_refused_in_one_line(
    files: tuple[Path, Path], options: dict[str, object], reason: str
) -> None:
    with pytest.raises(BacktestError) as caught:
        run_with(files, **options)

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_moment_that_is_none_is_not_put_down_to_the_trace(files: tuple[Path, Path]) -> None:
    with pytest.raises(BacktestError) as caught:
        run_with(files, score_from="soon")

    assert str(caught.value).startswith("--score-from 'soon'")


def test_settings_that_the_policy_refuses_are_refused(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"window": 3}')

    with pytest.raises(SettingsError, match=r"settings.json: line 1: unknown key 'window'"):
        run_with(files, settings=path)


def test_scenario_of_the_report_states_its_defaults(files: tuple[Path, Path]) -> None:
    trace_path, scenario_path = files
    least = ("tokens_per_unit", "unit_hour", "input_1k", "output_1k")
    document = {key: PLAIN.to_document()[key] for key in least}
    scenario_path.write_text(json.dumps(document))

    result = run_backtest(trace_path, scenario_path, break_even)

    assert result.report.scenario == replace(PLAIN).to_document()
