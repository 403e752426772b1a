import json
from pathlib import Path

import pytest

from benchmarks.population import Part
from benchmarks.report import Origin, Report, Yardstick, decisions_line, report_on, write
from benchmarks.running import Checked
from tests.unit.benchmarks.figures import OURS, outcome, pair_result

ORIGIN = Origin(
    command="make bench SAMPLE=2",
    traffic="2 traces of one week or more",
    commit="0123456789ab",
    machine="a processor, 2 cores, Linux x86_64",
    python="CPython 3.13.0",
    seconds=90.0,
)


@pytest.fixture
def report() -> Report:
    results = [
        pair_result(outcome(110.0), part=Part.TUNING),
        pair_result(outcome(150.0), part=Part.KEPT_ASIDE),
    ]
    checked = Checked(compared=9, differing=())
    return report_on(results, checked, origin=ORIGIN, policies=(OURS,), yardstick=Yardstick.ROUGH)


def test_parts_are_printed_apart_from_all(report: Report) -> None:
    assert [sheet.title for sheet in report.sheets] == [
        "ours: all (2 traces)",
        "ours: tuning (1 traces)",
        "ours: kept aside (1 traces)",
        "All policies: all",
        "Processor time",
    ]
    # Median of 1.1 and 1.5; then each alone.
    assert [sheet.rows[0][2] for sheet in report.sheets[:3]] == ["1.300", "1.100", "1.500"]


def test_markdown_says_how_it_was_made_and_what_came_out(report: Report) -> None:
    text = report.to_markdown()

    assert "- command: `make bench SAMPLE=2`" in text
    assert "- commit: 0123456789ab" in text
    assert "- duration: 1.5 minutes" in text
    assert "- Check values: all 9 pairs agree to the cent." in text
    assert "| claude50-x2 | 2 | 1.300 | 1.107 / 1.030 |" in text


def test_other_traces_make_the_known_figures_a_rough_yardstick(report: Report) -> None:
    assert any("rough yardstick" in line for line in report.lines)


def test_generated_traffic_is_not_held_against_the_known_figures() -> None:
    report = report_on(
        [pair_result(outcome(110.0))],
        Checked(compared=0, differing=()),
        origin=ORIGIN,
        policies=(OURS,),
        yardstick=Yardstick.NONE,
    )

    assert "1.107" not in report.to_markdown()
    assert not any("best known" in line for line in report.lines)


def test_documents_are_kept_side_by_side_and_hold_aggregates(
    report: Report, tmp_path: Path
) -> None:
    markdown, document = write(report, tmp_path / "results", "cost-lifted")

    assert markdown.read_text(encoding="utf-8") == report.to_markdown()
    kept = json.loads(document.read_text(encoding="utf-8"))
    assert kept["origin"]["command"] == "make bench SAMPLE=2"
    assert {row["part"] for row in kept["summaries"]} == {"all", "tuning", "kept aside"}
    assert [figure["met"] for figure in kept["figures"][OURS]] == [False, False, True]


def test_differing_check_values_are_named() -> None:
    line = Checked(compared=9, differing=("nasa-http-jul95 quota50-x2",)).line

    assert line == "Check values DIFFER for nasa-http-jul95 quota50-x2."


def test_decisions_are_counted_and_timed() -> None:
    # 1 ms and 3 ms for each pair: 2 ms on average, 500 a second.
    line = decisions_line([pair_result(outcome(110.0))] * 3)

    assert line.startswith("Decisions: 6 at 500 a second and core, 2.00 ms on average")
    assert "with two weeks of history 3.00 ms" in line
