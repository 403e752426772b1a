from pathlib import Path

import pytest

from bedrock_autoscaler.backtest.trace import write_trace
from benchmarks.population import (
    LONG_MINUTES,
    Part,
    Source,
    find_sources,
    generated_sources,
    load,
    part_of,
    sample_of,
)
from tests.unit.backtest.worlds import trace_of


def sources(count: int) -> tuple[Source, ...]:
    return tuple(
        Source(name=f"trace-{number:02}", path=None, minutes=LONG_MINUTES)
        for number in range(count)
    )


@pytest.mark.parametrize(
    ("name", "part"),
    [
        # The first bytes of their SHA-256: ca, 60, b5 and 7f; the last two are odd.
        ("a", Part.TUNING),
        ("chat-8", Part.TUNING),
        ("chat-3", Part.KEPT_ASIDE),
        ("chat-6", Part.KEPT_ASIDE),
    ],
)
def test_part_is_decided_by_the_name_alone(name: str, part: Part) -> None:
    assert part_of(name) is part


def test_parts_are_about_half_each() -> None:
    parts = [part_of(f"trace-{number}") for number in range(1000)]

    assert 450 < parts.count(Part.TUNING) < 550


def test_sample_is_spread_evenly() -> None:
    # Thirds of 9: the middle of each.
    assert [item.name[-1] for item in sample_of(sources(9), 3)] == ["1", "4", "7"]


def test_sample_of_more_than_there_are_is_all() -> None:
    assert sample_of(sources(4), 12) == sources(4)


def test_sample_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="sample of 0 traces"):
        sample_of(sources(4), 0)


def test_only_traces_of_a_week_or_more_are_found_by_name(tmp_path: Path) -> None:
    for name, minutes in (
        ("late.csv", LONG_MINUTES),
        ("early.csv.gz", LONG_MINUTES + 1),
        ("short.csv.gz", LONG_MINUTES - 1),
    ):
        write_trace(trace_of([1.0] * minutes), tmp_path / name)
    (tmp_path / "README.md").write_text("no trace", encoding="utf-8")

    found = find_sources(tmp_path)

    assert [(item.name, item.minutes) for item in found] == [
        ("early", LONG_MINUTES + 1),
        ("late", LONG_MINUTES),
    ]
    assert len(load(found[0])) == LONG_MINUTES + 1


def test_no_folder_has_no_traces(tmp_path: Path) -> None:
    assert find_sources(tmp_path / "none") == ()


def test_generated_traffic_is_the_same_each_time_and_has_both_parts() -> None:
    first, again = generated_sources(), generated_sources()

    assert first == again
    assert len({item.name for item in first}) == len(first)
    assert {item.part for item in first} == {Part.TUNING, Part.KEPT_ASIDE}
    trace = load(first[0])
    assert len(trace) == first[0].minutes
    assert trace.input_tokens.sum() > 0
    load.cache_clear()
    assert (load(first[0]).input_tokens == trace.input_tokens).all()
