import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET  # the page is ours

import numpy as np
import pytest

from bedrock_autoscaler.report.page import Block, folded, page, table
from bedrock_autoscaler.report.plots import (
    bill_plot,
    cost_plot,
    demand_plot,
    route_plot,
    throttle_plot,
)
from bedrock_autoscaler.report.series import Mark, MarkKind, RunSeries, thinned

START = datetime(2025, 3, 17, tzinfo=UTC)


def run_of(minutes: int) -> RunSeries:
    rising = np.arange(minutes, dtype=float)
    return RunSeries(
        moments=tuple(START + timedelta(minutes=k) for k in range(minutes)),
        demand=rising,
        served={"provisioned": rising / 2, "on demand": rising / 4},
        throttled=rising / 4,
        in_service=np.floor(rising / 100),
        held=np.ceil(rising / 100),
        spent_usd={"bedrock-autoscaler": rising, "all on demand": 2 * rising},
        marks=(
            Mark(moment=START + timedelta(minutes=5), kind=MarkKind.PURCHASE, text="buy 1 unit"),
            Mark(moment=START + timedelta(minutes=9), kind=MarkKind.RELEASE, text="release it"),
            Mark(moment=START + timedelta(minutes=9), kind=MarkKind.ROUTES, text="new table"),
        ),
    )


@pytest.mark.parametrize("plot", [demand_plot, cost_plot, throttle_plot, route_plot])
def test_plots_are_svg_elements_that_load_nothing(plot: object) -> None:
    assert callable(plot)

    text = plot(run_of(60))

    assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 - our own text
    assert "<image" not in text
    assert not re.search(r'(?:href|src)="(?!#)', text)


def test_the_same_run_gives_the_same_plot() -> None:
    assert demand_plot(run_of(60)) == demand_plot(run_of(60))


def test_demand_plot_names_what_it_shows() -> None:
    text = demand_plot(run_of(60))

    for name in ("served provisioned", "throttled", "in service", "purchase", "release"):
        assert f">{name}<" in text


def test_bill_plot_has_a_bar_for_each_name() -> None:
    text = bill_plot({"ours": {"provisioned": 10.0}, "theirs": {"on demand": 20.0}})

    assert ">ours<" in text
    assert ">theirs<" in text


def test_long_runs_are_thinned_to_means_of_traffic_and_last_values_of_the_rest() -> None:
    run = thinned(run_of(4500))

    # 4,500 minutes in at most 1,500 points: three minutes a point.
    assert len(run.moments) == 1500
    assert run.moments[1] == START + timedelta(minutes=3)
    assert run.demand[:2].tolist() == [1.0, 4.0]
    assert run.spent_usd["bedrock-autoscaler"][-1] == 4499.0
    assert run.held[-1] == 45.0


def test_a_last_point_that_covers_less_is_the_mean_of_what_there_is() -> None:
    run = thinned(run_of(3001))

    # Steps of three: 1,000 whole ones and one of the last minute alone.
    assert len(run.moments) == 1001
    assert run.demand[-1] == 3000.0


def test_short_runs_stay_as_they_are() -> None:
    run = run_of(10)

    assert thinned(run) is run


def test_page_is_one_document_without_script_or_address_to_load() -> None:
    text = page(
        "A <title>",
        "lead & more",
        [Block(heading="One", text="x < y", html=table(["", "USD"], [["a", "1"]], ours=0))],
    )

    assert text.startswith("<!doctype html>")
    assert "<title>A &lt;title&gt;</title>" in text
    assert "lead &amp; more" in text
    assert "x &lt; y" in text
    assert '<tr class="ours"><td>a</td><td>1</td></tr>' in text
    assert "<script" not in text
    assert "http" not in text


def test_folded_lines_are_escaped() -> None:
    assert folded("a<b", ["c&d"]) == (
        "<details><summary>a&lt;b</summary><ul><li>c&amp;d</li></ul></details>"
    )
