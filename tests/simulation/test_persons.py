"""Schedules in which persons act and targets have endpoints: no oracle fails."""

from tests.simulation.conftest import Tell
from tests.simulation.faults import OF_PERSONS
from tests.simulation.persons import PERSONS, person_plan
from tests.simulation.volume import QUICK, run_batch


def test_no_oracle_fails_where_persons_act(tell: Tell) -> None:
    totals = run_batch(PERSONS, QUICK, person_plan)

    tell(
        f"persons act: {totals.schedules.total()} schedules, {totals.ticks.total():,} ticks, "
        f"{totals.faults:,} faults, {len(totals.violations)} violations"
    )
    assert totals.violations == []
    assert {"created", "gone", "grown", "shrunk", "adopted"} <= totals.effects.keys()
    done = {what for _, what in totals.happenings}
    assert {"control", "reprice", "approve", "reject", "rescaled", "endless"} <= done
    assert {"adopt", "confirm", "teardown"} <= done
    struck = {call for _, call, _ in totals.cells}
    assert struck >= OF_PERSONS.keys() - {"tables.overtake"}  # which only follows another fault
