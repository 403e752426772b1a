"""What the oracles look at: the true state of the simulated world."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.fakes.memory_scalings import MemoryScalings
from tests.simulation.bedrock import SimulatedBedrock
from tests.simulation.endpoints import SimulatedEndpoints
from tests.simulation.gate import Time
from tests.simulation.ledger import SimulatedDecisions, SimulatedFleets, SimulatedTables
from tests.simulation.metrics import SimulatedMetrics

DAY = timedelta(days=1)
FUNCTION_TIME = timedelta(minutes=1)
"""How much older a run's own look at the time may be than a call that it sends."""


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """The world with its services, the ledger and the tables.

    Attributes:
        time: the true one.
        deployment: value of our owner tag.
        switch: the true value of the kill switch.
        is_restored: the ledger went back in time.
        last_call_to: when callers last sent to a PT, and by which table.
    """

    time: Time
    deployment: str
    bedrock: SimulatedBedrock
    metrics: SimulatedMetrics
    fleets: SimulatedFleets
    decisions: SimulatedDecisions
    tables: SimulatedTables
    endpoints: SimulatedEndpoints
    scalings: MemoryScalings
    switch: str | None = "allow"
    is_restored: bool = False
    last_call_to: dict[str, datetime] = field(default_factory=dict)
