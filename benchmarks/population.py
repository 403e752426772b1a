"""Which traffic the benchmark runs on: a folder of long traces, or generated where there is none.

Every trace belongs to one of two parts by a hash of its name alone, so that a trace never moves
when others come or go. Thresholds and margins may be tuned while looking at the first part; the
second is only ever scored.
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from bedrock_autoscaler.backtest.scenario import DAY_MINUTES
from bedrock_autoscaler.backtest.trace import Trace, read_trace
from benchmarks.labelled_traffic import generate

LONG_MINUTES = 7 * DAY_MINUTES
"""Shorter traces say nothing on weeks, and the benchmark's published figures leave them out."""

# Kinds with traffic throughout; two seeds of each, that no other benchmark of ours tunes on.
_GENERATED_KINDS = (
    "steady",
    "flash",
    "diurnal",
    "weekly",
    "batch",
    "trend",
    "mmpp",
    "sessions",
    "diurnal_mmpp",
    "intermittent",
    "level_step",
    "hard_wander",
)
_GENERATED_SEEDS = (7001, 7002)
_GENERATED_DAYS = 14
# The generator's week begins with a Monday.
_GENERATED_START = datetime(2025, 4, 7, tzinfo=UTC)
# Input equivalents as input and output tokens: a chat's mix at a weight of 5.
_INPUT_SHARE, _OUTPUT_SHARE = 0.6, 0.08


class Part(StrEnum):
    """The two parts of the traces, and both together."""

    ALL = "all"
    TUNING = "tuning"
    KEPT_ASIDE = "kept aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one trace comes from.

    Attributes:
        name: the file name without its ending, or the kind and seed that it is generated from.
        path: the file; None where it is generated.
        minutes: length of the trace.
    """

    name: str
    path: Path | None
    minutes: int

    @property
    def part(self) -> Part:
        """The part that the trace belongs to, by its name."""
        return part_of(self.name)


def part_of(name: str) -> Part:
    """Tuning where the first byte of the name's SHA-256 is even, else kept aside."""
    return Part.KEPT_ASIDE if sha256(name.encode()).digest()[0] % 2 else Part.TUNING


def find_sources(folder: Path) -> tuple[Source, ...]:
    """The traces of one week or more in a folder, by name; none where it does not exist."""
    found = [
        Source(
            name=path.name.removesuffix(".gz").removesuffix(".csv"),
            path=path,
            minutes=_count_minutes(path),
        )
        for path in sorted(folder.glob("*.csv*"))
        if path.name.endswith((".csv", ".csv.gz"))
    ]
    return tuple(source for source in found if source.minutes >= LONG_MINUTES)


def generated_sources() -> tuple[Source, ...]:
    """Two weeks of each kind of the labelled generator, by name; the same each time."""
    return tuple(
        Source(name=f"{kind}-{seed}", path=None, minutes=_GENERATED_DAYS * DAY_MINUTES)
        for kind in sorted(_GENERATED_KINDS)
        for seed in _GENERATED_SEEDS
    )


def sample_of(sources: Sequence[Source], count: int) -> tuple[Source, ...]:
    """`count` sources spread evenly over those given; all of them where there are no more.

    Raises:
        ValueError: the count is below 1.
    """
    if count < 1:
        raise ValueError(f"a sample of {count} traces scores nothing; ask for 1 at least")
    if count >= len(sources):
        return tuple(sources)
    return tuple(sources[(2 * index + 1) * len(sources) // (2 * count)] for index in range(count))


@lru_cache(maxsize=128)
def load(source: Source) -> Trace:
    """The trace of a source, not scaled.

    Raises:
        TraceError: the file is not a trace.
    """
    if source.path is not None:
        return read_trace(source.path)
    kind, _, seed = source.name.rpartition("-")
    made = generate(kind, int(seed))
    columns = (made.calls, made.tokens * _INPUT_SHARE, made.tokens * _OUTPUT_SHARE)
    return Trace.of(source.name, _GENERATED_START, columns).cut(source.minutes)


def _count_minutes(path: Path) -> int:
    """Rows of a file less its header, without reading the numbers."""
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return len(text.splitlines()) - 1
