"""When a fall to zero of all targets at once is taken for a fault."""

import numpy as np
import pytest

from bedrock_autoscaler.application.observing.together import fell_silent_together
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, build_target, build_traffic
from tests.staging import Stage


def silent_for(minutes: int, *, unread: int = 0) -> Traffic:
    """Three hours of calls that ended so many minutes ago; of the silence some were not read."""
    calls = np.full(180, 60.0)
    if minutes:
        calls[-minutes:] = 0.0
    if unread:
        calls[-unread:] = np.nan
    return build_traffic(180, end=NOW, invocations=calls)


@pytest.mark.parametrize(
    ("silences", "expected"),
    [
        ((10, 10), True),
        ((10, 15), True),  # within five minutes of each other
        ((10, 16), False),
        ((10, 12, 40), True),  # two of three at once
        ((10, 12, 40, 45, 50), False),  # two of five are less than half
        ((10, 10, 0), False),  # one goes on
        ((10, 10, 2), False),  # and may be between two calls
        ((10, 120), False),  # one alone, the other was idle all along
        ((10, 12, 120), True),  # an idle one hides no fault of the others
        ((120, 120), False),  # long ago
        ((59, 59), True),
        ((60, 60), False),
        ((10,), False),
        ((), False),
    ],
)
def test_several_targets_that_end_at_once_are_a_fault(
    silences: tuple[int, ...],
    expected: bool,  # noqa: FBT001 - a table's column
) -> None:
    traffics = [silent_for(minutes) for minutes in silences]

    assert fell_silent_together(traffics, 60) is expected


def test_what_was_not_read_is_not_silent() -> None:
    assert not fell_silent_together([silent_for(10, unread=1), silent_for(10)], 60)


@pytest.mark.parametrize(
    ("of_the_third", "expected"),
    [
        (silent_for(10, unread=1), True),
        (silent_for(30, unread=30), True),
        (silent_for(0, unread=1), False),  # it had calls until then
        (silent_for(0, unread=3), True),  # what it does now is not known
    ],
)
def test_one_that_was_not_read_hides_no_fault_of_the_others(
    of_the_third: Traffic,
    expected: bool,  # noqa: FBT001 - a table's column
) -> None:
    others = [silent_for(10), silent_for(12)]

    assert fell_silent_together([*others, of_the_third], 60) is expected


def test_a_short_history_is_no_silence() -> None:
    short = build_traffic(2, end=NOW, invocations=0.0, input_tokens=0.0, output_tokens=0.0)

    assert not fell_silent_together([short, silent_for(10)], 60)


def test_each_capacity_situation_tells_it() -> None:
    scene = Stage(build_target(), build_target(name="email", model_ids=("other",)))
    scene.metrics.points.clear()
    for model_id in (MODEL, "other"):
        traffic = build_traffic(150, end=NOW - 20 * MINUTE)
        scene.metrics.put_traffic(model_id, traffic)
    scene.decide()

    told = [
        scene.decisions.kept[decision.id].situation.observation.silent_together
        for decision in scene.reporter.decisions
    ]
    assert told == [True, True]
