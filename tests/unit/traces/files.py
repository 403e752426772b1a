"""Files to import, and the minutes that come of them."""

from datetime import UTC, datetime
from pathlib import Path

from bedrock_autoscaler.traces.formats import Gaps, ImportOptions

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
OPTIONS = ImportOptions(epoch=EPOCH, seed=1, gaps=Gaps.REFUSE, attempts_per_call=1.0)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def rows(trace: object) -> list[tuple[float, float, float]]:
    columns = [getattr(trace, name) for name in ("invocations", "input_tokens", "output_tokens")]
    return [tuple(values) for values in zip(*(column.tolist() for column in columns), strict=True)]
