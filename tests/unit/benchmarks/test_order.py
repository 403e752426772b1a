import json
from dataclasses import replace
from pathlib import Path

import pytest

from bedrock_autoscaler.adapters.documents.parser import parse_for_backtest
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.backtest.scenario import STANDARD_NAMES
from bedrock_autoscaler.backtest.trace import write_trace
from benchmarks.order import (
    Bounds,
    Order,
    UnusableError,
    chosen_scenarios,
    find_traffic,
    pairs_of,
)
from benchmarks.population import LONG_MINUTES
from benchmarks.report import Yardstick
from benchmarks.surroundings import ROOT
from tests.unit.backtest.worlds import trace_of

WHOLE = Order(
    traces=None,
    sample=None,
    scenarios=STANDARD_NAMES,
    policy_only=False,
    bounds=Bounds.LIFTED,
    workers=1,
    remember=False,
    name=None,
)


def test_all_scenarios_unless_named() -> None:
    assert chosen_scenarios(None) == STANDARD_NAMES
    assert chosen_scenarios("warm50-x2, claude30-x2") == ("claude30-x2", "warm50-x2")


def test_unknown_scenario_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnusableError, match="'claude31-x2' is unknown; there are claude30-x2"):
        chosen_scenarios("claude31-x2")


def test_command_makes_the_same_run_again_and_names_no_place_of_this_machine(
    tmp_path: Path,
) -> None:
    part = replace(
        WHOLE,
        traces=tmp_path / "traces",
        sample=12,
        scenarios=("claude50-x2",),
        policy_only=True,
        bounds=Bounds.BOTH,
    )

    assert WHOLE.command == "make bench"
    assert part.command == (
        "make bench TRACES=.../traces SAMPLE=12 SCENARIOS=claude50-x2 POLICY_ONLY=1 BOUNDS=both"
    )


def test_without_traces_traffic_is_generated_and_said_to_be(tmp_path: Path) -> None:
    traffic = find_traffic(WHOLE, usual=tmp_path / "none")

    assert traffic.is_generated
    assert traffic.words.startswith("GENERATED")
    assert traffic.yardstick is Yardstick.NONE


def test_folder_that_was_asked_for_must_hold_traces(tmp_path: Path) -> None:
    write_trace(trace_of([1.0] * (LONG_MINUTES - 1)), tmp_path / "short.csv")

    with pytest.raises(UnusableError, match=r"no trace .* of one week or more"):
        find_traffic(replace(WHOLE, traces=tmp_path))


def test_trace_of_one_week_is_left_out_where_the_first_week_is_history(tmp_path: Path) -> None:
    write_trace(trace_of([1.0] * LONG_MINUTES), tmp_path / "week.csv.gz")
    write_trace(trace_of([1.0] * (LONG_MINUTES + 1)), tmp_path / "more.csv.gz")
    order = replace(WHOLE, traces=tmp_path)

    pairs = pairs_of(order, find_traffic(order).sources)

    assert len(pairs) == 2 * len(STANDARD_NAMES) - 1
    assert ("week", "warm50-x2") not in {(pair.source.name, pair.scenario) for pair in pairs}


def test_the_bounds_of_a_day_can_be_lifted_alone() -> None:
    (document,) = replace(WHOLE, bounds=Bounds.DAYS).policies().values()
    shipped = parse_for_backtest("shipped", None)
    lifted = parse_for_backtest("lifted", json.dumps(document))
    assert not isinstance(shipped, SettingsProblem)
    assert not isinstance(lifted, SettingsProblem)

    rails = replace(shipped.guard_rails, max_purchases_per_day=1_440, max_releases_per_day=1_440)
    assert lifted.guard_rails == rails
    assert lifted.thresholds == shipped.thresholds


def test_lifted_bounds_change_nothing_but_the_bounds_on_changes() -> None:
    documents = replace(WHOLE, bounds=Bounds.BOTH).policies()
    assert documents["ours, as shipped"] is None
    text = (ROOT / "benchmarks" / "settings" / "unbounded.json").read_text(encoding="utf-8")
    shipped, lifted = parse_for_backtest("shipped", None), parse_for_backtest("lifted", text)
    assert not isinstance(shipped, SettingsProblem)
    assert not isinstance(lifted, SettingsProblem)

    # One change a minute, as many units as a purchase may have, and all may leave in an hour.
    restored = replace(
        lifted,
        guard_rails=replace(
            lifted.guard_rails,
            max_purchases_per_day=shipped.guard_rails.max_purchases_per_day,
            max_releases_per_day=shipped.guard_rails.max_releases_per_day,
            max_release_share_per_hour=shipped.guard_rails.max_release_share_per_hour,
        ),
        thresholds=replace(
            lifted.thresholds,
            sizing=replace(
                lifted.thresholds.sizing,
                max_units_per_purchase=shipped.thresholds.sizing.max_units_per_purchase,
            ),
        ),
        shown=shipped.shown,
    )

    assert lifted.guard_rails.max_purchases_per_day == 1440
    assert lifted.guard_rails.max_releases_per_day == 1440
    assert lifted.guard_rails.max_release_share_per_hour == 1.0
    assert restored == shipped
