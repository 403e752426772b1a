"""The generated sample: fifteen days of an office assistant's traffic, made of nothing but a seed.

Day 1 is a Monday and day 15, the one that the demo replays, is the Monday two weeks later, so
that the loop has seen the same weekday twice. The shape, in words:

* working days rise from 07:00, dip at lunch, peak in the afternoon and fade until 22:00;
* Saturdays and Sundays carry a fifth of that, spread over the day;
* at night nobody asks anything between 01:00 and 05:00;
* the level of a day varies by some per cent, minutes vary by a fifth, and counts are whole;
* on the replayed day a batch job triples the traffic from 14:10 to 14:50.

Only `Random.random` is drawn from, whose sequence Python promises to keep for a seed.
"""

from datetime import UTC, datetime, timedelta
from math import cos, exp, log, pi, sqrt
from random import Random

import numpy as np

from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.traces.formats import SAMPLE_SEED

START = datetime(2025, 3, 3, tzinfo=UTC)
DAYS = 15

# Requests a minute at each full hour of a working day and of a weekend day; between full
# hours the rate runs in a straight line.
_WORKING_DAY = (
    3, 0, 0, 0, 0, 1, 4, 14, 42, 66, 74, 72, 52, 60, 76, 80, 70, 50, 28, 18, 14, 10, 6, 4,
)  # fmt: skip
_WEEKEND = (3, 0, 0, 0, 0, 1, 2, 4, 8, 11, 13, 14, 13, 13, 14, 14, 13, 12, 10, 9, 8, 6, 5, 4)
_SATURDAY = 5

_DAY_SPREAD = 0.06
_MINUTE_SPREAD = 0.20
_INPUT_TOKENS = 900.0
_OUTPUT_TOKENS = 180.0
_TOKEN_SPREAD = 0.6

_BURST_DAY = DAYS - 1
_BURST_MINUTES = range(14 * 60 + 10, 14 * 60 + 50)
_BURST_FACTOR = 3.0


def sample_trace(seed: int = SAMPLE_SEED) -> Trace:
    """Fifteen days of demand per minute from Monday 3 March 2025; the same seed, the same trace."""
    random = Random(seed)  # noqa: S311 - traffic is drawn, not a secret
    columns = np.zeros((3, DAYS * 1440))
    for day in range(DAYS):
        level = _log_normal(random, _DAY_SPREAD)
        for minute in range(1440):
            rate = level * _rate(day, minute) * _log_normal(random, _MINUTE_SPREAD)
            columns[:, day * 1440 + minute] = _minute(random, rate)
    return Trace.of("sample", START, (columns[0], columns[1], columns[2]))


def _rate(day: int, minute: int) -> float:
    """Expected requests in a minute of a day."""
    weekday = (START + timedelta(days=day)).weekday()
    shape = _WORKING_DAY if weekday < _SATURDAY else _WEEKEND
    hour, part = divmod(minute, 60)
    rate = shape[hour] + (shape[(hour + 1) % 24] - shape[hour]) * part / 60
    return rate * _BURST_FACTOR if day == _BURST_DAY and minute in _BURST_MINUTES else rate


def _minute(random: Random, rate: float) -> tuple[int, int, int]:
    """Requests, input and output tokens of one minute.

    The tokens are those of the mean request times a spread that narrows with the number of
    requests, as a sum of independent requests would.
    """
    requests = _rounded(random, rate)
    if requests == 0:
        return 0, 0, 0
    spread = _TOKEN_SPREAD / sqrt(requests)
    input_tokens = round(requests * _INPUT_TOKENS * _log_normal(random, spread))
    output_tokens = round(requests * _OUTPUT_TOKENS * _log_normal(random, spread))
    return requests, input_tokens, output_tokens


def _rounded(random: Random, rate: float) -> int:
    """`rate` as a whole number that is right on average."""
    whole = int(rate)
    return whole + (random.random() < rate - whole)


def _log_normal(random: Random, spread: float) -> float:
    """A factor around 1: log-normal of mean 1, from two uniform draws by Box and Muller."""
    radius = sqrt(-2 * log(1 - random.random()))
    normal = radius * cos(2 * pi * random.random())
    return exp(spread * normal - spread * spread / 2)
