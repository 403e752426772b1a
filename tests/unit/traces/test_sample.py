import gzip
from pathlib import Path

import numpy as np

from bedrock_autoscaler.backtest.trace import read_trace, write_trace
from bedrock_autoscaler.traces.sample import DAYS, sample_trace

SHIPPED = Path(__file__).parents[3] / "examples" / "sample.csv.gz"


def test_shipped_sample_is_what_the_generator_makes(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv.gz"

    write_trace(sample_trace(), path)

    # Unpacked, since another zlib may pack the same text differently.
    assert gzip.decompress(path.read_bytes()) == gzip.decompress(SHIPPED.read_bytes())


def test_another_seed_gives_another_trace() -> None:
    assert not np.array_equal(sample_trace(1).invocations, sample_trace(2).invocations)


def test_has_the_shape_that_its_documentation_promises() -> None:
    trace = read_trace(SHIPPED)

    by_hour = trace.invocations.reshape(DAYS, 24, 60).sum(axis=2)
    assert trace.start.strftime("%A") == "Monday"
    assert trace.minute_at(14 * 1440).strftime("%A") == "Monday"
    assert not by_hour[:, 1:4].any()
    saturday, friday = by_hour[5].sum(), by_hour[4].sum()
    assert saturday < 0.35 * friday
    # The batch job triples 40 of the 60 minutes: (40 * 3 + 20) / 60 = 2.33 times the usual hour.
    usual = by_hour[[0, 1, 2, 3, 4, 7], 14].mean()
    assert 1.9 < by_hour[14, 14] / usual < 2.8
