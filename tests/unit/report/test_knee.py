"""Where throttling begins, and which rate to try next."""

from dataclasses import replace

import pytest

from bedrock_autoscaler.report.knee import (
    Knee,
    Ramp,
    Stage,
    find_knee,
    is_steady,
    middle,
    slow,
)

RAMP = Ramp(first=10.0, growth=2.0, most_stages=8, refinements=2)


def stage(rate: float, limit: float = 50.0) -> Stage:
    """A minute at a rate of which a limit admits so many calls of 100 and 20 tokens."""
    served = min(rate, limit)
    return Stage(
        calls_per_minute=rate,
        seconds=60.0,
        served=round(served),
        throttled=round(rate - served),
        errors=(),
        input_tokens=round(served) * 100,
        output_tokens=round(served) * 20,
        first_token_seconds=(0.4,),
        token_seconds=(0.01,),
    )


def run(ramp: Ramp, limit: float) -> tuple[Stage, ...]:
    done: tuple[Stage, ...] = ()
    while (rate := ramp.next_rate(done)) is not None:
        done += (stage(rate, limit),)
    return done


def test_rates_grow_until_one_is_refused_and_then_close_in() -> None:
    # 10, 20, 40 are carried and 80 is not; then the middle of 40 and 80, and that of 40 and 60.
    assert [each.calls_per_minute for each in run(RAMP, 50.0)] == [10, 20, 40, 80, 60, 50]


def test_it_ends_where_nothing_is_refused() -> None:
    found = run(replace(RAMP, most_stages=3), 1e9)

    assert [each.calls_per_minute for each in found] == [10, 20, 40]
    knee = find_knee(found, units=1)
    assert knee is not None
    assert not knee.is_reached


def test_it_ends_where_nothing_is_served() -> None:
    assert len(run(RAMP, 0.0)) == 1
    assert find_knee(run(RAMP, 0.0), units=1) is None


def test_a_first_rate_that_is_refused_is_halved() -> None:
    assert [each.calls_per_minute for each in run(RAMP, 4.0)] == [10, 5, 2.5]


def test_the_knee_is_what_was_carried_for_one_unit() -> None:
    # 50 calls of 100 and 20 tokens by two units, and as much was served of 60 and 80 calls.
    assert find_knee(run(RAMP, 50.0), units=2) == Knee(
        input_per_minute=2500.0, output_per_minute=500.0, spread=0.0, is_reached=True
    )


def test_the_spread_reaches_to_the_most_that_was_ever_served() -> None:
    # 40 a minute were carried; of 80 offered 50 were served, a quarter more.
    knee = find_knee((stage(40.0), stage(80.0)), units=1)

    assert knee is not None
    assert knee.spread == pytest.approx(0.25)


def test_a_disturbed_stage_shows() -> None:
    disturbed = replace(stage(20.0), throttled=5, served=15)

    assert is_steady((stage(10.0), stage(80.0)))
    assert not is_steady((disturbed, stage(40.0)))


def test_rates_are_by_the_minute() -> None:
    half = replace(stage(20.0), seconds=30.0, errors=(("ModelErrorException", 4),))

    assert half.per_minute(half.input_tokens) == 4000.0
    assert half.calls == 24


def test_times_are_told_by_their_middle_and_their_slow_end() -> None:
    times = tuple(float(second) for second in range(1, 22))

    assert (middle(times), slow(times)) == (11.0, 20.0)
    assert (middle(()), slow(()), slow((3.0,))) == (None, None, 3.0)
