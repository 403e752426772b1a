"""What the measurement of a fleet's scale says, worked out by hand."""

from dataclasses import replace

import pytest

from bedrock_autoscaler.domain.target import Loop
from benchmarks.scale import SIZES, conclude, sizes_of
from benchmarks.scale_run import Run, Together, markdown, show

TOGETHER = Together(
    due=1_000,
    done=1_000,
    seconds=6.0,
    calls={"dynamodb:Query": 4_000, "cloudwatch:GetMetricData": 200, "sqs:SendMessageBatch": 100},
    fullest={"cloudwatch:GetMetricData": 25},
    units={"dynamodb read units": 48_000.0, "dynamodb write units": 12_000.0},
)
SMALL = Run(
    targets=100,
    places=80,
    seconds=1.0,
    visits_seconds=0.8,
    capacity_seconds=0.5,
    clients_seconds=0.1,
    core_seconds=0.2,
    acting_seconds=0.1,
    looks=1_200,
    decisions={Loop.ROUTING: 240, Loop.CAPACITY: 200},
    calls={"dynamodb:Query": 1_000},
    units={"dynamodb read units": 2_000.0},
    late=0,
    idle_mb=70.0,
    worker_mb=100.0,
    busiest=20,
    together=TOGETHER,
)
LARGE = replace(SMALL, targets=1_000, seconds=10.0, calls={"dynamodb:Query": 5_000})


@pytest.mark.parametrize(
    ("arguments", "sizes"),
    [
        ([], SIZES),
        (["10000"], SIZES),
        (["100"], (10, 100)),
        (["50"], (10, 50)),
        (["10", "1000"], (10, 1_000)),
    ],
)
def test_one_number_is_the_most_and_several_are_themselves(
    arguments: list[str], sizes: tuple[int, ...]
) -> None:
    assert sizes_of(arguments) == sizes


def test_the_rates_are_decisions_by_the_time_that_belongs_to_them() -> None:
    assert SMALL.visits_per_second == 400
    assert SMALL.full_per_second == 550


def test_a_minute_with_everything_due_takes_as_long_as_the_tightest_api() -> None:
    # 25 calls at 50 a second, 48,000 units at 12,000 and 12,000 at 4,000.
    assert TOGETHER.longest_seconds == 4.0
    # 6 s of CPU at 0.58 cores are 10.4 s, 4,000 calls of 5 ms 20 s, 200 of 60 ms 12 s: in all 42 s.
    assert TOGETHER.workers == 1
    assert replace(TOGETHER, seconds=40.0).workers == 2


@pytest.mark.parametrize(
    ("runs", "outcome"),
    [
        ([SMALL, LARGE], 0),
        ([SMALL, replace(LARGE, seconds=14.0)], 1),  # power 1.15
        ([SMALL, replace(LARGE, visits_seconds=1.6)], 1),
        ([SMALL, replace(LARGE, late=1)], 1),
        ([replace(SMALL, worker_mb=530.0), LARGE], 1),
        (
            [replace(LARGE, together=replace(TOGETHER, fullest={"cloudwatch:ListMetrics": 1_600}))],
            1,
        ),
    ],
    ids=["kept", "growth", "rate", "late", "memory", "limit"],
)
def test_each_bound_can_be_exceeded(
    capsys: pytest.CaptureFixture[str], runs: list[Run], outcome: int
) -> None:
    conclusions, found = conclude(runs)

    assert found == outcome
    assert conclusions[-1].endswith("exceeded" if outcome else "kept")
    assert capsys.readouterr().out.splitlines()[-1] == conclusions[-1]


def test_the_page_has_a_column_for_each_size() -> None:
    page = markdown([SMALL, LARGE], "python -m benchmarks.scale 100 1000", "a machine", ["kept"])

    assert "| targets | 100 | 1,000 |" in page
    assert "| dynamodb:Query | 10.00 | 5.00 |" in page
    assert "| dynamodb read units (12,000/s) | 4.0 | 4.0 |" in page
    assert page.endswith("- kept\n")
    assert any("decided in it: 1000" in line for line in show(LARGE))
