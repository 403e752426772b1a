"""Schedules in which a dispatcher hands targets to workers: no oracle fails."""

from tests.simulation.conftest import Tell
from tests.simulation.fanning import FANNED, fanned_plan
from tests.simulation.faults import OF_FLEETS
from tests.simulation.volume import QUICK, run_batch


def test_no_oracle_fails_where_targets_are_handed_out(tell: Tell) -> None:
    totals = run_batch(FANNED, QUICK, fanned_plan)

    tell(
        f"handed out: {totals.schedules.total()} schedules, {totals.ticks.total():,} ticks, "
        f"{totals.faults:,} faults, {len(totals.violations)} violations"
    )
    assert totals.violations == []
    assert {"created", "gone", "tables.publish"} <= totals.effects.keys()
    astray = {f"message {what}" for what in ("lost", "late", "doubled", "spoiled")}
    assert astray <= {what for _, what in totals.happenings}
    assert {call for _, call, _ in totals.cells} >= OF_FLEETS.keys()
