"""What the autoscaler itself costs: calls by the month, and their list prices.

The constants say what one visit, one look and one minute do. Those that `benchmarks.scale` counts
are held against its counts by a test, those of the template by another; the rest is assumed, and
each line of the bill says which. Source: docs/scale.md, section "What it costs to run".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from bedrock_autoscaler.domain.traffic.observation import CORE, METRICS

MINUTES_PER_MONTH = 43_800
HOURS_PER_MONTH = 730
STEADY_MINUTES = 15
CAPACITY_MINUTES = 5
"""The capacity loop ticks no oftener, however often the routing loop does."""

BATCH = 10
"""Targets that one worker visits together: the most that SQS FIFO hands out."""

WORKERS = 10
"""At the same time, as shipped; each has a memory of its own."""

ALARMS = 36
COMPOSITE_ALARMS = 1
MINUTELY_SCHEDULES = 4
"""The dispatcher and the three functions that act."""

# DynamoDB's units, of one target with one `ModelId` and 14 days of history.
_READ_PER_VISIT = 4
_READ_PER_CAPACITY = 38
"""The record before, and the history by a worker that remembers none of it."""
_READ_PER_HOUR = 2
_READ_PER_LOOKS = 10
"""Of the three functions that act together, each time they look at a target."""
_WRITE_PER_ROUTING = 3
_WRITE_PER_CAPACITY = 5
_WRITE_PER_VISIT = 1
_WRITE_PER_HOUR = 3
_AGENDA_READERS = 4
_AGENDA_PARTS = 4
_AGENDA_BYTES = 140
_READ_BYTES = 4_096
_STORED_PER_ROUTING = 2_000
_STORED_PER_CAPACITY = 4_400
_STORED_PER_HOUR = 1_600

_FILLED = 0.6
"""Of a batch: a minute's last ones are smaller."""
_METRICS_A_PAGE = 500
_LISTS_PER_HOUR = 4
_LOG_BYTES_PER_DECISION = 600
_LOG_BYTES_PER_RUN = 1_000

# Time of the functions: CPU is counted, waiting for AWS is not.
_SECONDS_PER_VISIT = 0.15
_SECONDS_PER_LOOKS = 0.075
_SECONDS_PER_RUN = 0.4
_FUNCTION_GB = 1.0
_EMPTY_RECEIVES = 15
"""A minute: five pollers of Lambda that wait 20 seconds each."""


class Part(StrEnum):
    """What a line grows with."""

    STACK = "stack"
    PLACES = "places"
    TARGETS = "targets"


class Basis(StrEnum):
    """Where a quantity comes from."""

    COUNTED = "counted"
    TEMPLATE = "template"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a fleet runs.

    Attributes:
        targets: in all places.
        places: accounts and Regions.
        series: `ModelId`s of each target.
        minutes: between two visits of a target.
        source_regions: Regions besides these whose metrics are read.
    """

    targets: int = 1
    places: int = 1
    series: int = 1
    minutes: int = STEADY_MINUTES
    source_regions: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no fleet."""
        least = {
            "targets": self.targets,
            "places": self.places,
            "series": self.series,
            "minutes": self.minutes,
            "source_regions": self.source_regions + 1,
        }
        for name, value in least.items():
            if value < 1:
                raise ValueError(f"{getattr(self, name)} is too few {name}")
        if self.places > self.targets:
            raise ValueError(
                f"{self.places} places are more than the {self.targets} targets in them"
            )
        if self.minutes > STEADY_MINUTES:
            raise ValueError(
                f"{self.minutes} minutes between two visits are more than the {STEADY_MINUTES} of "
                "a steady target"
            )

    @property
    def visits(self) -> float:
        """Of one target in a month."""
        return MINUTES_PER_MONTH / self.minutes

    @property
    def capacity_visits(self) -> float:
        """Those of them that decide on capacity."""
        return MINUTES_PER_MONTH / max(self.minutes, CAPACITY_MINUTES)

    @property
    def batches(self) -> float:
        """Of a worker, for all targets."""
        return self.visits * self.targets / (BATCH * _FILLED)

    @property
    def looks(self) -> float:
        """Calls of GetMetricData for all targets, each for the targets of a place in one batch."""
        together = min(BATCH, self.targets / self.places)
        return self.visits * self.targets * min(1 / together + 1 / BATCH, 1.0)

    @property
    def metrics(self) -> float:
        """Asked for in a month for all targets: a whole look comes once an hour."""
        each = len(CORE) * (self.visits - HOURS_PER_MONTH) + len(METRICS) * HOURS_PER_MONTH
        return self.targets * self.series * each + self.looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of usage in a month.

    Attributes:
        service: for people.
        price: name in the price list.
        quantity: in the unit of the price.
        is_kept: no call, but what the calls of a year leave behind, as it is billed then.
    """

    service: str
    price: str
    quantity: float
    part: Part = Part.TARGETS
    basis: Basis = Basis.COUNTED
    is_kept: bool = False


def usage(running: Running) -> tuple[Line, ...]:
    """All usage of a fleet in a month: the stack's, the places', the targets'."""
    return (*_stack(), *_places(running), *_functions(running), *_records(running))


def month_usd(
    lines: Iterable[Line], prices: Mapping[str, float], part: Part | None = None
) -> float:
    """What the usage, or one part of it, costs in a month, in USD; what is kept is left out.

    Raises:
        KeyError: a price is missing.
    """
    counted = (line for line in lines if not line.is_kept and part in {None, line.part})
    return sum(line.quantity * prices[line.price] for line in counted)


