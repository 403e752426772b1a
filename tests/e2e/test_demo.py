"""Forty minutes of the demo, through the really deployed functions."""

import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from bedrock_autoscaler.cli.app import run
from bedrock_world.demo.run import DemoOptions, DemoSummary, run_demo

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

# The sample's Monday morning: demand passes the worth of the first units at about 07:15.
OFFSET = timedelta(hours=7)
MINUTES = 35


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def summary(out: Path, told: io.StringIO) -> DemoSummary:
    """The demo, after which somebody lets five minutes pass, mistypes, and ends it."""
    options = DemoOptions(out=out, offset=OFFSET, minutes=MINUTES, keep=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", typed("\n", "soon\n"))
        return run_demo(options, Console(file=told, width=200))


def typed(*lines: str) -> Iterator[str]:
    """What is typed at the terminal, and Ctrl-C at its end."""
    yield from lines
    raise KeyboardInterrupt


def test_buys_and_routes_to_what_it_bought(summary: DemoSummary) -> None:
    assert summary.purchases >= 1
    assert summary.in_service >= 1
    # The first table, and one with the first unit in it.
    assert summary.table_versions >= 2


def test_decides_at_every_tick_of_both_loops(summary: DemoSummary) -> None:
    # 35 routing ticks, and a capacity tick each five minutes.
    assert summary.decisions == 42
    assert summary.capacity_decisions == 7
    # All of them, and purchase, release and publish in every minute.
    assert summary.invocations == 42 + 3 * 35


def test_decisions_replay_without_a_difference(summary: DemoSummary) -> None:
    assert summary.replay_differences == 0
    assert summary.other_verdicts == 0


def test_is_served_over_http_to_an_unmodified_client(summary: DemoSummary) -> None:
    assert summary.http_calls == 1


def test_spends_on_units_and_tokens_and_throttles_little(summary: DemoSummary) -> None:
    ours = summary.rows[0]

    assert ours.pt_usd >= 40
    assert ours.token_usd > 0
    assert ours.throttled_tokens < 0.05


def test_leaves_a_ledger_behind_that_the_command_line_reads(
    summary: DemoSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    listing = ["decisions", "list", "--from", summary.ledger, "--changes", "--output", "json"]
    assert run(listing) == 0
    decisions = json.loads(capsys.readouterr().out)
    purchases = [one for one in decisions if one["loop"] == "capacity"]

    assert run(["decisions", "show", purchases[0]["id"], "--from", summary.ledger]) == 0
    text = capsys.readouterr().out
    assert "purchase of" in text
    assert "in service since" in text
    assert run(["decisions", "replay", "--from", summary.ledger]) == 0


def test_the_first_decision_knows_the_whole_history(
    summary: DemoSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is decided while the history is still being written."""
    listing = ["decisions", "list", "--from", summary.ledger, "--last", "0", "--output", "json"]
    assert run(listing) == 0
    decisions = json.loads(capsys.readouterr().out)
    assert run([*listing, "--reason", "data_incomplete"]) == 0
    blind = json.loads(capsys.readouterr().out)

    assert len(decisions) == summary.decisions
    assert blind == []


def test_kept_it_can_be_reached_and_time_goes_on(summary: DemoSummary, told: io.StringIO) -> None:
    text = told.getvalue()

    for name in ("", "_BEDROCK", "_BEDROCK_RUNTIME", "_SERVICE_QUOTAS"):
        assert f"export AWS_ENDPOINT_URL{name}=http://127.0.0.1:" in text
    assert re.search(
        r"It is \d{4}-\d\d-\d\d 07:40 UTC; newest decision on capacity: "
        r"chat-capacity-\d{8}T073500Z",
        text,
    )
    assert "'soon' is no number of minutes" in text
    assert text.endswith("Stopping.\n")


def test_leaves_a_page_behind_that_loads_nothing(summary: DemoSummary) -> None:
    page = Path(summary.report).read_text()

    assert len(page) < 5_000_000
    assert page.count("<svg") == 5
    assert not re.search(r'(?:href|src)="(?!#)', page)
    assert "buy 1 unit" in page


def test_leaves_a_review_of_every_decision_behind(summary: DemoSummary) -> None:
    page = Path(summary.review).read_text()

    assert f'"decisions": {summary.decisions}, ' in page
    assert "Made of the demo" in page
