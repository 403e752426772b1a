"""What was read of the world this tick, with its gaps left as gaps."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import isnan
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.fleet.holdings import PtTraffic
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.unit_rates.rates import RateMeasurement
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

Series = NDArray[np.float64]

METRICS = (
    "invocations",
    "throttles",
    "client_errors",
    "server_errors",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "quota_tokens",
)

all_series = attrgetter(*METRICS)
"""The series of a traffic, in the order of METRICS."""


CORE = ("invocations", "throttles", "input_tokens", "output_tokens")
"""What each look asks for; the rest says little while nothing is refused and no unit is held."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Per-minute sums of one or several `ModelId`s; index k is the minute `start` + k.

    NaN is a gap: a minute that was not read. A read minute without a point is 0. All nine
    series have the same length and the same gaps.
    """

    start: datetime
    invocations: Series
    throttles: Series
    client_errors: Series
    server_errors: Series
    input_tokens: Series
    output_tokens: Series
    cache_read_tokens: Series
    cache_write_tokens: Series
    quota_tokens: Series

    def __post_init__(self) -> None:
        """Refuse series of different lengths."""
        if len(set(map(len, all_series(self)))) > 1:
            lengths = {name: len(getattr(self, name)) for name in METRICS}
            message = f"traffic from {self.start.isoformat()}: lengths differ: {lengths}"
            raise ValueError(message)

    def __len__(self) -> int:
        """The number of minutes."""
        return len(self.invocations)

    @property
    def end(self) -> datetime:
        """The first minute after the series."""
        return self.start + len(self) * MINUTE

    @property
    def has_throttles(self) -> bool:
        """Whether any minute that was read shows one."""
        return bool(np.fmax.reduce(self.throttles, initial=0.0))

    @property
    def written_tokens(self) -> Series:
        """Input tokens, those written to a cache among them; a gap in either is one."""
        cached = self.cache_write_tokens
        return self.input_tokens + cached if cached.max(initial=0.0) else self.input_tokens

    def since(self, moment: datetime) -> "Traffic":
        """The minutes from `moment` on; all of them when it lies before the start."""
        first = min(max(whole_minutes(moment - self.start), 0), len(self))
        if not first:
            return self
        return Traffic(
            start=self.start + first * MINUTE,
            **each_series(lambda series: series[first:], self),
        )

    @staticmethod
    def empty(start: datetime) -> "Traffic":
        """No minutes at all."""
        return Traffic(start=start, **dict.fromkeys(METRICS, np.empty(0)))


def each_series(change: Callable[..., Series], *traffics: Traffic) -> dict[str, Series]:
    """What `change` makes of the series of each metric, one of each traffic.

    Metrics that share one array, as those without a point do, go on sharing one: most of a target's
    nine series are such, and each is worked out once.
    """
    made: dict[object, Series] = {}
    found: dict[str, Series] = {}
    columns = zip(*map(all_series, traffics), strict=True)
    for name, series in zip(METRICS, columns, strict=True):
        key = tuple(map(id, series)) if len(series) > 1 else id(series[0])
        known = made.get(key)
        if known is None:
            known = made[key] = change(*series)
        found[name] = known
    return found


def known_total(series: Series) -> float:
    """Sum of the minutes that were read."""
    total = float(series.sum())
    return float(np.nansum(series)) if isnan(total) else total


def known_mean(series: Series) -> float:
    """Mean of the minutes that were read; 0 without any."""
    total = float(series.sum())
    if not isnan(total):
        return total / len(series) if len(series) else 0.0
    known = series[~np.isnan(series)]
    return float(known.mean()) if known.size else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiesSeen:
    """The copies of one imported model in the newest hour.

    Attributes:
        by_window: the most copies that ran in each window of 5 minutes, oldest first.
    """

    address: str
    by_window: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """A Marketplace endpoint as Bedrock reports it.

    Attributes:
        instances: that it runs, or changes to while it is not settled.
        is_settled: it is in service and no change is under way.
        changed_at: when it was last changed.
        changes_last_day: that this stack asked for in the last 24 hours, whatever came of them.
        version: of the ledger's record, for the conditional write.
    """

    address: str
    instances: int
    is_settled: bool
    changed_at: datetime
    changes_last_day: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEnd:
    """What a model's life cycle says of its end; an unread life cycle has no such value.

    Attributes:
        at: its end of life; None: none is announced.
    """

    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermFacts:
    """What a term needs to be known beside what any purchase does.

    Attributes:
        model_end: None: the life cycle could not be read.
        unit_quota: applied quota of the model's own units, under whatever commitment; None unknown.
        units_used: units of the model in the account, under whatever commitment; None unknown.
    """

    model_end: ModelEnd | None
    unit_quota: int | None
    units_used: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one tick knows.

    Attributes:
        traffic: all `ModelId`s of the target together, settled minutes only, oldest first.
        by_option: recent traffic apart: (address, traffic) for each on-demand option.
        provisioned: evidence on each PT.
        model_unit_quota: applied account quota for no-commitment units; None unknown.
        model_units_used: units that count against that quota; None unknown.
        model_is_active: life cycle of the model to buy; None unknown.
        silent_together: every target of the stack is silent, and several of them were not lately.
        unit_rate: what the target's own units showed of their rate; None: nothing yet.
        commitment: the study of the day; None before the first one.
        whole_at: end of the minutes at the newest look that asked for all series; None: unknown.
        in_use: series beyond CORE that showed anything at that look. The others are 0 in minutes
            that were read since.
        copies: of imported models in the newest hour, for the capacity loop.
        endpoints: those whose instances may be changed, for the capacity loop; unread ones lack.
        regions: source Regions besides the target's own whose metrics are asked for.
        unread: days of the history, by their start, that CloudWatch was not asked for yet or gave
            no whole answer for, or that were kept without an address of now; they are asked for
            in this order. The routing loop has none.
        addresses: whose traffic the kept history has, but for days that are unread; empty: it was
            not noted, as in records of before and by the routing loop.
        term_facts: looked up while a consent to a term waits; None: not looked up.
    """

    traffic: Traffic
    by_option: tuple[tuple[str, Traffic], ...]
    provisioned: tuple[PtTraffic, ...]
    model_unit_quota: int | None
    model_units_used: int | None
    model_is_active: bool | None
    silent_together: bool = False
    unit_rate: RateMeasurement | None = None
    commitment: CommitmentStudy | None = None
    whole_at: datetime | None = None
    in_use: tuple[str, ...] = ()
    copies: tuple[CopiesSeen, ...] = ()
    endpoints: tuple[EndpointState, ...] = ()
    regions: tuple[str, ...] = ()
    unread: tuple[datetime, ...] = ()
    addresses: tuple[str, ...] = ()
    term_facts: TermFacts | None = None

    def under(self, commitment: Commitment) -> "Observation":
        """The same with the quota that purchases under this commitment count against.

        The account's pool holds units without commitment alone. Where nothing was looked up for a
        term it stands in.
        """
        facts = self.term_facts
        if commitment is Commitment.NONE or facts is None:
            return self
        return replace(self, model_unit_quota=facts.unit_quota, model_units_used=facts.units_used)
