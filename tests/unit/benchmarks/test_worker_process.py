"""A worker in a process of its own does the same, and its memory is its own."""

import pytest

from bedrock_autoscaler.domain.target import Loop
from benchmarks.counted_fleet import Fleet

TARGETS = 3
ELSEWHERE_MB = 200
"""Taken by this process, so that a worker that counted it would show."""


def calls_of(fleet: Fleet) -> dict[str, int]:
    """What a minute asked of AWS, and that all was decided."""
    minute = fleet.minute()
    assert minute.done == minute.due == TARGETS
    assert minute.decided == {Loop.CAPACITY: TARGETS, Loop.ROUTING: TARGETS}
    assert 0 < minute.core_ns < minute.visits_ns
    return dict(fleet.meter.calls)


def test_a_worker_apart_asks_for_the_same_and_has_its_memory_to_itself() -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POWERTOOLS_SERVICE_NAME", "worker apart")
        here = Fleet(TARGETS, 1, kinds=("steady",))
    ballast = b"x" * (ELSEWHERE_MB * 1024 * 1024)
    apart = Fleet(TARGETS, 1, kinds=("steady",), is_apart=True)
    try:
        assert calls_of(apart) == calls_of(here)
        assert 0 < apart.worker_mb < ELSEWHERE_MB < len(ballast)
        assert apart.meter.units["bytes logged"] > 0
    finally:
        apart.close()
