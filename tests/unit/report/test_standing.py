from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, override

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.domain.acting.controls import Controls, UnitsOverride
from bedrock_autoscaler.domain.decision import Decision, Release, Situation
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.fleet.lifecycle import Life
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Mode
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.record import Sources
from bedrock_autoscaler.report.standing import Standing, standing_of
from tests.builders import (
    NOW,
    build_decision,
    build_fleet,
    build_pt,
    build_situation,
    build_target,
    pt_arn,
)
from tests.fakes.memory_decisions import MemoryDecisions
from tests.fakes.memory_history import MemoryHistory
from tests.fakes.memory_ledger import MemoryFleets
from tests.recorded import build_release
from tests.unit.report.records import BOUGHT


@dataclass
class Kept(MemoryFleets):
    """A fleet that holds what it is given."""

    state: LedgerState

    @override
    def state_of(self, target: str) -> LedgerState:
        return self.state


def standing(
    decision: Decision,
    *,
    purchases: tuple[PurchaseIntent, ...] = (),
    releases: tuple[ReleaseIntent, ...] = (),
    tripped_by: str = "",
    now: Any = NOW + MINUTE,
    **situation: Any,
) -> Standing:
    decisions = MemoryDecisions()
    whole: Situation = build_situation(**situation)
    decisions.record(
        RecordedDecision(decision=decision, situation=whole, history=None, code_version="1")
    )
    record = FleetRecord(
        target="chat",
        reserved_units=0,
        reserved_usd_per_hour=Decimal(0),
        version=1,
        tripped_at=NOW if tripped_by else None,
        tripped_by=tripped_by,
    )
    found = standing_of(
        Sources(
            decisions=decisions,
            history=MemoryHistory(),
            fleets=Kept(LedgerState(record=record, purchases=purchases, releases=releases)),
            policy=lambda _name, _version: whole.target,
        ),
        "chat",
        now,
    )
    assert found is not None
    return found


def reasons(**messages: str) -> tuple[Reason, ...]:
    return tuple(Reason(code=ReasonCode(code), message=text) for code, text in messages.items())


def test_nothing_is_known_of_a_target_without_a_decision() -> None:
    sources = Sources(
        decisions=MemoryDecisions(),
        history=MemoryHistory(),
        fleets=MemoryFleets(),
        policy=lambda _name, _version: build_target(),
    )

    assert standing_of(sources, "chat", NOW) is None


def test_a_wanted_change_names_only_what_holds_it_back() -> None:
    wants = build_decision(
        actual_units=2,
        desired_units=1,
        reasons=reasons(
            no_pressure="0.00% of attempts were throttled",
            units_do_not_pay="unit 2 avoids 3.00 USD per hour and costs 20.00",
            paid_period_runs=f"{pt_arn(1)} is paid for 45 minutes",
        ),
    )

    found = standing(wants)

    assert found.coming[0] == "wanted: shrink from 2 to 1 unit, held back for now"
    assert found.not_sooner == ("paid_period_runs: 000000000001 is paid for 45 minutes",)


def test_no_wanted_change_says_why_and_when_it_is_looked_at_again() -> None:
    holds = build_decision(
        actual_units=1, desired_units=1, reasons=reasons(at_desired_size="1 unit is right")
    )

    found = standing(holds)

    assert found.coming == (
        "no change is wanted: 1 unit is right",
        "looked at again at 12:05 UTC",
    )
    assert found.not_sooner == ()


def test_what_advise_would_do_is_not_done() -> None:
    release = build_decision(
        mode=Mode.ADVISE, actions=(Release(arn=pt_arn(1), model_units=1),), desired_units=0
    )

    found = standing(release, target=build_target(mode=Mode.ADVISE))

    assert found.coming[0] == "would release 1 unit; mode advise carries nothing out"


def test_a_decided_action_waits_for_its_function() -> None:
    release = build_decision(actions=(Release(arn=pt_arn(1), model_units=1),), desired_units=0)

    assert standing(release).coming[0] == "decided: release 1 unit"


def test_units_on_their_way_in_and_out_are_told() -> None:
    ordered = replace(BOUGHT, in_service_since=None, billed_from=NOW, recorded_at=NOW)
    leaving = build_release(NOW + 2 * MINUTE)

    found = standing(build_decision(), purchases=(ordered,), releases=(leaving,))

    assert "expected in service about 12:15 UTC" in found.coming[0]
    assert found.coming[1].startswith("release of 1 unit (000000000001): withdrawn since 12:02")


def test_a_unit_is_paid_until_the_end_of_its_running_hour() -> None:
    (held,) = standing(
        build_decision(),
        purchases=(replace(BOUGHT, billed_from=NOW - 50 * MINUTE),),
        now=NOW + 20 * MINUTE,
    ).held

    # 70 minutes after its first one it is in its second hour.
    assert held.paid_until == NOW + 70 * MINUTE
    assert held.life is Life.IN_SERVICE


def test_a_unit_under_a_term_is_paid_until_the_term_ends() -> None:
    end = NOW + timedelta(days=12)
    bought = replace(BOUGHT, billed_from=NOW, commitment=Commitment.ONE_MONTH)
    listed = build_pt(1, commitment=Commitment.ONE_MONTH, committed_until=end)

    (known,) = standing(build_decision(), purchases=(bought,), fleet=build_fleet(listed)).held
    (unknown,) = standing(build_decision(), purchases=(bought,)).held

    assert (known.paid_until, known.term) == (end, Commitment.ONE_MONTH)
    assert (unknown.paid_until, unknown.term) == (None, Commitment.ONE_MONTH)


def test_what_a_person_set_is_told_while_it_lasts() -> None:
    until = NOW + timedelta(hours=1)
    controls = Controls(
        pause_growth=True,
        pause_shrink=True,
        units=UnitsOverride(units=2, until=until, by="jane"),
    )

    target = build_target(controls=controls)

    assert standing(build_decision(), target=target).by_hand == (
        "purchases are paused: controls.pause_growth is set",
        "releases are paused: controls.pause_shrink is set",
        "2 units until 2026-11-20 13:00 UTC by jane",
    )
    later = standing(build_decision(), target=target, now=until)
    assert len(later.by_hand) == 2


def test_a_tripped_breaker_and_a_late_loop_are_told() -> None:
    found = standing(build_decision(), tripped_by="9 purchases", now=NOW + 17 * MINUTE)

    assert found.breaker == "2026-11-20 12:00: 9 purchases"
    assert found.is_late
    assert found.coming[-1] == "the next look is due since 12:05 UTC"
