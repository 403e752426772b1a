"""`backtest --from-cloudwatch`: a target's own minutes, prices and settings, replayed."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from bedrock_autoscaler.backtest.trace import Trace, read_trace
from bedrock_autoscaler.cli.backtest.commands import UnreadMinutes
from bedrock_autoscaler.cli.backtest.derived_scenario import scenario_of
from bedrock_autoscaler.cli.backtest.recorded_traffic import without_gaps
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.domain.target import Quota
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    REGION,
    TOKEN_PRICE,
    UNIT_RATE,
    build_option,
    build_target,
    build_traffic,
)
from tests.functions.account import DEPLOYMENT
from tests.operating.stage import DOCUMENT, Stage

DAY = timedelta(days=1)
SETTLING = 3 * MINUTE
PRICE = {"input_usd_per_1k": 0.00033, "output_usd_per_1k": 0.00275, "source": "test"}
PRICED = DOCUMENT | {
    "options": [{"kind": "on_demand", "address": MODEL, "price": PRICE | {"as_of": "2026-11-01"}}]
}


def put(name: str, minutes: Iterable[datetime], value: float, model_id: str = MODEL) -> None:
    cloudwatch = boto3.client("cloudwatch", region_name=REGION)
    is_beat = name == "Heartbeat"
    dimension = (
        {"Name": "Deployment", "Value": DEPLOYMENT}
        if is_beat
        else {"Name": "ModelId", "Value": model_id}
    )
    data: list[Any] = [
        {"MetricName": name, "Dimensions": [dimension], "Timestamp": minute, "Value": value}
        for minute in minutes
    ]
    for first in range(0, len(data), 1_000):
        cloudwatch.put_metric_data(
            Namespace="BedrockAutoscaler" if is_beat else "AWS/Bedrock",
            MetricData=data[first : first + 1_000],
        )


def traffic(minutes: list[datetime]) -> None:
    put("Invocations", minutes, 60.0)
    put("InputTokenCount", minutes, 600_000.0)
    put("OutputTokenCount", minutes, 30_000.0)


def span(start: datetime, end: datetime, step: timedelta = MINUTE) -> list[datetime]:
    return [start + k * step for k in range((end - start) // step)]


@pytest.fixture
def day(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A day of which each sixth minute has calls, and no heartbeat yet."""
    monkeypatch.chdir(tmp_path)
    stage.put("targets/chat", PRICED)
    traffic(span(NOW - DAY - SETTLING, NOW, 6 * MINUTE))
    return stage


def test_silent_and_unread_minutes_cannot_be_told_apart_without_a_heartbeat(day: Stage) -> None:
    error = day.refused("backtest", "--from-cloudwatch", "chat", "--days", "1")

    # Five of six minutes have no point.
    assert "chat: 1,200 of 1,440 minutes have neither a point nor a heartbeat" in error
    assert "the longest stretch without such a minute has 1" in error
    assert "--unread zero if you know that they were silent" in error


def test_minutes_are_taken_for_silent_when_a_person_says_so(day: Stage) -> None:
    found = day.json("backtest", "--from-cloudwatch", "chat", "--days", "1", "--unread", "zero")

    trace = read_trace(Path("chat.csv.gz"))
    assert (trace.start, len(trace)) == (NOW - DAY - SETTLING, 1_440)
    assert trace.invocations.tolist()[:7] == [60, 0, 0, 0, 0, 0, 60]
    # 240 minutes of 600,000 and 30,000 tokens: 0.198 + 0.0825 = 0.2805 USD each on demand.
    assert found["baselines"]["all_on_demand"]["total_usd"] == pytest.approx(240 * 0.2805)
    scenario = json.loads(Path("chat.scenario.json").read_text())
    assert scenario["unit_hour"] == 60.5
    settings = json.loads(Path("chat.settings.json").read_text())
    # The shipped caps bind where the document states none.
    rails = {"min_units": 0, "max_purchases_per_day": 6, "max_releases_per_day": 4}
    shipped = rails | {"max_release_share_per_hour": 0.25}
    assert settings == PRICED | {"guard_rails": shipped | PRICED["guard_rails"]}


def test_the_files_give_the_same_backtest_again(day: Stage) -> None:
    text = day.told("backtest", "--from-cloudwatch", "chat", "--days", "1", "--unread", "zero")
    again, _, table = text.partition("\n")

    command = again.removeprefix("again: bedrock-autoscaler ").split()
    assert day.told(*command) == table


def test_the_longest_stretch_without_an_unread_minute_is_replayed() -> None:
    calls = np.full(30 * 60, 5.0)
    calls[[0, 119, 120]] = np.nan
    calls[300:400] = 0.0  # proven to be silent
    seen = build_traffic(len(calls), end=NOW, invocations=calls)

    cut, (note,) = without_gaps(seen, UnreadMinutes.LONGEST, "chat", [])

    assert (cut.start, cut.end) == (seen.start + 121 * MINUTE, NOW)
    assert note.startswith("3 of 1,800 minutes have neither a point nor a heartbeat")
    with pytest.raises(CommandError, match="the longest stretch without such a minute has 1,679"):
        without_gaps(seen, UnreadMinutes.REFUSE, "chat", [])


def test_what_has_no_gap_stays_whole_with_its_problems() -> None:
    seen = build_traffic(60, end=NOW)

    assert without_gaps(seen, UnreadMinutes.REFUSE, "chat", ["odd"]) == (seen, ["odd"])


def test_a_target_without_any_call_is_told_where_it_was_looked_for(stage: Stage) -> None:
    error = stage.refused("backtest", "--from-cloudwatch", "chat", "--days", "1")

    assert "CloudWatch has no call of chat" in error
    assert MODEL in error


