import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.trace import Trace, write_trace
from bedrock_autoscaler.domain.target import Mode, Target
from bedrock_world.demo.plan import TOKENS_PER_UNIT, make_plan

START = datetime(2025, 3, 3, tzinfo=UTC)


def trace_file(path: Path, days: int, *, start: datetime = START, tokens: float = 1000.0) -> Path:
    minutes = days * 1440
    columns = (np.ones(minutes), np.full(minutes, tokens), np.full(minutes, tokens / 5))
    write_trace(Trace.of("t", start, columns), path)
    return path


def test_replays_the_last_day_at_two_units_with_at_most_two_weeks_before_it(tmp_path: Path) -> None:
    plan = make_plan(trace_file(tmp_path / "t.csv", 16))

    # 1,000 input and 200 output tokens of weight 5 are 2,000 equivalents a minute; two units
    # serve 900,000: times 450.
    assert plan.scale == pytest.approx(450)
    assert plan.start == START + timedelta(days=15)
    assert plan.minutes == 1440
    assert plan.first == 14 * 1440
    assert plan.trace.equivalents(5)[plan.first :].mean() == 2 * TOKENS_PER_UNIT
    # Six units' worth at 1,200 quota tokens for 2,000 equivalents.
    assert plan.quota_tokens == 6 * 450_000 * 1_200 / 2_000


def test_replays_a_named_day_and_nothing_after_it(tmp_path: Path) -> None:
    plan = make_plan(trace_file(tmp_path / "t.csv", 5), date(2025, 3, 5))

    assert plan.start == datetime(2025, 3, 5, tzinfo=UTC)
    assert plan.first == 2 * 1440
    assert plan.trace.end == datetime(2025, 3, 6, tzinfo=UTC)


def test_a_shorter_replay_keeps_the_volume_of_the_day(tmp_path: Path) -> None:
    path = trace_file(tmp_path / "t.csv", 2)

    plan = make_plan(path, offset=timedelta(hours=7), minutes=45)

    assert plan.scale == make_plan(path).scale
    assert plan.start == START + timedelta(days=1, hours=7)
    assert plan.minutes == 45
    assert plan.first == 1440 + 7 * 60


def test_many_small_requests_become_fewer_calls_of_the_same_tokens(tmp_path: Path) -> None:
    path = trace_file(tmp_path / "t.csv", 2, tokens=20.0)

    plan = make_plan(path)

    # 20 input and 4 output tokens a request are 40 equivalents: 900,000 of them are 22,500
    # requests a minute, 15 times the most.
    assert plan.requests_per_call == pytest.approx(15)
    assert plan.trace.invocations[0] == 1500
    assert plan.trace.equivalents(5)[plan.first :].mean() == 2 * TOKENS_PER_UNIT


@pytest.mark.parametrize("day", [date(2025, 3, 2), date(2025, 3, 5)])
def test_refuses_a_day_outside_the_trace(tmp_path: Path, day: date) -> None:
    with pytest.raises(TraceError, match=f"has no whole day {day}; it runs from 2025-03-03"):
        make_plan(trace_file(tmp_path / "t.csv", 2), day)


def test_refuses_a_day_that_the_trace_only_begins(tmp_path: Path) -> None:
    late = START + timedelta(hours=1)

    with pytest.raises(TraceError, match="has no whole day 2025-03-03"):
        make_plan(trace_file(tmp_path / "t.csv", 1, start=late), date(2025, 3, 3))


def test_refuses_a_day_without_traffic(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="no traffic on 2025-03-04; choose another --day"):
        make_plan(trace_file(tmp_path / "t.csv", 2, tokens=0.0))


def test_its_settings_document_is_one_that_the_application_accepts(tmp_path: Path) -> None:
    plan = make_plan(trace_file(tmp_path / "t.csv", 2))

    text = json.dumps(plan.target_document("111111111111"))
    target = TargetDocuments(load_prices()).parse("chat", None, text)

    assert isinstance(target, Target), target
    assert target.mode is Mode.ACT


def test_scenario_of_the_backtest_has_the_same_economics(tmp_path: Path) -> None:
    plan = make_plan(trace_file(tmp_path / "t.csv", 2))

    scenario = plan.scenario()
    quota_units = scenario.on_demand_tpm / scenario.tokens_per_unit  # type: ignore[operator] # set

    assert quota_units == 6
    # A full unit serves 450,000 equivalents a minute at 0.003 USD a thousand: 81 USD an hour.
    assert scenario.tokens_per_unit * 60 * scenario.input_1k / 1000 == pytest.approx(81)
    assert scenario.unit_hour == 40
