"""A worker in a process of its own, whose memory is the worker's and nobody else's.

What stands in for AWS stays with the fleet: each call goes there and back as bytes, so that the
worker holds no object of the ledger that it did not read, and the ledger none of the worker's. The
worker makes the SDK's clients of each place as well, and never uses them: they are a part of what a
worker keeps.
"""
# ruff: noqa: ANN401 - requests and answers of the SDK have any shape

from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Any, Self, cast

from bedrock_autoscaler.adapters.clients import Clients
from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from bedrock_autoscaler.adapters.sessions import Sessions
from bedrock_autoscaler.application.fleets.assigning import Assignment
from bedrock_autoscaler.application.fleets.places import Place
from benchmarks.counted_worker import Clock, Connect, Silent, Visited, Worker

_STATUS = Path("/proc/self/status")
_KIB_PER_MIB = 1_024
_AWAKE_NS = 2_000_000
"""So long an answer is waited for awake, which no worker is charged with: a core that is halted and
woken by its hypervisor is slow at first, and there are a dozen answers in a visit."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call of the SDK, or all pages of one."""

    service: str
    place: str
    operation: str
    request: dict[str, Any]
    is_paged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the process tells after a batch.

    Attributes:
        peak_mb: the most memory that it has ever had, with all that it imports.
        logged: characters of its log lines.
    """

    visited: Visited
    peak_mb: float
    logged: int


class WorkerProcess:
    """The fleet's end: hands out batches, and answers for AWS meanwhile.

    Args:
        connect: to the clients in memory.
        moment: that the worker's clock shows at first.
        remembered_bytes: of history that it keeps at most.
        places: where it has clients of the SDK.

    Attributes:
        idle_mb: its memory before the first batch.
    """

    def __init__(
        self, connect: Connect, *, moment: datetime, remembered_bytes: int, places: Sequence[Place]
    ) -> None:
        self._connect = connect
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, moment, remembered_bytes, tuple(places))
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        self.idle_mb: float = self._connection.recv()

    def visit(self, batch: Sequence[Assignment], moment: datetime) -> Report:
        """One batch; the worker's clock shows this moment."""
        self._connection.send((moment, tuple(batch)))
        while True:
            told = self._connection.recv()
            if isinstance(told, Report):
                return told
            self._connection.send(self._answer(told))

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()

    def _answer(self, asked: _Asked) -> Any:
        client = self._connect(asked.service, asked.place)
        try:
            if asked.is_paged:
                return list(client.get_paginator(asked.operation).paginate(**asked.request))
            return getattr(client, asked.operation)(**asked.request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the worker's to handle
            return error


# -- the worker's end --------------------------------------------------------------------------


class _Line:
    """The way to the clients; notes the CPU time that asking takes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.spent_ns = 0

    def ask(
        self,
        service: str,
        place: str,
        operation: str,
        request: dict[str, Any],
        *,
        is_paged: bool = False,
    ) -> Any:
        begun = process_time_ns()
        self._connection.send(_Asked(service, place, operation, request, is_paged))
        awake = perf_counter_ns() + _AWAKE_NS
        while not self._connection.poll() and perf_counter_ns() < awake:
            pass
        answer = self._connection.recv()
        self.spent_ns += process_time_ns() - begun
        if isinstance(answer, Exception):
            raise answer
        return answer

    def to(self, service: str, place: str) -> "_Client":
        return _Client(self, service, place)


@dataclass(frozen=True, slots=True)
class _Client:
    """Any client of the SDK."""

    line: _Line
    service: str
    place: str
    operation: str = ""

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            return self.line.ask(self.service, self.place, operation, request)

        return call

    def get_paginator(self, operation: str) -> Self:
        """A paginator is the client that knows the operation."""
        return type(self)(self.line, self.service, self.place, operation)

    def paginate(self, **request: Any) -> Iterator[Any]:
        """All pages."""
        yield from self.line.ask(self.service, self.place, self.operation, request, is_paged=True)


def _serve(
    connection: Connection, moment: datetime, remembered_bytes: int, places: tuple[Place, ...]
) -> None:
    """Visit until the fleet hangs up."""
    line, clock, silent = _Line(connection), Clock(moment), Silent()
    unused = _clients_of_the_sdk(places, clock)
    worker = Worker(
        line.to,
        lambda: line.spent_ns,
        clock=clock,
        reporter=PowertoolsReporter("scale", "INFO", cast("Any", silent)),
        remembered_bytes=remembered_bytes,
    )
    connection.send(peak_mb())
    with redirect_stdout(cast("Any", silent)):
        while True:
            try:
                clock.moment, batch = connection.recv()
            except EOFError:
                unused.clear()
                return
            silent.characters = 0
            visited = worker.visit(batch)
            connection.send(Report(visited=visited, peak_mb=peak_mb(), logged=silent.characters))


class _AnyRole:
    """STS that lets everybody in, for longer than anything here lasts."""

    def assume_role(self, **_: str) -> dict[str, Any]:
        """Credentials of nobody."""
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        expiration = datetime(2100, 1, 1, tzinfo=UTC)
        return {"Credentials": dict.fromkeys(names, "none") | {"Expiration": expiration}}


def _clients_of_the_sdk(places: Sequence[Place], clock: Clock) -> list[object]:
    """Those of a worker: three for each place by its account's role, and two more at home."""
    sessions = Sessions(
        lambda: cast("Any", _AnyRole()), role="any", external_id="none", name="scale", clock=clock
    )
    made: list[object] = []
    for place in places:
        there = Clients(place.region, sessions.at(place))
        made += [there.cloudwatch(), there.bedrock(), there.service_quotas()]
    home = Clients(places[0].region, sessions.at(places[0]))
    return [*made, home.dynamodb(), home.ssm(), sessions]


def peak_mb() -> float:
    """The most memory that this process has ever had.

    What `getrusage` says begins with the memory of the parent, also after `exec`.
    """
    (line,) = [line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / _KIB_PER_MIB