def test_no_day_is_asked_for_of_which_cloudwatch_would_answer_no_minute(day: Stage) -> None:
    """A call that begins more than 15 days ago is one, and what is read has settled before."""
    error = day.refused("backtest", "--from-cloudwatch", "chat", "--days", "15")

    assert "--days': Input should be less than or equal to 14" in error


def test_without_figures_there_is_nothing_to_compare(day: Stage) -> None:
    day.put("targets/chat", DOCUMENT | {"options": [], "model_ids": [MODEL]})
    error = day.refused("backtest", "--from-cloudwatch", "chat", "--days", "1", "--unread", "zero")
    assert "chat: options.0.price is unknown" in error

    provisioned = {key: value for key, value in PRICED["provisioned"].items() if key != "unit_rate"}
    day.put("targets/chat", PRICED | {"provisioned": provisioned})
    error = day.refused("backtest", "--from-cloudwatch", "chat", "--days", "1", "--unread", "zero")
    assert "chat: provisioned.unit_rate is unknown" in error


def test_a_scenario_of_ones_own_needs_no_figures_of_the_target(day: Stage) -> None:
    provisioned = {key: value for key, value in PRICED["provisioned"].items() if key != "unit_rate"}
    bare = {"options": [], "model_ids": [MODEL], "provisioned": provisioned}
    day.put("targets/chat", DOCUMENT | bare)
    own = {"tokens_per_unit": 1e6, "unit_hour": 60.5, "input_1k": 0.00033, "output_1k": 0.00275}
    Path("chat.scenario.json").write_text(json.dumps(own))
    Path("chat.settings.json").write_text("{}")
    options = ["--scenario", "chat.scenario.json", "--settings", "chat.settings.json"]

    found = day.json(
        "backtest", "--from-cloudwatch", "chat", "--days", "1", "--unread", "zero", *options
    )

    assert found["scenario"]["tokens_per_unit"] == 1e6
    assert json.loads(Path("chat.scenario.json").read_text()) == own
    assert Path("chat.settings.json").read_text() == "{}"


def test_a_backtest_needs_a_trace_and_a_scenario(stage: Stage) -> None:
    assert "a TRACE is missing" in stage.refused("backtest")
    assert "--scenario is missing" in stage.refused("backtest", "x.csv")
    assert "not both" in stage.refused("backtest", "x.csv", "--from-cloudwatch", "chat")


def build_trace(inputs: float, outputs: float) -> Trace:
    flat = np.full(10, 1.0)
    return Trace.of("chat", NOW, (flat, flat * inputs, flat * outputs))


@pytest.mark.parametrize(
    ("outputs", "weight"),
    [
        (60_000.0, 0.0),  # 0.2 of a unit's output beside one whole input: the input binds
        (600_000.0, 5 / 3),  # two units of output: 2,000,000 = 1,000,000 + 600,000 x 5/3
    ],
)
def test_two_limits_of_a_unit_become_one_with_the_same_load(outputs: float, weight: float) -> None:
    scenario = scenario_of(build_target(), UNIT_RATE, build_trace(1_000_000.0, outputs))

    assert scenario.output_weight == pytest.approx(weight)
    assert scenario.tokens_per_unit == 1_000_000.0


def test_quotas_come_in_the_trace_s_own_mix_and_a_second_way_as_its_multiple() -> None:
    first = Quota(
        tokens_per_minute=1_150_000.0, requests_per_minute=50.0, output_burndown=5.0, source="test"
    )
    second = Quota(
        tokens_per_minute=2_300_000.0, requests_per_minute=None, output_burndown=5.0, source="test"
    )
    dear = TOKEN_PRICE.__class__(
        input_usd_per_1k=TOKEN_PRICE.input_usd_per_1k * 2,
        output_usd_per_1k=TOKEN_PRICE.output_usd_per_1k * 2,
        source="test",
        as_of=TOKEN_PRICE.as_of,
    )
    target = build_target(
        options=(build_option(quota=first), build_option(quota=second, price=dear, address="us.x"))
    )

    scenario = scenario_of(target, UNIT_RATE, build_trace(1_000_000.0, 30_000.0))

    # A minute is charged 1,000,000 + 5 x 30,000 quota tokens for 1,000,000 input equivalents.
    assert scenario.on_demand_tpm == pytest.approx(1_000_000.0)
    assert scenario.on_demand_rpm == 50.0
    assert (scenario.cross_region_factor, scenario.cross_region_price) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("first", "second", "factor"),
    [
        ((None, 50.0), (None, 500.0), 10.0),
        ((None, 50.0), (2e9, 25.0), 0.5),
        ((None, 50.0), (2e9, None), 1_000.0),
        ((1e6, 50.0), (2e6, None), 2.0),
        ((None, None), (2e6, 50.0), 0.0),
    ],
    ids=["requests", "tokens too", "tokens alone", "by tokens", "unbounded"],
)
def test_a_second_way_is_a_multiple_of_what_bounds_the_first(
    first: tuple[float | None, float | None],
    second: tuple[float | None, float | None],
    factor: float,
) -> None:
    quotas = [
        Quota(
            tokens_per_minute=tokens,
            requests_per_minute=requests,
            output_burndown=1.0,
            source="test",
        )
        for tokens, requests in (first, second)
    ]
    target = build_target(
        options=(build_option(quota=quotas[0]), build_option(quota=quotas[1], address="us.x"))
    )

    assert scenario_of(target, UNIT_RATE, build_trace(1e6, 3e4)).cross_region_factor == factor
