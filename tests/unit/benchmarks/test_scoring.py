from dataclasses import replace
from pathlib import Path

import pytest

from bedrock_autoscaler.backtest.baselines import BASELINES
from bedrock_autoscaler.backtest.optimum import optimum_score
from benchmarks.optimum_cache import cached_optimum
from benchmarks.population import Source, load
from benchmarks.running import run_pairs
from benchmarks.scoring import OPTIMUM, Pair, replay_of, score_pair

pytest.importorskip("ortools", reason="the solver comes with the extra `bench`")

# Six hours are enough to decide a few times.
SHORT = Source(name="mmpp-7001", path=None, minutes=360)
PAIR = Pair(
    source=SHORT,
    scenario="claude50-x2",
    policies={"ours": None},
    with_baselines=True,
    cache=None,
)


def test_pair_has_the_policy_every_baseline_and_the_optimum() -> None:
    result = score_pair(PAIR)

    assert result is not None
    assert result.part is SHORT.part
    assert set(result.outcomes) == {"ours", OPTIMUM, *BASELINES}
    least = result.outcomes[OPTIMUM].objective_usd
    # Orders of the optimum lie on a 5-minute grid, which is less than 0.2% above the exact one.
    assert all(outcome.objective_usd >= least * 0.998 for outcome in result.outcomes.values())
    assert len(result.decision_seconds) > 0
    assert len(result.long_history_seconds) == 0


def test_policy_alone_is_compared_with_all_on_demand_and_the_optimum() -> None:
    result = score_pair(replace(PAIR, with_baselines=False))

    assert result is not None
    assert set(result.outcomes) == {"ours", OPTIMUM, "all_on_demand"}


def test_workers_give_results_in_the_order_of_the_pairs() -> None:
    longer = replace(SHORT, minutes=420)
    pairs = [
        replace(PAIR, source=source, scenario=scenario, with_baselines=False)
        for source in (SHORT, longer)
        for scenario in ("custom50-x2", "claude70-x2")
    ]
    done: list[int] = []

    results, checked = run_pairs(pairs, (), workers=1, on_done=done.append)

    assert [result.scenario for result in results] == ["custom50-x2", "claude70-x2"] * 2
    assert sorted(done) == [360, 360, 420, 420]
    assert checked.line == "Check values: not compared, since their traces are not here."


def test_optimum_is_remembered_for_the_same_traffic_and_rules_only(tmp_path: Path) -> None:
    replay = replay_of(load(SHORT), "claude50-x2")
    dearer = replay_of(load(SHORT), "claude70-x2")

    first, again = cached_optimum(replay, tmp_path), cached_optimum(replay, tmp_path)
    other = cached_optimum(dearer, tmp_path)

    assert first == (optimum_score(replay), False)
    assert again == (first[0], True)
    assert other == (optimum_score(dearer), False)


def test_without_a_folder_nothing_is_remembered() -> None:
    replay = replay_of(load(SHORT), "claude50-x2")

    assert [cached_optimum(replay, None)[1] for _ in range(2)] == [False, False]
