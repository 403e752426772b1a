"""Prints the calls of a dispatcher that knows nothing yet, from its settings to its last message.

    python -m benchmarks.counted_start [TARGETS, default 1,000]

The real adapters and use case run over the clients in memory of `benchmarks.counted_aws`, one call
after the other. Each run is one of a new process: the very first of the stack; one after a deploy,
whose targets were all visited a minute before; and one after half an hour without a visit.
"""

import sys
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from bedrock_autoscaler.adapters.cloudwatch.metrics import CloudWatchMetrics
from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.parameters import SsmParameters
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.adapters.queue import SqsAssignments, read_assignment
from bedrock_autoscaler.adapters.storage.agenda import DynamoAgenda
from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
from bedrock_autoscaler.adapters.storage.policies import DynamoPolicies
from bedrock_autoscaler.application.fleets.assigning import AgendaEntry, Assignment, settings_mark
from bedrock_autoscaler.application.fleets.dispatching import DispatchPorts, dispatch
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.settings.in_force import load_settings
from bedrock_autoscaler.application.settings.snapshots import SettingsReader
from bedrock_autoscaler.domain.cadence import QUIET, slot_after
from bedrock_autoscaler.domain.units import MINUTE
from benchmarks.counted_acting import PREFIX
from benchmarks.counted_aws import (
    CountedCloudWatch,
    CountedDynamoDB,
    CountedParameters,
    CountedQueue,
    Meter,
)
from benchmarks.counted_targets import NOW, REGIONS, START, document_of
from benchmarks.counted_worker import Clock

if TYPE_CHECKING:
    from bedrock_autoscaler.application.ports.persons import Reporter
    from bedrock_autoscaler.domain.target import Target

ACCOUNT = "100000000000"
TARGETS = 1_000


class FaultError(AssertionError):
    """Something was reported, which a start without faults has no reason for."""


class Starts:
    """The documents of so many targets, and what is known of them in the ledger and the queue.

    Args:
        size: how many; in four Regions of one account.

    Attributes:
        clock: of the runs.
    """

    def __init__(self, size: int) -> None:
        self.clock = Clock(NOW)
        self._meter = Meter()
        self._ledger = cast("Any", CountedDynamoDB(self._meter))
        self._queue = CountedQueue(self._meter)
        documents = {
            f"{PREFIX}/settings/targets/t{n}": document_of(n, ACCOUNT, REGIONS[n % len(REGIONS)])
            for n in range(size)
        }
        self._parameters = cast("Any", CountedParameters(self._meter, documents))
        self._cloudwatch = cast("Any", CountedCloudWatch(self._meter, START, _nothing, ()))

    def dispatch(self) -> Counter[str]:
        """One minute of a process that knows nothing yet; its calls by operation.

        Raises:
            FaultError: it reported an alarm.
        """
        self._meter.reset()
        dispatch(self.clock.moment, self._ports())
        self.clock.moment += MINUTE
        return Counter(self._meter.calls)

    def visit(self) -> int:
        """Take what was sent off the queue, read its settings, note that it is quiet; how many."""
        agenda = DynamoAgenda(self._ledger, "ledger")
        policies = DynamoPolicies(self._ledger, "ledger")
        sent = [read_assignment(body) for body in self._queue.bodies]
        self._queue.bodies.clear()
        for each in sent:
            agenda.note(_noted(each, policies.target(each.target, each.settings_version)))
        return len(sent)

    def _ports(self) -> DispatchPorts:
        load = partial(
            load_settings,
            parser=TargetDocuments(load_prices()),
            last_good=DynamoLastGood(self._ledger, "ledger"),
            account=ACCOUNT,
            region=REGIONS[0],
            elsewhere=[Place(account=ACCOUNT, region=region) for region in REGIONS],
        )
        return DispatchPorts(
            clock=self.clock,
            since=self.clock.now(),
            read_settings=SettingsReader(SsmParameters(self._parameters, PREFIX), load),
            policies=DynamoPolicies(self._ledger, "ledger"),
            agenda=DynamoAgenda(self._ledger, "ledger"),
            assignments=SqsAssignments(cast("Any", self._queue), "queue"),
            metrics=lambda _: CloudWatchMetrics(self._cloudwatch, "scale"),
            reporter=cast("Reporter", _Faultless()),
        )


class _Faultless:
    """Takes what is told, but no alarm."""

    def happened(self, *_: object, **__: object) -> None:
        """Nothing follows."""

    def alarm(self, name: str, target: str, message: str) -> None:
        """It must not come to that."""
        raise FaultError(f"{name} {target}: {message}")


def _nothing(*_: str) -> None:
    """No metric has a point."""


def _noted(assignment: Assignment, target: "Target") -> AgendaEntry:
    """A visit that saw nothing but calm."""
    at = assignment.scheduled_at
    due = slot_after(at, QUIET, assignment.offset or 0)
    return AgendaEntry(
        target=assignment.target,
        routing_at=due,
        capacity_at=due,
        visited_at=at,
        seen_until=at,
        last_call_at=at,
        settings=settings_mark(target),
    )


def main() -> int:
    """Count and print; the exit status."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else TARGETS
    starts = Starts(size)
    _print("very first run of the stack", starts.dispatch())
    starts.visit()
    _print("after a deploy", starts.dispatch())
    starts.visit()
    starts.clock.moment += 2 * QUIET * MINUTE
    _print("half an hour without a visit", starts.dispatch())
    return 0


def _print(title: str, calls: Counter[str]) -> None:
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(calls.items()))
    sys.stdout.write(f"{title}: {calls.total():,} calls: {told}\n")


if __name__ == "__main__":
    sys.exit(main())
