from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.__main__ import bench

app = typer.Typer()
app.command()(bench)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--scenarios", "nonsense"], "scenario 'nonsense' is unknown"),
        (["--traces", "none"], "none: no trace (.csv or .csv.gz) of one week or more"),
    ],
)
def test_unusable_options_end_in_one_line_and_status_2(
    arguments: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr


def test_variables_stand_for_options() -> None:
    result = CliRunner().invoke(app, [], env={"SCENARIOS": "nonsense"})

    assert result.exit_code == 2
    assert "scenario 'nonsense' is unknown" in result.stderr
