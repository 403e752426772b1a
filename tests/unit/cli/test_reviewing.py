from pathlib import Path

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.review.serving import ReviewServer
from bedrock_autoscaler.report.review import Head
from tests.unit.cli.ledgers import BUY, told

COMMANDS = [
    ["decisions", "explain"],
    ["decisions", "export"],
    ["ledger"],
    ["report"],
    ["review"],
    ["status"],
    ["watch"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_has_help_with_an_example(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--help"]) == 0

    assert "Example: bedrock-autoscaler" in capsys.readouterr().out


def test_report_writes_a_page_that_names_what_it_was_made_of(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep" / "report.html"

    text = told(["report", "--out", str(path)], export, capsys)

    assert text.startswith(f"{path}: 3 decisions, 0.")
    page = path.read_text(encoding="utf-8")
    assert "Made of the export ledger.jsonl.gz as of 2026-11-20T12:16:00Z" in page
    assert '"name": "chat"' in page
    assert BUY in page


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--until", "2020-01-01"], "no decision from 2019-12-02 00:00 UTC to 2020-01-01"),
        (["--target", "other"], "'other' has no decision"),
        (["--out", "/proc/none/report.html"], "/proc/none/report.html: cannot be written"),
    ],
)
def test_report_says_why_it_writes_none(
    options: list[str], reason: str, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "--from", str(export), *options]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize("command", [["report", "--out", "/dev/null"], ["ledger"]])
def test_a_span_that_has_not_begun_is_refused(
    command: list[str], export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--from", str(export), "--since", "2030-01-01"]) == 2
    assert (
        "nothing lies between the first moment, 2030-01-01 00:00 UTC, and the last, 2026-11-20 "
        "12:16 UTC (now is 2026-11-20 12:16 UTC); give an earlier --since"
    ) in capsys.readouterr().err


@pytest.mark.parametrize("command", ["report", "review"])
def test_more_days_than_the_calendar_has_are_refused(
    command: str, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--from", str(export), "--days", "9999999"]) == 2
    assert "less than or equal to 3650" in capsys.readouterr().err


def test_review_says_when_its_port_is_taken(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = Head(title="", made="", place="")
    with ReviewServer(0, head=head, look=lambda: ("", ())) as server:
        status = run(["review", "--from", str(export), "--port", str(server.server_port)])

    assert status == 2
    assert f"port {server.server_port} cannot be had" in capsys.readouterr().err
