"""A small fleet for an hour: what it asks of AWS is what the model of the cost says."""

import pytest

from bedrock_autoscaler.domain.economics.own_cost import (
    BATCH,
    HOURS_PER_MONTH,
    Part,
    Running,
    usage,
)
from benchmarks.counted_fleet import Fleet

TARGETS = 12
MINUTES = 60
FLEET = Running(targets=TARGETS)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    """Steady targets in one place, after their first visit, and then an hour of theirs.

    Its worker remembers no history, as one of many that get any target's messages.
    """
    # Powertools keeps one logger, with its stream, per service and process.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POWERTOOLS_SERVICE_NAME", "counted fleet")
        fleet = Fleet(TARGETS, 1, kinds=("steady",), remembered_bytes=0)
    fleet.hour(15)
    fleet.reset()
    fleet.hour(MINUTES)
    return fleet


def per_hour(name: str, fleet: Running = FLEET) -> float:
    """The month's quantity, that of an hour."""
    (line,) = [line for line in usage(fleet) if line.service == name]
    return line.quantity / HOURS_PER_MONTH


def counted(fleet: Fleet, name: str) -> float:
    return fleet.meter.units[name]


def test_quiet_targets_are_visited_four_times_an_hour(fleet: Fleet) -> None:
    assert fleet.visited == 4 * TARGETS == FLEET.visits / HOURS_PER_MONTH * TARGETS


def test_metrics_asked_for_are_those_of_the_model(fleet: Fleet) -> None:
    assert counted(fleet, "metrics asked for") == pytest.approx(
        per_hour("CloudWatch, metrics read"), rel=0.02
    )


def test_what_a_place_is_asked_for_is_asked_once_for_its_targets(fleet: Fleet) -> None:
    calls = fleet.meter.calls

    # Twelve targets in one minute are two batches, four times an hour.
    assert calls["cloudwatch:GetMetricData"] == 8
    assert calls["cloudwatch:GetMetricData"] <= FLEET.looks / HOURS_PER_MONTH
    assert calls["cloudwatch:ListMetrics"] <= per_hour("Lists of metrics, at most")
    assert calls["cloudwatch:PutMetricData"] == per_hour("Heartbeats, written") == MINUTES
    batches = calls["sqs:ReceiveMessage"]
    assert 3 * batches == pytest.approx(per_hour("SQS"), rel=0.25)
    assert batches == -(-TARGETS // BATCH) * 4


def test_reads_are_those_of_the_model(fleet: Fleet) -> None:
    agenda = per_hour("DynamoDB, empty agenda")
    acting = fleet.acted.reads - 3 / 4 * agenda
    visiting = counted(fleet, "dynamodb read units") - acting - agenda

    assert acting == pytest.approx(per_hour("DynamoDB, reads to act"), rel=0.1)
    # At nine in the morning fewer hours wait for being packed than at an average time.
    assert visiting == pytest.approx(per_hour("DynamoDB, reads"), rel=0.15)
    assert visiting <= per_hour("DynamoDB, reads")


def test_who_acts_looks_at_a_quiet_target_as_often_as_it_is_visited(fleet: Fleet) -> None:
    assert fleet.acted.looks == 3 * fleet.visited


def test_writes_are_those_of_the_model(fleet: Fleet) -> None:
    writes = counted(fleet, "dynamodb write units")

    assert writes == pytest.approx(per_hour("DynamoDB, writes"), rel=0.1)


def test_bytes_that_are_kept_are_those_of_the_model(fleet: Fleet) -> None:
    kept = per_hour("DynamoDB, kept after a year") * 1e9 / 12

    assert counted(fleet, "dynamodb stored bytes") == pytest.approx(kept, rel=0.1)


def test_bytes_that_are_logged_are_no_more_than_the_model_says(fleet: Fleet) -> None:
    modelled = 1e9 * per_hour("Logs")

    # The lines that end a run are not counted, nor those that Lambda writes.
    assert 0.8 * modelled < counted(fleet, "bytes logged") <= modelled


def test_every_line_belongs_to_the_stack_the_places_or_the_targets() -> None:
    one, twice = usage(Running(targets=100)), usage(Running(targets=200))

    for line, more in zip(one, twice, strict=True):
        factor = more.quantity / line.quantity
        assert factor == pytest.approx({Part.STACK: 1, Part.TARGETS: 2}.get(line.part, factor))
