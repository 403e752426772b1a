"""`decisions export`: one flat row a decision, for spreadsheets, notebooks and query engines."""

# ruff: noqa: PLC0415 - a command imports what it needs, so that --help answers at once

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bedrock_autoscaler.cli.decisions.choosing import (
    DEFAULT_STACK,
    Criteria,
    FromOption,
    StackOption,
    find,
    open_ledger,
)
from bedrock_autoscaler.cli.decisions.filters import filtered
from bedrock_autoscaler.cli.output import CommandError, writing

if TYPE_CHECKING:
    from bedrock_autoscaler.domain.decision import Decision

EXAMPLE = (
    "Example: bedrock-autoscaler decisions export november.parquet --since 2026-11-01"
    " --until 2026-12-01"
)
PARQUET_REMEDY = (
    "Parquet needs pyarrow, which is not installed: pip install 'bedrock-autoscaler[parquet]', "
    "or write .csv or .json"
)

type Row = dict[str, Any]

COLUMNS = {
    "id": "text",
    "target": "text",
    "loop": "text",
    "scheduled_at": "moment",
    "mode": "text",
    "settings_version": "text",
    "kind": "text",
    "summary": "text",
    "class": "text",
    "verdict": "text",
    "confidence": "number",
    "actual_units": "whole",
    "desired_units": "whole",
    "allowed_units": "whole",
    "bought_units": "whole",
    "bought_usd_per_hour": "number",
    "released_units": "whole",
    "expected_saving_usd_per_hour": "number",
    "reason_codes": "text",
    "because": "text",
}
"""What each column holds."""


class Format(StrEnum):
    """What the file holds."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@filtered
def export(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write; its ending chooses the format.")
    ],
    *,
    source: FromOption = None,
    stack: StackOption = DEFAULT_STACK,
    criteria: Criteria,
    file_format: Annotated[
        Format | None, typer.Option("--format", help="Where the ending does not tell.")
    ] = None,
) -> None:
    """Write decisions as CSV, JSON or Parquet, one row each, oldest first."""
    chosen = file_format or _format_of(path)
    rows = [row_of(*each) for each in find(open_ledger(source, stack), criteria)]
    with writing(path):
        WRITERS[chosen](rows, path)
    typer.echo(f"{path}: {len(rows):,} decisions as {chosen.value}")


def row_of(decision: "Decision", before: "Decision | None") -> Row:
    """The members that a table can hold; money in USD, several values in one text.

    Args:
        decision: of the row.
        before: the one before it of the same loop, where there is one.
    """
    from bedrock_autoscaler.domain.decision import Purchase, Release
    from bedrock_autoscaler.report.wording import kind_of, leading_reason, summary

    classification = decision.classification
    bought = [action for action in decision.actions if isinstance(action, Purchase)]
    released = [action for action in decision.actions if isinstance(action, Release)]
    saving = decision.expected_saving_usd_per_hour
    return {
        "id": decision.id,
        "target": decision.target,
        "loop": decision.loop.value,
        "scheduled_at": decision.scheduled_at,
        "mode": decision.mode.value,
        "settings_version": decision.settings_version,
        "kind": kind_of(decision, before).value,
        "summary": summary(decision),
        "class": classification.label.value if classification else None,
        "verdict": classification.verdict.value if classification else None,
        "confidence": classification.confidence if classification else None,
        "actual_units": decision.actual_units,
        "desired_units": decision.desired_units,
        "allowed_units": decision.allowed_units,
        "bought_units": sum(action.model_units for action in bought),
        "bought_usd_per_hour": float(sum(action.usd_per_hour for action in bought)),
        "released_units": sum(action.model_units for action in released),
        "expected_saving_usd_per_hour": saving if isfinite(saving) else None,
        "reason_codes": " ".join(reason.code.value for reason in decision.reasons),
        "because": leading_reason(decision),
    }


def _format_of(path: Path) -> Format:
    try:
        return Format(path.suffix.lower().removeprefix("."))
    except ValueError as error:
        raise CommandError(
            f"{path}: the ending says none of csv, json, parquet; name one with --format"
        ) from error


def _plain(row: Mapping[str, Any]) -> Row:
    """The row with its moment as text."""
    from bedrock_autoscaler.domain.units import iso

    return {
        name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()
    }


def _write_csv(rows: Iterable[Row], path: Path) -> None:
    known = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(COLUMNS))
        writer.writeheader()
        writer.writerows(_plain(row) for row in known)


def _write_json(rows: Iterable[Row], path: Path) -> None:
    text = json.dumps([_plain(row) for row in rows], indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _write_parquet(rows: Iterable[Row], path: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise CommandError(PARQUET_REMEDY) from error
    types = {
        "text": pa.string(),
        "moment": pa.timestamp("s", tz="UTC"),
        "whole": pa.int32(),
        "number": pa.float64(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


WRITERS = {Format.CSV: _write_csv, Format.JSON: _write_json, Format.PARQUET: _write_parquet}
