"""What one size of a fleet came to, in lines and as a page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from bedrock_autoscaler.domain.economics.own_cost import WORKERS
from bedrock_autoscaler.domain.target import Loop

LEAST_PER_SECOND = 300.0
MOST_MB = 512.0
MOST_EXPONENT = 1.1
MINUTE_SECONDS = 60

# What AWS states by default for an account and Region, or for a table; most of it can be raised.
PLACE_LIMITS = {
    "cloudwatch:GetMetricData": 50,
    "cloudwatch:ListMetrics": 25,
    "cloudwatch:PutMetricData": 500,
}
UNSTATED = (
    "bedrock:ListProvisionedModelThroughputs",
    "bedrock:GetFoundationModel",
    "service-quotas:GetServiceQuota",
)
"""AWS states no rate; told as calls that one account and Region gets."""
HOME_LIMITS = {"sqs:SendMessageBatch": 300, "ssm:GetParameter": 40}
UNIT_LIMITS = {"dynamodb read units": 12_000, "dynamodb write units": 4_000}
"""A second, of a table that was created on demand and has never had more."""

# Assumed of a worker with 1,024 MB, which has 1,024 / 1,769 of a core.
_CORE_SHARE = 1_024 / 1_769
_DYNAMODB_SECONDS = 0.005
_OTHER_SECONDS = 0.06
_OURS_APART = ("cloudwatch:PutMetricData", "sqs:", "ssm:")
"""Calls that no worker makes: the dispatcher's, the queue's own, and those of who acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """The minute in which all targets were due at once.

    Attributes:
        seconds: CPU of the visits.
        calls, units: of all functions.
        fullest: calls in that account and Region that had most, by operation.
    """

    due: int
    done: int
    seconds: float
    calls: Mapping[str, int]
    fullest: Mapping[str, int]
    units: Mapping[str, float]

    @property
    def limits(self) -> tuple[tuple[str, float, int], ...]:
        """(what, how much of it, most a second) of everything that has a stated limit."""
        of_place = (
            (f"{name}, of one place", float(self.fullest.get(name, 0)), most)
            for name, most in PLACE_LIMITS.items()
        )
        at_home = ((name, self.calls.get(name, 0.0), most) for name, most in HOME_LIMITS.items())
        of_units = ((name, self.units.get(name, 0.0), most) for name, most in UNIT_LIMITS.items())
        return (*of_place, *at_home, *of_units)

    @property
    def longest_seconds(self) -> float:
        """Of the API that takes longest at its limit."""
        return max(amount / most for _, amount, most in self.limits)

    @property
    def workers(self) -> int:
        """That must work at the same time to be done within the minute; waiting is assumed."""
        waiting = sum(
            count * (_DYNAMODB_SECONDS if name.startswith("dynamodb:") else _OTHER_SECONDS)
            for name, count in self.calls.items()
            if not name.startswith(_OURS_APART)
        )
        return ceil((self.seconds / _CORE_SHARE + waiting) / MINUTE_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one size came to.

    Attributes:
        seconds: CPU of the virtual hour, without the clients' own.
        visits_seconds: of it, in visits.
        capacity_seconds: of these, in batches with a capacity decision.
        clients_seconds: CPU of the clients in memory in these batches, on top.
        core_seconds: of the visits, in `decide`.
        acting_seconds: of the whole, in the functions that act; the rest is the dispatcher.
        looks: of these functions at a target.
        late: targets that were due in a minute and not decided in it.
        idle_mb: memory of the worker's process before its first visit: imports and clients.
        worker_mb: the most that it ever had.
    """

    targets: int
    places: int
    seconds: float
    visits_seconds: float
    capacity_seconds: float
    clients_seconds: float
    core_seconds: float
    acting_seconds: float
    looks: int
    decisions: dict[Loop, int]
    calls: dict[str, int]
    units: dict[str, float]
    late: int
    idle_mb: float
    worker_mb: float
    busiest: int
    together: Together

    @property
    def visits_per_second(self) -> float:
        """Visits that decide on capacity a second of CPU; routes are decided in each as well."""
        return self.decisions[Loop.CAPACITY] / max(self.capacity_seconds, 1e-9)

    @property
    def full_per_second(self) -> float:
        """Decisions of either loop a second of CPU, each read, decided and recorded whole."""
        return sum(self.decisions.values()) / max(self.visits_seconds, 1e-9)


def show(run: Run) -> Iterator[str]:
    """One size, line by line."""
    yield ""
    yield f"{run.targets} targets in {run.places} accounts and Regions, one virtual hour"
    for name, count in {**run.calls, **run.units}.items():
        yield f"  {name:44}{count:12,.0f}{count / run.targets:12.2f} per target"
    for loop, count in run.decisions.items():
        yield f"  decisions, {loop.value:33}{count:12,}{count / run.targets:12.2f} per target"
    yield f"  {'looks of who acts':44}{run.looks:12,}{run.looks / run.targets:12.2f} per target"
    for text, value in _figures(run):
        yield f"  {text:44}{value:>12}"
    yield f"  all {run.targets} due in one minute, of which decided in it: {run.together.done}"
    for text, amount, limit in run.together.limits:
        seconds = amount / limit
        yield f"    {text:42}{amount:12,.0f}  at {limit:6,} a second: {seconds:6.1f} s"
    for name in UNSTATED:
        most = run.together.fullest.get(name, 0)
        yield f"    {name + ', of one place':50}{most:4,}  no limit stated by AWS"
    yield f"    {'CPU seconds of the visits':42}{run.together.seconds:12.2f}"
    yield (
        f"    workers at the same time for it: {run.together.workers}, of {WORKERS} as shipped "
        f"(assumed: {_CORE_SHARE:.2f} cores each, {_DYNAMODB_SECONDS * 1000:.0f} ms a call of "
        f"DynamoDB, {_OTHER_SECONDS * 1000:.0f} ms of another service)"
    )


def _figures(run: Run) -> tuple[tuple[str, str], ...]:
    return (
        ("CPU seconds, ours", f"{run.seconds:.2f}"),
        ("of which in visits", f"{run.visits_seconds:.2f}"),
        ("of which in the decision core", f"{run.core_seconds:.2f}"),
        ("of which in the functions that act", f"{run.acting_seconds:.2f}"),
        ("CPU seconds of visits that decide on capacity", f"{run.capacity_seconds:.2f}"),
        ("of the clients in memory for these, left out", f"{run.clients_seconds:.2f}"),
        ("full decisions, of either loop, a CPU second", f"{run.full_per_second:.0f}"),
        ("visits (one of each loop) a CPU second", f"{run.visits_per_second:.0f}"),
        ("memory of a worker at most, MB", f"{run.worker_mb:.0f}"),
        ("of which before its first visit, MB", f"{run.idle_mb:.0f}"),
        ("most targets due in a minute", f"{run.busiest:,}"),
        ("due and not decided in their minute", f"{run.late:,}"),
    )


def markdown(
    runs: Sequence[Run], command: str, surroundings: str, conclusions: Sequence[str]
) -> str:
    """The same as tables with a column for each size."""
    heads = [f"{run.targets:,}" for run in runs]
    calls = sorted({name for run in runs for name in run.calls})
    lines = ["# A fleet for a virtual hour", "", f"`{command}`", "", f"{surroundings}.", ""]
    lines += _table("targets", heads, [[text for text, _ in _figures(runs[0])], *_values(runs)])
    lines += ["", "AWS calls a target and hour:", ""]
    per_target = [[f"{run.calls.get(name, 0) / run.targets:.2f}" for name in calls] for run in runs]
    lines += _table("operation", heads, [calls, *per_target])
    lines += ["", "All targets due in the same minute; seconds at each API's stated limit:", ""]
    names = [f"{text} ({most:,}/s)" for text, _, most in runs[0].together.limits]
    at_limits = [
        [f"{amount / most:.1f}" for _, amount, most in run.together.limits] for run in runs
    ]
    rows = [[*names, "workers at the same time"]]
    rows += [[*each, f"{run.together.workers}"] for each, run in zip(at_limits, runs, strict=True)]
    lines += _table("limit", heads, rows)
    lines += ["", *(f"- {each}" for each in conclusions)]
    return "\n".join(lines) + "\n"


def _values(runs: Sequence[Run]) -> list[list[str]]:
    return [[value for _, value in _figures(run)] for run in runs]


def _table(head: str, heads: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown from its columns, the first of them text."""
    rows = [list(row) for row in zip(*columns, strict=True)]
    rule = ["---", *("---:" for _ in heads)]
    return [f"| {' | '.join(row)} |" for row in [[head, *heads], rule, *rows]]
