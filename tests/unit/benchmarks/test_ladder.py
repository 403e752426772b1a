"""Ninety days with a turn, played: who pays what, and that hindsight is never beaten."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bedrock_autoscaler.backtest.trace import Trace
from benchmarks.ladder import report, sheet
from benchmarks.ladder_play import Played, play
from benchmarks.ladder_traffic import DAYS, TURN, Story, Turn, extended, stories
from benchmarks.population import Source, generated_sources

DAY = 1440
SOURCE = Source(name="steady-7001", path=None, minutes=14 * DAY)


def story(turn: Turn, source: Source = SOURCE) -> Story:
    return Story(source=source, turn=turn, seed=1)


def even(tmp_path: Path) -> Source:
    """A week of the same traffic in each minute, as a file."""
    path = tmp_path / "even.csv"
    start = np.datetime64("2025-01-06T00:00:00")
    rows = (f"{start + np.timedelta64(minute, 'm')}Z,100,1000,100" for minute in range(7 * DAY))
    path.write_text("\n".join(["minute,invocations,input_tokens,output_tokens", *rows, ""]))
    return Source(name="even", path=path, minutes=7 * DAY)


def played(source: Source, turn: Turn) -> Played:
    found = play(story(turn, source), six_months=False)
    assert found is not None
    return found


def test_a_quarter_of_the_traces_takes_each_turn() -> None:
    told = stories(generated_sources(), seed=1)

    assert [sum(one.turn is turn for one in told) for turn in Turn] == [6, 6, 6, 6]
    assert told == stories(generated_sources(), seed=1)
    assert told != stories(generated_sources(), seed=2)


@pytest.mark.parametrize(
    ("turn", "factor"),
    [(Turn.REPEATED, 1.0), (Turn.HALVED, 0.5), (Turn.DOUBLED, 2.0), (Turn.STOPPED, 0.0)],
)
def test_the_traffic_turns_on_day_45(turn: Turn, factor: float) -> None:
    one = np.ones(7 * DAY)
    trace = Trace.of("even", datetime(2025, 1, 6, tzinfo=UTC), (one, one, one))

    long = extended(trace, story(turn))

    daily = long.input_tokens.reshape(DAYS, DAY).mean(axis=1)
    assert daily[:TURN].mean() == pytest.approx(1.0, abs=0.05)
    assert daily[TURN:].mean() == pytest.approx(factor, abs=0.1)


def test_even_traffic_is_committed_and_the_bills_add_up(tmp_path: Path) -> None:
    found = played(even(tmp_path), Turn.REPEATED)

    # Two units at nearly full use all the time, from the first ladder to the end of the 90 days.
    assert found.bought >= 2
    assert found.hindsight <= found.ladder + 1e-6 < found.flexible
    assert found.flexible < found.on_demand


def test_a_stop_costs_at_most_what_the_advice_had_said(tmp_path: Path) -> None:
    found = played(even(tmp_path), Turn.STOPPED)

    assert 0 < found.loss <= found.regret_ended
    assert found.hindsight <= found.flexible + 1e-6


def test_traffic_without_a_base_is_never_committed() -> None:
    found = played(Source(name="intermittent-7001", path=None, minutes=14 * DAY), Turn.REPEATED)

    assert found.bought == 0
    assert found.ladder == pytest.approx(found.flexible)


def test_a_missed_bound_is_said(tmp_path: Path) -> None:
    bad = played(even(tmp_path), Turn.STOPPED)

    lines, holds = sheet([bad])
    text, all_hold = report([bad, bad], 1, are_real=False)

    assert not holds
    assert not all_hold
    assert any("p90 against no commitment" in line and "MISSED" in line for line in lines)
    assert "GENERATED traffic" in text
    assert "shown, not enforced" in text
