"""The simple ways to tell steady traffic from bursty that the classifier is compared with.

Each scores the history by one number and calls it bursty above a cut. Cuts without a published
value are set where they tell the tuning seeds apart best, which flatters them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bedrock_autoscaler.domain.decision import Label
from bedrock_autoscaler.domain.traffic.observation import Series

_BIN = 5
_DAY = 1440
_WEEK = 7 * _DAY
_SYNTETOS_ADI, _SYNTETOS_CV2 = 1.32, 0.49
_BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128)
_FEWEST_BLOCKS = 3
_NO_MEMORY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Naive:
    """A design of one number.

    Attributes:
        score: of load and calls per minute, oldest first; above a cut it means bursty.
    """

    name: str
    score: Callable[[Series, Series], float]


def cut_score(value: float, cut: float) -> Label:
    """The class that a score means."""
    return Label.BURSTY if value > cut else Label.STEADY


def syntetos_boylan(load: Series, _: Series) -> Label:
    """Smooth, erratic, or intermittent and lumpy by the published cuts, over a week."""
    bins = _binned(load[-_WEEK:])
    busy = bins[bins > 0]
    if not busy.size or len(bins) / busy.size > _SYNTETOS_ADI:
        return Label.INTERMITTENT
    return Label.BURSTY if _variation(busy) ** 2 > _SYNTETOS_CV2 else Label.STEADY


def best_cut(steady: Series, bursty: Series) -> float:
    """The cut between observed scores that gets the most verdicts right."""
    scores = np.unique(np.concatenate([steady, bursty]))
    cuts = np.concatenate([[scores[0] - 1.0], (scores[:-1] + scores[1:]) / 2])
    steady_right = np.searchsorted(np.sort(steady), cuts, side="right") / len(steady)
    bursty_right = 1.0 - np.searchsorted(np.sort(bursty), cuts, side="right") / len(bursty)
    share = len(steady) / (len(steady) + len(bursty))
    return float(cuts[np.argmax(share * steady_right + (1.0 - share) * bursty_right)])


def _binned(values: Series) -> Series:
    whole = len(values) // _BIN * _BIN
    sums: Series = values[len(values) - whole :].reshape(-1, _BIN).sum(axis=1)
    return sums


def _variation(values: Series) -> float:
    mean = float(values.mean()) if values.size else 0.0
    return float(values.std()) / mean if mean > 0 else 0.0


def _cv_hour(load: Series, _: Series) -> float:
    return _variation(load[-60:])


def _cv_day(load: Series, _: Series) -> float:
    return _variation(_binned(load[-_DAY:]))


def _fano(_: Series, calls: Series) -> float:
    bins = _binned(calls[-_DAY:])
    mean = float(bins.mean()) if bins.size else 0.0
    return float(bins.var()) / mean if mean > 0 else 0.0


def _peak_to_mean(load: Series, _: Series) -> float:
    bins = _binned(load[-_DAY:])
    mean = float(bins.mean()) if bins.size else 0.0
    return float(np.quantile(bins, 0.99)) / mean if mean > 0 else 0.0


def _hurst(load: Series, _: Series) -> float:
    """By aggregated variance: how slowly the variance of means falls with the block."""
    bins = _binned(load[-_WEEK:])
    variances = []
    blocks = [block for block in _BLOCKS if len(bins) >= 2 * block]
    for block in blocks:
        whole = len(bins) // block * block
        variances.append(float(bins[:whole].reshape(-1, block).mean(axis=1).var()))
    if len(variances) < _FEWEST_BLOCKS or min(variances) <= 0:
        return _NO_MEMORY
    return 1.0 + float(np.polyfit(np.log(blocks), np.log(variances), 1)[0]) / 2.0


NAIVE: Mapping[str, Naive] = MappingProxyType(
    {
        naive.name: naive
        for naive in (
            Naive(name="CV of the last hour", score=_cv_hour),
            Naive(name="CV of 24 h", score=_cv_day),
            Naive(name="Fano 24 h", score=_fano),
            Naive(name="p99 to mean, 24 h", score=_peak_to_mean),
            Naive(name="Hurst, 7 days", score=_hurst),
        )
    }
)
"""The designs whose cut is set on the tuning seeds."""
SYNTETOS = "Syntetos-Boylan"
