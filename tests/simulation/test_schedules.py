"""Faulty schedules of every scenario: no oracle fails, and every fault that can strike does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.conftest import Tell
from tests.simulation.engine import Simulation
from tests.simulation.faults import EVERYWHERE, POSSIBLE, Kind, why_impossible
from tests.simulation.schedule import SCENARIOS, Scenario, plan
from tests.simulation.volume import (
    LONG,
    QUICK,
    QUICK_SCHEDULES,
    Size,
    fill,
    missing_cells,
    run_batch,
)

_ROOT = Path(__file__).parents[2]
_BRIEF = Size(moments=12, targets=2)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_no_oracle_fails_and_every_fault_that_can_strike_does(
    scenario: Scenario, tell: Tell
) -> None:
    seeds = range(SCENARIOS.index(scenario), QUICK_SCHEDULES, len(SCENARIOS))

    totals = run_batch(seeds, QUICK)
    fill(totals, [scenario], QUICK)

    tell(
        f"{scenario:12} {totals.schedules.total()} schedules of {QUICK.moments} ticks and more: "
        f"{totals.ticks.total():,} ticks, {totals.faults:,} faults, "
        f"{len(totals.violations)} violations",
    )
    assert totals.violations == []
    assert missing_cells(totals, [scenario]) == []
    assert totals.ticks.total() >= QUICK.moments * len(seeds)
    # One schedule in 20, at the least, has the deployed decision core.
    assert totals.schedules["rules"] * 20 >= totals.schedules.total()


@pytest.mark.parametrize("scenario", [Scenario.CALM, Scenario.OVERLAPPING], ids=str)
def test_a_seed_gives_the_same_transcript_again(scenario: Scenario) -> None:
    seeds = range(SCENARIOS.index(scenario), 40, len(SCENARIOS))

    assert run_batch(seeds, _BRIEF) == run_batch(seeds, _BRIEF)


def test_a_seed_gives_the_same_transcript_in_another_process() -> None:
    """Where strings have other hashes, so that sets come in another order."""
    command = [sys.executable, "-m", "tests.simulation", "replay", "11", "--moments", "20"]

    told = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env=os.environ | {"PYTHONHASHSEED": "1"},
    ).stdout

    assert Simulation(plan(11, 20, 2)).run().digest in told


@pytest.mark.parametrize("seed", [2383, 2591, 6413, 7583])
def test_seeds_that_once_broke_a_promise_keep_it(seed: int) -> None:
    # Tags copied onto a stranger's PT, and PTs of ours whose tags somebody changed.
    assert Simulation(plan(seed, LONG.moments, LONG.targets)).run().violations == ()


def test_other_seeds_give_other_transcripts() -> None:
    digests = {run_batch([seed], _BRIEF).digests[0][2] for seed in range(6)}

    assert len(digests) == 6


def test_every_cell_that_cannot_be_struck_has_its_reason() -> None:
    for call, kinds in POSSIBLE.items():
        for kind in set(Kind) - set(EVERYWHERE):
            assert (kind in kinds) is (why_impossible(call, kind) is None)
