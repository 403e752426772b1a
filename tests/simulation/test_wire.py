"""A schedule through handlers, adapters, moto and the Bedrock world; 200 in `make soak-apart`."""

from hashlib import sha256

from tests.simulation.conftest import Tell
from tests.simulation.wire import QUICK_TICKS, run_wire
from tests.simulation.wire_outcome import AMID_FAULTS, IN_CALM

_CREATE, _DELETE = "CreateProvisionedModelThroughput", "DeleteProvisionedModelThroughput"


def test_no_promise_is_broken_on_the_wire(tell: Tell) -> None:
    outcome = run_wire(32, QUICK_TICKS)

    sent = ", ".join(f"{count} {name} {when}" for (name, when), count in outcome.sent.items())
    tell(f"on the wire: {outcome.ticks} ticks, {outcome.struck.total()} faults at calls; {sent}")
    assert outcome.violations == []
    assert outcome.struck.total() > 0
    # Targets are in force: units are bought for them and released, struck by faults and not.
    for operation in (_CREATE, _DELETE):
        for when in (AMID_FAULTS, IN_CALM):
            assert outcome.sent[operation, when] > 0, f"no {operation} {when}"


def test_the_same_seed_gives_the_same_transcript() -> None:
    first, again = run_wire(1, 1), run_wire(1, 1)

    assert first.digest == again.digest != sha256().hexdigest()  # of a transcript without a call
