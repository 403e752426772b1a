"""Where an option begins to refuse: stages of a load test, the next one to run, what they show."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles

TOLERATED_SHARE = 0.01
"""Throttled share of a stage up to which the option counts as carrying it."""

_FEW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stretch of calls at one rate.

    Attributes:
        calls_per_minute: offered.
        seconds: length of the stretch.
        served, throttled: calls.
        errors: other failures by their code, sorted.
        input_tokens, output_tokens: of served calls, as Bedrock counted them.
        first_token_seconds: of each served call.
        token_seconds: mean time between output tokens of each served call.
    """

    calls_per_minute: float
    seconds: float
    served: int
    throttled: int
    errors: tuple[tuple[str, int], ...]
    input_tokens: int
    output_tokens: int
    first_token_seconds: tuple[float, ...]
    token_seconds: tuple[float, ...]

    @property
    def calls(self) -> int:
        """All of them."""
        return self.served + self.throttled + sum(count for _, count in self.errors)

    @property
    def throttled_share(self) -> float:
        """Throttled calls among all; 0 without any."""
        return self.throttled / self.calls if self.calls else 0.0

    @property
    def is_carried(self) -> bool:
        """Whether the option took the rate."""
        return self.throttled_share <= TOLERATED_SHARE

    def per_minute(self, tokens: int) -> float:
        """A sum of the stretch as a rate."""
        return tokens * 60.0 / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Which rates to try: from `first` on by `growth`, then between carried and refused ones.

    Attributes:
        first: calls a minute.
        growth: factor, above 1.
        most_stages: of all.
        refinements: stages between the highest rate that was carried and the lowest that was not.
    """

    first: float
    growth: float
    most_stages: int
    refinements: int

    def next_rate(self, stages: tuple[Stage, ...]) -> float | None:
        """The rate of the next stage; None when enough is known."""
        if not stages:
            return self.first
        refused = [stage.calls_per_minute for stage in stages if not stage.is_carried]
        if len(stages) >= self.most_stages or not any(stage.served for stage in stages):
            return None
        if not refused:
            return stages[-1].calls_per_minute * self.growth
        carried = [stage.calls_per_minute for stage in stages if stage.is_carried]
        first_refused = next(i for i, stage in enumerate(stages) if not stage.is_carried)
        if len(stages) - first_refused > self.refinements:
            return None
        return (max(carried, default=0.0) + min(refused)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """Where throttling begins, for the mix of tokens that was sent.

    Attributes:
        input_per_minute, output_per_minute: tokens of the highest rate that was carried, for one
            unit where the option is made of units.
        spread: by which share more was served at any rate, at least 0: the truth lies between.
        is_reached: whether any rate was refused; otherwise it carries at least this.
    """

    input_per_minute: float
    output_per_minute: float
    spread: float
    is_reached: bool


def find_knee(stages: tuple[Stage, ...], units: int) -> Knee | None:
    """The knee that the stages show; None where none was carried."""
    carried = [stage for stage in stages if stage.is_carried and stage.served]
    if not carried:
        return None
    best = max(carried, key=_tokens)
    most = max(_tokens(stage) for stage in stages)
    return Knee(
        input_per_minute=best.per_minute(best.input_tokens) / units,
        output_per_minute=best.per_minute(best.output_tokens) / units,
        spread=most / _tokens(best) - 1 if _tokens(best) else 0.0,
        is_reached=any(not stage.is_carried for stage in stages),
    )


def is_steady(stages: tuple[Stage, ...]) -> bool:
    """Whether what is refused stays refused at higher rates; otherwise a stage was disturbed."""
    ordered = sorted(stages, key=lambda stage: stage.calls_per_minute)
    return all(low.is_carried or not high.is_carried for low, high in pairwise(ordered))


def middle(values: tuple[float, ...]) -> float | None:
    """The median; None without values."""
    return median(values) if values else None


def slow(values: tuple[float, ...]) -> float | None:
    """What 95% of the values do not exceed; None without values."""
    if len(values) < _FEW:
        return values[0] if values else None
    return quantiles(values, n=20, method="inclusive")[-1]


def _tokens(stage: Stage) -> float:
    return stage.per_minute(stage.input_tokens + stage.output_tokens)
