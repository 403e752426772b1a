"""Published figures of the benchmark's definition, to print beside ours.

Scores are objective / optimum over the 74 long traces, measured by an independent replay. "Causal"
is the best of twenty methods that know the past only, each figure by whichever is best there;
"perfect hour" is told the next hour's traffic. They hold for all 74 traces together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TRACES = 74


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Published scores of one scenario.

    Attributes:
        tracking, static: medians of target tracking at 70% and of the best static size.
        causal: median, 90th percentile and worst of the best causal methods.
        perfect: median and 90th percentile with a perfect forecast of the next hour.
    """

    tracking: float
    static: float
    causal: tuple[float, float, float]
    perfect: tuple[float, float]


def _known(*figures: float) -> Known:
    tracking, static, median, p90, worst, perfect_median, perfect_p90 = figures
    return Known(
        tracking=tracking,
        static=static,
        causal=(median, p90, worst),
        perfect=(perfect_median, perfect_p90),
    )


KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "claude30-x2": _known(1.786, 1.699, 1.180, 1.494, 1.910, 1.058, 1.154),
        "claude50-x0.7": _known(2.114, 1.341, 1.093, 1.227, 1.511, 1.021, 1.074),
        "claude50-x2": _known(1.887, 1.364, 1.107, 1.245, 1.558, 1.030, 1.075),
        "claude50-x8": _known(1.767, 1.385, 1.118, 1.250, 1.610, 1.039, 1.083),
        "claude70-x2": _known(2.002, 1.162, 1.072, 1.135, 1.250, 1.011, 1.018),
        "llama50-x2": _known(1.879, 1.353, 1.104, 1.248, 1.560, 1.030, 1.081),
        "quota50-x2": _known(2.038, 3.041, 1.548, 2.854, 4.351, 1.101, 1.322),
        "custom50-x2": _known(1.961, 3.019, 1.625, 2.785, 3.985, 1.119, 1.309),
        "warm50-x2": _known(1.917, 1.365, 1.103, 1.252, 1.393, 1.032, 1.077),
    }
)
