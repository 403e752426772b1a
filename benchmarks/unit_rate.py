"""Measures the unit rate of a PT in the Bedrock world and compares it with the truth.

    python -m benchmarks.unit_rate [--seeds 10] [--days 14]

A PT of two model units takes traffic that swings by half over the day. The estimator sees what
CloudWatch shows: tokens, calls and throttles by minute. It is told that callers try one to three
times, as the shipped settings say, unless the condition says "told". Each seed is measured twice:
with a stated rate that is 30% too high, and with no rate stated at all. Exits 1 when one of these
is missed: at 60% and 80% load nine of ten estimates lie within 3% of the truth and nine of ten
intervals cover it; at 30% load each answer is a lower bound, and is one.
"""

import argparse
import heapq
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count

import numpy as np

from bedrock_autoscaler.domain.target import (
    ProvisionedOption,
    RateCombination,
    UnitPrice,
    UnitRate,
)
from bedrock_autoscaler.domain.traffic.demand import unit_load
from bedrock_autoscaler.domain.traffic.observation import METRICS, Traffic
from bedrock_autoscaler.domain.unit_rates.estimate import UnitTraffic, measure_unit_rate
from bedrock_autoscaler.domain.unit_rates.rates import RateKind, RateMeasurement, scaled
from bedrock_autoscaler.domain.unit_rates.saturation import Attempts
from bedrock_world import settings as world_settings
from bedrock_world.runtime import Call
from bedrock_world.world import World

MODEL = "amazon.nova-2-lite-v1:0:256k"
UNITS = 2
START = datetime(2026, 1, 5, tzinfo=UTC)
LOADS = (0.3, 0.6, 0.8)
LOW_LOAD = 0.3
TOLERANCE = 0.03
LEAST_SHARE = 0.9

MISSED = "MISSED"
HEADER = (
    f"{'world and callers':<50} {'load':>4} {'told':<7}{'median':>7} {'lowest':>7} "
    f"{'highest':>7} {'in 3%':>6} {'covered':>7} {'half':>6} bounds"
)

