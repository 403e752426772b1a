"""Marketplace endpoints in memory: a change settles when a test says so."""

from dataclasses import replace

from bedrock_autoscaler.application.errors import ObservationError, StaleDecisionError
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from tests.fakes.failures import Failures
from tests.fakes.fake_clock import FakeClock


class MemoryEndpoints(Failures):
    """Holds the endpoints that a test put.

    Attributes:
        states: by address.
        tokens: of the changes that were made, in order.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.states: dict[str, EndpointState] = {}
        self.tokens: list[str] = []
        self._clock = clock

    def state(self, address: str) -> EndpointState:
        """The endpoint as it is."""
        self._begin("state")
        if address not in self.states:
            raise ObservationError(f"endpoint {address} could not be read")
        return self.states[address]

    def scale(self, before: EndpointState, instances: int, token: str) -> None:
        """Begin a change."""
        self._begin("scale")
        if self.states[before.address].instances != before.instances:
            raise StaleDecisionError(f"{before.address} has moved")
        self.tokens.append(token)
        self.states[before.address] = replace(
            before, instances=instances, is_settled=False, changed_at=self._clock.now()
        )
        self._end("scale")

    def settle(self) -> None:
        """End every change."""
        for address, state in self.states.items():
            self.states[address] = replace(state, is_settled=True)