def kept_usd(lines: Iterable[Line], prices: Mapping[str, float]) -> float:
    """What a year of records costs in a month, in USD.

    Raises:
        KeyError: a price is missing.
    """
    return sum(line.quantity * prices[line.price] for line in lines if line.is_kept)


def _stack() -> tuple[Line, ...]:
    """What there is without any target: alarms, schedules and the minutes that they start."""
    runs = MINUTES_PER_MONTH * MINUTELY_SCHEDULES
    seconds = runs * _SECONDS_PER_RUN
    waiting = _EMPTY_RECEIVES * MINUTES_PER_MONTH
    agenda = _AGENDA_READERS * _AGENDA_PARTS * MINUTES_PER_MONTH
    lines = (
        ("Alarms", "alarm", ALARMS, Basis.TEMPLATE),
        ("Alarms, composite", "composite_alarm", COMPOSITE_ALARMS, Basis.TEMPLATE),
        ("Dashboard", "dashboard", 1, Basis.TEMPLATE),
        ("Key of the alerts", "kms_key", 1, Basis.TEMPLATE),
        ("Schedules", "scheduler_invocation", runs, Basis.TEMPLATE),
        ("Lambda, each minute", "lambda_gb_second", seconds * _FUNCTION_GB, Basis.ASSUMED),
        ("Lambda, requests each minute", "lambda_request", runs, Basis.TEMPLATE),
        ("SQS, waiting", "sqs_fifo_request", waiting, Basis.ASSUMED),
        ("DynamoDB, empty agenda", "dynamodb_read_unit", agenda, Basis.COUNTED),
        ("Logs, each minute", "log_gb", runs * _LOG_BYTES_PER_RUN / 1e9, Basis.ASSUMED),
    )
    return tuple(
        Line(service=service, price=price, quantity=quantity, part=Part.STACK, basis=basis)
        for service, price, quantity, basis in lines
    )


def _places(running: Running) -> tuple[Line, ...]:
    """Heartbeats, and the lists of metrics: at worst each look is of a worker that has none."""
    beating = running.places + running.source_regions
    shown = running.targets / running.places * running.series * len(METRICS)
    most = _LISTS_PER_HOUR * HOURS_PER_MONTH * WORKERS * running.places
    lists = min(running.looks, most) * ceil(shown / _METRICS_A_PAGE)
    lists *= 1 + running.source_regions / running.places
    lines = (
        ("Heartbeats, written", "cloudwatch_request", MINUTES_PER_MONTH * beating, Basis.COUNTED),
        ("Heartbeats, kept", "custom_metric", beating, Basis.COUNTED),
        ("Lists of metrics, at most", "cloudwatch_request", lists, Basis.ASSUMED),
    )
    return tuple(
        Line(service=service, price=price, quantity=quantity, part=Part.PLACES, basis=basis)
        for service, price, quantity, basis in lines
    )


def _functions(running: Running) -> tuple[Line, ...]:
    """What visits cost but for their records; a target is looked at to act as often as visited."""
    visits = running.visits * running.targets
    decisions = (running.visits + running.capacity_visits) * running.targets
    worked = visits * _SECONDS_PER_VISIT * _FUNCTION_GB
    acted = visits * _SECONDS_PER_LOOKS * _FUNCTION_GB
    logged = decisions * _LOG_BYTES_PER_DECISION + running.batches * _LOG_BYTES_PER_RUN
    lines = (
        ("CloudWatch, metrics read", "metric_read", running.metrics, Basis.COUNTED),
        ("Lambda, workers", "lambda_gb_second", worked, Basis.ASSUMED),
        ("Lambda, who acts", "lambda_gb_second", acted, Basis.ASSUMED),
        ("Lambda, requests", "lambda_request", running.batches, Basis.COUNTED),
        # One call each sends, receives and deletes a batch.
        ("SQS", "sqs_fifo_request", 3 * running.batches, Basis.COUNTED),
        ("Events", "event", decisions, Basis.COUNTED),
        ("Logs", "log_gb", logged / 1e9, Basis.COUNTED),
    )
    return tuple(
        Line(service=service, price=price, quantity=quantity, basis=basis)
        for service, price, quantity, basis in lines
    )


def _records(running: Running) -> tuple[Line, ...]:
    """Reads and writes of the ledger, and what a year of them leaves."""
    visits, capacity, series = running.visits, running.capacity_visits, running.series
    hours = series * HOURS_PER_MONTH
    read = _READ_PER_VISIT * visits + _READ_PER_CAPACITY * series * capacity
    read += _READ_PER_HOUR * hours
    agenda = _AGENDA_READERS * _AGENDA_BYTES / _READ_BYTES * MINUTES_PER_MONTH
    acting = _READ_PER_LOOKS * visits
    written = _WRITE_PER_ROUTING * visits + _WRITE_PER_CAPACITY * capacity
    written += _WRITE_PER_VISIT * visits + _WRITE_PER_HOUR * hours
    stored = _STORED_PER_ROUTING * visits + _STORED_PER_CAPACITY * capacity
    stored += _STORED_PER_HOUR * hours
    lines = (
        ("DynamoDB, reads", "dynamodb_read_unit", read, False),
        ("DynamoDB, agenda read", "dynamodb_read_unit", agenda, False),
        ("DynamoDB, reads to act", "dynamodb_read_unit", acting, False),
        ("DynamoDB, writes", "dynamodb_write_unit", written, False),
        ("DynamoDB, kept after a year", "dynamodb_gb_month", stored * 12 / 1e9, True),
    )
    return tuple(
        Line(service=service, price=price, quantity=each * running.targets, is_kept=is_kept)
        for service, price, each, is_kept in lines
    )
