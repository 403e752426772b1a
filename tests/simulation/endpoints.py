"""A fast model of Marketplace endpoints behind the port of the actor that changes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bedrock_autoscaler.application.errors import ObservationError, StaleDecisionError
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from tests.simulation.bedrock import Knobs
from tests.simulation.schedule import PlannedEndpoint
from tests.simulation.settings import START

_LONG_AGO = START - timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Version:
    """So many instances from a moment on; `settled_at` is None while the change never ends."""

    since: datetime
    instances: int
    settled_at: datetime | None


class SimulatedEndpoints:
    """Implements Endpoints: a change takes the lead time, and shows a list lag later.

    Attributes:
        owners: the target of each endpoint; None where it is somebody else's.
        is_stuck: the next change never ends.
        on_scaled: told of each change that took effect: address, token, instances before, after.
    """

    def __init__(self, clock: Clock, knobs: Knobs, planned: Iterable[PlannedEndpoint]) -> None:
        self.owners: dict[str, str | None] = {}
        self.is_stuck = False
        self.on_scaled: Callable[[str, str, int, int], None] = lambda *_: None
        self._clock = clock
        self._knobs = knobs
        self._versions: dict[str, list[_Version]] = {}
        self._tokens: set[str] = set()
        for one in planned:
            self.owners[one.address] = one.target
            self._versions[one.address] = [_Version(_LONG_AGO, one.instances, _LONG_AGO)]

    def state(self, address: str) -> EndpointState:
        """The endpoint as it stood a list lag ago."""
        if address not in self._versions:
            raise ObservationError(f"{address} is no endpoint of this account")
        return self._at(address, self._clock.now() - self._knobs.list_lag)

    def scale(self, before: EndpointState, instances: int, token: str) -> None:
        """Change it, unless the token is known, it shows otherwise, or a change is under way."""
        if token in self._tokens:
            return
        shown, true = self.state(before.address), self.true_state(before.address)
        if shown.instances != before.instances or not true.is_settled:
            raise StaleDecisionError(f"{before.address} has moved")
        self._tokens.add(token)
        self._change(before.address, instances)
        self.on_scaled(before.address, token, true.instances, instances)

    def by_hand(self, address: str, instances: int) -> None:
        """Somebody else changes it."""
        self._change(address, instances)

    def true_state(self, address: str) -> EndpointState:
        """The endpoint as it is."""
        return self._at(address, self._clock.now())

    def _change(self, address: str, instances: int) -> None:
        now = self._clock.now()
        end = None if self.is_stuck else now + self._knobs.lead_time
        self.is_stuck = False
        self._versions[address].append(_Version(now, instances, end))

    def _at(self, address: str, moment: datetime) -> EndpointState:
        found = next(each for each in self._versions[address][::-1] if each.since <= moment)
        return EndpointState(
            address=address,
            instances=found.instances,
            is_settled=found.settled_at is not None and found.settled_at <= moment,
            changed_at=found.since,
        )
