import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bedrock_autoscaler import __version__
from bedrock_autoscaler.cli.app import app, run
from bedrock_autoscaler.domain.economics.quotas import Family

COMMANDS = [
    ["demo"],
    ["backtest"],
    ["bench"],
    ["commitments"],
    ["decisions", "list"],
    ["decisions", "show"],
    ["decisions", "replay"],
    ["doctor"],
    ["economics"],
    ["mode"],
    ["prices", "diff"],
    ["prices", "list"],
    ["prices", "show"],
    ["quota", "headroom"],
    ["quota", "list"],
    ["quota", "request"],
    ["settings", "diff"],
    ["settings", "explain"],
    ["settings", "history"],
    ["settings", "rollback"],
    ["settings", "set"],
    ["settings", "show"],
    ["settings", "validate"],
    ["targets", "add"],
    ["targets", "discover"],
    ["targets", "list"],
    ["teardown"],
    ["traces", "import"],
    ["traces", "sample"],
]


def test_prints_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"bedrock-autoscaler {__version__}\n"


@pytest.mark.parametrize("words", [[], ["routes"], ["settings"], ["targets"]], ids=" ".join)
def test_without_a_command_the_help_is_all_that_is_said(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2

    printed = capsys.readouterr()
    assert ("Usage: " in printed.out, printed.err) == (True, "")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_has_help_with_an_example_and_a_choice_of_output(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--help"]) == 0

    text = capsys.readouterr().out
    assert "Example: bedrock-autoscaler" in text
    assert "--output" in text


def test_the_families_of_quotas_are_all_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["quota", "list", "--help"]) == 0

    text = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    assert f"{', '.join(Family)}; default: all but other." in text


def test_each_argument_is_written_alike() -> None:
    written = dict(_metavars(get_command(app), ""))

    assert len(written) > 30
    odd = {at for at, metavar in written.items() if not re.fullmatch("[A-Z=]+", metavar or "")}
    assert odd == set()


def _metavars(command: Any, name: str) -> Iterator[tuple[str, str | None]]:
    for inner, one in getattr(command, "commands", {}).items():
        yield from _metavars(one, f"{name} {inner}")
    for one in command.params:
        if one.param_type_name == "argument":
            yield f"{name} {one.name}", one.metavar


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["backtest", "t.csv"], "t.csv: there is no such file; --scenario is missing too"),
        (["backtest", __file__], "--scenario is missing; --from-cloudwatch TARGET brings both"),
        (["traces", "sample", "--out", "x.csv", "--seed", "many"], "Invalid value for '--seed'"),
        (["backtest", "none.csv", "--scenario", "s.json"], "s.json: cannot be read"),
        (["backtest", "t.csv", "--days", "3"], "--days goes with --from-cloudwatch"),
        (["backtest", "t.csv", "--unread", "zero"], "--unread goes with --from-cloudwatch"),
        (["backtest", "t.csv", "--out", "t.csv.gz"], "--out goes with --from-cloudwatch"),
        (["decisions", "list", "--from", "none.jsonl"], "none.jsonl: cannot be read"),
        (["demo", "--trace", "none.csv"], "none.csv: cannot be read"),
        (["traces", "sample", "--out", "a.txt"], "--out a.txt: give a file that ends in .csv, or"),
        (
            ["cost-of-running", "--targets", "10", "--places", "20"],
            ": 20 places are more than the 10 targets in them\n",
        ),
        (
            ["settings", "validate", "chat", "--file", "none.json", "--defaults", "d.json"],
            "none.json: cannot be read: No such file or directory\n",
        ),
        (
            ["routes", "show", "chat", "--from", "none.json"],
            "the routing table at none.json cannot be read: No such file or directory\n",
        ),
    ],
)
def test_refuses_in_one_line_and_with_status_2(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("bedrock-autoscaler: ")
    assert reason in printed.err


def test_ctrl_c_is_told_apart_from_a_question_without_a_yes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bedrock_autoscaler.cli.stack.find_stack", stopped)

    assert run(["verify"]) == 130
    assert "nobody said yes" not in capsys.readouterr().err


def test_help_loads_neither_numpy_nor_the_sdk() -> None:
    probe = (
        "import sys\n"
        "from bedrock_autoscaler.cli.app import run\n"
        "run(['--help'])\n"
        "print([name for name in ('numpy', 'boto3', 'matplotlib', 'pydantic') "
        "if name in sys.modules])\n"
    )

    done = subprocess.run(  # a process of its own, since this one has loaded all of them
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_traces_sample_writes_a_trace_and_says_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "s.csv.gz"

    assert run(["traces", "sample", "--out", str(out), "--seed", "7", "--output", "json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert out.exists()
    assert told["file"] == str(out)
    assert told["start"] == "2025-03-03T00:00:00Z"
    assert told["minutes"] == 15 * 1440


def test_traces_import_reads_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "b.csv", tmp_path / "t.csv"
    source.write_text(
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,ChatGPT,472,18,490,Conversation log\n"
    )

    options = ["--format", "burstgpt", "--epoch", "2024-02-03"]
    status = run(["traces", "import", str(source), *options, "-o", str(out)])

    assert status == 0
    assert capsys.readouterr().out.startswith(f"{out}: 1 minutes from 2024-02-03T00:00:00Z")
    assert out.read_text().splitlines()[1] == "2024-02-03T00:00:00Z,1,472,18"
    same = tmp_path / "." / "elsewhere.csv"
    same.symlink_to(source)
    before = source.read_bytes()
    for spelled in (source, same):
        assert run(["traces", "import", str(source), *options, "-o", str(spelled)]) == 2
        assert f"is {source}, which is read; name another" in capsys.readouterr().err
    assert source.read_bytes() == before


@pytest.mark.parametrize("option", ["--timeline", "--report", "--html"])
@pytest.mark.parametrize("source", ["t.csv", "s.json", "set.json"])
def test_a_backtest_writes_over_nothing_that_it_reads(
    option: str, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, scenario, settings = (tmp_path / name for name in ("t.csv", "s.json", "set.json"))
    for path in (trace, scenario, settings):
        path.write_text("mine")
    command = ["backtest", str(trace), "--scenario", str(scenario), "--settings", str(settings)]

    assert run([*command, option, str(tmp_path / "." / source)]) == 2

    assert f"is {tmp_path / source}, which is read; name another" in capsys.readouterr().err
    assert (tmp_path / source).read_text() == "mine"
