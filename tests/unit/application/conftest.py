"""The stage that the tests of the verifier look at."""

import pytest

from tests.builders import NOW
from tests.intents import ONE_UNIT
from tests.staging import Script, Stage


@pytest.fixture
def scene() -> Stage:
    """One unit bought at 12:00, in service and routed since 12:15; the clock says 12:20."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    made = Stage(core=script)
    made.run(20)
    return made
