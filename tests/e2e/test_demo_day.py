"""The whole shipped day through the deployed functions; minutes long: `make soak-tests` runs it."""

from pathlib import Path

import pytest

from bedrock_world.demo.run import DemoOptions, DemoSummary, run_demo

pytestmark = [pytest.mark.soak, pytest.mark.emulator, pytest.mark.xdist_group("emulator")]


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> DemoSummary:
    return run_demo(DemoOptions(out=tmp_path_factory.mktemp("demo"), is_quiet=True))


def test_the_day_has_purchases_releases_route_changes_and_many_holds(summary: DemoSummary) -> None:
    assert summary.in_service >= 1
    assert summary.releases >= 1
    assert summary.table_versions >= 3
    assert summary.holds >= 48


def test_every_decision_of_the_day_replays(summary: DemoSummary) -> None:
    assert summary.decisions == 1440 + 288
    assert summary.replay_differences == 0
    assert summary.other_verdicts == 0


def test_the_day_is_the_same_every_time(summary: DemoSummary) -> None:
    assert summary.surprises == 0


def test_the_day_costs_what_the_backtest_foresees_and_less_than_without_units(
    summary: DemoSummary,
) -> None:
    ours, on_demand, static, backtest = summary.rows

    assert ours.total_usd < on_demand.total_usd < static.total_usd
    assert ours.throttled_tokens < on_demand.throttled_tokens
    # Drains and the bounds on changes, which the backtest does not have, cost a little.
    assert ours.total_usd == pytest.approx(backtest.total_usd, rel=0.1)


def test_the_day_leaves_its_report_behind(summary: DemoSummary) -> None:
    assert Path(summary.report).stat().st_size < 5_000_000
