"""The recorded run: shards of seeds, a file each, so that it can stop and go on at any time."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from time import process_time

from tests.simulation.volume import LONG, Totals, dump, run_batch

_STEP = 50


def record(folder: Path, seeds: range) -> Iterator[tuple[Path, Totals]]:
    """Run the shards that have no file yet, in order, and write the file of each.

    Args:
        folder: for the files; those that are there already are left alone.
        seeds: all of them, in steps of as many as each file is to hold.

    Yields:
        Each file written, with what it holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for first in seeds:
        path = folder / f"{first:06}.json"
        if path.exists():
            continue
        started, totals = process_time(), _run(first, min(first + seeds.step, seeds.stop))
        about = {"moments": LONG.moments, "seconds": round(process_time() - started)}
        # A file that was begun and not finished would be taken for a whole one.
        begun = path.with_suffix(".begun")
        begun.write_text(dump(totals, about), encoding="utf-8")
        begun.rename(path)
        yield path, totals


def _run(first: int, end: int) -> Totals:
    """One shard, with one hash over the transcripts of all its seeds."""
    totals, digest = Totals(), hashlib.sha256()
    for start in range(first, end, _STEP):
        batch = run_batch(range(start, min(start + _STEP, end)), LONG)
        digest.update(batch.digests[0][2].encode())
        totals.merge(batch)
    totals.digests = [(first, end - 1, digest.hexdigest())]
    return totals
