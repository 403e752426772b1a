import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.decisions.exporting import COLUMNS, row_of
from bedrock_autoscaler.domain.decide import decide
from tests.unit.cli.ledgers import BUY, HOLD, busy_situation, told


def test_a_row_has_every_column_in_order() -> None:
    assert list(row_of(decide(busy_situation()), None)) == list(COLUMNS)


def test_csv_has_a_row_for_each_decision_that_passes(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a-new-folder" / "x.csv"

    text = told(["decisions", "export", str(path), "--loop", "capacity"], export, capsys)

    assert text == f"{path}: 2 decisions as csv\n"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [BUY, HOLD]
    # Two units of 20 USD an hour.
    assert (rows[0]["bought_units"], rows[0]["bought_usd_per_hour"]) == ("2", "40.0")
    assert rows[0]["scheduled_at"] == "2026-11-20T12:00:00Z"
    assert "units_pay_off" in rows[0]["reason_codes"].split()


def test_json_holds_the_same_rows(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "export.txt"

    told(["decisions", "export", str(path), "--format", "json", "--changes"], export, capsys)

    first, second = json.loads(path.read_text())
    assert (first["id"], first["kind"], first["class"]) == (BUY, "buy", "unknown")
    assert (second["kind"], second["verdict"], second["bought_units"]) == ("routes", None, 0)


def test_parquet_keeps_the_types(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"

    told(["decisions", "export", str(path), "--kind", "buy"], export, capsys)

    (row,) = parquet.read_table(path).to_pylist()
    assert row["scheduled_at"] == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert row["bought_units"] == 2
    assert isinstance(row["confidence"], float)


def test_parquet_without_its_library_names_the_remedy(
    export: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    status = run(["decisions", "export", str(tmp_path / "x.parquet"), "--from", str(export)])

    assert status == 2
    assert "pip install 'bedrock-autoscaler[parquet]'" in capsys.readouterr().err
