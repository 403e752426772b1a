"""A small fleet for an hour: what it asks of AWS is what the model of the cost says."""

import pytest

from bedrock_autoscaler.domain.economics.own_cost import (
    HOURS_PER_MONTH,
    Running,
    metrics_per_month,
    usage,
)
from benchmarks.counted_fleet import Fleet

TARGETS = 12


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    """Steady targets in one place, after their first visit, and then an hour of theirs."""
    fleet = Fleet(TARGETS, 1, kinds=("steady",))
    fleet.hour(15)
    fleet.meter.reset()
    fleet.hour()
    return fleet


def per_hour(name: str, running: Running) -> float:
    """Of the month's quantity, that of an hour and target."""
    (line,) = [line for line in usage(running) if line.service == name]
    return line.quantity / running.targets / HOURS_PER_MONTH


def test_quiet_targets_are_visited_four_times_an_hour(fleet: Fleet) -> None:
    assert fleet.visited == pytest.approx(4 * TARGETS, rel=0.1)


def test_metrics_asked_for_are_those_of_the_model(fleet: Fleet) -> None:
    counted = fleet.meter.units["metrics asked for"] / TARGETS
    modelled = metrics_per_month(Running(targets=TARGETS)) / HOURS_PER_MONTH

    # Targets come in minutes of their own, so that batches are small and heartbeats weigh more.
    assert modelled * 0.9 <= counted <= modelled * 1.2


def test_reads_and_writes_are_no_more_than_the_model_says(fleet: Fleet) -> None:
    running = Running(targets=TARGETS)

    reads = fleet.meter.units["dynamodb read units"] / TARGETS
    writes = fleet.meter.units["dynamodb write units"] / TARGETS

    # The model has a worker that remembers no history; this one remembers all.
    assert reads <= per_hour("DynamoDB, reads", running)
    assert writes == pytest.approx(per_hour("DynamoDB, writes", running), rel=0.25)


def test_bytes_that_are_kept_are_those_of_the_model(fleet: Fleet) -> None:
    kept = fleet.meter.units["dynamodb stored bytes"] / TARGETS
    modelled = per_hour("DynamoDB, kept after a year", Running(targets=TARGETS)) * 1e9 / 12

    assert kept == pytest.approx(modelled, rel=0.25)
