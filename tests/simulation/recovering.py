"""How soon all is well again, in numbers: after the last fault, under pressure, and alone."""

from datetime import timedelta

from bedrock_autoscaler.domain.target import OptionKind
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    PT_MODEL,
    build_option,
    build_target,
    build_traffic,
)
from tests.simulation.schedule import SCENARIOS
from tests.simulation.volume import QUICK, Totals, run_batch
from tests.staging import Stage

_SETTLING = 3
_MOST_TICKS = 10
_HOURS, _CALLS = 24, 40


def after_the_last_fault(schedules: int) -> Totals:
    """So many schedules of each scenario, faults stopping at their end."""
    return run_batch(range(schedules * len(SCENARIOS)), QUICK)


def spillover_ticks() -> int:
    """Ticks from the first minute in which refusals show until the table sends calls elsewhere.

    Every purchase is refused for quota meanwhile.
    """
    profile = build_option(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE)
    scene = Stage(build_target(options=(build_option(), profile)), history_hours=30)
    scene.capacity.quota[PT_MODEL] = 0
    scene.run(10)
    pressed = build_traffic(60, end=NOW + 70 * MINUTE, throttles=30.0)
    scene.metrics.put_traffic(MODEL, pressed)
    scene.run(_SETTLING)  # the newest minutes of CloudWatch are never used
    for ticks in range(1, _MOST_TICKS + 1):
        scene.run(1)
        table = scene.tables.current("chat")
        if table is not None and table.routes[0].address == PROFILE:
            return ticks
    return _MOST_TICKS + 1


def day_without_control_plane() -> tuple[int, int]:
    """A day of calls by a client that can read no table any more: (calls, those not served).

    40 calls a minute fit into no single route, so that it must go on following its last table.
    """
    # Imported here: nothing else needs a served world.
    from bedrock_world.server import serve  # noqa: PLC0415
    from tests.client.stage import NO_CONTROL_PLANE, caller  # noqa: PLC0415
    from tests.world.support import world_with  # noqa: PLC0415

    quotas = {"L-E386A278": 30.0, "L-89F8391A": 20.0}
    world = world_with(applied_quotas=quotas)
    with serve(world) as running:
        made = caller(running)
        made.say_hello()
        made.source.error = NO_CONTROL_PLANE
        served = 0
        for _ in range(_HOURS):
            world.advance(timedelta(hours=1))
            made.clock.now += 3_600
            served += made.say_hello(_CALLS)["served"]
    return _HOURS * _CALLS, _HOURS * _CALLS - served
