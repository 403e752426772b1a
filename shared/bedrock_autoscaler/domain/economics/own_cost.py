"""What the autoscaler itself costs: calls by the month, and their list prices.

The constants are what one visit does, as `benchmarks.scale` counts it; a test holds the two against
each other. Source: docs/scale.md, section "What it costs to run".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bedrock_autoscaler.domain.traffic.observation import CORE

MINUTES_PER_MONTH = 43_800
HOURS_PER_MONTH = 730
STEADY_MINUTES = 15
BURSTY_MINUTES = 1
CAPACITY_MINUTES = 5
"""The capacity loop ticks no oftener, however often the routing loop does."""

BATCH = 10
"""Targets that one worker visits together: the most that SQS FIFO hands out."""

WHOLE_METRICS = 11
"""Metrics of one `ModelId`: nine series, two of them under two names."""

# Bytes that DynamoDB counts, of one target with one `ModelId` and 14 days of history.
_READ_PER_VISIT = 6
_READ_PER_CAPACITY = 80
_WRITE_PER_DECISION = 4
_WRITE_PER_VISIT = 1
_WRITE_PER_HOUR = 4
_AGENDA_BYTES = 130
_READ_BYTES = 4_096
_STORED_PER_DECISION = 3_100
_STORED_PER_HOUR = 2_400

_LOG_BYTES_PER_DECISION = 1_500
_SECONDS_PER_VISIT = 0.15
_SECONDS_PER_ACTOR = 0.4
_ACTORS = 3
_WORKER_GB = 1.0
_ACTOR_GB = 0.5
_ALARMS = 35
_EMPTY_RECEIVES = 15
"""A minute: five pollers of Lambda that wait 20 seconds each."""

_LISTINGS_PER_PLACE = 2 * 4 * HOURS_PER_MONTH
"""Two lists of metrics each quarter of an hour, by each process; one process is assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a fleet runs.

    Attributes:
        targets: in all places.
        places: accounts and Regions.
        series: `ModelId`s of each target.
        minutes: between two visits of a target.
    """

    targets: int = 1
    places: int = 1
    series: int = 1
    minutes: int = STEADY_MINUTES

    def __post_init__(self) -> None:
        """Refuse what is no fleet."""
        least = min(self.targets, self.places, self.series, self.minutes)
        if least < 1 or self.places > self.targets or self.minutes > STEADY_MINUTES:
            raise ValueError(
                f"{self.targets} targets in {self.places} places with {self.series} series, "
                f"visited every {self.minutes} minutes: each is at least 1, places are no more "
                f"than targets, and a target is visited at least every {STEADY_MINUTES} minutes"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of usage in a month.

    Attributes:
        service: for people.
        price: name in the price list.
        quantity: in the unit of the price.
        is_shared: it comes with the stack or a place, however many targets there are.
        is_kept: no call, but what the calls of a year leave behind, as it is billed then.
    """

    service: str
    price: str
    quantity: float
    is_shared: bool = False
    is_kept: bool = False


def usage(running: Running) -> tuple[Line, ...]:
    """All usage of a fleet in a month; shared lines first."""
    return (*_shared(running), *(_times(line, running.targets) for line in _own(running)))


def month_usd(lines: Iterable[Line], prices: Mapping[str, float]) -> float:
    """What the usage costs in a month, in USD; what is kept is left out.

    Raises:
        KeyError: a price is missing.
    """
    return sum(line.quantity * prices[line.price] for line in lines if not line.is_kept)


def kept_usd(lines: Iterable[Line], prices: Mapping[str, float]) -> float:
    """What a year of records costs in a month, in USD.

    Raises:
        KeyError: a price is missing.
    """
    return sum(line.quantity * prices[line.price] for line in lines if line.is_kept)


def visits_per_month(minutes: int) -> float:
    """Visits of one target in a month."""
    return MINUTES_PER_MONTH / minutes


def capacity_visits_per_month(minutes: int) -> float:
    """Those of them that decide on capacity."""
    return MINUTES_PER_MONTH / max(minutes, CAPACITY_MINUTES)


def metrics_per_month(running: Running) -> float:
    """Metrics that one target is asked for in a month, its share of heartbeats included.

    Both loops share a reading where both are due. A whole look comes once an hour.
    """
    visits, series = visits_per_month(running.minutes), running.series
    shared = min(BATCH, running.targets / running.places)
    core = len(CORE) * series * (visits - HOURS_PER_MONTH)
    return core + WHOLE_METRICS * series * HOURS_PER_MONTH + visits / shared


def _own(running: Running) -> tuple[Line, ...]:
    visits, series = visits_per_month(running.minutes), running.series
    capacity = capacity_visits_per_month(running.minutes)
    decisions = visits + capacity
    read = _READ_PER_VISIT * visits + _READ_PER_CAPACITY * series * capacity
    read += _AGENDA_BYTES / _READ_BYTES * MINUTES_PER_MONTH
    written = _WRITE_PER_DECISION * decisions + _WRITE_PER_VISIT * visits
    written += _WRITE_PER_HOUR * series * HOURS_PER_MONTH
    stored = _STORED_PER_DECISION * decisions + _STORED_PER_HOUR * series * HOURS_PER_MONTH
    return (
        Line(
            service="CloudWatch, metrics read",
            price="metric_read",
            quantity=metrics_per_month(running),
        ),
        Line(
            service="Lambda, workers",
            price="lambda_gb_second",
            quantity=visits * _SECONDS_PER_VISIT * _WORKER_GB,
        ),
        Line(service="Lambda, requests", price="lambda_request", quantity=visits / BATCH),
        Line(service="DynamoDB, reads", price="dynamodb_read_unit", quantity=read),
        Line(service="DynamoDB, writes", price="dynamodb_write_unit", quantity=written),
        Line(
            service="DynamoDB, kept after a year",
            price="dynamodb_gb_month",
            quantity=stored * 12 / 1e9,
            is_kept=True,
        ),
        # One call each sends, receives and deletes up to ten messages.
        Line(service="SQS", price="sqs_fifo_request", quantity=3 * visits / BATCH),
        Line(
            service="Logs",
            price="log_gb",
            quantity=decisions * _LOG_BYTES_PER_DECISION / 1e9,
        ),
    )


def _shared(running: Running) -> tuple[Line, ...]:
    """The stack's and the places': schedules, dispatcher, actors, alarms, heartbeats."""
    ticks = MINUTES_PER_MONTH * (_ACTORS + 1)
    return (
        Line(service="Schedules", price="scheduler_invocation", quantity=ticks, is_shared=True),
        Line(
            service="Lambda, dispatcher and actors",
            price="lambda_gb_second",
            quantity=ticks * _SECONDS_PER_ACTOR * _ACTOR_GB,
            is_shared=True,
        ),
        Line(service="Alarms", price="alarm", quantity=_ALARMS, is_shared=True),
        Line(
            service="SQS, waiting",
            price="sqs_fifo_request",
            quantity=_EMPTY_RECEIVES * MINUTES_PER_MONTH,
            is_shared=True,
        ),
        Line(
            service="Heartbeats, written",
            price="cloudwatch_request",
            quantity=MINUTES_PER_MONTH * running.places,
            is_shared=True,
        ),
        Line(
            service="Heartbeats, kept",
            price="custom_metric",
            quantity=running.places,
            is_shared=True,
        ),
        Line(
            service="Lists of metrics",
            price="cloudwatch_request",
            quantity=_LISTINGS_PER_PLACE * running.places,
            is_shared=True,
        ),
    )


def _times(line: Line, targets: int) -> Line:
    return replace(line, quantity=line.quantity * targets)
