from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_autoscaler.backtest.documents import timeline_text
from bedrock_autoscaler.backtest.policy import Step, run_policy
from bedrock_autoscaler.backtest.timeline import Route
from tests.unit.backtest.policies import BreakEven, Fixed, Witness
from tests.unit.backtest.worlds import PLAIN, trace_of

loads = st.lists(st.sampled_from([0.0, 60.0, 100.0, 250.0]), min_size=1, max_size=12).map(
    lambda hours: [load for load in hours for _ in range(40)]
)


@settings(max_examples=60, deadline=None)
@given(load=loads, data=st.data())
def test_trace_cut_short_gives_the_same_lines_up_to_the_cut(
    load: list[float], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(load)))
    trace = trace_of(load)
    whole = run_policy(BreakEven(PLAIN), trace, PLAIN)

    part = run_policy(BreakEven(PLAIN), trace.cut(cut), PLAIN)

    end = trace.minute_at(cut)
    assert part.lines == tuple(line for line in whole.lines if line.minute < end)
    assert part.classes == tuple(record for record in whole.classes if record.since < end)


@settings(max_examples=60, deadline=None)
@given(load=loads, data=st.data())
def test_traffic_of_the_last_two_minutes_changes_no_line(
    load: list[float], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(load) - 1))
    now = trace_of(load).minute_at(row)
    # Whatever comes from two minutes before `row` on has not been published there.
    other = [*load[: max(0, row - 2)], *[999.0] * (len(load) - max(0, row - 2))]

    first = run_policy(BreakEven(PLAIN), trace_of(load), PLAIN)
    second = run_policy(BreakEven(PLAIN), trace_of(other), PLAIN)

    assert [line for line in first.lines if line.minute <= now] == [
        line for line in second.lines if line.minute <= now
    ]


def test_same_trace_gives_the_same_bytes() -> None:
    trace = trace_of([float(value % 301) for value in range(0, 7 * 600, 7)])

    texts = {timeline_text(run_policy(BreakEven(PLAIN), trace, PLAIN).lines) for _ in range(3)}

    assert len(texts) == 1
    assert "provisioned_units" in texts.pop()


@pytest.mark.parametrize("lag", [0, 2, 5])
def test_policy_is_shown_the_rows_before_the_lag_and_no_memory_of_later_ones(lag: int) -> None:
    load = [float(value) for value in range(1, 11)]
    witness = Witness(publication_lag_minutes=lag)

    run_policy(witness, trace_of(load), PLAIN)

    for row, sight in enumerate(witness.shown):
        assert sight.seen.input_tokens.tolist() == load[: max(0, row - lag)]
        # The view's base is the most that a prying policy could reach.
        assert [value for value in sight.reachable if not isnan(value)] == load[: max(0, row - lag)]


def test_policy_cannot_change_what_it_is_shown() -> None:
    witness = Witness(publication_lag_minutes=0)
    run_policy(witness, trace_of([1.0, 2.0]), PLAIN)

    with pytest.raises(ValueError, match="read-only"):
        witness.shown[1].seen.input_tokens[0] = 5.0


def test_policy_is_asked_at_its_interval() -> None:
    witness = Witness(publication_lag_minutes=2, interval_minutes=15)
    trace = trace_of([1.0] * 40)

    run = run_policy(witness, trace, PLAIN)

    assert [sight.now for sight in witness.shown] == [trace.minute_at(row) for row in (0, 15, 30)]
    assert run.lines == ()


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (Step(provisioned_units=-1), "provisioned_units is -1"),
        (Step(shares={Route.PT: 0.4}), "shares sum to"),
        (Step(spill=(Route.PT, Route.PT)), "twice"),
    ],
)
def test_policy_that_says_what_no_timeline_allows_is_stopped(step: Step, reason: str) -> None:
    with pytest.raises(ValueError, match=f"policy fixed at 2025-04-01T00:00:00Z: .*{reason}"):
        run_policy(Fixed(step), trace_of([1.0]), PLAIN)


@pytest.mark.parametrize(
    "policy",
    [Fixed(Step(), interval_minutes=0), Fixed(Step(), publication_lag_minutes=-1)],
    ids=["stands still", "sees ahead"],
)
def test_policy_that_would_stand_still_or_see_ahead_is_refused(policy: Fixed) -> None:
    with pytest.raises(ValueError, match="policy fixed: interval"):
        run_policy(policy, trace_of([1.0]), PLAIN)
