"""A schedule through the handlers, the adapters, moto and the Bedrock world; 200 in the soak."""

from tests.simulation.conftest import Tell
from tests.simulation.wire import QUICK_TICKS, run_wire


def test_no_promise_is_broken_on_the_wire(tell: Tell) -> None:
    outcome = run_wire(14, QUICK_TICKS)

    tell(f"on the wire: {outcome.ticks} ticks, {outcome.struck.total()} faults at calls")
    assert outcome.violations == []
    assert outcome.struck.total() > 0
    assert outcome.sent  # targets are in force, and something is bought for them