_ONE_TO_THREE = Attempts(fewest=1.0, most=3.0)
_INPUT_RATE, _OUTPUT_RATE = 100_000.0, 20_000.0
_CALLS_PER_UNIT = 30.0
_WRONG_BY = 1.3
_SWING, _WANDER, _WANDER_MINUTES = 0.5, 0.1, 360.0
_QUOTAS = {"L-FE44174A": 100.0, "L-07D3BCF0": 100.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the world counts, and how callers behave.

    Attributes:
        combination: two separate limits of a unit, or one over a weighted sum.
        window: whether a limit is granted by the clock minute or flows through a bucket.
        attempts: tries of a caller, the first included; one that falls back tries once.
        told: what the estimator is told of that; by default what the shipped settings say.
        is_gated: whether the exit code tells of it; the hardest condition is shown as it is.
    """

    name: str
    combination: RateCombination
    window: world_settings.Window
    attempts: int
    told: Attempts = _ONE_TO_THREE
    is_gated: bool = True

    @property
    def truth(self) -> UnitRate:
        """The rate that the world works with."""
        return UnitRate(
            input_tokens_per_minute=_INPUT_RATE,
            output_tokens_per_minute=_OUTPUT_RATE,
            combination=self.combination,
            source="the world",
        )

    @property
    def parts(self) -> tuple[float, float]:
        """Shares of the input and the output limit that fill a unit."""
        return (0.6, 0.4) if self.combination is RateCombination.SUM else (1.0, 0.6)

    def settings(self, seed: int) -> world_settings.WorldSettings:
        """The world's settings."""
        is_sum = self.combination is RateCombination.SUM
        return world_settings.WorldSettings(
            seed=seed,
            start=START,
            applied_quotas=_QUOTAS,
            default_unit_rate=world_settings.UnitRate(
                input_tokens_per_minute=_INPUT_RATE,
                output_tokens_per_minute=None if is_sum else _OUTPUT_RATE,
                output_weight=_INPUT_RATE / _OUTPUT_RATE if is_sum else None,
            ),
            pt_window=self.window,
        )


_BUCKET = world_settings.Window(mode="bucket", burst_seconds=10)
CONDITIONS = (
    Condition(
        name="two limits, clock minute, callers fall back",
        combination=RateCombination.LARGER,
        window=world_settings.Window(mode="minute"),
        attempts=1,
    ),
    Condition(
        name="weighted sum, 10 s bucket, callers fall back",
        combination=RateCombination.SUM,
        window=_BUCKET,
        attempts=1,
    ),
    Condition(
        name="weighted sum, 10 s bucket, callers try thrice, told",
        combination=RateCombination.SUM,
        window=_BUCKET,
        attempts=3,
        told=Attempts(fewest=3.0, most=3.0),
    ),
    Condition(
        name="two limits, 10 s bucket, callers try thrice",
        combination=RateCombination.LARGER,
        window=_BUCKET,
        attempts=3,
        is_gated=False,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One measurement beside the truth.

    Attributes:
        is_stated: whether the proportions of the rate were told.
        error: measured rate at the observed mix over the true one, less 1; None when nothing
            could be said.
        low, high: the interval on the same scale; `high` is None of a lower bound.
    """

    condition: Condition
    load: float
    is_stated: bool
    kind: RateKind | None
    error: float
    low: float
    high: float | None

    @property
    def is_covered(self) -> bool:
        """Whether the interval has the truth in it; of a bound: whether it is one."""
        return self.low <= 0 and (self.high is None or self.high >= 0)


def run_seed(condition: Condition, load: float, seed: int, *, days: int) -> tuple[Outcome, ...]:
    """Some days of traffic on a PT, measured with and without a stated rate."""
    traffic = observed_traffic(condition, load, seed, days)
    stated = scaled(condition.truth, _WRONG_BY)
    outcomes = []
    for known in (stated, None):
        measurement = measure_unit_rate(
            [UnitTraffic(model_units=UNITS, traffic=traffic)],
            _option(known),
            attempts=condition.told,
            at=traffic.end,
        )
        outcomes.append(
            _outcome(condition, load, traffic, measurement, is_stated=known is not None)
        )
    return tuple(outcomes)


def observed_traffic(condition: Condition, load: float, seed: int, days: int) -> Traffic:
    """What CloudWatch would show of the PT, minute by minute."""
    world = World(condition.settings(seed))
    answer = world.call(
        "CreateProvisionedModelThroughput",
        {"modelUnits": UNITS, "provisionedModelName": "measured", "modelId": MODEL},
    )
    arn: str = answer["provisionedModelArn"]
    start = world.advance(timedelta(hours=1))
    chance = np.random.default_rng(seed)
    minutes = days * 1440
    waiting: list[tuple[float, int, int, Call]] = []
    # The serial number keeps the order of arrival where two moments are equal.
    serial = count()
    for minute, (seconds, calls) in enumerate(_arrivals(condition, chance, load, minutes)):
        for second, call in zip(seconds, calls, strict=True):
            heapq.heappush(waiting, (minute * 60 + second, next(serial), 1, call))
        while waiting and waiting[0][0] < (minute + 1) * 60:
            at, _, attempt, call = heapq.heappop(waiting)
            served = world.offer(arn, call, start + timedelta(seconds=at)).served
            if not served and attempt < condition.attempts:
                wait = float(chance.uniform(0, 2 ** (attempt - 1)))
                heapq.heappush(waiting, (at + wait, next(serial), attempt + 1, call))
    return _traffic(world, arn, start, minutes)


def _arrivals(
    condition: Condition, chance: np.random.Generator, load: float, minutes: int
) -> Iterator[tuple[list[float], list[Call]]]:
    """Poisson arrivals whose rate swings over the day and wanders; gamma sizes."""
    keep = np.exp(-1 / _WANDER_MINUTES)
    wander = np.empty(minutes)
    now = 0.0
    for minute, kick in enumerate(chance.normal(0, _WANDER * np.sqrt(1 - keep**2), minutes)):
        now = keep * now + kick
        wander[minute] = now
    level = np.exp(wander) * (1 + _SWING * np.sin(2 * np.pi * np.arange(minutes) / 1440))
    rates = level / level.mean() * load * _CALLS_PER_UNIT * UNITS
    of_input, of_output = condition.parts
    for rate in rates:
        number = int(chance.poisson(rate))
        inputs = chance.gamma(2.0, 0.5, number) * _INPUT_RATE / _CALLS_PER_UNIT
        outputs = chance.gamma(1.5, 1 / 1.5, number) * _OUTPUT_RATE / _CALLS_PER_UNIT
        yield (
            np.sort(chance.random(number) * 60).tolist(),
            [
                Call(
                    input_tokens=max(1, round(of_input * one)),
                    output_tokens=max(1, round(of_output * other)),
                    max_tokens=4096,
                )
                for one, other in zip(inputs, outputs, strict=True)
            ],
        )


def _traffic(world: World, arn: str, start: datetime, minutes: int) -> Traffic:
    """The world's own record of the PT as the nine series of CloudWatch."""
    series = {name: np.zeros(minutes) for name in METRICS}
    for (_, moment), cell in world.traffic(start, start + timedelta(minutes=minutes)).items():
        minute = int((moment - start) / timedelta(minutes=1))
        series["invocations"][minute] += cell.served
        series["throttles"][minute] += cell.throttled
        series["input_tokens"][minute] += cell.input_tokens
        series["output_tokens"][minute] += cell.output_tokens
    if not series["invocations"].any():
        raise RuntimeError(f"{arn} served nothing")
    return Traffic(start=start, **series)


def _option(stated: UnitRate | None) -> ProvisionedOption:
    price = UnitPrice(
        usd_per_hour=Decimal("60.50"),
        one_month_usd_per_hour=None,
        six_months_usd_per_hour=None,
        source="irrelevant here",
        as_of=START.date(),
    )
    return ProvisionedOption(model_id=MODEL, unit_rate=stated, price=price)


def _outcome(
    condition: Condition,
    load: float,
    traffic: Traffic,
    measurement: RateMeasurement | None,
    *,
    is_stated: bool,
) -> Outcome:
    """How many true units a measured unit is, for traffic of the mix that was served."""
    if measurement is None:
        raise RuntimeError(f"{condition.name}: a PT with traffic says nothing of its rate")
    inputs = np.array([traffic.input_tokens.mean()])
    outputs = np.array([traffic.output_tokens.mean()])
    true = unit_load(inputs, outputs, condition.truth)
    ratio = float((true / unit_load(inputs, outputs, measurement.rate))[0])
    return Outcome(
        condition=condition,
        load=load,
        is_stated=is_stated,
        kind=measurement.kind,
        error=ratio - 1,
        low=ratio * measurement.low - 1,
        high=None if measurement.high is None else ratio * measurement.high - 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All seeds of one condition, load and kind of knowledge."""

    condition: Condition
    load: float
    is_stated: bool
    outcomes: tuple[Outcome, ...]

    @property
    def is_kept(self) -> bool:
        """Whether the row is what it must be."""
        if self.load == LOW_LOAD:
            return self.bounds == len(self.outcomes) and self.covered == 1.0
        return self.within >= LEAST_SHARE and self.covered >= LEAST_SHARE

    @property
    def verdict(self) -> str:
        """What the row came to."""
        if self.is_kept:
            return "kept"
        return MISSED if self.condition.is_gated else "missed, not gated"

    @property
    def bounds(self) -> int:
        """Answers that are a lower bound."""
        return sum(one.kind is RateKind.LOWER_BOUND for one in self.outcomes)

    @property
    def within(self) -> float:
        """Share of estimates within the tolerance; a bound is no estimate."""
        hits = [
            one.kind is RateKind.MEASURED and abs(one.error) <= TOLERANCE for one in self.outcomes
        ]
        return float(np.mean(hits))

    @property
    def covered(self) -> float:
        """Share of intervals that cover the truth."""
        return float(np.mean([one.is_covered for one in self.outcomes]))

    def line(self) -> str:
        """The row of the table."""
        errors = np.array([one.error for one in self.outcomes])
        widths = [one.high - one.low for one in self.outcomes if one.high is not None]
        half = f"{np.mean(widths) / 2:>6.1%}" if widths else f"{'-':>6}"
        told = "stated" if self.is_stated else "none"
        return (
            f"{self.condition.name:<50} {self.load:>4.0%} {told:<7}"
            f"{np.median(errors):>+7.1%} {errors.min():>+7.1%} {errors.max():>+7.1%} "
            f"{self.within:>6.0%} {self.covered:>7.0%} {half} {self.bounds:>3} of "
            f"{len(self.outcomes)}  {self.verdict}"
        )


def table(outcomes: Sequence[Outcome]) -> tuple[Row, ...]:
    """The rows in the order in which the outcomes first come."""
    keys = dict.fromkeys((one.condition, one.load, one.is_stated) for one in outcomes)
    return tuple(
        Row(
            condition=condition,
            load=load,
            is_stated=is_stated,
            outcomes=tuple(
                one
                for one in outcomes
                if (one.condition, one.load, one.is_stated) == (condition, load, is_stated)
            ),
        )
        for condition, load, is_stated in keys
    )


def main() -> int:
    """Run all seeds, print each row when it is known, and say whether all are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="a quarter of them at low load")
    parser.add_argument("--days", type=int, default=14)
    arguments = parser.parse_args()
    command = f"python -m benchmarks.unit_rate --seeds {arguments.seeds} --days {arguments.days}"
    sys.stdout.write(f"{command}\n{HEADER}\n")
    verdicts = []
    with ProcessPoolExecutor() as pool:
        for condition in CONDITIONS:
            for load in LOADS:
                seeds = max(arguments.seeds // 4, 1) if load == LOW_LOAD else arguments.seeds
                run = partial(run_seed, condition, load, days=arguments.days)
                outcomes = [one for part in pool.map(run, range(1, 1 + seeds)) for one in part]
                for row in table(outcomes):
                    verdicts.append(row.verdict)
                    sys.stdout.write(row.line() + "\n")
                    sys.stdout.flush()
    return 1 if MISSED in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
