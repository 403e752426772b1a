"""What the benchmark of the promise on throttling makes of its outcomes."""

from statistics import correlation

import numpy as np
import pytest

from benchmarks.assurance import KINDS, OURS, TRACKING, Outcome, Result, report
from benchmarks.labelled_traffic import Volume, generate

PROMISED = 0.005


def results(volume: Volume, *, ours: Outcome, tracking: Outcome) -> list[Result]:
    outcomes = {OURS: ours, TRACKING: tracking}
    return [Result(kind=kind, volume=volume, outcomes=outcomes) for kind in KINDS]


def outcome(cost: float, throttled: float = 0.001) -> Outcome:
    return Outcome(cost=cost, throttled=throttled, changes=10.0)


def judged(ours: Outcome, *, beside: Outcome) -> list[Result]:
    """Of ours at the volume that is judged, and at the other one."""
    tracking = outcome(1.2)
    return [
        *results(Volume.EVEN, ours=ours, tracking=tracking),
        *results(Volume.WIDE, ours=beside, tracking=tracking),
    ]


def test_both_bounds_hold() -> None:
    text, kept = report(judged(outcome(1.1), beside=outcome(1.1)), PROMISED)
    assert kept
    assert "mean cost 1.100, target tracking at 80% 1.200: held" in text


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        (outcome(1.1, throttled=0.006), "promise kept by 0% of the traces, bound 90%: MISSED"),
        (outcome(1.3), "mean cost 1.300, target tracking at 80% 1.200: MISSED"),
    ],
)
def test_a_bound_is_missed(ours: Outcome, missed: str) -> None:
    text, kept = report(judged(ours, beside=outcome(1.1)), PROMISED)
    assert not kept
    assert missed in text


def test_the_volume_that_is_not_judged_is_printed_and_decides_nothing() -> None:
    text, kept = report(judged(outcome(1.1), beside=outcome(9.876, throttled=0.5)), PROMISED)
    assert kept
    assert "9.876" in text
    assert all(volume.value in text for volume in Volume)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_volume_is_another_reading_of_the_same_draw(seed: int) -> None:
    wide, even = (
        float(generate("steady", seed, volume).calls.mean())
        for volume in (Volume.WIDE, Volume.EVEN)
    )
    drawn = np.log(wide / 3.0) / np.log(100.0)
    assert even == pytest.approx(3.0 + 297.0 * drawn, rel=0.15)


def test_a_volume_keeps_the_shape() -> None:
    days = [generate("diurnal", 5, volume).calls.reshape(-1, 60).mean(axis=1) for volume in Volume]
    assert correlation(*(hours.tolist() for hours in days)) > 0.95
